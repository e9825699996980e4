"""G.711 against the values of its tables, and against ffmpeg's."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest

from oggstream.sources.realtime.coding import expand_g711 as expand

EVERY_CODE = bytes(range(256))


def samples(data: bytes, law: str) -> tuple[int, ...]:
    pcm = expand(data, law)
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def test_mu_law_has_the_values_of_its_table() -> None:
    assert samples(b"\x00\x80\x7f\xff\x0f\x8f", "audio/pcmu") == (-32124, 32124, 0, 0, -16764, 16764)


def test_a_law_has_the_values_of_its_table() -> None:
    assert samples(b"\x55\xd5\x2a\xaa", "audio/pcma") == (-8, 8, -32256, 32256)


@pytest.mark.parametrize(("law", "name"), [("audio/pcmu", "mulaw"), ("audio/pcma", "alaw")])
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to compare with")
def test_every_code_gives_what_ffmpeg_gives(law: str, name: str) -> None:
    command = ["ffmpeg", "-v", "error", "-f", name, "-ar", "8000", "-i", "-", "-f", "s16le", "-"]
    theirs = subprocess.run(command, input=EVERY_CODE, capture_output=True, check=True).stdout
    assert expand(EVERY_CODE, law) == theirs


def test_nothing_gives_nothing() -> None:
    assert expand(b"", "audio/pcmu") == b""
