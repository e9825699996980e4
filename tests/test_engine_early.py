"""Packets that are played before their page is complete, and concealment of late ones. In virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.engine import loading as codec
from oggstream.events import Event, Stalled
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from scripted import Arrival, ScriptedSource, pages, spoken

pytestmark = pytest.mark.looptime

Pcm = np.ndarray[Any, np.dtype[np.float32]]
SECOND = 48000


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


def dribbling(body: bytes, a_second: float, chunk: int = 100) -> list[Arrival]:
    """A body over a link of ``a_second`` bytes."""
    return [(at / a_second, body[at : at + chunk]) for at in range(0, len(body), chunk)]


async def speak(
    arrivals: Sequence[Arrival], text: str = "Thirteen chars and as many as it takes for three seconds.", **options: Any
) -> tuple[oggstream.PlaybackReport, Pcm, list[Event]]:
    events: list[Event] = []
    sink = NullSink(record=True)
    report = await oggstream.play_stream(
        text, source=ScriptedSource(arrivals), sink=sink, options=PlaybackOptions(**options), on_event=events.append
    )
    played = sink.recording[:, 0]
    return report, played[int(np.flatnonzero(played)[0]) :], events


async def decoded(body: bytes) -> Pcm:
    async def chunks() -> Any:
        yield body

    pcm = np.concatenate([frame.pcm async for frame in oggstream.decode_stream(chunks())])[:, 0]
    return pcm[int(np.flatnonzero(pcm)[0]) :]


async def test_the_first_sound_does_not_wait_for_the_first_page() -> None:
    body = spoken(3.0)
    page = len(b"".join(pages(body)[:3]))
    link = 1.5 * page  # bytes a second: the first page takes two thirds of one
    early, _, _ = await speak(dribbling(body, link), start_buffer=0.1)
    whole, _, _ = await speak(dribbling(body, link), start_buffer=0.1, early=False)
    assert early.timing.first_sample is not None
    assert whole.timing.first_sample is not None
    assert whole.timing.first_sample - early.timing.first_sample > 0.4
    assert early.playout.early_packets > 40
    assert whole.playout.early_packets == 0
    assert early.playout.stalls == 0


async def test_the_samples_are_those_of_whole_pages() -> None:
    body = spoken(3.0)
    _, played, _ = await speak(dribbling(body, len(body) / 1.5), start_buffer=0.2, slowest=1.0)
    reference = await decoded(body)
    assert np.array_equal(played[: len(reference)], reference)


def damaged(body: bytes, page: int, at: float) -> bytes:
    """One byte of a page changed, at a share of its length."""
    parts = pages(body)
    place = round(at * len(parts[page]))
    parts[page] = parts[page][:place] + bytes([parts[page][place] ^ 0x55]) + parts[page][place + 1 :]
    return b"".join(parts)


async def test_a_page_that_proves_damaged_is_withdrawn_as_far_as_it_was_not_heard() -> None:
    body = damaged(spoken(4.0), page=3, at=0.95)
    report, _, _ = await speak(dribbling(body, len(body) / 3.2), slowest=1.0, start_buffer=0.1)
    assert report.stream.holes == 1
    assert report.playout.withdrawn_seconds > 0
    assert report.playout.unverified_seconds > 0
    assert report.completed
    assert report.audio.seconds == pytest.approx(4.0, abs=0.01)  # what was lost is concealed, and counted once


async def test_a_damaged_page_that_was_not_heard_at_all_is_as_if_whole_pages_had_been_read() -> None:
    body = damaged(spoken(3.0), page=2, at=0.5)
    arrivals = dribbling(body, 1e6)
    early, played, _ = await speak(arrivals, start_buffer=1.5)
    whole, expected, _ = await speak(arrivals, start_buffer=1.5, early=False)
    assert early.playout.unverified_seconds == 0
    assert early.stream == whole.stream
    assert np.array_equal(played, expected)


async def test_a_packet_that_is_a_little_late_is_hidden_and_nothing_of_it_is_lost() -> None:
    head, tags, *audio = pages(spoken(2.0, packets_per_page=1))
    arrivals = [(0.0, head + tags + b"".join(audio[:20]))]
    arrivals += [(0.43 + 0.02 * (n - 20), page) for n, page in enumerate(audio) if n >= 20]  # runs dry at 0.39 + 0.02
    report, played, events = await speak(arrivals, slowest=1.0, start_buffer=0.0)
    assert report.playout.stalls == 0
    assert not any(isinstance(event, Stalled) for event in events)
    assert 0.005 < report.playout.concealed_seconds < 0.08
    reference = await decoded(b"".join([head, tags, *audio]))
    rest = reference[-SECOND // 2 :]
    assert np.array_equal(np.trim_zeros(played, "b")[-len(np.trim_zeros(rest, "b")) :], np.trim_zeros(rest, "b"))


async def test_a_packet_that_is_very_late_is_a_stall_behind_a_faded_tail() -> None:
    head, tags, *audio = pages(spoken(2.0, packets_per_page=1))
    arrivals = [(0.0, head + tags + b"".join(audio[:20])), (1.5, b"".join(audio[20:]))]
    report, played, _ = await speak(arrivals, slowest=1.0, start_buffer=0.0)
    assert report.playout.stalls == 1
    assert report.playout.concealed_seconds == pytest.approx(0.06, abs=0.011)
    silence = np.flatnonzero(np.abs(played) < 1e-4)
    assert len(silence) > 0.9 * SECOND
    steps = np.abs(np.diff(played))
    assert steps.max() < 1.5 * np.abs(np.diff(await decoded(b"".join([head, tags, *audio])))).max()  # no click


async def test_without_concealment_a_late_packet_is_a_stall_at_once() -> None:
    head, tags, *audio = pages(spoken(2.0, packets_per_page=1))
    arrivals = [(0.0, head + tags + b"".join(audio[:20])), (1.5, b"".join(audio[20:]))]
    report, _, _ = await speak(arrivals, slowest=1.0, start_buffer=0.0, conceal=False)
    assert report.playout.stalls == 1
    assert report.playout.concealed_seconds == 0


async def test_a_slow_service_is_slowed_down_instead_of_stalling() -> None:
    head, tags, *audio = pages(spoken(6.0, packets_per_page=1))
    arrivals = [(0.0, head + tags), *((0.022 * n, page) for n, page in enumerate(audio))]
    text = "x" * 40 + " " + "y" * 40
    report, _, _ = await speak(arrivals, text)
    assert report.playout.stalls == 0
    assert report.playout.stretched_seconds > 0.1
    fixed, _, _ = await speak(arrivals, text, slowest=1.0, start_buffer=0.1)
    assert fixed.playout.stretched_seconds == 0
    assert fixed.playout.stalls + fixed.playout.concealed_seconds > 0
