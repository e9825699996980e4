"""A body that is made anew goes on at the sample where the other one ended."""

from __future__ import annotations

import pytest

from oggstream.errors import SourceBrokenError
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.phrases.rejoining import ROLL, Rejoined
from scripted import spoken

ONE = spoken(2.0, packets_per_page=5)


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in (*reader.feed(body), *reader.finish()) if isinstance(item, AudioPacket)]


def samples(body: bytes) -> int:
    last = packets(body)[-1]
    return last.position + last.samples - last.trim_start - last.trim_end


def joined(had: bytes, made: bytes, *, samples: bool = False, at_a_time: int = 333) -> bytes:
    again = Rejoined(had, samples=samples)
    pieces = [made[at : at + at_a_time] for at in range(0, len(made), at_a_time)]
    return had + b"".join(map(again.feed, pieces)) + again.finish()


@pytest.mark.parametrize("at", [0, 1, 27, 500, len(ONE) - 1, len(ONE)])
@pytest.mark.parametrize("at_a_time", [1, 333, 1 << 20])
def test_the_same_bytes_are_left_out(at: int, at_a_time: int) -> None:
    assert joined(ONE[:at], ONE, at_a_time=at_a_time) == ONE


@pytest.mark.parametrize("had", [b"RIFF" + bytes(40) + b"a" * 100, b"a" * 101])
def test_of_samples_as_many_bytes_are_left_out_whatever_they_are(had: bytes) -> None:
    made = had[:44].replace(b"a", b"b") + b"b" * 200
    assert joined(had, made, samples=True)[len(had) :] == made[len(had) :]


@pytest.mark.parametrize("pages", [3, 7, 15])
def test_of_another_ogg_stream_the_rest_is_a_link_and_nothing_is_lost_or_said_twice(pages: int) -> None:
    starts = [at for at in range(len(ONE)) if ONE.startswith(b"OggS\x00", at)]
    had = ONE[: starts[pages]]
    made = spoken(2.0, packets_per_page=9)
    assert not made.startswith(had)
    whole = joined(had, made)
    assert samples(whole) == samples(made)
    again = packets(whole[len(had) :])
    assert sum(packet.trim_start for packet in again) <= ROLL + 960


def test_where_nothing_came_before_all_of_it_is_new() -> None:
    assert joined(b"", b"anything") == b"anything"


@pytest.mark.parametrize(("had", "made"), [(b"ID3mp3mp3", b"ID3xyz"), (ONE[:900], b"RIFF" + bytes(2000))])
def test_what_cannot_be_joined_is_an_error(had: bytes, made: bytes) -> None:
    with pytest.raises(SourceBrokenError, match="cannot be continued"):
        joined(had, made)
