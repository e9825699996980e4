from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from ogg_build import PRE_SKIP, SAMPLES, Reading, audio, headers, link, page
from oggstream.codec import decode_body as decode_module, frame_decoder as decoder_module
from oggstream.codec.decode_body import decode_body
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.codec.link_decoder import Int16LinkDecoder, LinkDecoder
from oggstream.errors import FormatError
from oggstream.ogg.packet import MAX_PACKET
from oggstream.ogg.page import MAX_PAGE
from oggstream.opus.budget import BURST, LINK, MAX_HOLE, SAMPLES_PER_BYTE, Budget
from oggstream.opus.head import OpusHead
from oggstream.opus.items import MAX_WARNINGS
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.refusal import MAX_JUNK
from oggstream.opus.tags import MAX_COMMENTS, OpusTags
from oggstream.opus.timeline import MAX_CONCEALED
from oggstream.opus.toc import MAX_STREAM_BYTES
from opus_streams import placed, tone_packets
from test_damage import Output

MONO = OpusHead.simple(1, 0)
LONG = b"\x0b\x06"  # six frames of 20 ms without a byte
MANY = 50
FIRST = page(bytes(MONO), flags=2)


def discrete(channels: int, streams: int = 1) -> OpusHead:
    return OpusHead(0, 1, channels, 0, 48000, 0, 255, streams, 0, bytes(channels))


def flood(packet: bytes, samples: int, count: int, head: OpusHead = MONO) -> list[bytes]:
    """A stream of full pages of the packet."""
    pages = [page(bytes(head), flags=2), page(bytes(OpusTags("x")), number=1)]
    for number in range(count):
        granule = (number + 1) * 127 * samples
        pages.append(page(*[packet] * 127, number=2 + number, granule=granule))
    return pages


def allowed(pages: list[bytes]) -> int:
    return BURST + sum(map(len, pages)) * SAMPLES_PER_BYTE


def test_the_budget_grows_with_the_bytes() -> None:
    budget = Budget()
    assert budget.room(MONO, 0) == BURST
    budget.spend(MONO, 1000)
    assert budget.room(MONO, 100) == BURST + 100 * SAMPLES_PER_BYTE - 1000
    assert budget.room(OpusHead.simple(2, 0), 0) == (BURST - 1000) // 2


@pytest.mark.parametrize(
    ("head", "expected"),
    [(MONO, 1), (OpusHead.simple(2, 0), 2), (discrete(255), 62), (discrete(8, 4), 4)],
)
def test_a_link_weighs_as_much_as_its_channels_cost(head: OpusHead, expected: int) -> None:
    assert Budget().weight(head) == expected


def test_speech_of_the_lowest_bitrate_of_opus_is_always_allowed() -> None:
    assert 6000 / 8 * SAMPLES_PER_BYTE >= 2 * 48000


def test_silence_of_two_minutes_without_a_byte_is_played() -> None:
    pages = flood(b"\x08", SAMPLES, 47)
    assert Reading(*pages).lengths == [47 * 127 * SAMPLES]


@pytest.mark.parametrize("step", [None, 1369])
def test_packets_beyond_the_budget_are_left_out_and_counted(step: int | None) -> None:
    pages = flood(LONG, 5760, 60)
    reading = Reading(*pages, step=step)
    played = 60 * 127 - reading.stats.bad_packets
    assert 0 < played == reading.stats.packets == len(reading.packets)
    assert allowed(pages) - 127 * 5760 < played * 5760 + LINK <= allowed(pages)
    assert len(reading.stats.warnings) == 1
    assert "more audio than a body of so many bytes may hold" in reading.stats.warnings[0]


def test_what_comes_after_enough_bytes_is_played_again() -> None:
    pages = flood(LONG, 5760, 60)
    ordinary = audio(200, size=250)
    end = 60 * 127 * 5760
    more = [page(packet, number=62 + at, granule=end + SAMPLES * (at + 1)) for at, packet in enumerate(ordinary)]
    assert [packet.data for packet in Reading(*pages, *more).packets[-100:]] == ordinary[-100:]


def test_many_channels_cost_more() -> None:
    pages = flood(LONG, 5760, 60, discrete(255))
    assert (Reading(*pages).stats.packets * 5760 + LINK) * 62 <= allowed(pages)


def test_links_that_may_be_mixed_to_many_channels_cost_more() -> None:
    # Found by tools/fuzz: a mono link behind one of 255 channels, to which decode mixes it.
    wide = b"".join(flood(b"\x08", SAMPLES, 1, discrete(255)))
    budget = Budget()
    budget.begin(discrete(255))
    assert budget.weight(MONO) == 1 + 61
    narrow = Reading(wide, *flood(LONG, 5760, 60))
    assert narrow.lengths[1] < 2 * BURST // 62


def test_gaps_are_concealed_within_the_budget() -> None:
    pages = headers(pre_skip=0)
    for number in range(300):
        granule = (number + 1) * (96000 + SAMPLES)
        pages.append(page(*audio(1), number=2 + 2 * number, granule=granule))
    reading = Reading(*pages)
    concealed = sum(hole.samples for hole in reading.holes)
    assert allowed(pages) - 100_000 < concealed + 300 * SAMPLES <= allowed(pages)
    assert len(reading.packets) == 300


