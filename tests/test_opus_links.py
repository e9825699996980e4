from __future__ import annotations

from ogg_build import headers, page, raw_page
from oggstream.ogg.page import Page, PageReader
from oggstream.opus import links as links_module
from oggstream.opus.head import OpusHead
from oggstream.opus.links import Link, LinkFinder

BOS = 2
VORBIS = b"\x01vorbis and more"
HEAD = bytes(OpusHead.simple(1, 312))


def parsed(*pages: bytes) -> list[Page]:
    return [part for part in PageReader().feed(b"".join(pages)) if isinstance(part, Page)]


def find(finder: LinkFinder, *pages: bytes) -> list[Link | None]:
    return [finder.find(each, 0) for each in parsed(*pages)]


def serials(*pages: bytes) -> list[int | None]:
    return [link.head.serial if link else None for link in find(LinkFinder(), *pages)]


def test_pages_of_the_stream_that_began_are_found() -> None:
    assert serials(*headers(serial=5), page(b"a", serial=5)) == [5, 5, 5]


def test_pages_of_a_stream_that_never_began_are_ignored() -> None:
    assert serials(page(b"a", serial=5), *headers(serial=5), page(b"b", serial=6)) == [None, 5, 5, None]


def test_first_opus_stream_of_a_group_is_played_and_the_others_are_not() -> None:
    group = page(VORBIS, serial=1, flags=BOS), page(HEAD, serial=2, flags=BOS), page(HEAD, serial=3, flags=BOS)
    rest = page(b"a", serial=1), page(b"b", serial=2), page(b"c", serial=3)
    assert serials(*group, *rest) == [None, 2, None, None, 2, None]


def test_second_opus_stream_is_played_if_the_first_cannot_be() -> None:
    group = page(HEAD[:18], serial=1, flags=BOS), page(HEAD, serial=2, flags=BOS)
    assert serials(*group, page(b"a", serial=1), page(b"b", serial=2)) == [None, 2, None, 2]


def test_bos_page_after_any_other_page_begins_a_new_link() -> None:
    finder = LinkFinder()
    first, _, second = find(finder, page(HEAD, flags=BOS), page(b"a"), page(HEAD, flags=BOS))
    assert first is not None
    assert second is not None
    assert first is not second


def test_bos_page_after_a_page_that_is_ignored_begins_a_new_link_too() -> None:
    pages = page(HEAD, serial=1, flags=BOS), page(b"a", serial=9), page(HEAD, serial=2, flags=BOS), page(b"b", serial=1)
    assert serials(*pages) == [1, None, 2, None]


def test_serial_number_seen_twice_in_a_group_begins_a_new_link() -> None:
    finder = LinkFinder()
    first, second = find(finder, page(HEAD, flags=BOS), page(HEAD, flags=BOS))
    assert first is not second


def test_link_without_opus_ends_the_link_before() -> None:
    pages = page(HEAD, flags=BOS), page(b"a"), page(VORBIS, serial=2, flags=BOS), page(b"b")
    assert serials(*pages) == [1, 1, None, None]


def test_link_begins_at_the_position_that_it_is_given() -> None:
    link = LinkFinder().find(parsed(*headers())[0], 777)
    assert link is not None
    assert link.timeline.position == 777


def test_head_that_does_not_end_on_its_page_cannot_be_played() -> None:
    finder = LinkFinder()
    assert find(finder, raw_page(b"\xff", HEAD + bytes(255 - len(HEAD)), flags=BOS)) == [None]
    assert "does not end on its page" in str(finder.bad_head)


def test_first_of_what_cannot_be_played_is_remembered_with_its_place() -> None:
    finder = LinkFinder()
    vorbis = page(VORBIS, serial=1, flags=BOS)
    find(
        finder, vorbis, page(HEAD[:18], serial=2, flags=BOS), page(b"?", serial=3, flags=BOS), page(HEAD[:9], flags=BOS)
    )
    assert finder.other == (0, "Vorbis")
    assert finder.bad_head is not None
    assert finder.bad_head.offset == len(vorbis) + 28
    assert "18 bytes" in str(finder.bad_head)
    assert finder.opus_at is None


def test_unknown_codec_is_called_so() -> None:
    finder = LinkFinder()
    find(finder, page(b"?", flags=BOS))
    assert finder.other == (0, "data of an unknown codec")


def test_first_head_that_can_be_played_is_remembered() -> None:
    finder = LinkFinder()
    find(finder, page(VORBIS, flags=BOS), page(HEAD, serial=2, flags=BOS), page(b"a"), page(HEAD, flags=BOS))
    assert finder.opus_at == len(page(VORBIS))


def test_serial_numbers_of_a_group_are_bounded() -> None:
    finder = LinkFinder()
    find(finder, *(page(VORBIS, serial=serial, flags=BOS) for serial in range(3000)))
    assert len(finder._group) <= links_module._MAX_GROUP
