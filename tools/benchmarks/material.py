"""Speech for the measurements: made once per run by espeak-ng and libopus, kept in the run's folder."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path

PACKETS_PER_SECOND = 50
PER_PAGE = 50  # a page of a second, as OpenAI's service sends them
RATE, BITRATE = 24000, 40_000
SERIAL = 20

_WHO = [
    "the captain",
    "our neighbour",
    "a young doctor",
    "the old gardener",
    "everyone",
    "a teacher",
    "nobody here",
    "the baker's son",
]
_DOES = [
    "remembers",
    "was painting",
    "will repair",
    "has forgotten",
    "often describes",
    "carried home",
    "is looking for",
    "measured",
]
_WHAT = [
    "the wooden bridge",
    "seven letters",
    "a quiet harbour",
    "the kitchen clock",
    "an orange kite",
    "the last train",
    "new shoes",
]
_WHEN = [
    "before breakfast",
    "in the middle of winter",
    "once again",
    "without a word",
    "on Thursday",
    "while it rains",
    "for us",
]


def sentences() -> Iterator[str]:
    """Yield an endless series of sentences, the same ones every time."""
    chance = random.Random(1)  # noqa: S311  # no secret
    while True:
        who, does, what, when = (chance.choice(words) for words in (_WHO, _DOES, _WHAT, _WHEN))
        yield f"{who.capitalize()} {does} {what}, {when}. "


def packets(folder: Path, seconds: float) -> list[bytes]:
    """Return that much speech as Opus packets of 20 ms: 24 kHz, mono, 40 kbit/s."""
    return read_packets(packet_file(folder, seconds))


def packet_file(folder: Path, seconds: float) -> Path:
    """Return a file of packets, each preceded by its length in four bytes, little-endian."""
    path = folder / f"speech-{seconds:g}.packets"
    if not path.exists():
        encoded = _encode(_pcm(seconds), _number(seconds))
        path.write_bytes(b"".join(struct.pack("<I", len(packet)) + packet for packet in encoded))
    return path


def read_packets(path: Path) -> list[bytes]:
    """Return the packets in a file of `packet_file`."""
    data = path.read_bytes()
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def ogg_file(folder: Path, seconds: float, *, per_page: int = PER_PAGE, repeat: int = 1) -> Path:
    """Return a file of Ogg Opus with that much speech, ``repeat`` times over, in pages of ``per_page`` packets."""
    from oggstream.opus.head import OpusHead
    from oggstream.opus.opus_writer import OggOpusWriter
    from oggstream.opus.tags import OpusTags

    path = folder / f"speech-{seconds:g}x{repeat}-{per_page}.opus"
    if not path.exists():
        speech = packets(folder, seconds)
        head = OpusHead.simple(1, 312, RATE, serial=SERIAL)
        writer = OggOpusWriter(head, OpusTags("oggstream"), packets_per_page=per_page)
        headers = writer.headers()
        pages = [writer.write(packet, 960) for packet in islice(cycle(speech), len(speech) * repeat)]
        path.write_bytes(b"".join([headers, *pages, writer.finish()]))
    return path


def _number(seconds: float) -> int:
    return max(1, round(seconds * PACKETS_PER_SECOND))


@cache
def _pcm(seconds: float) -> bytes:
    """Return at least ``seconds`` of speech as 16-bit mono PCM at `RATE`."""
    import numpy as np
    import soxr

    from oggstream.voice import espeak, espeak_voices as voices

    voice = espeak.load()
    manner = voices.espeak_voice()
    spoken = bytearray()

    def take(pcm: bytes) -> bool:
        spoken.extend(pcm)
        return True

    for sentence in sentences():
        text = sentence
        while text.strip():
            text = text[voice.speak_clause(text, manner, take) :]
        if len(spoken) >= (seconds + 1) * voice.rate * 2:
            break
    pcm = np.frombuffer(spoken, np.int16)
    return bytes(soxr.resample(pcm, voice.rate, RATE).astype(np.int16).tobytes())


def _encode(pcm: bytes, count: int) -> list[bytes]:
    from oggstream.codec.encoder import OpusEncoder

    encoder = OpusEncoder(RATE, bitrate=BITRATE, application="voip")
    size = encoder.frame_bytes
    return [encoder.encode(pcm[number * size : (number + 1) * size]) for number in range(count)]
