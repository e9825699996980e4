from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.opus import tags as tags_module
from oggstream.opus.tags import OpusTags

TAGS = OpusTags("Lavf60", ("ENCODER=x", "Title=Über", "title=second"))


def test_fields_are_read() -> None:
    packet = b"OpusTags\x03\x00\x00\x00abc\x01\x00\x00\x00\x04\x00\x00\x00A=\xc3\xa4"
    assert OpusTags.parse(packet) == OpusTags("abc", ("A=ä",))


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=5), st.integers(0, 900))
def test_written_tags_read_the_same(vendor: str, comments: list[str], padding: int) -> None:
    tags = OpusTags(vendor, tuple(comments), padding)
    try:
        packet = bytes(tags)
    except UnicodeEncodeError:  # lone surrogates have no UTF-8
        return
    assert OpusTags.parse(packet) == tags


def test_padding_may_be_anything() -> None:
    assert OpusTags.parse(bytes(TAGS) + b"\x01\xff?") == TAGS._replace(padding=3)


def test_wrong_utf_8_is_replaced() -> None:
    assert OpusTags.parse(b"OpusTags\x02\x00\x00\x00a\xff\x00\x00\x00\x00").vendor == "a\N{REPLACEMENT CHARACTER}"


def test_value_is_found_by_its_name_in_any_case() -> None:
    assert TAGS.get("TITLE") == "Über"
    assert TAGS.get("artist") is None


@pytest.mark.parametrize(
    ("text", "gain"),
    [
        ("-1536", -1536),
        ("+7", 7),
        ("0", 0),
        ("32767", 32767),
        ("-32768", -32768),
        ("32768", None),
        ("99999", None),
        ("123456", None),
        ("+-5", None),
        ("1.5", None),
        (" 5", None),
        ("\N{ARABIC-INDIC DIGIT ONE}", None),
        ("", None),
        ("-", None),
    ],
)
def test_gains_are_whole_numbers_of_16_bits(text: str, gain: int | None) -> None:
    tags = OpusTags("", ("r128_track_gain=" + text,))
    assert tags.track_gain == gain
    assert OpusTags("", ("R128_ALBUM_GAIN=" + text,)).album_gain == gain


def test_gains_that_are_not_there_are_none() -> None:
    assert TAGS.track_gain is None
    assert TAGS.album_gain is None


@pytest.mark.parametrize(
    ("packet", "problem", "vendor", "comments"),
    [
        (b"", "not OpusTags", "", 0),
        (b"OpusTagz", "not OpusTags", "", 0),
        (b"OpusTags", "the vendor string is cut", "", 0),
        (b"OpusTags\xff\xff\xff\xffabc", "the vendor string is cut", "", 0),
        (bytes(TAGS)[:19], "the number of comments is cut", "Lavf60", 0),
        (bytes(TAGS)[:24], "3 comments announced, 0 read", "Lavf60", 0),
        (bytes(TAGS)[:-1], "3 comments announced, 2 read", "Lavf60", 2),
        (b"OpusTags" + bytes(4) + b"\xff\xff\xff\xff", "4294967295 comments announced, 0 read", "", 0),
    ],
)
def test_damage_is_told_and_what_came_before_it_is_kept(
    packet: bytes, problem: str, vendor: str, comments: int
) -> None:
    tags = OpusTags.parse(packet)
    assert (tags.problem, tags.vendor, len(tags.comments)) == (problem, vendor, comments)


def test_number_of_comments_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags_module, "MAX_COMMENTS", 2)
    tags = OpusTags.parse(bytes(TAGS))
    assert tags.comments == TAGS.comments[:2]
    assert tags.problem == "3 comments announced, 2 read"


@given(st.binary(max_size=80).map(b"OpusTags".__add__))
def test_any_bytes_give_tags(data: bytes) -> None:
    tags = OpusTags.parse(data)
    assert sum(map(len, tags.comments)) <= len(data)
