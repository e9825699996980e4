from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from ogg_build import page
from oggstream.sniff import describe, json_message, ogg_codec


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"", "nothing"),
        (b"ID3\x04\x00", "MP3 (with an ID3 tag)"),
        (b"\xff\xfb\x90\x64", "MP3"),
        (b"\xff\xf3\x40\xc0", "MP3"),
        (b"\xff\xfd\x90\x64", "MPEG audio"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"RIFF\x24\x00\x00\x00WAVE", "WAV"),
        (b"RF64\xff\xff\xff\xffWAVE", "WAV"),
        (b"FORM\x00\x00\x00\x00AIFF", "AIFF"),
        (b"fLaC\x00", "FLAC"),
        (b"\x00\x00\x00\x20ftypM4A ", "MP4"),
        (b"\x1aE\xdf\xa3", "WebM or Matroska"),
        (b"\x1f\x8b\x08", "gzip data"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf\r\n <HTML>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"data: {}\n\n", "server-sent events"),
        (b"{}", "JSON"),
        (b"[1, 2]", "JSON"),
        (b"upstream\tconnect\nerror", "text (upstream connect error)"),
        (b"Nicht gefunden: \xc3\xbc\xc3", "text (Nicht gefunden: ü)"),
        (b"OggS", "Ogg"),
        (b"\x00\x01\x02", "unknown data (it begins with 00 01 02)"),
        (b"\xff\xff\xff\xff", "unknown data (it begins with ff ff ff ff)"),
        (b"   \n", "unknown data (it begins with 20 20 20 0a)"),
    ],
)
def test_format_is_known_by_its_first_bytes(first: bytes, name: str) -> None:
    assert describe(first) == name


@pytest.mark.parametrize(
    ("packet", "codec"),
    [
        (b"\x01vorbis", "Vorbis"),
        (b"OpusHead", "Opus"),
        (b"Speex   1.2", "Speex"),
        (b"\x7fFLAC\x01", "FLAC"),
        (b"\x80theora", "Theora"),
        (b"fishead\x00", "Skeleton"),
    ],
)
def test_ogg_is_named_by_its_codec(packet: bytes, codec: str) -> None:
    assert ogg_codec(packet) == codec
    assert describe(page(packet, flags=2)) == f"Ogg {codec}"


def test_ogg_of_an_unknown_codec_is_ogg() -> None:
    assert ogg_codec(b"other") is None
    assert describe(page(b"other")) == "Ogg"


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "it is so", "type": "x"}},
        {"error": "it is so"},
        {"detail": "it is so"},
        {"detail": [{"loc": ["body"], "msg": "it is so"}]},
        {"message": "it is so"},
        [{"message": "it is so"}],
    ],
)
def test_message_is_found_where_services_put_it(error: object) -> None:
    text = json.dumps(error)
    assert json_message(text) == "it is so"
    assert describe(text.encode()) == "JSON (it is so)"


@pytest.mark.parametrize("text", ["{}", "[]", '{"error": {}}', '{"error": null}', "3", '{"other": "x"', "[" * 5000])
def test_json_without_a_message_has_none(text: str) -> None:
    assert json_message(text) is None


def test_message_is_found_in_json_that_is_cut() -> None:
    assert json_message('{"error": {"message": "it is so", "type": "x') == "it is so"


def test_quotation_is_one_line_of_bounded_length() -> None:
    said = describe(json.dumps({"message": "long\n\x1b\u202e" + "word " * 500}).encode())
    assert said.startswith("JSON (long word word")
    assert len(said) < 220


def test_keys_are_left_out() -> None:
    said = describe(b'{"message": "Incorrect API key provided: sk-proj-AbC*****xyz. Bearer abc.def-123"}')
    assert said == "JSON (Incorrect API key provided: sk-... Bearer ...)"


@given(st.binary(max_size=200))
def test_any_bytes_have_a_description_of_one_line(first: bytes) -> None:
    said = describe(first)
    assert said
    assert said.isprintable()
