"""Measures start delays and stalls: seeded services and networks, replayed in virtual time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import replays
from .row import Outcome, Row, Run, milliseconds
from .stats import median, percentile

if TYPE_CHECKING:
    from oggstream.lab.replaying import Run as Replay
    from oggstream.options import PlaybackOptions
    from oggstream.sources.captures.capture import Capture

SERVICES, UTTERANCES = 4, 10
AUDIBLE = 0.06
BEARERS = (0.128, 0.384)  # Mbit/s
SLOW_SECONDS = 60.0
UNEVEN = (0.0, 0.1, 0.3)
COST_SECONDS = 20.0


def _cold() -> PlaybackOptions:
    from oggstream.options import PlaybackOptions

    return PlaybackOptions(history=None)


def measure_start(run: Run) -> Outcome:
    """Fast services in both layouts of pages: first packet to start, cold and learnt, and audible stalls."""
    cold: list[float] = []
    warm: list[float] = []
    stalls = 0
    for layout in ("a", "b"):
        for seed in range(replays.FIRST_SEED, replays.FIRST_SEED + run.count(SERVICES)):
            lessons = [replays.fast(layout, seed, number) for number in range(replays.lessons(run))]
            options = replays.learnt(lessons, replays.history(run, f"{layout}-{seed}"))
            for number in range(replays.LESSONS, replays.LESSONS + run.count(UTTERANCES)):
                made = replays.fast(layout, seed, number)
                for found, chosen in ((cold, _cold()), (warm, options)):
                    done = replays.replay(made, chosen)
                    found.append(replays.start_delay(done))
                    stalls += sum(gap.seconds > AUDIBLE for gap in done.stalls)
    p95 = percentile(warm, 95), percentile(cold, 95)
    words = f"{milliseconds(p95[0])} learnt, {milliseconds(p95[1])} cold, {stalls} audible stalls in {2 * len(cold)}"
    figures = {"learnt_p95": p95[0], "cold_p95": p95[1], "learnt_p50": median(warm), "cold_p50": median(cold)}
    reached = p95[0] <= 0.02 and p95[1] <= 0.12 and not stalls
    return Outcome(words, reached, {**figures, "stalls": stalls, "replays": 2 * len(cold)})


def measure_thin(run: Run) -> Outcome:
    """A first page of a second, as generation B sends it, at 256 kbit/s: playing its packets against the page."""
    from oggstream.lab.replaying import shaped

    network = replays.link(replays.THIN)
    earlier = []
    for number in range(run.count(UTTERANCES)):
        made = shaped(replays.fast("b", replays.FIRST_SEED, number), network)
        earlier.append(_earlier(made, _cold()))
    words = f"{milliseconds(min(earlier))} at least, {milliseconds(median(earlier))} in the middle"
    return Outcome(words, min(earlier) >= 0.2, {"least": min(earlier), "p50": median(earlier)})


def measure_umts(run: Run) -> Outcome:
    """First sound over UMTS with outages of 1 to 3 s, against a player that waits for pages.

    Cold, against one that plays each page as soon as it is complete; learnt, against one that has learnt in the same
    way, because both then wait on purpose.
    """
    figures: dict[str, float] = {}
    for rate in BEARERS:
        cold, warm = _over_umts(run, rate)
        name = f"{rate * 1000:.0f} kbit/s"
        figures |= {f"{name}, cold": sum(cold) / len(cold), f"{name}, learnt": sum(warm) / len(warm)}
        figures |= {f"{name}, cold, p50": median(cold), f"{name}, learnt, p50": median(warm)}
    shown = [name for name in figures if not name.endswith("p50")]
    words = "; ".join(f"{name} {milliseconds(figures[name])}" for name in shown)
    return Outcome(words, min(figures[name] for name in shown[:2]) >= 0.5, figures)


def _over_umts(run: Run, rate: float) -> tuple[list[float], list[float]]:
    """How much earlier the first sound comes in each utterance, cold and learnt."""
    from dataclasses import replace

    cold, warm = [], []
    lessons = replays.lessons(run)
    for seed in range(replays.FIRST_SEED, replays.FIRST_SEED + run.count(SERVICES)):
        network = replays.umts(seed, rate=rate)
        made = [
            replays.entered(replays.fast("b", seed, number), network, f"{seed}/{number}")
            for number in range(lessons + run.count(UTTERANCES))
        ]
        options = replays.learnt(made[:lessons], replays.history(run, f"umts-{seed}"))
        pages = replace(options, early=False, history=replays.history(run, f"pages-{seed}"))
        for lesson in made[:lessons]:
            replays.replay(lesson, pages)
        for one in made[lessons:]:
            cold.append(_earlier(one, _cold()))
            warm.append(_earlier(one, options, pages))
    return cold, warm


def _earlier(made: Capture, options: PlaybackOptions, pages: PlaybackOptions = replays.PAGES) -> float:
    """Seconds by which the first sound comes earlier than that of a player that waits for ``pages``."""
    ours = replays.first_sound(replays.replay(made, options))
    return replays.first_sound(replays.replay(made, pages)) - ours


def measure_slow(run: Run) -> Outcome:
    """A minute of speech from services at 0.9 times real time, learnt, in both layouts of pages.

    Some work evenly, others take a different time for each block of speech.
    """
    starts: list[float] = []
    gaps: list[float] = []
    figures: dict[str, float] = {}
    for unevenness in UNEVEN[-run.count(10 * len(UNEVEN)) :]:
        of_these: list[float] = []
        for layout in ("a", "b"):
            for done in _slow(run, layout, unevenness):
                starts.append(replays.start_delay(done))
                of_these += [gap.seconds for gap in done.stalls]
        figures[f"stalls at {unevenness:.0%} unevenness"] = len(of_these)
        gaps += of_these
    audible = sum(gap > AUDIBLE for gap in gaps)
    each = ", ".join(f"{figures[name]:.0f} {name.removeprefix('stalls ')}" for name in figures)
    words = (
        f"{len(gaps)} stalls in {len(starts)}, {audible} over 60 ms ({each}); start {milliseconds(max(starts))} at most"
    )
    figures |= {"stalls": len(gaps), "audible": audible, "utterances": len(starts), "start_p50": median(starts)}
    figures |= {"start_max": max(starts), "longest_stall": max(gaps, default=0.0)}
    return Outcome(words, len(gaps) <= 0.1 * len(starts) and max(starts) < 0.5, figures)


def _slow(run: Run, layout: str, unevenness: float) -> Iterator[Replay]:
    seconds = run.seconds(SLOW_SECONDS, least=6)
    name = f"slow-{layout}-{unevenness}"

    def made(number: int) -> Capture:
        progress = replays.uneven(0.9, seconds, f"{replays.FIRST_SEED}/{name}/{number}", unevenness)
        return replays.capture(name, seconds, layout, progress)

    options = replays.learnt([made(number) for number in range(replays.lessons(run))], replays.history(run, name))
    for number in range(replays.LESSONS, replays.LESSONS + run.count(UTTERANCES)):
        yield replays.replay(made(number), options)


def measure_cost(run: Run) -> Outcome:
    """CPU time of policy, concealment and stretching, for a service whose every page comes late."""
    seconds = run.seconds(COST_SECONDS, least=10)
    made = replays.capture("cost", seconds, "20ms", replays.uneven(0.9, seconds, "cost"))
    figures: dict[str, float] = {}
    with _timed(figures):
        done = replays.replay(made, _cold())
    playout = done.report["playout"]
    figures = {name: value / seconds for name, value in figures.items()}
    total = sum(figures.values())
    parts = ", ".join(f"{name} {milliseconds(value)}" for name, value in figures.items())
    words = f"{milliseconds(total)} ({parts}; {playout['stretched_seconds']:.1f} s stretched"
    words += f", {playout['concealed_seconds']:.1f} s concealed)"
    return Outcome(words, total < 0.003, {**figures, "total": total})


@contextlib.contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    """Add up the time spent in the measured functions."""
    from oggstream.engine.output.decoding import SpeechDecoder
    from oggstream.engine.output.pacing import Pacing
    from oggstream.engine.output.ring_writer import RingWriter
    from oggstream.playout import seams
    from oggstream.playout.stretch import PreemptiveExpander

    watched: list[tuple[str, Any, str]] = [
        ("policy", Pacing, "decide"),
        ("policy", Pacing, "arrived"),
        ("concealment", SpeechDecoder, "tail"),
        ("concealment", RingWriter, "cover"),
        ("concealment", RingWriter, "uncover"),
        ("concealment", seams, "merge"),
        ("stretching", PreemptiveExpander, "stretch"),
    ]
    with contextlib.ExitStack() as stack:
        for name, owner, method in watched:
            spent.setdefault(name, 0.0)
            stack.callback(setattr, owner, method, getattr(owner, method))
            setattr(owner, method, _watched(getattr(owner, method), spent, name))
        yield


def _watched(work: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    def watched(*args: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*args, **more)
        finally:
            spent[name] += time.thread_time() - began

    return watched


ROWS = [
    Row(
        "start",
        "fast services (4 to 8 x, pages of a second), first packet to start, p95, in virtual time",
        "learnt <= 20 ms, cold <= 120 ms, no audible stall",
        measure_start,
    ),
    Row(
        "thin",
        "first sound of a page of a second at 256 kbit/s, against waiting for the page",
        ">= 200 ms earlier",
        measure_thin,
    ),
    Row(
        "umts",
        "first sound over UMTS with outages of 1 to 3 s, against a player that waits for pages",
        ">= 0.5 s earlier (means, 128 kbit/s)",
        measure_umts,
    ),
    Row(
        "slow",
        "a minute of speech at 0.9 x, learnt: stalls, first packet to start",
        "<= 1 stall in ten utterances, start < 0.5 s",
        measure_slow,
    ),
    Row("playout", "CPU per second of audio: policy, concealment, stretching", "< 3 ms", measure_cost),
]
