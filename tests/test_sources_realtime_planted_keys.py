"""A planted key is never shown by the Realtime source, whatever the service does with it."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

import oggstream
from oggstream import errors
from oggstream.sources.captures.recording import RecordingSource
from realtime_service import Talk, realtime_service

KEY = "zebra-crossing-1865-wonderland-42"


async def names_a_response_after_it(talk: Talk) -> None:
    await talk.hello()
    name = await talk.created(await talk.asked(), response_id=f"resp_{KEY}")
    await talk.audio(name)
    await talk.done(name)
    await talk.next("nothing")


async def speaks_it(talk: Talk) -> None:
    await talk.hello()
    name = await talk.created(await talk.asked())
    await talk.audio(name)
    await talk.words(name, f"The key is {KEY}, thank you.")
    await talk.done(name)
    await talk.next("nothing")


async def answers_with_it_instead_of_speech(talk: Talk) -> None:
    await talk.hello()
    name = await talk.created(await talk.asked(), response_id=KEY)
    await talk.words(name, f"{KEY}?")
    await talk.done(name)
    await talk.next("nothing")


async def fails_with_it_in_mid_speech(talk: Talk) -> None:
    await talk.hello()
    name = await talk.created(await talk.asked(), response_id=KEY)
    await talk.audio(name)
    await talk.done(name, "failed", error={"code": KEY, "message": f"no quota left for {KEY}"})
    await talk.next("nothing")


async def refuses_it(talk: Talk) -> None:
    await talk.hello()
    asked = await talk.asked()
    await talk.error(KEY, f"Incorrect API key provided: {KEY}.", event_id=asked["event_id"])
    await talk.next("nothing")


async def refuses_the_session(talk: Talk) -> None:
    await talk.next("session.update")
    await talk.error("invalid_api_key", f"Incorrect API key provided: {KEY[:12]}...{KEY[-12:]}.")
    await talk.next("nothing")


async def shown_of(source: oggstream.RealtimeSource, folder: Path) -> str:
    """All that a speech leaves behind: report, capture, events, error, traceback, repr."""
    recording = RecordingSource(source, folder / "capture")
    seen = [repr(source)]
    try:
        async with oggstream.Player(
            source=recording, sink=oggstream.NullSink(), on_event=lambda event: seen.append(repr(event))
        ) as player:
            report = await player.say("Hello.")
        seen.append(json.dumps(report.as_dict()))
    except errors.OggStreamError as error:
        seen += ["".join(traceback.format_exception(error)), str(getattr(error, "__notes__", ""))]
        seen.append(json.dumps(error.report.as_dict()) if error.report else "")
    await source.aclose()
    return "\n".join([*seen, *(file.read_text("utf-8", "replace") for file in folder.iterdir())])


@pytest.mark.parametrize(
    "behave",
    [
        names_a_response_after_it,
        speaks_it,
        answers_with_it_instead_of_speech,
        fails_with_it_in_mid_speech,
        refuses_it,
        refuses_the_session,
    ],
)
async def test_planted_key_that_the_service_repeats_is_found_nowhere(
    behave: Callable[[Talk], Awaitable[None]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "oggstream")
    async with realtime_service(behave) as service:
        source = oggstream.RealtimeSource(base_url=service.base, api_key=KEY, max_retries=0, trust_env=False)
        shown = await shown_of(source, tmp_path)
    assert [request.headers["Authorization"] for request in service.requests] == [f"Bearer {KEY}"]
    assert KEY not in shown + caplog.text
    assert KEY[:12] not in shown + caplog.text


async def test_planted_key_that_the_handshake_is_refused_with_is_found_nowhere(tmp_path: Path) -> None:
    said = {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": KEY}}
    refusal = web.json_response(said, status=401, headers={"x-request-id": KEY}, reason=KEY)
    async with realtime_service(refusals=[refusal]) as service:
        source = oggstream.RealtimeSource(base_url=service.base, api_key=KEY, max_retries=0, trust_env=False)
        assert KEY not in await shown_of(source, tmp_path)
