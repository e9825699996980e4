"""Every service with a socket, as its stand-in takes it: speeches, their words and ends, and what breaks."""

from __future__ import annotations

import asyncio
import re
from array import array
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpeg import encoded
from oggstream import NullSink, PlaybackOptions, errors, events, play_stream
from oggstream.annotations import Word
from oggstream.audio.frame import RATE
from oggstream.events import Warned
from oggstream.options import SpeechOptions
from oggstream.report import PlaybackReport
from oggstream.sources.context import SpeechContext
from oggstream.sources.services.table import Service
from oggstream.sources.sockets import protocol
from oggstream.sources.sockets.socket_source import SocketContext, SocketSource
from patience import PATIENCE
from socket_services.service import SocketService, Talk
from socket_services.speaking import SpokenWord, speak
from speech_server import recorded

SERVICES = {
    "assemblyai": "assemblyai.AssemblyAI",
    "asyncai": "asyncai.AsyncAI",
    "cartesia": "cartesia.Cartesia",
    "deepgram": "deepgram.Aura",
    "deepgram-flux": "deepgram.Flux",
    "elevenlabs": "elevenlabs.MultiStream",
    "elevenlabs-v3": "elevenlabs.Dialogue",
    "gradium": "gradium.Gradium",
    "inworld": "inworld.Inworld",
    "minimax": "minimax.MiniMax",
    "mistral": "mistral.Mistral",
    "neuphonic": "neuphonic.Neuphonic",
    "resemble": "resemble.Resemble",
    "rime": "rime.Rime",
    "sarvam": "sarvam.Sarvam",
    "smallest": "smallest.Smallest",
    "soniox": "soniox.Soniox",
    "together": "together.Together",
    "xai": "xai.XAI",
}
BINARY = ["deepgram", "deepgram-flux"]
SILENT = [*BINARY, "asyncai", "minimax", "mistral", "neuphonic", "sarvam"]
TELLING = [name for name in SERVICES if name not in SILENT]
"""Those that tell words."""
CLOSED = ["mistral", "resemble", "sarvam", "smallest"]
"""Those that cannot be cancelled but by closing the connection."""
BY_CHARACTERS = ["elevenlabs", "elevenlabs-v3"]
TEXTS = ["Hello there.", "This is another one,", "which goes on to its end."]
PLAIN = SpeechOptions()


def stand_in(name: str, **settings: Any) -> SocketService:
    module, _, kind = SERVICES[name].partition(".")
    service: SocketService = getattr(import_module(f"socket_services.{module}"), kind)(**settings)
    return service


@asynccontextmanager
async def talking(name: str, **settings: Any) -> AsyncIterator[tuple[SocketSource, SocketService]]:
    async with stand_in(name, **settings).running() as service:
        source = SocketSource(
            name,
            base_url=service.url,
            api_key=service.key,
            voice="v" if name == "resemble" else None,
            trust_env=False,
            connect_timeout=PATIENCE,
        )
        try:
            yield source, service
        finally:
            await source.aclose()


async def received(source: Any, text: str) -> tuple[bytes, list[Word], str]:
    """What comes of one piece: samples, words, and the type of the body."""
    sound, words = b"", []
    async with asyncio.timeout(PATIENCE), source.open(text, PLAIN) as stream:
        async for item in stream:
            if isinstance(item, Word):
                words.append(item)
            elif isinstance(item, bytes):
                sound += item
    if "f32" in stream.content_type:
        sound = array("h", (round(value * 32768) for value in array("f", sound))).tobytes()
    return sound, words, stream.content_type


def rate_of(content_type: str) -> int:
    return int(content_type.partition("rate=")[2].partition(";")[0])


async def speech(source: SocketSource, texts: list[str]) -> list[tuple[bytes, list[Word], str]]:
    """A speech of pieces that are asked for one behind the other, without waiting for their sound."""
    async with SpeechContext(source, PLAIN) as context, asyncio.TaskGroup() as group:
        asked = [group.create_task(received(context, text)) for text in texts]
        await context.finish(len(texts))
    return [task.result() for task in asked]


@pytest.mark.parametrize("name", SERVICES)
async def test_each_piece_of_a_speech_gets_its_own_sound_to_the_sample(name: str) -> None:
    async with talking(name) as (source, service):
        heard = await speech(source, TEXTS)
        spoken = [speak(text, rate_of(content_type)).pcm for text, (*_, content_type) in zip(TEXTS, heard, strict=True)]
        if name in BY_CHARACTERS:  # the pause behind a piece is heard before the next one
            assert b"".join(sound for sound, *_ in heard) == b"".join(spoken)
        else:
            assert [sound for sound, *_ in heard] == spoken
        assert service.handshakes == 1


