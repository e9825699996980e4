"""What a client hands out, beside the truth of what was spoken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from socket_services.speaking import RATE, bursts

if TYPE_CHECKING:
    from socket_services.service import SocketService

TEXT = ("The first words come early, ", "the others are written while they sound. ", "Then it is said.")
"""In parts, as a model writes it."""


class Timed(NamedTuple):
    """A word and its seconds from the start of the audio; ``end`` is None where the client does not hand it out."""

    text: str
    start: float
    end: float | None


@dataclass
class Heard:
    """16-bit samples at `RATE`, and the words."""

    pcm: bytes = b""
    words: list[Timed] = field(default_factory=list)


def spoken(service: SocketService) -> Heard:
    """All that ``service`` has spoken, one utterance behind the other."""
    truth, zero = Heard(), 0.0
    for speech in service.said:
        truth.pcm += speech.pcm
        truth.words += [Timed(word.text, zero + word.start, zero + word.end) for word in speech.words]
        zero += speech.seconds
    return truth


def check_audio(heard: Heard, service: SocketService) -> None:
    """The audio is what the service spoke, to the sample; behind it LiveKit puts 10 ms of silence."""
    truth = spoken(service).pcm
    assert heard.pcm[: len(truth)] == truth
    assert heard.pcm[len(truth) :] in (b"", bytes(2 * RATE // 100))
    assert len(bursts(heard.pcm)) == len("".join(TEXT).split())


def check_words(heard: Heard, service: SocketService, *, gaps: bool = False) -> None:
    """The words are those of the text, and where they are in the audio, within 2 ms.

    With ``gaps`` each lasts to the beginning of the next.
    """
    truth = spoken(service)
    assert [word.text.strip() for word in heard.words] == "".join(TEXT).split()
    for word, true in zip(heard.words, truth.words, strict=True):
        assert word.start == pytest.approx(true.start, abs=0.002)
        assert gaps or word.end is None or word.end == pytest.approx(true.end, abs=0.002)


async def said_by_livekit(tts: Any, parts: Iterable[str] = TEXT, *, rate: int = RATE) -> Heard:
    """What a TTS of LiveKit Agents gives for text that comes in parts, at ``rate``."""
    from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, APIConnectOptions

    heard = Heard()
    async with tts.stream(conn_options=APIConnectOptions(max_retry=0)) as stream:
        for part in parts:
            stream.push_text(part)
        stream.end_input()
        async for audio in stream:
            assert audio.frame.sample_rate == rate
            heard.pcm += bytes(audio.frame.data)
            told = audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
            heard.words += [Timed(str(word), word.start_time, word.end_time) for word in told]
    await tts.aclose()
    return heard


def without_padding(heard: Heard) -> Heard:
    """LiveKit fills the last frame up with silence, where a plugin has it end frames early."""
    size = len(heard.pcm) - RATE // 50
    assert not any(heard.pcm[size:])
    return Heard(heard.pcm[:size], heard.words)
