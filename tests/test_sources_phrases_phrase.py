"""Phrases as they are kept."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from oggstream.annotations import Word
from oggstream.options import SpeechOptions
from oggstream.sources.phrases import phrase
from oggstream.sources.phrases.phrase import Phrase, phrase_key, unpacked

WORD = Word(text="Hello", start=0, end=5, start_sample=480, end_sample=20000, told_by="service")
PHRASE = Phrase(b"OggS" + bytes(range(256)), (WORD,))


def test_what_was_packed_is_unpacked() -> None:
    assert unpacked(PHRASE.packed()) == PHRASE


@given(st.integers(0, len(PHRASE.packed()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    data = bytearray(PHRASE.packed())
    data[at] ^= change
    assert unpacked(bytes(data)) is None


@given(st.binary(max_size=100) | st.integers(0, len(PHRASE.packed()) - 1).map(lambda end: PHRASE.packed()[:end]))
def test_anything_else_is_nothing(data: bytes) -> None:
    assert unpacked(data) is None


OPTIONS = SpeechOptions(voice="anna", model="m", instructions="Kindly.", speed=1.5, language="de")


@pytest.mark.parametrize(
    "options",
    [
        replace(OPTIONS, voice="bert"),
        replace(OPTIONS, model="n"),
        replace(OPTIONS, instructions=None),
        replace(OPTIONS, speed=1.0),
        replace(OPTIONS, language="en"),
        replace(OPTIONS, format="pcm:8000"),
        replace(OPTIONS, format="pcm:24000:2"),
    ],
)
def test_whatever_changes_the_sound_changes_the_key(options: SpeechOptions) -> None:
    assert phrase_key("a", "Hello.", "", options) != phrase_key("a", "Hello.", "", OPTIONS)


def test_so_do_the_service_the_text_and_what_was_said_before_but_not_the_format() -> None:
    keys = {phrase_key(*who, OPTIONS) for who in (("a", "x", ""), ("b", "x", ""), ("a", "y", ""), ("a", "x", "z"))}
    assert len(keys) == 4
    assert phrase_key("a", "x", "", replace(OPTIONS, format="pcm")) in keys


def test_what_was_kept_by_an_older_version_is_not_called_plain() -> None:
    old = PHRASE.packed().replace(b',"plain":false', b"")
    start = len(b"oggstream phrase 1\n")
    rest = old[start + 4 :]
    rest = (int.from_bytes(rest[:4], "little") - 14).to_bytes(4, "little") + rest[4:]
    assert unpacked(old[:start] + zlib.crc32(rest).to_bytes(4, "little") + rest) == PHRASE
    assert unpacked(PHRASE._replace(plain=True).packed()) == PHRASE._replace(plain=True)


def test_another_version_of_what_is_kept_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    key = phrase_key("a", "x", "", OPTIONS)
    monkeypatch.setattr(phrase, "_MAGIC", b"oggstream phrase 2\n")
    assert phrase_key("a", "x", "", OPTIONS) != key