@pytest.mark.parametrize("name", SERVICES)
async def test_the_next_speech_uses_the_warm_connection(name: str) -> None:
    async with talking(name) as (source, service):
        await source.warm()
        await speech(source, TEXTS[:1])
        await speech(source, TEXTS)
        assert (await received(source, "Alone."))[0]
        assert service.handshakes == 1


@pytest.mark.parametrize(
    ("name", "settings"),
    [*((name, {}) for name in TELLING), *((name, {"zero": "context"}) for name in BY_CHARACTERS)],
)
async def test_words_are_told_where_they_are_in_text_and_sound(name: str, settings: dict[str, Any]) -> None:
    async with talking(name, **settings) as (source, _):
        assert source.traits.words
        heard = spoken = 0.0
        for text, (sound, words, content_type) in zip(TEXTS, await speech(source, TEXTS), strict=True):
            assert [text[word.start : word.end] for word in words] == [word.strip(".,") for word in text.split()]
            for told, true in zip(words, speak(text).words, strict=True):
                assert abs(heard + told.start_sample / RATE - spoken - true.start) <= 0.002
                assert abs(heard + told.end_sample / RATE - spoken - true.end) <= 0.05
            heard += len(sound) / 2 / rate_of(content_type)
            spoken += speak(text).seconds


@pytest.mark.parametrize("name", SERVICES)
async def test_an_interrupted_speech_is_cancelled_and_the_next_one_hears_nothing_of_it(name: str) -> None:
    async with talking(name, pace=20.0) as (source, service):
        long = "This is what is interrupted while it sounds."
        async with asyncio.timeout(PATIENCE), source.open(long, PLAIN) as stream:
            await anext(aiter(stream))
        sound, _, content_type = await received(source, "Next.")
        assert sound == speak("Next.", rate_of(content_type)).pcm
        assert service.handshakes == (2 if name in CLOSED else 1)


@pytest.mark.parametrize("name", SERVICES)
async def test_a_socket_closed_with_a_reason_is_told_in_one_line_and_the_next_speech_opens_another(name: str) -> None:
    async with talking(name, close=(1008, "quota exceeded for k-5f1e9c0b7a2d4863")) as (source, service):
        with pytest.raises(errors.QuotaError, match="quota exceeded") as caught:
            await received(source, "Hello.")
        assert service.key not in str(caught.value)
        assert "\n" not in str(caught.value)
        service.faults.close = None
        assert (await received(source, "Hello."))[0]
        assert service.handshakes == 2


@pytest.mark.parametrize("name", SERVICES)
async def test_what_sounded_before_the_line_was_dropped_is_kept(name: str) -> None:
    async with talking(name, drop=True, after=2) as (source, _):
        sound = 0
        async with source.open("Hello there, this is a sentence.", PLAIN) as stream:
            with pytest.raises(errors.SourceBrokenError):  # noqa: PT012  # whichever item it is
                while item := await anext(stream):
                    sound += len(item) if isinstance(item, bytes) else 0
        assert sound > 8000


@pytest.mark.parametrize("name", SERVICES)
async def test_what_the_service_says_is_wrong_is_told(name: str) -> None:
    async with talking(name, error="the voice has lost its tongue") as (source, _):
        with pytest.raises(errors.OggStreamError, match="the voice has lost its tongue"):
            await received(source, "Hello.")


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in BINARY])
async def test_binary_messages_where_text_is_promised_are_one_clear_error(name: str) -> None:
    async with talking(name, swapped=True) as (source, _):
        with pytest.raises(errors.FormatError, match="binary data where messages of text are promised"):
            await received(source, "Hello.")


@pytest.mark.parametrize(
    "name", ["asyncai", "cartesia", "elevenlabs", "elevenlabs-v3", "inworld", "soniox", "together"]
)
async def test_sound_of_another_context_is_left_out(name: str) -> None:
    async with talking(name, stray=True) as (source, _):
        sound, _, _ = await received(source, "Hello.")
        assert sound == speak("Hello.").pcm


async def test_a_context_left_while_its_connection_opens_refuses_its_piece_and_leaves_the_room_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with talking("cartesia") as (source, service):
        context, connect = SocketContext(source), source._connection

        async def slow(*args: Any) -> Any:
            connection = await connect(*args)
            await context.leave()
            return connection

        with monkeypatch.context() as patch:
            patch.setattr(source, "_connection", slow)
            with pytest.raises(errors.SourceBrokenError, match="was left"):
                await received(context, TEXTS[0])
        await speech(source, TEXTS[:1])
        assert [said.text.strip() for said in service.said] == TEXTS[:1]
        assert service.handshakes == 1


