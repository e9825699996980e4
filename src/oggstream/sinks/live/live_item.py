"""What a taker of a broadcast gets. All lengths are in samples at 48 kHz per channel.

Every packet is a plain one: mono or stereo in one stream, at its right loudness, so that it needs no head.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ...opus.toc import FRAME_SAMPLES

SILENT_PACKET = b"\x08\x07\xc6\xb3\x0e\xc6"
"""20 ms of silence in SILK, narrowband. Behind it a decoder is as good as new for what a fresh encoder made: it begins
CELT anew where the packet before was not CELT, and SILK where that had another bandwidth (RFC 6716 section 4.5.2).
Behind CELT's own silence, CELT that builds on the state of a new decoder would be too quiet for 0.1 s."""
FADING_PACKET = b"\xf8\xff\xfe"
"""The same in CELT, with its silence flag (section 4.3). Behind it, a decoder that comes into the middle of a speech
fades in, where one that is new may be twice too loud."""
SILENT_SAMPLES = 960
"""Of either of these."""
_STEREO = 0x04  # in the first byte of a packet (RFC 6716 section 3.1)


class SpeechBegun(NamedTuple):
    """A speech begins, or the taker joins it. Its later packets may have another number of channels (1 or 2)."""

    number: int
    channels: int


class LivePacket(NamedTuple):
    """One Opus packet of the speech of that ``number``, 0 for silence between speeches.

    It decodes to ``samples``, of which ``trim_start`` and ``trim_end`` are not to be heard. ``position`` counts the
    samples of the speech that are to be heard before it. ``lost`` packets before it were passed over.
    """

    data: bytes
    samples: int
    trim_start: int
    trim_end: int
    number: int
    position: int
    lost: int = 0

    @property
    def heard(self) -> int:
        """How many of its samples are to be heard."""
        return self.samples - self.trim_start - self.trim_end

    @property
    def channels(self) -> int:
        """How many channels it was made of, 1 or 2."""
        return 2 if self.data[0] & _STEREO else 1


class SpeechEnded(NamedTuple):
    """No packet of the speech follows; the last ones may not be heard yet."""

    number: int


class Flushed(NamedTuple):
    """The speech is interrupted: drop what is buffered of it. ``heard`` of its samples were heard on the air."""

    number: int
    heard: int


class WordHeard(NamedTuple):
    """A word of the speech: its characters of the text, and the sample of the speech with which it begins."""

    number: int
    text: str
    start: int
    end: int
    sample: int


LiveItem: TypeAlias = SpeechBegun | LivePacket | SpeechEnded | Flushed | WordHeard


def concealing(toc: int) -> tuple[bytes, int]:
    """A packet for which a decoder makes up sound after one with that first byte, and its samples.

    Its only frame is empty, which stands for a lost one (RFC 6716 section 2.1.9).
    """
    return bytes([toc & 0xFC]), FRAME_SAMPLES[toc]
