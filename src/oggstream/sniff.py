"""What a body looks like from its first bytes, for messages about bodies that are not what they should be."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "unknown data"

_SPACE = "\t\n\r\ufeff"
_SHORTEST_TEXT = 8  # characters by which words are known
_QUOTE = 200  # characters of a foreign text that go into a message

_MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b"fLaC", "FLAC"),
    (0, b"ID3", "MP3 (with an ID3 tag)"),
    (4, b"ftyp", "MP4"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b".snd", "AU"),
    (0, b"\x1f\x8b\x08", "gzip data"),
    (0, b"PK\x03\x04", "a ZIP archive"),
)

_BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"data:", "server-sent events"),
    (b"event:", "server-sent events"),
)

_OGG_CODECS: tuple[tuple[bytes, str], ...] = (
    (b"OpusHead", "Opus"),
    (b"\x01vorbis", "Vorbis"),
    (b"Speex   ", "Speex"),
    (b"\x7fFLAC", "FLAC"),
    (b"fLaC", "FLAC"),
    (b"CELT    ", "CELT"),
    (b"\x80theora", "Theora"),
    (b"BBCD\x00", "Dirac"),
    (b"OVP80", "VP8"),
    (b"\x80kate", "Kate"),
    (b"fishead\x00", "Skeleton"),
    (b"PCM     ", "PCM"),
    (b"\x01video", "OGM video"),
)


def describe(first: bytes) -> str:
    """Name the format that a body beginning with ``first`` has: "MP3", "WAV", "JSON", "Ogg Vorbis" and so on.

    A JSON body's own message stands beside it. What is not recognised is `UNKNOWN`, with its first bytes or words. Give
    a few hundred bytes or more; the result is one line and never holds an API key.
    """
    if first.startswith(b"OggS"):
        codec = ogg_codec(first[27 + first[26] :]) if len(first) > 27 else None
        return f"Ogg {codec}" if codec else "Ogg"
    return named_by_magic(first) or _mpeg(first) or _text(first) or _unknown(first)


def named_by_magic(first: bytes) -> str | None:
    """The name of a format whose bodies all begin with the same bytes, None if it is none of those known."""
    for at, magic, name in _MAGICS:
        if first.startswith(magic, at):
            return name
    return None


def is_text(first: bytes) -> bool:
    """Whether all of it can be read: UTF-8 without control characters. A character may be cut at its end."""
    text = _decoded(first)
    return text is not None and bool(text.strip()) and all(letter.isprintable() or letter in _SPACE for letter in text)


def reads_as_text(first: bytes) -> bool:
    """Whether it is text beyond doubt: JSON, HTML or words. Samples of sound never are.

    Their high bytes are mostly 0 or 255, neither of which is in UTF-8 text, and no words come of the others.
    """
    text = _decoded(first)
    if not text or not is_text(first):
        return False
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[", "<")):
        return True
    wordlike = sum(letter.isalnum() or letter in " ,.:;'-/" or letter in _SPACE for letter in text)
    return len(text) >= _SHORTEST_TEXT and wordlike >= 0.8 * len(text)


def _decoded(first: bytes) -> str | None:
    """Strictly decoded; a character may be cut at its end."""
    from codecs import getincrementaldecoder

    try:
        return getincrementaldecoder("utf-8")().decode(first)
    except UnicodeDecodeError:
        return None


class MpegFrame(NamedTuple):
    """The codec of an MPEG audio frame ("MP3" or "AAC"), and its size in bytes, header included."""

    codec: str
    size: int


def mpeg_frame(first: bytes) -> MpegFrame | None:
    """The frame of layer III (ISO 11172-3 section 2.4.1.3, 13818-3) or ADTS (13818-7) that begins here, if one does.

    An ADTS header takes 6 bytes; with less, its size is 7, the least that there is.
    """
    codec = _mpeg(first)
    if codec == "AAC":
        size = (first[3] & 3) << 11 | first[4] << 3 | first[5] >> 5 if len(first) > 5 else 7
        return MpegFrame("AAC", size) if size >= 7 else None
    if codec != "MP3" or not first[2] >> 4:
        return None
    samples, rate = _layer_3(first)
    bitrate = (_BITRATES if samples == 1152 else _LOW_BITRATES)[first[2] >> 4]
    return MpegFrame("MP3", samples // 8 * 1000 * bitrate // rate + (first[2] >> 1 & 1))


def mp3_seconds(first: bytes) -> float:
    """How long the frame of layer III sounds that begins here, of which `mpeg_frame` has told."""
    samples, rate = _layer_3(first)
    return samples / rate


def _layer_3(first: bytes) -> tuple[int, int]:
    """The samples of a frame of layer III, and their rate."""
    halvings = (2, 0, 1, 0)[first[1] >> 3 & 3]  # MPEG 2.5, none, 2 and 1: lower rates, in frames of half the samples
    return 576 if halvings else 1152, (44100, 48000, 32000)[first[2] >> 2 & 3] >> halvings


def ogg_codec(packet: bytes) -> str | None:
    """The codec of an Ogg stream by its first packet ("Opus", "Vorbis", ...), None if it is none that is known."""
    for magic, name in _OGG_CODECS:
        if packet.startswith(magic):
            return name
    return None


def json_message(text: str) -> str | None:
    """The message in a JSON error as services write it, None if there is none. The text may be cut."""
    import json

    try:
        return _message_in(json.loads(text))
    except (ValueError, RecursionError):
        import re

        found = re.search(r'"(?:message|detail|msg|error)"\s*:\s*"((?:[^"\\]|\\.)*)', text)
        return found[1] if found else None


def _message_in(value: object) -> str | None:
    """Look where OpenAI ({"error": {"message"}}), FastAPI ({"detail": [{"msg"}]}) and others put it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _message_in(value[0]) if value else None
    if isinstance(value, dict):
        for key in ("error", "message", "detail", "msg"):
            if key in value:
                return _message_in(value[key])
    return None


def _mpeg(first: bytes) -> str | None:
    """MPEG audio by the fields of its first frame header: MP3, or AAC in ADTS, whose layer bits are 0."""
    if len(first) < 3 or first[0] != 0xFF or first[1] & 0xE0 != 0xE0:
        return None
    if first[1] & 0xF6 == 0xF0:
        return "AAC"
    version, layer = first[1] >> 3 & 3, first[1] >> 1 & 3
    bitrate, rate = first[2] >> 4, first[2] >> 2 & 3
    if version == 1 or layer == 0 or bitrate == 15 or rate == 3:
        return None
    return "MP3" if layer == 1 else "MPEG audio"


def _text(first: bytes) -> str | None:
    """JSON, HTML and other text; None if it is not text."""
    start = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in _TEXTS:
        if start[: len(magic)].lower() == magic:
            return name
    if start[:1] in (b"{", b"["):
        message = json_message(start.decode("utf-8", "replace"))
        return f"JSON ({quote(message)})" if message else "JSON"
    if not is_text(first[: 4 * _QUOTE]):
        return None
    return f"text ({quote(first[: 4 * _QUOTE].decode('utf-8', 'ignore'))})"


def quote(text: str) -> str:
    """A foreign text as one printable line of a message: keys taken out, cut to `_QUOTE` characters."""
    import re

    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    # Services repeat the key that they refuse; what looks like one is left out.
    safe = re.sub(r"\b(sk-|Bearer )[\w.*~+/-]+", r"\1...", words)
    return safe if len(safe) <= _QUOTE else safe[: _QUOTE - 3] + "..."


def _unknown(first: bytes) -> str:
    return f"{UNKNOWN} (it begins with {first[:8].hex(' ')})" if first else "nothing"