@pytest.mark.parametrize("name", SERVICES)
async def test_a_refused_key_is_told_with_its_variable(name: str) -> None:
    async with stand_in(name).running() as service:
        source = SocketSource(name, base_url=service.url, api_key="k-another-one", voice="v", trust_env=False)
        try:
            with pytest.raises(errors.SourceError, match=r"_API_KEY|permissions") as caught:
                await received(source, "Hello.")
            assert "k-another-one" not in str(caught.value)
        finally:
            await source.aclose()


class Own(SocketService):
    """The service of one's own in docs/services.md."""

    path = "/v1/stream"

    async def received(self, talk: Talk, event: dict[str, Any]) -> None:
        name = event["id"]
        if "say" in event:
            talk.state[name] = event["say"]
        elif "stop" in event:
            talk.cancel(name)
        else:
            talk.then(name, self._make(talk, name, talk.state.pop(name)))

    async def _make(self, talk: Talk, name: str, text: str) -> None:
        spoken = self.speak(text)
        words = [{"text": w.text, "from": w.start * 1000, "to": w.end * 1000} for w in spoken.words]
        await talk.send({"event": "words", "id": name, "words": words})
        async for sound, _ in talk.paced(spoken):
            await talk.send({"id": name, "sound": b64encode(sound).decode()})
        await talk.send({"event": "flushed", "id": name})


async def test_a_service_of_ones_own_is_the_few_lines_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "services.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```toml\n(\[spoken\]\n.*?)```", page, re.DOTALL)
    (tmp_path / "mine.toml").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("OGGSTREAM_SERVICES", str(tmp_path / "mine.toml"))
    async with Own().running() as service:
        source = SocketSource("spoken", base_url=service.url, api_key=service.key, trust_env=False)
        try:
            for text, (sound, words, _) in zip(TEXTS, await speech(source, TEXTS), strict=True):
                assert sound == speak(text).pcm
                assert len(words) == len(text.split())
        finally:
            await source.aclose()


class OwnInMp3(Own):
    """The same, but all that it has is MP3, which runs on over pieces; its messages end anywhere."""

    async def _make(self, talk: Talk, name: str, text: str) -> None:  # it always says the same
        sound = encoded("mp3")
        for at in range(0, len(sound), 333):
            await talk.send({"id": name, "sound": b64encode(sound[at : at + 333]).decode()})
        await talk.send({"event": "flushed", "id": name})


async def test_a_service_that_has_nothing_but_mp3_is_heard_too() -> None:
    encoded("mp3")  # skips without PyAV
    entry = Service(
        name="spoken",
        base_url="https://speech.example.org",
        headers={"Authorization": "Bearer {key}"},
        environment={"key": ["SPOKEN_API_KEY"]},
        voice="bob",
        socket={
            "path": "/v1/stream",
            "formats": {"opus": "mp3"},
            "text": {"say": "{text} ", "id": "{context}"},
            "flush": {"flush": True, "id": "{context}"},
            "context": "id",
            "audio": {"at": "sound"},
            "flushed": {"event": "flushed"},
        },
    )
    async with OwnInMp3().running() as service:
        sink = NullSink(record=True)
        source = SocketSource(entry, base_url=service.url, api_key=service.key, trust_env=False)
        try:
            report = await play_stream(TEXTS, source=source, sink=sink)
        finally:
            await source.aclose()
    assert report.completed
    assert report.audio.seconds == pytest.approx(len(report.segments), abs=0.1 * len(report.segments))
    assert np.abs(sink.recording).max() > 0.1


async def test_a_context_that_is_left_while_a_piece_is_opened_refuses_it_and_takes_no_room() -> None:
    async with talking("minimax") as (source, service):
        async with asyncio.timeout(PATIENCE):
            async with source.context(PLAIN) as context:
                opening = asyncio.create_task(context.open("Hello.", PLAIN).__aenter__())
                await asyncio.sleep(0)  # it waits for the connection
            with pytest.raises(errors.SourceBrokenError, match="left"):
                await opening
        assert (await received(source, "Next."))[0]
        assert service.handshakes == 1
        assert [speech.text.strip() for speech in service.said] == ["Next."]


async def test_pieces_that_are_opened_at_once_share_the_connection_of_the_first() -> None:
    async with talking("inworld") as (source, service):
        async with source.context(PLAIN) as context, asyncio.TaskGroup() as group:
            for text in TEXTS:
                group.create_task(received(context, text))
        assert (service.handshakes, len(service.said)) == (1, len(TEXTS))


