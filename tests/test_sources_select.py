from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources import select
from oggstream.sources.base import ByteStream, Source
from oggstream.sources.client import ClientSource
from oggstream.sources.file import FileSource
from oggstream.sources.http import HttpSource
from oggstream.sources.openai import OpenAISource
from oggstream.sources.select import FirstOf, coerce, default_source, source_name
from speech_server import BODY, free_port, recorded, serving, speaking


class Scripted:
    """A source that fails with ``error``, or gives ``name`` as its body."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.calls: list[str] = []

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        self.calls.append(f"open {text}")
        if self.error is not None:
            raise self.error
        async with FileSource(io.BytesIO(self.name.encode())).open(text, options) as stream:
            yield stream
        self.calls.append("left")

    async def warm(self) -> None:
        self.calls.append("warm")

    async def aclose(self) -> None:
        self.calls.append("closed")


async def speak(source: Source) -> bytes:
    async with source.open("Hello.", SpeechOptions()) as stream:
        return b"".join([chunk async for chunk in stream])


# FirstOf


async def test_first_that_opens_wins_and_the_others_are_not_asked() -> None:
    parts = Scripted("a", errors.ConfigError("no key")), Scripted("b"), Scripted("c")
    first = FirstOf(parts)
    assert first.name == "a"
    with recorded() as seen:
        assert await speak(first) == b"b"
    assert first.name == "b"
    assert [part.calls for part in parts] == [["open Hello."], ["open Hello.", "left"], []]
    assert seen == [events.Warned(at=seen[0].at, message="a: no key (trying the next source)")]


async def test_when_all_fail_the_last_error_comes_with_the_reasons_of_the_others() -> None:
    last = errors.ServerError("down")
    parts = (
        Scripted("a", errors.ConfigError("no key")),
        Scripted("b", errors.RateLimitError("slow")),
        Scripted("c", last),
    )
    with pytest.raises(errors.ServerError) as caught:
        await speak(FirstOf(parts))
    assert caught.value is last
    assert caught.value.__notes__ == ["a: no key", "b: slow"]


async def test_error_after_a_source_has_opened_does_not_ask_the_next() -> None:
    next_one = Scripted("b")
    with pytest.raises(errors.SourceBrokenError):
        async with FirstOf([Scripted("a"), next_one]).open("", SpeechOptions()):
            raise errors.SourceBrokenError("cut")
    assert next_one.calls == []


async def test_exception_of_another_kind_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        await speak(FirstOf([Scripted("a", ZeroDivisionError()), Scripted("b")]))


async def test_cancelling_does_not_ask_the_next() -> None:
    next_one = Scripted("b")
    with pytest.raises(asyncio.CancelledError):
        await speak(FirstOf([Scripted("a", asyncio.CancelledError()), next_one]))  # type: ignore[arg-type]
    assert next_one.calls == []


async def test_only_the_first_is_warmed_and_only_what_was_made_here_is_closed() -> None:
    parts = Scripted("a"), Scripted("b")
    first = FirstOf([*parts, "http://127.0.0.1:1", Path("x.ogg")])
    await first.warm()
    await first.aclose()
    assert [part.calls for part in parts] == [["warm"], []]


async def test_a_sequence_falls_back_over_real_servers() -> None:
    async with serving(speaking()) as service:
        source, owned = coerce([f"http://127.0.0.1:{free_port()}", service.origin])
        for part in source._sources:  # type: ignore[attr-defined]
            part._client._max_retries = 0
        assert owned
        assert await speak(source) == BODY
        await source.aclose()  # type: ignore[attr-defined]


def test_empty_sequence_is_refused() -> None:
    with pytest.raises(errors.UsageError, match="empty sequence"):
        FirstOf([])


# coerce


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("http://127.0.0.1/x", HttpSource),
        ("HTTPS://host/x", HttpSource),
        ("ftp://host/x", HttpSource),
        ("speech.ogg", FileSource),
        ("C:\\speech.ogg", FileSource),
        ("-", FileSource),
        (Path("speech.ogg"), FileSource),
        (io.BytesIO(), FileSource),
        (["a.ogg", "b.ogg"], FirstOf),
        (("a.ogg",), FirstOf),
    ],
)
def test_values_become_sources_that_are_ours_to_close(value: object, kind: type) -> None:
    source, owned = coerce(value)
    assert type(source) is kind
    assert isinstance(source, Source)
    assert owned


def test_source_stays_what_it_is_and_its_owners() -> None:
    scripted = Scripted("a")
    assert coerce(scripted) == (scripted, False)


def test_file_url_is_a_path(tmp_path: Path) -> None:
    source, _ = coerce(f"file://{tmp_path}/with%20space.ogg")
    assert repr(source) == f"FileSource('{tmp_path}/with space.ogg')"


async def test_openai_client_is_known() -> None:
    openai = pytest.importorskip("openai")
    async with openai.AsyncOpenAI(api_key="x") as client:
        source, _ = coerce(client)
    assert type(source) is ClientSource


@pytest.mark.parametrize("value", [7, b"OggS", object(), {"a": 1}])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(errors.UsageError):
        coerce(value)


async def test_url_with_an_unknown_scheme_fails_when_it_is_used() -> None:
    source, _ = coerce("ftp://host/x")
    with pytest.raises(errors.ConfigError, match="unusable URL"):
        await speak(source)


# The default


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_default_is_openai_when_the_environment_names_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "https://api.openai.com/v1")
    assert type(coerce(None)[0]) is OpenAISource
    assert coerce(None)[1]


@pytest.mark.parametrize("settings", [{"base_url": "http://host/v1"}, {"api_key": "k"}])
def test_settings_choose_openai_too(settings: dict[str, Any]) -> None:
    assert type(default_source(**settings)) is OpenAISource


def test_default_without_settings_is_the_offline_voice_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", " ")
    monkeypatch.setattr(select, "_warned", set())
    seen: list[events.Event] = []
    with caplog.at_level(logging.WARNING, "oggstream"), events.using(events.Recorder(lambda: 0.0, 0.0, seen.append)):
        assert [source_name(default_source()) for _ in range(2)] == ["offline", "offline"]
    [record] = caplog.records
    [event] = seen
    assert isinstance(event, events.Warned)
    assert event.message == record.getMessage()
    assert "the offline voice speaks" in event.message


def test_source_without_a_name_is_called_by_its_class() -> None:
    assert source_name(object()) == "object"
