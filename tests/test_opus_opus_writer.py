from __future__ import annotations

import pytest

from oggstream.errors import UsageError
from oggstream.ogg.page import Page, PageReader
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags
from opus_streams import tone_packets

HEAD = OpusHead.simple(1, 312, 24000, serial=77)
TAGS = OpusTags("vendor", ("TITLE=x",))


def pages_of(data: bytes) -> list[Page]:
    return [part for part in PageReader().feed(data) if isinstance(part, Page)]


def audio_of(data: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in reader.feed(data) + reader.finish() if isinstance(item, AudioPacket)]


def test_each_header_has_its_own_page() -> None:
    head, tags = pages_of(OggOpusWriter(HEAD, TAGS).headers())
    assert (head.bos, head.granule, head.body) == (True, 0, bytes(HEAD))
    assert (tags.bos, tags.granule, tags.body) == (False, 0, bytes(TAGS))
    assert head.serial == tags.serial == 77


def test_long_tags_span_pages() -> None:
    tags = TAGS._replace(padding=100_000)
    assert len(pages_of(OggOpusWriter(HEAD, tags).headers())) == 3


def test_a_full_page_leaves_with_the_next_packet() -> None:
    writer = OggOpusWriter(HEAD, TAGS, packets_per_page=2)
    packets = tone_packets(seconds=0.1)
    out = [writer.write(packet, 960) for packet in packets]
    assert [bool(data) for data in out] == [False, False, True, False, True]
    assert [page.granule for data in out for page in pages_of(data)] == [1920, 3840]


def test_the_last_page_ends_the_stream_and_has_its_last_packet() -> None:
    writer = OggOpusWriter(HEAD, TAGS)
    writer.headers()
    writer.write(b"\x08\x01", 960)
    (page,) = pages_of(writer.finish())
    assert (page.eos, page.granule, page.body, page.number) == (True, 960, b"\x08\x01", 2)


@pytest.mark.parametrize("per_page", [1, 3, 50])
def test_what_is_to_be_heard_is_what_is_read_back(per_page: int) -> None:
    writer = OggOpusWriter(HEAD, TAGS, per_page)
    packets = tone_packets(seconds=0.2)
    data = writer.headers() + b"".join(writer.write(packet, 960) for packet in packets) + writer.finish(9000)
    audio = audio_of(data)
    assert [packet.data for packet in audio] == packets
    assert sum(packet.samples - packet.trim_start - packet.trim_end for packet in audio) == 9000
    assert audio[0].trim_start == 312


def test_a_page_that_has_no_room_leaves_early() -> None:
    writer = OggOpusWriter(HEAD, TAGS, packets_per_page=1000)
    assert not writer.write(bytes(60_000), 960)
    (page,) = pages_of(writer.write(bytes(6000), 960))
    assert len(page.body) == 60_000


def test_a_packet_longer_than_a_page_spans_pages() -> None:
    writer = OggOpusWriter(HEAD, TAGS)
    assert not writer.write(bytes(70_000), 960)
    assert [page.granule for page in pages_of(writer.finish())] == [-1, 960]


def test_a_stream_without_audio_ends_with_an_empty_page() -> None:
    (page,) = pages_of(OggOpusWriter(HEAD, TAGS).finish())
    assert (page.eos, page.granule, page.body) == (True, 0, b"")


@pytest.mark.parametrize("total", [3 * 960 - 312 + 1, 2 * 960 - 312 - 1])
def test_an_end_that_the_last_page_cannot_give_is_refused(total: int) -> None:
    writer = OggOpusWriter(HEAD, TAGS)
    for _ in range(3):
        writer.write(b"\x08\x01", 960)
    with pytest.raises(UsageError, match="spans 1920 to 2880"):
        writer.finish(total)
