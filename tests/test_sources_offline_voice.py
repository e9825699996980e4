"""The voice without a key, in this process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from oggstream import events
from oggstream.annotations import Speaker, Word
from oggstream.errors import LibraryError, TextError, UsageError
from oggstream.events import Event, Recorder, RequestSent, ResponseStarted, Warned
from oggstream.options import SpeechOptions
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.sources.source import Source
from oggstream.voice import synthesis

PLAIN = SpeechOptions()


@pytest.fixture
async def voice() -> AsyncIterator[OfflineVoice]:
    voice = OfflineVoice()
    yield voice
    await voice.aclose()


async def spoken(voice: OfflineVoice, text: str = "Hello.", options: SpeechOptions = PLAIN) -> bytes:
    async with voice.open(text, options) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


def seconds(body: bytes) -> float:
    reader = OpusReader()
    items = reader.feed(body) + reader.finish()
    return sum(getattr(item, "samples", 0) for item in items) / 48000


@contextmanager
def recorded() -> Iterator[list[Event]]:
    happened: list[Event] = []
    with events.using(Recorder(asyncio.get_running_loop().time, 0.0, happened.append)):
        yield happened


async def test_it_is_a_source_and_speaks_ogg_opus(voice: OfflineVoice) -> None:
    assert isinstance(voice, Source)
    assert voice.traits.name == "offline"
    async with voice.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/ogg"
        assert stream.request_id is not None
        body = b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])
    assert 0.3 < seconds(body) < 2


async def test_its_streams_tell_words_between_the_bytes(voice: OfflineVoice) -> None:
    assert voice.traits.words
    async with voice.open("Hello there, friend.", PLAIN) as stream:
        items = [item async for item in stream]
    assert [item.text for item in items if isinstance(item, Word)] == ["Hello", "there", "friend"]


@pytest.mark.parametrize(
    ("format", "content_type", "begins"),
    [("auto", "audio/ogg", b"OggS"), ("wav", "audio/wav", b"RIFF"), ("pcm:24000", "audio/pcm", b"")],
)
async def test_the_format_is_what_was_asked_for(
    voice: OfflineVoice,
    format: str,  # noqa: A002
    content_type: str,
    begins: bytes,
) -> None:
    async with voice.open("Hello.", SpeechOptions(format=format)) as stream:
        assert stream.content_type == content_type
        body = b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])
    assert body.startswith(begins)


async def test_a_request_and_its_answer_are_reported(voice: OfflineVoice) -> None:
    with recorded() as happened:
        await spoken(voice)
    sent, started = happened
    assert isinstance(sent, RequestSent)
    assert sent.characters == 6
    assert isinstance(started, ResponseStarted)
    assert started.request_id is not None
    assert started.request_id.startswith("req_")


async def test_warming_loads_and_closing_may_be_done_twice(voice: OfflineVoice) -> None:
    await voice.warm()
    await voice.aclose()
    await voice.aclose()
    assert await spoken(voice)


async def test_speed_and_voice_are_passed_on(voice: OfflineVoice) -> None:
    text = "This takes its time to be said, and no more than that."
    usual = await spoken(voice, text)
    assert seconds(await spoken(voice, text, SpeechOptions(speed=2))) == pytest.approx(seconds(usual) / 2, rel=0.1)
    assert await spoken(voice, text, SpeechOptions(voice="onyx")) != usual


async def test_voice_engine_and_language_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Any, Any]] = []

    async def speak(text: str, **how: Any) -> AsyncIterator[bytes]:
        asked.append((how["voice"], how["engine"], how["language"]))
        yield b"OggS"

    monkeypatch.setattr(synthesis, "speak", speak)
    voice = OfflineVoice("espeak", "nova")
    await spoken(voice)
    await spoken(voice, options=SpeechOptions(voice="echo", language="de"))
    await spoken(OfflineVoice())
    assert asked == [("nova", "espeak", None), ("echo", "espeak", "de"), (None, "auto", None)]


def test_an_unknown_engine_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="no engine 'nobody' for voices: use auto, hibari, "):
        OfflineVoice("nobody")


async def test_who_spoke_stands_between_the_bytes(voice: OfflineVoice) -> None:
    async with OfflineVoice("espeak").open("Hello.", PLAIN) as stream:
        told = [item async for item in stream if isinstance(item, Speaker)]
    assert [item.engine for item in told] == ["espeak"]


async def test_it_lists_the_voices_of_its_engine() -> None:
    voices = await OfflineVoice("espeak").voices()
    assert {voice.engine for voice in voices} == {"espeak"}
    assert {"alloy", "de"} <= {voice.id for voice in voices}


@pytest.mark.parametrize("unknown", ["nobody", {"id": "voice_123"}])
async def test_an_unknown_voice_is_replaced_with_a_warning(voice: OfflineVoice, unknown: str | dict[str, str]) -> None:
    with recorded() as happened:
        assert await spoken(voice, options=SpeechOptions(voice=unknown))
    [warning] = [event for event in happened if isinstance(event, Warned)]
    assert "has no " in warning.message
    assert "'alloy'" in warning.message


async def test_a_custom_voice_with_a_known_name_is_taken(voice: OfflineVoice) -> None:
    with recorded() as happened:
        assert await spoken(voice, options=SpeechOptions(voice={"id": "echo"}))
    assert not [event for event in happened if isinstance(event, Warned)]


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
async def test_a_text_that_cannot_be_spoken_is_refused_before_anything_starts(voice: OfflineVoice, text: str) -> None:
    with pytest.raises(TextError):
        await spoken(voice, text)
    assert not speaking()


async def test_without_any_engine_opening_fails(voice: OfflineVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.voice.choice.is_installed", lambda _: False)
    with pytest.raises(LibraryError, match=r"nothing here speaks 'en': pip install 'oggstream\[voice\]'"):
        async with voice.open("Hello.", PLAIN):
            pass
    assert not speaking()


def speaking() -> bool:
    return any(thread.name == "oggstream-voice" for thread in threading.enumerate())


async def test_leaving_in_mid_speech_stops_the_synthesis(voice: OfflineVoice) -> None:
    async with voice.open("The quick brown fox jumps over the lazy dog. " * 90, SpeechOptions(speed=0.5)) as stream:
        await anext(stream)
    assert not speaking()


async def test_cancelling_while_it_opens_leaves_nothing(voice: OfflineVoice) -> None:
    for rounds in range(8):
        task = asyncio.create_task(spoken(voice, "The quick brown fox jumps over the lazy dog. " * 90))
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not speaking()
    assert await spoken(voice)


def test_its_repr_is_short() -> None:
    assert repr(OfflineVoice(voice="nova")) == "OfflineVoice(engine='auto', voice='nova')"


def test_first_sound_waits_for_no_library_in_this_process() -> None:
    program = (
        "import asyncio, sys\n"
        "from oggstream.options import SpeechOptions\n"
        "from oggstream.sources.offline_voice import OfflineVoice\n"
        "async def speak():\n"
        "    async with OfflineVoice('espeak').open('Hello.', SpeechOptions()) as stream:\n"
        "        async for _ in stream:\n"
        "            slow = ('numpy', 'soxr', 'aiohttp', 'espeakng_loader', 'hibari')\n"
        "            print([name for name in slow if name in sys.modules])\n"
        "asyncio.run(speak())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()) == {"[]"}
