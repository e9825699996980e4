"""The fades of the ring, by the click metric: energy above 8 kHz near the edge against the unbroken sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from clicks import RATE, Samples, click_db, speech
from oggstream.audio.ring import FADE_SECONDS, PcmRing

FADE = round(FADE_SECONDS * RATE)
BLOCK = 480
AFTER = 4 * BLOCK
ALLOWED_DB = -5.0


def played(ring: PcmRing, count: int) -> Samples:
    out = memoryview(bytearray(4 * count))
    for start in range(0, count, BLOCK):
        ring.read_into(out[4 * start : 4 * (start + BLOCK)], start / RATE)
    return np.frombuffer(out, np.float32)


def at(position: int, pcm: Samples) -> PcmRing:
    """A ring that has played ``pcm`` up to ``position``, and holds more."""
    ring = PcmRing(1, RATE)
    ring.begin()
    ring.write(pcm[position - BLOCK : position])
    played(ring, BLOCK)
    return ring


def cut(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = at(position, pcm)
    ring.write(pcm[position : position + AFTER])
    ring.cut()
    return played(ring, AFTER), FADE


def cut_with_little_left(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = at(position, pcm)
    ring.write(pcm[position : position + FADE // 2])
    ring.cut()
    return played(ring, AFTER), FADE // 2


def pause(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = at(position, pcm)
    ring.write(pcm[position : position + AFTER])
    ring.paused = True
    return played(ring, AFTER), FADE


def after_a_pause(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = at(position - FADE, pcm)
    ring.write(pcm[position - FADE : position + AFTER])
    ring.paused = True
    played(ring, BLOCK)
    ring.paused = False
    return played(ring, AFTER), 0


def after_a_stall(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = at(position, pcm)
    played(ring, BLOCK)
    ring.write(pcm[position : position + AFTER])
    return played(ring, AFTER), 0


def after_a_loss(pcm: Samples, position: int) -> tuple[Samples, int]:
    ring = PcmRing(1, RATE)
    ring.begin()
    ring.write(pcm[position - BLOCK : position + AFTER])
    played(ring, 2 * BLOCK)
    ring.rewind(BLOCK)
    return played(ring, AFTER), 0


EDGES = [cut, cut_with_little_left, pause, after_a_pause, after_a_stall, after_a_loss]


def clicks(edge: Callable[[Samples, int], tuple[Samples, int]]) -> list[float]:
    pcm, cuts = speech()
    found = []
    for place in cuts:
        sound, at_edge = edge(pcm, place.at)
        alone = np.concatenate((np.zeros(BLOCK, np.float32), sound))
        if at_edge:
            alone[:BLOCK] = pcm[place.at - BLOCK : place.at, 0]
        whole = pcm[place.at - BLOCK : place.at + AFTER, 0]
        found.append(click_db(alone, whole, BLOCK + at_edge, RATE))
    return found


@pytest.mark.parametrize("edge", EDGES)
def test_no_edge_clicks(edge: Callable[[Samples, int], tuple[Samples, int]]) -> None:
    found = clicks(edge)
    assert len(found) > 100
    assert np.percentile(found, 95) <= ALLOWED_DB


def test_the_metric_hears_a_hard_edge() -> None:
    def hard(pcm: Samples, position: int) -> tuple[Samples, int]:
        return np.concatenate((pcm[position : position + FADE, 0], np.zeros(AFTER - FADE, np.float32))), FADE

    assert np.percentile(clicks(hard), 50) > 0