def test_a_hole_of_many_channels_is_shorter_than_two_seconds() -> None:
    # Found by tools/fuzz: two seconds of 255 channels are 98 MB.
    for channels, expected in ((255, MAX_HOLE // 255), (8, 96000)):
        pages = [
            page(bytes(discrete(channels)), flags=2),
            page(bytes(OpusTags("x")), number=1),
            page(b"\x08", number=2, granule=SAMPLES),
            page(b"\x08", number=4, granule=200 * SAMPLES),
        ]
        assert [hole.samples for hole in Reading(*pages).holes] == [expected]


def test_links_count_for_the_making_of_their_decoders() -> None:
    tiny = b"".join(
        page(bytes(discrete(255)), flags=2, serial=number) + page(b"\x08", number=1, serial=number, granule=SAMPLES)
        for number in range(500)
    )
    reading = Reading(tiny)
    assert reading.stats.links == len(reading.heads) < 500
    assert reading.stats.links * (LINK + SAMPLES) * 62 <= allowed([tiny])
    assert sum(reading.lengths) == reading.stats.links * SAMPLES


def test_an_ordinary_chain_of_short_links_is_played() -> None:
    chain = b"".join(b"".join(link(audio(3), serial=number)) for number in range(400))
    assert Reading(chain).lengths == [3 * SAMPLES - PRE_SKIP] * 400


@pytest.mark.parametrize("kind", [LinkDecoder, Int16LinkDecoder])
def test_a_decoder_and_its_buffers_go_with_the_last_reference(kind: type[LinkDecoder]) -> None:
    gc.collect()
    gc.disable()
    try:
        kind(discrete(255))  # what ctypes makes once for each size
        gc.collect()
        for _ in range(MANY):
            decoder = kind(discrete(255))
            decoder.decode(b"\x08abc")
            gone = weakref.ref(decoder)
            del decoder
            assert gone() is None
        assert gc.collect() < MANY  # other threads may leave some of their own
    finally:
        gc.enable()


def test_nothing_of_the_link_before_is_left_when_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = FrameDecoder()
    packets = placed(tone_packets())
    decoder.decode(MONO)
    for packet in packets:
        decoder.decode(packet)

    def refuse(*_: object) -> None:
        raise FormatError("no such decoder")

    monkeypatch.setattr(decoder_module, "LinkDecoder", refuse)
    with pytest.raises(FormatError):
        decoder.decode(OpusHead.simple(2, 0))
    assert decoder._link is None
    assert decoder._head is None


def test_nothing_is_kept_of_links_that_cannot_be_played() -> None:
    reader = OpusReader()
    for number in range(2000):
        reader.feed(page(bytes(MONO._replace(version=16)), flags=2, serial=number))
        reader.feed(page(b"x" * 100, number=1, serial=number))
    assert reader.head is None
    assert reader._links.link is None
    assert len(reader._links._group) == 1
    assert "byte 28:" in str(reader._links.bad_head)


def test_links_beyond_those_listed_are_decoded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "MAX_LINKS", 2)
    chain = b"".join(b"".join(link(audio(3), serial=number)) for number in range(4))
    output = Output()
    result = decode_body([chain], output.open)
    assert (result.stream["links"], len(result.links)) == (4, 2)
    assert result.audio["samples"] == 4 * (3 * SAMPLES - PRE_SKIP)
    assert [found["samples"] for found in result.links] == [3 * SAMPLES - PRE_SKIP] * 2
    assert result.stream["warnings"] == ["more than 2 links: one is not listed"] * 2


def test_tags_beyond_those_listed_are_left_out_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "MAX_TAGS", 100)
    chain = b"".join(b"".join(link(audio(3), serial=number)) for number in range(2))
    result = decode_body([chain], Output().open)
    assert [found["vendor"] for found in result.links] == ["test", None]
    assert "more than 100 characters of tags" in result.stream["warnings"][0]


def test_the_page_of_limits_has_these_values() -> None:
    text = (Path(__file__).parent.parent / "docs" / "limits.md").read_text(encoding="utf-8")
    assert (MAX_PAGE, MAX_PACKET, MAX_STREAM_BYTES, MAX_COMMENTS) == (65307, 4 << 20, 61440, 16384)
    assert (MAX_JUNK, MAX_CONCEALED, MAX_WARNINGS) == (256 << 10, 96000, 50)
    assert (decode_module.MAX_LINKS, decode_module.MAX_TAGS) == (10000, 4 << 20)
    assert (round(48000 / SAMPLES_PER_BYTE), BURST // 48000, LINK / 48, MAX_HOLE // 96000) == (375, 120, 60, 87)
    for value in (
        "65307",
        "4 MiB",
        "61440",
        "16384",
        "256 KiB",
        "| 2 s;",
        "| 50 |",
        "10000",
        "4 Mi ",
        "375",
        "two min",
    ):
        assert value in text
