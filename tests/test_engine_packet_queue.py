"""The queue of received items that are not decoded yet."""

from __future__ import annotations

import pytest

from oggstream.engine.packet_queue import PacketQueue
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_reader import AudioPacket, Hole

HEAD = OpusHead.simple(1, 312)
FIRST = AudioPacket(data=b"abc", position=0, samples=960, trim_start=312, trim_end=0)
GAP = Hole(offset=100, bytes=50, position=648, samples=960, reason="a page is missing")


def test_items_leave_in_the_order_in_which_they_came() -> None:
    queue = PacketQueue()
    queue.extend([HEAD, FIRST])
    queue.extend([GAP])
    assert [queue.pop(), queue.pop(), queue.pop()] == [HEAD, FIRST, GAP]


def test_it_knows_how_long_it_sounds_and_what_it_holds() -> None:
    queue = PacketQueue()
    queue.extend([HEAD, FIRST, GAP])
    assert (len(queue), queue.samples, queue.bytes) == (3, 648 + 960, 3)
    queue.pop()
    queue.pop()
    assert (len(queue), queue.samples, queue.bytes) == (1, 960, 0)


def test_an_empty_queue_has_nothing_to_give() -> None:
    with pytest.raises(IndexError):
        PacketQueue().pop()
