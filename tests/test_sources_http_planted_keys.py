"""A planted key is never shown, wherever it is planted and whatever the service does with it."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import oggstream
from oggstream import errors
from oggstream.sources.captures.recording import RecordingSource
from oggstream.sources.http import retries
from oggstream.sources.http.url_source import HttpSource
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import Service
from oggstream.sources.traits import stream_traits_of
from scripted import spoken
from speech_server import answering, serving

KEY = "zebra-crossing-1865-wonderland-42"
BODY = spoken(0.2)

PLACES: dict[str, dict[str, Any]] = {
    "a header": {"headers": {"X-Api-Key": "{key}"}},
    "a header of any name": {"headers": {"X-Account": "{key}"}},
    "the JSON": {"json": {"text": "{text}", "nested": [{"account": "{key}"}]}},
    "the XML": {"xml": "<speak account='{key}'>{text}</speak>"},
    "the query": {"query": {"account": "{key}"}},
    "the path": {"path": "/{key}/speak"},
    "the path of the base URL": {"base": "/tenants/{key}/v1"},
    "another field of the environment": {
        "headers": {"X-Tenant": "{tenant}"},
        "environment": {"tenant": ["PLANTED_TENANT"]},
        "key": None,
    },
    "another field in the path of the base URL": {
        "base": "/{tenant}/v1",
        "environment": {"tenant": ["PLANTED_TENANT"]},
        "key": None,
    },
}
ANSWERS = ("echo", "refuse", "cut", "redirect")


def planted(origin: str, place: dict[str, Any]) -> ServiceSource:
    """A service that is sent KEY in ``place``."""
    entry = {name: value for name, value in place.items() if name not in ("base", "key")}
    entry = {"environment": {"key": ["PLANTED_KEY"]}, **entry}
    service = Service(name="planted", base_url=origin + place.get("base", ""), **entry)
    return ServiceSource(service, api_key=place.get("key", KEY), max_retries=0)


async def answer(request: web.Request) -> web.StreamResponse:
    """Repeat all that was sent, in a body, a refusal, or a redirect."""
    body = (await request.read()).decode()
    said = f"{request.raw_path} {dict(request.headers)} {body}"
    what = request.headers["User-Agent"]
    headers = {"x-request-id": f"req-{KEY}", "server": f"for {KEY}", "X-Note": KEY}
    if what == "redirect":
        return web.Response(status=302, headers={**headers, "Location": f"/elsewhere/{KEY}?key={KEY}"})
    if what == "refuse":
        return web.json_response({"error": {"message": said, "code": KEY}}, status=400, headers=headers)
    response = web.StreamResponse(headers={**headers, "Content-Type": f'audio/ogg; note="{KEY}"'})
    await response.prepare(request)
    await response.write(BODY)
    if what == "cut":
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
    return response


async def shown_of(source: Any, folder: Path, events: list[str]) -> str:
    """All that a speech leaves behind: report, captures, events, error, traceback, notes, repr."""
    recording = RecordingSource(source, folder / "capture")
    seen = [repr(source), repr(vars(source).get("_client"))]
    try:
        async with oggstream.Player(
            source=recording, sink=oggstream.NullSink(), on_event=lambda event: events.append(repr(event))
        ) as player:
            report = await player.say("Hello.")
        seen += [json.dumps(report.as_dict()), repr(report)]
    except errors.OggStreamError as error:
        seen += ["".join(traceback.format_exception(error)), repr(error), str(getattr(error, "__notes__", ""))]
        seen.append(json.dumps(error.report.as_dict()) if error.report else "")
    await source.aclose()
    seen += [file.read_text("utf-8", "replace") for file in folder.iterdir()]
    return "\n".join([*seen, *events])


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("place", PLACES)
async def test_planted_key_is_found_nowhere(
    place: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLANTED_TENANT", KEY)
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, "aiohttp.server")  # the service of this test
    caplog.set_level(logging.CRITICAL, "aiohttp.access")
    entry = dict(PLACES[place])
    entry["headers"] = {**entry.get("headers", {}), "User-Agent": what}
    async with serving(answer) as service:
        shown = await shown_of(planted(service.origin, entry), tmp_path, [])
    assert any(KEY in f"{got.path} {got.headers} {got.body!r}" for got in service.received)
    assert KEY not in shown + caplog.text


async def test_planted_key_of_any_url_is_found_nowhere(tmp_path: Path) -> None:
    async with serving(answer) as service:
        for what in ANSWERS:
            folder = tmp_path / what
            folder.mkdir()
            url = f"http://{KEY}:{KEY}@{service.place}/speak?api_key={KEY}&sig={KEY}"
            source = HttpSource(url, headers={"User-Agent": what, "X-Session-Token": KEY}, max_retries=0)
            assert KEY not in await shown_of(source, folder, [])


async def test_exchange_does_not_show_credentials_in_its_repr() -> None:
    async with serving(answering(web.Response(body=BODY, headers={"X-Note": KEY}))) as service:
        source = HttpSource(service.origin, headers={"X-Api-Key": KEY}, method="POST", json={"key": KEY})
        async with source.open("", oggstream.SpeechOptions()) as stream:
            assert KEY not in repr(stream_traits_of(stream))
        await source.aclose()


@pytest.mark.parametrize(
    ("entry", "credentials"),
    [
        ({"base_url": "https://{region}.example.org", "environment": {"region": ["R"], "key": ["K"]}}, {"key"}),
        ({"base_url": "{endpoint}", "environment": {"endpoint": ["E"]}}, {"key"}),
        ({"base_url": "http://h", "environment": {"base_url": ["B"], "voice": ["V"], "account": ["A"]}},
         {"key", "account"}),
        ({"base_url": "http://{token}.example.org/{tenant}", "environment": {"token": ["T"], "tenant": ["N"]}},
         {"key", "token", "tenant"}),
    ],
)  # fmt: skip
def test_credentials_are_all_that_the_environment_gives_but_addresses_and_choices(
    entry: dict[str, Any], credentials: set[str]
) -> None:
    assert Service(name="mine", **entry).credentials == credentials
