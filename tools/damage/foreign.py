"""Bodies that are not Ogg Opus, or have nothing to play."""

from __future__ import annotations

import struct

from .build import BOS, EOS, Case, cases, damaged, link, page

WAV = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 1036, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 1000)
SENTENCE = b"Incorrect API key provided."


def _foreign(name: str, what: str, body: bytes, error: str, says: str) -> Case:
    return Case(name, "not Ogg Opus", what, body, 0, "", "", error=error, says=says)


@cases
def bodies() -> list[Case]:
    """Each is refused, and the message names its format."""
    wrong = "WrongContainerError"
    good = link()
    zeros = [part[:22] + bytes(4) + part[26:] for part in good]
    speex = b"Speex   " + bytes(72)
    return [
        _foreign("empty", "nothing", b"", "EmptyBodyError", "empty"),
        _foreign("json", "a JSON error", b'{"error": {"message": "%s"}}' % SENTENCE, wrong, SENTENCE.decode()),
        _foreign("html", "a web page", b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n", wrong, "HTML"),
        _foreign("text", "a sentence", b"upstream connect error\n", wrong, "upstream connect error"),
        _foreign("mp3", "MP3", (b"\xff\xfb\x90\x64" + bytes(413)) * 3, wrong, "MP3"),
        _foreign("mp3_id3", "MP3 with a tag", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + b"\xff\xfb\x90\x64" + bytes(413),
                 wrong, "MP3"),
        _foreign("wav", "WAV", WAV + bytes(1000), wrong, "WAV"),
        _foreign("flac", "FLAC", b"fLaC\0\0\0\x22" + bytes(34), wrong, "FLAC"),
        _foreign("mp4", "MP4", b"\0\0\0\x18ftypM4A " + bytes(16), wrong, "MP4"),
        _foreign("ogg_vorbis", "Ogg Vorbis",
                 page(b"\1vorbis" + bytes(23), flags=BOS) + page(b"\3vorbis", number=1, flags=EOS), wrong, "Vorbis"),
        _foreign("ogg_speex", "Ogg Speex", page(speex, flags=BOS) + page(b"x", number=1, flags=EOS), wrong, "Speex"),
        _foreign("random", "bytes that are nothing", bytes(at * at * 7 % 251 for at in range(2000)), wrong, "unknown"),
        _foreign("no_audio", "headers without audio", b"".join(good[:2]), "NoAudioError", "audio"),
        _foreign("all_checksums", "checksums of 0 on every page", b"".join(zeros), "FormatError", "checksum"),
        _foreign("cut_in_head", "the first 30 bytes", good[0][:30], "NoAudioError", "audio"),
        _foreign("head_damaged", "a bit in the page of the head", b"".join([damaged(good[0]), *good[1:]]),
                 "NoAudioError", "audio"),
    ]  # fmt: skip