@pytest.mark.parametrize("name", ["minimax", "mistral", "rime", "xai"])
async def test_a_piece_is_sent_when_the_one_before_it_is_complete_where_the_service_wants_that(name: str) -> None:
    async with talking(name) as (source, service):
        await speech(source, TEXTS)
        (talk,) = service.talks
        ends = [at for at, message in talk.sent if isinstance(message, dict) and is_end(message)]
        texts = [at for at, message in talk.received if any(text[:5] in str(message) for text in TEXTS)]
        assert len(ends) == len(texts) == len(TEXTS)
        assert all(text >= end for text, end in zip(texts[1:], ends, strict=False))


def is_end(message: dict[str, Any]) -> bool:
    kinds = ("task_flushed", "speech.audio.done", "done", "audio.done")
    return message.get("event", message.get("type")) in kinds


async def test_nothing_is_sent_to_mistral_before_it_has_greeted() -> None:
    async with talking("mistral") as (source, service):
        await source.warm()
        (talk,) = service.talks
        greeting = talk.sent[0][1]
        assert isinstance(greeting, dict)
        assert greeting["type"] == "session.created"
        assert talk.sent[0][0] <= talk.received[0][0]


@pytest.mark.parametrize("name", ["cartesia", "inworld", "together"])
async def test_a_line_that_drops_in_mid_piece_costs_no_word_where_words_are_told(name: str) -> None:
    text = "Hello there, my dear friend."
    async with talking(name, pace=20.0, drop=True, after=7) as (source, service):
        heard = []

        def on_event(event: events.Event) -> None:
            if isinstance(event, events.Retrying):
                service.faults.drop = False
            elif isinstance(event, events.WordStarted):
                heard.append(event.text)

        async with asyncio.timeout(PATIENCE):
            await play_stream(text, source=source, sink=NullSink(), format="pcm", on_event=on_event)
        assert heard == ["Hello", "there", "my", "dear", "friend"]
        assert [speech.text.strip() for speech in service.said] == [text, "my dear friend."]


# Through the engine.


async def played(source: SocketSource, text: list[str], **options: Any) -> PlaybackReport:
    async with asyncio.timeout(PATIENCE):
        return await play_stream(text, source=source, sink=NullSink(), options=PlaybackOptions(history=None, **options))


def _mended_on_the_second(service: SocketService, opened: Callable[[Talk], Awaitable[None]]) -> Any:
    async def mended(talk: Talk) -> None:
        service.faults.drop = len(service.talks) < 2
        await opened(talk)

    return mended


@pytest.mark.parametrize("name", ["cartesia", "deepgram", "elevenlabs", "soniox"])
async def test_a_connection_that_breaks_is_opened_anew_and_what_is_missing_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talking(name, pace=8.0, drop=True) as (source, service):
        monkeypatch.setattr(service, "opened", _mended_on_the_second(service, service.opened))
        report = await played(source, ["Here is a sentence of some length. ", "And here comes another one."])
        assert service.handshakes == 2
    assert report.completed
    assert [piece.failed for piece in report.segments] == [None] * len(report.segments)


@pytest.mark.parametrize("name", ["cartesia", "deepgram", "rime", "xai"])
async def test_a_service_that_never_says_done_holds_nothing_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "QUIET_SECONDS", 0.2)
    async with talking(name, never_done=True) as (source, _):
        report = await played(source, ["Hello there."])
    assert report.completed
    assert report.audio.seconds > 0.5


@pytest.mark.parametrize("name", ["cartesia", "deepgram", "soniox"])
async def test_a_service_that_says_nothing_more_ends_the_speech_after_what_was_heard(name: str) -> None:
    async with talking(name, hang=True, after=2) as (source, _):
        with pytest.raises(errors.SourceTimeoutError, match="stall_timeout") as caught:
            await played(source, ["This is a sentence which never comes to its own end."], stall_timeout=0.3)
    assert caught.value.report is not None
    assert caught.value.report.audio.seconds > 0.1


async def test_several_speeches_at_once_share_a_socket_only_where_contexts_have_names() -> None:
    for name, handshakes in (("cartesia", 1), ("deepgram", 3)):
        async with talking(name, pace=10.0) as (source, service):
            heard = await asyncio.gather(*(received(source, text) for text in TEXTS))
            assert [sound for sound, *_ in heard] == [speak(text).pcm for text in TEXTS]
            assert service.handshakes == handshakes


async def test_told_words_that_are_not_in_the_text_are_counted_in_one_warning() -> None:
    def strange(words: tuple[SpokenWord, ...]) -> tuple[SpokenWord, ...]:
        return tuple(SpokenWord("zzz", word.start, word.end) for word in words)

    async with talking("cartesia") as (source, service):
        service.faults.words = strange
        with recorded() as seen:
            _, words, _ = await received(source, "Hello there.")
    assert words == []
    warned = [event.message for event in seen if isinstance(event, Warned)]
    assert warned == ["2 of the words that the service tells have no place in the text"]
