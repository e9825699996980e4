"""What a body is, by its first bytes; the header has a say only where the bytes allow it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..sniff import mpeg_frame, named_by_magic, reads_as_text
from .inflate import is_compressed, may_be_zlib
from .media import EVENT_STREAM

if TYPE_CHECKING:
    from .stated import Stated

PLAUSIBLE = 64
"""Bytes by which bare samples are told from text and from files of other kinds: 1.3 ms at 24 kHz."""

WAV_MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
"""How a WAV file may begin: little endian, big endian, and with sizes of 64 bits (EBU Tech 3306, ITU-R BS.2088)."""

_OGG = b"OggS"
_FRAME_HEADER = 7  # bytes of an MPEG audio frame by which its size is known, in any of its kinds
_WRONG_TYPES = ("audio/", "video/", "application/ogg")
_LONGEST_SILENCE = 1 << 16  # bytes in which samples under a wrong name must begin to sound
_SQUEEZED = 512  # bytes of compressed data that give the first ones inside
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")


class Container(Enum):
    """What holds the audio; OTHER is left to the Ogg reader, which skips junk and says what a body is without pages."""

    OGG = "ogg"
    WAV = "wav"
    PCM = "pcm"
    EVENTS = "events"
    JSON = "json"
    COMPRESSED = "compressed"
    MP3 = "mp3"
    AAC = "aac"
    FLAC = "flac"
    OTHER = ""


def recognise(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    """The container of a body that begins with ``first``; None if it takes more bytes to tell.

    ``ended`` says that there are no more bytes. The answer is the same however many more bytes than needed there are.
    """
    return Container.PCM if stated.certain else _recognise_ogg(first, stated, ended=ended)


def _recognise_ogg(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    if _may_begin(first, _OGG):
        return _once(len(first) >= 4 or ended, Container.OGG if len(first) >= 4 else Container.OTHER)
    if any(_may_begin(first, magic) for magic in WAV_MAGICS):
        wave = first[8:12]
        if len(first) < 12 and b"WAVE".startswith(wave) and not ended:
            return None
        if wave == b"WAVE":
            return Container.WAV
    return _recognise_compressed(first, stated, ended=ended)


def _recognise_compressed(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    if first[:1] == b"\x1f" or may_be_zlib(first):
        if len(first) < _SQUEEZED and not ended:
            return None
        if is_compressed(first[:_SQUEEZED]):
            return Container.COMPRESSED
    return _recognise_text(first, stated, ended=ended)


def _recognise_text(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    fields = (*_FIELDS, b":") if stated.media.name == EVENT_STREAM else _FIELDS
    for field in fields:
        if text.startswith(field):
            return Container.EVENTS
    if not ended and len(first) < PLAUSIBLE and any(field.startswith(text) for field in fields):
        return None
    if text[:1] == b"{" or (text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"")):
        if len(first) < PLAUSIBLE and not ended:
            return None
        if reads_as_text(first[:PLAUSIBLE]):
            return Container.JSON
    return _recognise_sound(first, stated, ended=ended)


def _recognise_sound(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    if not ended and len(first) < 4 and (b"fLaC".startswith(first) or b"ID3".startswith(first[:3])):
        return None
    if first.startswith(b"fLaC") or (first.startswith(b"ID3") and first[3:4] < b"\x10"):  # one of its three versions
        return Container.FLAC if first.startswith(b"fLaC") else Container.MP3
    if _may_begin_frame(first) and len(first) < _FRAME_HEADER and not ended:
        return None
    frame = mpeg_frame(first)
    if frame is not None:
        follower = first[frame.size :]
        if len(follower) < _FRAME_HEADER and not ended:
            return None
        if len(follower) < 3 or mpeg_frame(follower) is not None:
            return Container(frame.codec.lower())
    return _recognise_samples(first, stated, ended=ended)


def _recognise_samples(first: bytes, stated: Stated, *, ended: bool) -> Container | None:
    if stated.may_be_samples:
        if len(first) < PLAUSIBLE and not ended:
            return None
        head = first[:PLAUSIBLE]
        return Container.OTHER if reads_as_text(head) or named_by_magic(head) else Container.PCM
    known = stated.samples_known
    if known and stated.media.name.startswith(_WRONG_TYPES):
        return _recognise_evident_samples(first, ended=ended)
    return _once(len(first) >= 4 or ended, Container.OTHER)


def _recognise_evident_samples(first: bytes, *, ended: bool) -> Container | None:
    """Samples under the name of another kind of sound: believed if their content leaves no doubt."""
    from .evidence import WINDOW, plain_form, silence

    if len(first) < PLAUSIBLE and not ended:
        return None
    if reads_as_text(first[:PLAUSIBLE]) or named_by_magic(first):
        return Container.OTHER
    first = first[:_LONGEST_SILENCE]
    quiet = silence(first)
    window = first[quiet : quiet + WINDOW]
    if len(window) < WINDOW and not ended and len(first) < _LONGEST_SILENCE:
        return None
    return Container.OTHER if plain_form(window) is None else Container.PCM


def _may_begin_frame(first: bytes) -> bool:
    """Whether this may be the synchronisation of an MPEG audio frame, cut."""
    return first[:1] == b"\xff" and (len(first) < 2 or first[1] & 0xE0 == 0xE0)


def _may_begin(first: bytes, magic: bytes) -> bool:
    return first[: len(magic)] == magic[: len(first)]


def _once(certain: bool, container: Container) -> Container | None:
    return container if certain else None
