"""What a body is, by its first bytes; the header has a say only where the bytes allow it."""

from __future__ import annotations

from enum import Enum

from ..sniff import is_text, mpeg_frame, named_by_magic
from .media import EVENT_STREAM, PCM_TYPES, MediaType

PLAUSIBLE = 64
"""Bytes by which bare samples are told from text and from files of other kinds: 1.3 ms at 24 kHz."""

WAV_MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
"""How a WAV file may begin: little endian, big endian, and with sizes of 64 bits (EBU Tech 3306, ITU-R BS.2088)."""

_OGG = b"OggS"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")


class Container(Enum):
    """What holds the audio; OTHER is left to the Ogg reader, which skips junk and says what a body is without pages."""

    OGG = "ogg"
    WAV = "wav"
    PCM = "pcm"
    EVENTS = "events"
    MP3 = "mp3"
    AAC = "aac"
    FLAC = "flac"
    OTHER = ""


def recognise(first: bytes, media: MediaType, wanted: str, *, ended: bool) -> Container | None:
    """The container of a body that begins with ``first``; None if it takes more bytes to tell.

    ``wanted`` is the format that was asked for, ``ended`` says that there are no more bytes. The answer is the same
    however many more bytes than needed there are.
    """
    if _may_begin(first, _OGG):
        return _once(len(first) >= 4 or ended, Container.OGG if len(first) >= 4 else Container.OTHER)
    if any(_may_begin(first, magic) for magic in WAV_MAGICS):
        wave = first[8:12]
        if len(first) < 12 and b"WAVE".startswith(wave) and not ended:
            return None
        if wave == b"WAVE":
            return Container.WAV
    return _recognise_text(first, media, wanted, ended=ended)


def _recognise_text(first: bytes, media: MediaType, wanted: str, *, ended: bool) -> Container | None:
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    fields = (*_FIELDS, b":") if media.name == EVENT_STREAM else _FIELDS
    for field in fields:
        if text.startswith(field):
            return Container.EVENTS
    if not ended and len(first) < PLAUSIBLE and any(field.startswith(text) for field in fields):
        return None
    return _recognise_sound(first, media, wanted, ended=ended)


def _recognise_sound(first: bytes, media: MediaType, wanted: str, *, ended: bool) -> Container | None:
    if not ended and len(first) < 4 and (b"fLaC".startswith(first) or b"ID3".startswith(first[:3])):
        return None
    if first.startswith(b"fLaC"):
        return Container.FLAC
    if first.startswith(b"ID3") and first[3:4] < b"\x10":  # its version, of which there are three
        return Container.MP3
    frame = mpeg_frame(first)
    if frame is not None:
        follower = first[frame.size :]
        if len(follower) < 3 and not ended:
            return None
        if len(follower) < 3 or mpeg_frame(follower) is not None:
            return Container(frame.codec.lower())
    return _recognise_samples(first, media, wanted, ended=ended)


def _recognise_samples(first: bytes, media: MediaType, wanted: str, *, ended: bool) -> Container | None:
    if wanted != "pcm" or media.name not in PCM_TYPES:
        return _once(len(first) >= 4 or ended, Container.OTHER)
    if len(first) < PLAUSIBLE and not ended:
        return None
    head = first[:PLAUSIBLE]
    return Container.OTHER if is_text(head) or named_by_magic(head) else Container.PCM


def _may_begin(first: bytes, magic: bytes) -> bool:
    return first[: len(magic)] == magic[: len(first)]


def _once(certain: bool, container: Container) -> Container | None:
    return container if certain else None
