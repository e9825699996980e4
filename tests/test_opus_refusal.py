from __future__ import annotations

import pytest

from ogg_build import Reading, damaged, headers, link, page
from oggstream.errors import EmptyBodyError, FormatError, NoAudioError, WrongContainerError
from oggstream.opus.head import OpusHead

HEAD = bytes(OpusHead.simple(1, 312))


def refusal(*body: bytes) -> FormatError:
    error = Reading(*body).error
    assert error is not None
    assert "\n" not in str(error)
    return error


def test_empty_body_is_called_empty() -> None:
    error = refusal()
    assert type(error) is EmptyBodyError
    assert error.offset == 0
    assert "empty" in str(error)


def test_other_container_is_named_with_place_and_expectation() -> None:
    error = refusal(b"RIFF\0\0\0\0WAVEfmt " + bytes(100))
    assert type(error) is WrongContainerError
    assert (
        str(error) == "the body is WAV from byte 0 on, Ogg Opus expected; ask the service for opus, or convert the file"
    )
    assert error.offset == 0


def test_message_of_a_json_error_stands_beside_it() -> None:
    assert "JSON (no such voice)" in str(refusal(b'{"error": {"message": "no such voice"}}'))


def test_other_codec_is_named_with_its_place() -> None:
    error = refusal(b"junk", page(b"\x01vorbis", flags=2), page(b"audio", number=1))
    assert type(error) is WrongContainerError
    assert str(error).startswith("the body is Ogg Vorbis from byte 4 on, Ogg Opus expected; ")
    assert error.offset == 4


def test_pages_with_wrong_checksums_alone_are_called_that() -> None:
    error = refusal(*map(damaged, link([b"\x08abc"])))
    assert type(error) is FormatError
    assert "all 3 pages" in str(error)
    assert error.offset == 0
    assert "wrong checksum" in str(error)


def test_junk_before_pages_with_wrong_checksums_does_not_hide_them() -> None:
    assert "wrong checksum" in str(refusal(b"\x00\x01\x02", *map(damaged, headers())))


def test_mp3_with_something_like_a_page_in_it_is_mp3() -> None:
    assert "MP3" in str(refusal(b"ID3", damaged(page(b"x"))))


def test_body_that_is_cut_in_its_first_page_has_no_audio() -> None:
    error = refusal(headers()[0][:-1])
    assert type(error) is NoAudioError
    assert "cut in its first Ogg page" in str(error)
    assert error.offset == 0


def test_headers_without_audio_are_called_that() -> None:
    error = refusal(b"junk", *headers())
    assert type(error) is NoAudioError
    assert "no audio: the Opus stream at byte 4" in str(error)
    assert error.offset == 4


def test_audio_that_is_all_malformed_is_no_audio() -> None:
    assert type(refusal(*link([b"\x0b", b""]))) is NoAudioError


@pytest.mark.parametrize(("head", "found"), [(HEAD[:18], "18 bytes"), (HEAD[:8] + b"\x10" + HEAD[9:], "version 16")])
def test_head_that_cannot_be_played_is_told_by_what_is_wrong_and_where(head: bytes, found: str) -> None:
    error = refusal(page(head, flags=2), *headers()[1:])
    assert type(error) is NoAudioError
    assert found in str(error)
    assert "at byte 28" in str(error)
    assert error.offset == 28


def test_opus_that_cannot_be_played_says_more_than_another_codec() -> None:
    assert "18 bytes" in str(refusal(page(b"\x01vorbis", serial=2, flags=2), page(HEAD[:18], flags=2)))


def test_pages_of_which_none_begins_a_stream_are_called_that() -> None:
    error = refusal(page(b"\x08abc", granule=960))
    assert "none that begins a stream" in str(error)
    assert error.offset == 0
