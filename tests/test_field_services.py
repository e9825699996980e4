"""Services with limitations: without Opus, with refused sentences, with one request at a time.

In virtual time. The services here decide by the content of each request.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream import errors
from oggstream.engine import loading as codec
from oggstream.events import RequestSent, emit
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedStream, pages, said, spoken

pytestmark = pytest.mark.looptime

OPUS = spoken(0.6)
SAMPLES = "audio/pcm;rate=24000"
SENTENCES = ["This is the first sentence. ", "Here comes the second one. ", "And the third one ends it."]


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()
    codec._load_resampler()


def wav(seconds: float = 0.6) -> bytes:
    data = (8000 * np.sin(np.arange(round(24000 * seconds)) / 9)).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 24000, 48000, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", len(data)) + data


Answer = bytes | errors.OggStreamError


class Service:
    """Answers by the format and the text: bytes, or an error. ``asked`` are (format, text)."""

    def __init__(
        self, answer: Callable[[str, str], Answer], *, takes: int = 99, seconds: float = 0.2, samples: str = SAMPLES
    ) -> None:
        self.traits = SourceTraits(name="field", formats=("opus", "pcm", "wav"), longest_text=4096, identity="field")
        self.asked: list[tuple[str, str]] = []
        self.open_now = self.most = 0
        self._answer = answer
        self._takes = takes
        self._seconds = seconds
        self._types = {"opus": "audio/ogg", "wav": "audio/wav", "pcm": samples}
        self.busy_until = 0.0

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        loop = asyncio.get_running_loop()
        name = "opus" if options.format == "auto" else options.format
        self.asked.append((name, text))
        emit(RequestSent, characters=len(text))
        await asyncio.sleep(0.05)
        if self.open_now >= self._takes or loop.time() < self.busy_until:
            raise errors.RateLimitError("HTTP 429: one at a time", status=429)
        answer = self._answer(name, text)
        if isinstance(answer, errors.OggStreamError):
            raise answer
        self.open_now += 1
        self.most = max(self.most, self.open_now)
        whole = False
        try:
            stream = ScriptedStream([(0.0, answer[:200]), (self._seconds, answer[200:])], loop.time())
            stream.content_type = self._types[name]
            yield stream
            whole = True
        finally:
            self.open_now -= 1
            if not whole and self._takes == 1:
                self.busy_until = loop.time() + 1.0  # it goes on speaking to nobody


def refusal(status: int, message: str = "no") -> errors.OggStreamError:
    kind = errors.ServerError if status >= 500 else errors.RequestRefusedError
    return kind(f"HTTP {status}: {message}", status=status)


async def speak(service: Service, text: Any = "Hello there.", **options: Any) -> oggstream.PlaybackReport:
    chosen = options.pop("format", "auto")
    playback = PlaybackOptions(**{"history": None, **options})
    return await oggstream.play_stream(text, source=service, sink=NullSink(), options=playback, format=chosen)


def without_opus(refused: Answer) -> Callable[[str, str], Answer]:
    return lambda name, _: refused if name == "opus" else wav()


NO_OPUS: list[Answer] = [
    refusal(400),
    refusal(415),
    refusal(422),
    errors.NotFoundError("HTTP 404", status=404),
    refusal(500, "response_format opus is not supported"),
    refusal(500, "internal error"),
    b'{"audio": null}',
    b"",
]


@pytest.mark.parametrize("refused", NO_OPUS, ids=str)
async def test_a_service_without_opus_is_asked_for_wav_on_the_same_piece(refused: Answer) -> None:
    service = Service(without_opus(refused))
    report = await speak(service, SENTENCES)
    assert report.completed
    assert report.format == "wav"
    assert [segment.failed for segment in report.segments] == [None] * len(report.segments)
    assert {text for name, text in service.asked if name == "wav"} == {text for _, text in service.asked}
    assert len([warning for warning in report.stream.warnings if "asking for wav instead" in warning]) == 1


async def test_wav_is_followed_by_samples() -> None:
    service = Service(lambda name, _: refusal(400) if name != "pcm" else wav()[44:])
    report = await speak(service)
    assert report.format == "pcm"
    assert [name for name, _ in service.asked] == ["opus", "wav", "pcm"]


async def test_samples_that_nobody_asked_for_are_not_played_where_their_rate_is_not_known() -> None:
    service = Service(lambda name, _: refusal(400) if name != "pcm" else wav()[44:], samples="audio/pcm")
    with pytest.raises(errors.WrongContainerError):
        await speak(service)
    report = await speak(service, format="pcm")
    assert report.format == "pcm"


async def test_what_is_not_given_is_asked_for_once_and_remembered(tmp_path: Any) -> None:
    history = tmp_path / "history.json"
    service = Service(without_opus(refusal(400)))
    for _ in range(3):
        await speak(service, history=history)
    assert [name for name, _ in service.asked] == ["opus", "wav", "wav", "wav"]


async def test_a_service_that_gave_nothing_is_asked_for_everything_again(tmp_path: Any) -> None:
    answers: list[Answer] = [*[b"<html>log in</html>"] * 3, OPUS]
    service = Service(lambda name, _: answers.pop(0))
    with pytest.raises(errors.WrongContainerError):
        await speak(service, history=tmp_path / "history.json")
    report = await speak(service, history=tmp_path / "history.json")
    assert (report.format, [name for name, _ in service.asked]) == ("opus", ["opus", "wav", "pcm", "opus"])


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/L16", "application/octet-stream"])
async def test_samples_at_an_unknown_rate_are_named_with_what_to_do(kind: str) -> None:
    class Unsaid(Service):
        @asynccontextmanager
        async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
            stream = ScriptedStream([(0.0, wav()[44:])], asyncio.get_running_loop().time())
            stream.content_type = kind
            yield stream

    with pytest.raises(errors.WrongContainerError, match=r"bare samples .* at an unknown rate; .* of pcm:RATE"):
        await speak(Unsaid(lambda name, text: b""))


async def test_packets_and_frames_fall_back_and_remember_too(tmp_path: Any) -> None:
    options = PlaybackOptions(history=tmp_path / "history.json")
    service = Service(without_opus(refusal(400)))
    assert [packet async for packet in oggstream.stream_packets("Hello.", source=service, options=options)]
    assert [frame async for frame in oggstream.stream_frames("Hello.", source=service, options=options)]
    assert [name for name, _ in service.asked] == ["opus", "wav", "wav"]


async def test_a_service_with_nothing_to_give_is_told_by_its_last_answer() -> None:
    service = Service(lambda name, _: refusal(400, f"{name} is bad"))
    with pytest.raises(errors.RequestRefusedError, match="pcm is bad"):
        await speak(service)
    assert [name for name, _ in service.asked] == ["opus", "wav", "pcm"]


async def test_what_a_service_that_gives_nothing_refuses_is_not_held_against_its_formats(tmp_path: Any) -> None:
    service = Service(lambda name, _: refusal(400))
    for _ in range(3):
        with pytest.raises(errors.RequestRefusedError):
            await speak(service, history=tmp_path / "history.json")
    assert [name for name, _ in service.asked] == 3 * ["opus", "wav", "pcm"]


async def test_a_format_that_the_user_chose_is_not_changed_and_the_error_names_others() -> None:
    service = Service(without_opus(refusal(400)))
    with pytest.raises(errors.RequestRefusedError, match=r"formats that may do: auto, pcm, wav \(--format\)"):
        await speak(service, format="opus")
    assert len(service.asked) == 1


async def test_a_format_that_works_is_not_changed_for_one_sentence_that_is_refused() -> None:
    service = Service(lambda _, text: refusal(400) if "second" in text else OPUS)
    report = await speak(service, SENTENCES)
    assert {name for name, _ in service.asked} == {"opus"}
    assert report.completed


@pytest.mark.parametrize("answer", [refusal(400), refusal(413), refusal(422), refusal(500), b""], ids=str)
async def test_a_sentence_that_is_refused_is_passed_over_and_reported(answer: Answer) -> None:
    service = Service(lambda name, text: answer if "second" in text else OPUS)
    report = await speak(service, SENTENCES)
    assert report.completed
    failed = [segment.failed for segment in report.segments]
    assert failed[0] is None
    assert failed[1]
    assert failed[2] is None
    assert any("passed over 'Here comes the second one.'" in warning for warning in report.stream.warnings)
    assert report.audio.seconds == pytest.approx(1.2)


async def test_the_first_sentence_may_be_the_one_that_is_refused() -> None:
    service = Service(lambda name, text: refusal(500) if "first" in text else OPUS)
    report = await speak(service, SENTENCES)
    assert report.completed
    assert report.segments[0].failed


async def test_two_refusals_in_a_row_end_the_speech_behind_what_was_heard() -> None:
    service = Service(lambda name, text: OPUS if "first" in text else refusal(500))
    with pytest.raises(errors.ServerError) as caught:
        await speak(service, SENTENCES, requests=1)
    assert caught.value.report is not None
    assert caught.value.report.audio.seconds == pytest.approx(0.6)


async def test_a_text_of_one_piece_that_is_refused_is_an_error() -> None:
    with pytest.raises(errors.ServerError):
        await speak(Service(lambda name, text: refusal(500)))


async def test_pieces_are_not_passed_over_where_that_is_not_wanted() -> None:
    service = Service(lambda name, text: refusal(500) if "second" in text else OPUS)
    with pytest.raises(errors.ServerError):
        await speak(service, SENTENCES, on_refused="stop")


@pytest.mark.parametrize("kind", [errors.AuthenticationError, errors.AccessError, errors.NotFoundError])
async def test_what_holds_for_all_pieces_ends_the_speech(kind: type[errors.SourceError]) -> None:
    status = {"AuthenticationError": 401, "AccessError": 403}.get(kind.__name__, 404)
    service = Service(lambda name, text: kind("no", status=status) if "second" in text else OPUS)
    with pytest.raises(kind):
        await speak(service, SENTENCES, requests=1)


@pytest.mark.parametrize("format", ["auto", "opus"])
async def test_a_service_that_takes_one_request_at_a_time_is_asked_for_one_at_a_time(
    tmp_path: Any,
    format: str,  # noqa: A002  # as the option is called
) -> None:
    history = tmp_path / "history.json"
    service = Service(lambda name, text: OPUS, takes=1, seconds=0.3)
    report = await speak(service, SENTENCES, history=history, format=format)
    assert report.completed
    assert [segment.failed for segment in report.segments] == [None] * 3
    assert report.audio.seconds == pytest.approx(1.8)
    first = len(service.asked)
    await speak(service, SENTENCES, history=history, format=format)
    assert len(service.asked) - first == len(SENTENCES)


async def test_a_service_that_is_still_busy_with_a_speech_that_was_stopped_is_waited_for() -> None:
    service = Service(lambda name, text: OPUS, takes=1, seconds=3.0)
    options = PlaybackOptions(history=None)
    async with oggstream.Player(source=service, sink=NullSink(), options=options) as player:
        speech = player.say("Hello there.")
        await asyncio.sleep(0.5)
        await player.stop()
        await speech
        report = await player.say("And again.")
    assert report.completed


LONG = "This is a rather long sentence, with a pause in it, and it goes on for a good while, until it ends here."


class Cutting(Service):
    """Ends its first ``cuts`` answers after ``share`` of their bytes, at a page, as if nothing were missing."""

    def __init__(self, share: float, cuts: int = 1) -> None:
        super().__init__(lambda name, text: said(text), seconds=0.1)
        self._share, self._cuts = share, cuts

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        self.asked.append(("opus", text))
        parts = pages(said(text))
        if len(self.asked) <= self._cuts:
            parts = parts[: round(self._share * len(parts))]
        yield ScriptedStream([(0.0, b"".join(parts))], asyncio.get_running_loop().time())


async def test_a_body_that_ends_at_a_page_far_short_of_its_text_is_mended() -> None:
    service = Cutting(0.4)
    report = await speak(service, LONG)
    assert len(service.asked) == 2
    assert LONG.endswith(service.asked[1][1])
    assert report.stream.complete
    assert report.audio.seconds > 0.9 * len(LONG) / 13.6


class Breaking(Service):
    """Breaks the connection behind ``body``."""

    def __init__(self, body: bytes) -> None:
        super().__init__(lambda name, text: body)
        self._body = body

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        self.asked.append(("opus", text))
        broken = errors.SourceBrokenError("broke off")
        yield ScriptedStream([(0.0, self._body), (0.1, broken)], asyncio.get_running_loop().time())


@pytest.mark.parametrize("body", [OPUS, wav()], ids=["opus", "wav"])
async def test_a_connection_that_breaks_behind_the_whole_body_has_broken_nothing(body: bytes) -> None:
    service = Breaking(body)
    report = await speak(service)
    assert report.completed
    assert report.stream.complete
    assert len(service.asked) == 1


async def test_a_body_that_broke_off_for_good_is_not_complete() -> None:
    with pytest.raises(errors.SourceBrokenError) as caught:
        await speak(Breaking(spoken(3.0)[:-900]))
    assert caught.value.report is not None
    assert not caught.value.report.stream.complete


async def test_a_body_that_may_be_whole_without_its_end_is_told_and_not_asked_for_again() -> None:
    service = Cutting(0.97)
    report = await speak(service, LONG)
    assert len(service.asked) == 1
    assert not report.stream.complete
    assert len([warning for warning in report.stream.warnings if "without a mark of its end" in warning]) == 1


async def test_a_service_that_never_marks_an_end_is_learnt_and_not_warned_of_for_ever(tmp_path: Any) -> None:
    service = Cutting(0.97, cuts=99)
    warned = []
    for _ in range(5):
        report = await speak(service, LONG, history=tmp_path / "history.json")
        warned.append(any("without a mark" in warning for warning in report.stream.warnings))
        assert not report.stream.complete
    assert warned == [True, True, True, False, False]


async def test_a_limit_that_nothing_of_ours_explains_is_told_at_once() -> None:
    service = Service(lambda name, text: errors.RateLimitError("HTTP 429", status=429))
    with pytest.raises(errors.RateLimitError):
        await speak(service)
    assert len(service.asked) == 1


async def test_bytes_without_audio_do_not_put_off_the_limit_for_the_first_sound() -> None:
    class Dripping(Service):
        @asynccontextmanager
        async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
            drops: list[tuple[float, Any]] = [(at / 2, b": still here\n\n") for at in range(1000)]
            yield ScriptedStream(drops, asyncio.get_running_loop().time())

    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(
        errors.SourceTimeoutError, match=r"no audio for 5 s before any audio; try again.*first_byte_timeout"
    ):
        await speak(Dripping(lambda name, text: OPUS), first_byte_timeout=5.0)
    assert loop.time() - begun == pytest.approx(5.0)


@pytest.mark.parametrize("drop", [b"\0", b": ping\n\n", b"x"])
async def test_bytes_without_audio_do_not_keep_a_speech_alive_either(drop: bytes) -> None:
    class Dripping(Service):
        @asynccontextmanager
        async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
            half: list[tuple[float, Any]] = [(0.0, spoken(3.0)[:-400])]
            drops: list[tuple[float, Any]] = [(1 + at / 2, drop) for at in range(1000)]
            yield ScriptedStream([*half, *drops], asyncio.get_running_loop().time())

    with pytest.raises(errors.SourceTimeoutError, match=r"no audio for 4 s in mid-speech"):
        await speak(Dripping(lambda name, text: OPUS), stall_timeout=4.0)
