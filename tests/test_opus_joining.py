"""Tests of making one stream of several bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oggstream.codec.link_decoder import LinkDecoder
from oggstream.ogg.page import PageReader
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.joining import BodyJoiner
from oggstream.opus.opus_reader import OpusReader
from scripted import spoken

FIXTURES = Path(__file__).parent / "fixtures"
JOINT = 960  # of silence


def joined(*bodies: bytes, step: int = 777) -> bytes:
    joiner, out = BodyJoiner(), b""
    for body in bodies:
        for at in range(0, len(body), step):
            out += joiner.feed(body[at : at + step])
        out += joiner.end()
    return out + joiner.last


def read(body: bytes) -> tuple[list[OpusHead], list[AudioPacket], OpusReader]:
    reader = OpusReader()
    items = reader.feed(body) + reader.finish()
    heads = [item for item in items if isinstance(item, OpusHead)]
    return heads, [item for item in items if isinstance(item, AudioPacket)], reader


def heard(body: bytes) -> int:
    return sum(packet.samples - packet.trim_start - packet.trim_end for packet in read(body)[1])


@pytest.mark.parametrize("name", ["generation_a.opus", "chained.opus", "stereo.opus", "restart.opus"])
@pytest.mark.parametrize("step", [1, 333, 1 << 20])
def test_one_body_is_given_byte_for_byte(name: str, step: int) -> None:
    body = (FIXTURES / name).read_bytes()[:30_000]
    assert joined(body, step=step) == body


def test_a_body_that_is_no_ogg_is_given_as_it_came() -> None:
    assert joined(b"RIFF one", b"RIFF two") == b"RIFF oneRIFF two"
    assert joined(b"OggS that is not", b"OggS at all") == b"OggS that is notOggS at all"


@pytest.mark.parametrize("step", [97, 1 << 20])
def test_bodies_of_one_head_share_a_link_that_is_whole(step: int) -> None:
    bodies = [spoken(1.0), spoken(0.51), spoken(0.7, serial=99)]
    out = joined(*bodies, step=step)
    heads, packets, reader = read(out)
    assert [head.serial for head in heads] == [7]
    assert (reader.complete, reader.stats.warnings, reader.stats.holes) == (True, [], 0)
    pages = PageReader().feed(out)
    assert [page.number for page in pages] == list(range(len(pages)))  # type: ignore[union-attr]
    assert [page.eos for page in pages] == [False] * (len(pages) - 1) + [True]  # type: ignore[union-attr]
    assert [packet.data for packet in packets if len(packet.data) > 3] == [
        packet.data for body in bodies for packet in read(body)[1] if len(packet.data) > 3
    ]
    trims = sum(packet.trim_end for body in bodies[:-1] for packet in read(body)[1]) + 2 * heads[0].pre_skip
    assert heard(out) == sum(map(heard, bodies)) + trims + 2 * JOINT


def test_bodies_that_differ_are_links_with_serial_numbers_of_their_own() -> None:
    bodies = [spoken(0.5), spoken(0.5, channels=2), spoken(0.5, channels=2), spoken(0.5)]
    heads, _, reader = read(joined(*bodies))
    assert [(head.serial, head.channels) for head in heads] == [(7, 1), (8, 2), (9, 1)]
    assert reader.stats.warnings == []


def test_behind_a_body_that_is_cut_short_comes_a_link_of_its_own() -> None:
    heads, _, _ = read(joined(spoken(1.0, packets_per_page=5)[:-100], spoken(0.5)))
    assert [head.serial for head in heads] == [7, 8]


def test_a_body_that_is_chained_keeps_its_links() -> None:
    chained = (FIXTURES / "chained.opus").read_bytes()
    before = read(chained)[0]
    heads, _, reader = read(joined(spoken(0.5, serial=before[0].serial), chained))
    assert heard(joined(spoken(0.5), chained)) >= heard(spoken(0.5)) + heard(chained)
    assert len({head.serial for head in heads}) == len(heads)
    assert reader.stats.warnings == []


def test_a_body_that_cannot_be_played_is_left_out() -> None:
    body = spoken(0.5)
    assert joined(body, b"OggS, but damaged", body) == joined(body, body)


def test_what_is_written_for_good_is_followed_by_a_link_of_its_own() -> None:
    joiner = BodyJoiner()
    out = joiner.feed(spoken(0.5)) + joiner.end() + joiner.last
    joiner.settle()
    out += joiner.feed(spoken(0.7)) + joiner.end() + joiner.last
    assert [head.serial for head in read(out)[0]] == [7, 8]
    assert heard(out) == heard(spoken(0.5)) + heard(spoken(0.7))


def test_a_hole_in_a_later_body_keeps_its_length() -> None:
    whole = spoken(2.0, packets_per_page=10)
    pages = PageReader().feed(whole)
    gone = pages[5]
    holed = whole[: gone.offset] + whole[gone.offset + gone.size :]
    assert abs(heard(joined(spoken(0.5), whole)) - heard(joined(spoken(0.5), holed))) <= JOINT


def decoded(body: bytes) -> NDArray[np.float32]:
    """All that the packets decode to, trims included."""
    heads, packets, _ = read(body)
    decoder = LinkDecoder(heads[0])
    sound = [bytes(decoder.buffer[: 4 * decoder.decode(packet.data)]) for packet in packets]
    return np.frombuffer(b"".join(sound), np.float32)


@pytest.mark.parametrize("silence", [0.0, 0.1])
def test_behind_a_loud_end_a_body_sounds_as_it_does_alone(silence: float) -> None:
    second = spoken(0.6, silence=silence)
    alone, together = decoded(second), decoded(joined(spoken(0.7), second))
    assert np.abs(together[-len(alone) :] - alone).max() < 0.01  # without it: 0.17, a click
