from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources import resolve_source as select
from oggstream.sources.chunk_source import ChunkSource
from oggstream.sources.client_source import ClientSource
from oggstream.sources.file_source import FileSource
from oggstream.sources.http.url_source import HttpSource
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.realtime.realtime_source import RealtimeSource
from oggstream.sources.resolve_source import FirstOf, coerce, default_source, named
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.sockets.or_http import SocketOrHttp
from oggstream.sources.sockets.socket_source import SocketSource
from oggstream.sources.source import ByteStream, Source
from oggstream.sources.traits import traits_of
from speech_server import BODY, free_port, serving, speaking


class Scripted:
    """A source that is never opened."""

    name = "scripted"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        raise NotImplementedError


async def speak(source: Source) -> bytes:
    async with source.open("Hello.", SpeechOptions()) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


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
    scripted = Scripted()
    assert coerce(scripted) == (scripted, False)


def test_file_url_is_a_path(tmp_path: Path) -> None:
    source, _ = coerce(f"file://{tmp_path}/with%20space.ogg")
    assert repr(source) == f"FileSource('{tmp_path}/with space.ogg')"


async def test_openai_client_is_known() -> None:
    openai = pytest.importorskip("openai")
    async with openai.AsyncOpenAI(api_key="x") as client:
        source, _ = coerce(client)
    assert type(source) is ClientSource


@pytest.mark.parametrize("value", [7, object(), {"a": 1}, []])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(errors.UsageError):
        coerce(value)


async def test_url_with_an_unknown_scheme_fails_when_it_is_used() -> None:
    source, _ = coerce("ftp://host/x")
    with pytest.raises(errors.ConfigError, match="unusable URL"):
        await speak(source)


async def test_a_sequence_falls_back_over_real_servers() -> None:
    async with serving(speaking()) as service:
        source, owned = coerce([f"http://127.0.0.1:{free_port()}", service.origin])
        assert owned
        assert await speak(source) == BODY
        await source.aclose()  # type: ignore[attr-defined]


def test_bytes_and_what_gives_them_are_played() -> None:
    async def later() -> AsyncIterator[bytes]:
        yield b""

    for value in (b"OggS", bytearray(b"OggS"), [b"Og", b"gS"], iter([b"OggS"]), later()):
        source, owned = coerce(value)
        assert type(source) is ChunkSource
        assert owned


# Names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("azure", ServiceSource),
        ("deepgram", SocketOrHttp),
        ("deepgram:http", ServiceSource),
        ("offline", OfflineVoice),
        ("openai", OpenAISource),
        ("deepgram, offline", FirstOf),
    ],
)
def test_a_word_is_the_service_of_that_name(name: str, kind: type) -> None:
    assert type(coerce(name)[0]) is kind


def test_a_file_of_that_name_goes_before_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deepgram").touch()
    assert type(coerce("deepgram")[0]) is FileSource


@pytest.mark.parametrize("name", ["deepgrm", "deepgram,offlin"])
def test_a_word_that_is_neither_is_told_what_was_meant(name: str) -> None:
    with pytest.raises(errors.UsageError, match=r"a file here: did you mean '(deepgram|offline)'"):
        coerce(name)


@pytest.mark.parametrize(
    ("name", "kind", "called"),
    [
        ("openai", OpenAISource, "openai"),
        ("realtime", RealtimeSource, "realtime"),
        ("offline", OfflineVoice, "offline"),
        ("deepgram", SocketOrHttp, "deepgram"),
        ("deepgram-flux", SocketSource, "deepgram-flux"),
        ("deepgram:http", ServiceSource, "deepgram"),
        (" deepgram , offline ", FirstOf, "deepgram"),
    ],
)
def test_names_become_sources(name: str, kind: type, called: str) -> None:
    source = named(name, connect_timeout=1.0)
    assert type(source) is kind
    assert traits_of(source).name == called
    assert coerce(f"service:{name}")[1]


async def test_sources_of_several_names_are_closed_with_their_sequence() -> None:
    source = named("openai,offline")
    assert isinstance(source, FirstOf)
    assert all(member.owned for member in source._members)


def test_unknown_name_tells_the_known_ones() -> None:
    says = "unknown service 'deepgrm': use one of assemblyai, .*, or describe it in a file that OGGSTREAM_SERVICES"
    with pytest.raises(errors.UsageError, match=says):
        coerce("service:deepgrm")


@pytest.mark.parametrize("name", ["deepgram,openai", "offline"])
def test_a_base_url_is_that_of_one_service(name: str) -> None:
    with pytest.raises(errors.UsageError, match="base URL"):
        named(name, base_url="http://127.0.0.1:1")
    named(name, base_url=None)


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
        assert [traits_of(default_source()).name for _ in range(2)] == ["offline", "offline"]
    [record] = caplog.records
    [event] = seen
    assert isinstance(event, events.Warned)
    assert event.message == record.getMessage()
    assert "the offline voice speaks" in event.message


def test_source_without_a_name_is_called_by_its_class() -> None:
    class Plain:
        def open(self, text: str, options: SpeechOptions) -> Any:
            raise NotImplementedError

    assert traits_of(Plain()).name == "Plain"
