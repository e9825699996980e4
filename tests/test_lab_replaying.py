"""Replays, in virtual time and over HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oggstream.errors import SourceBrokenError, WrongContainerError
from oggstream.events import Event
from oggstream.lab.network import Opportunities, Rates
from oggstream.lab.replaying import Job, jobs, play, served, shaped
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.captures.capture import Capture, load
from patience import PATIENCE
from replays import BODY, CAPTURE, FIXED, SIZES, replayed, virtually

CAPTURES = Path(__file__).parent / "fixtures" / "captures"


def test_a_report_has_what_the_contract_adds() -> None:
    run = replayed(CAPTURE)
    assert run.error is None
    assert run.report["completed"]
    assert run.report["source"] == "replay"
    assert run.report["text_chars"] == 9
    assert run.report["timing"]["first_packet"] == 1.0
    assert run.report["playout"]["clairvoyant_start"] == 0.0
    assert run.report["playout"]["clairvoyant_start_stretched"] == 0.0
    assert run.report["playout"]["regret"] == pytest.approx(0.0, abs=0.1)
    assert run.report["timing"]["process_start"] is None
    json.dumps(run.report)


@pytest.mark.parametrize("name", ["b_rate_0.9", "a_rate_0.8", "sentences"])
def test_the_same_replay_gives_the_same_figures_and_the_same_samples(name: str) -> None:
    def once() -> tuple[dict[str, Any], np.ndarray[Any, Any], list[Event]]:
        sink = NullSink(record=True)
        events: list[Event] = []
        job = Job(load(CAPTURES / name), 1)
        run = virtually(play(job, sink, options=PlaybackOptions(history=None), on_event=events.append))
        return run.report, sink.recording, events

    first, second = once(), once()
    assert first[0] == second[0]
    assert np.array_equal(first[1], second[1])
    assert first[2] == second[2]


def test_a_stall_is_told_with_its_place_and_length() -> None:
    run = replayed(CAPTURE._replace(arrivals=list(zip((1.0, 3.0, 3.5), SIZES, strict=True))))
    assert run.report["playout"]["stalls"] == len(run.stalls) == 1
    gap = run.stalls[0]
    heard_before = 1.0 - 312 / 48000
    assert gap.at == pytest.approx(1.0 + heard_before, abs=0.1)
    assert gap.seconds == pytest.approx(run.report["playout"]["stall_seconds"], abs=0.02)
    assert run.report["playout"]["clairvoyant_start"] == pytest.approx(2.0 - heard_before, abs=1e-5)


def test_the_course_of_playing_never_goes_back_and_ends_at_the_end() -> None:
    run = replayed(CAPTURE._replace(arrivals=list(zip((1.0, 3.0, 3.5), SIZES, strict=True))))
    assert run.played == sorted(run.played)
    assert [heard for _, heard in run.played] == sorted(heard for _, heard in run.played)
    assert run.played[0][1] == 0.0
    assert run.played[-1] == pytest.approx((run.report["timing"]["end"], 2.0), abs=1e-5)


def test_a_failure_is_part_of_the_result() -> None:
    run = replayed(CAPTURE._replace(broken="cut", arrivals=CAPTURE.arrivals[:2]))
    assert isinstance(run.error, SourceBrokenError)
    assert run.report["error"]["type"] == "SourceBrokenError"
    assert run.report["audio"]["seconds"] > 0.9
    run = replayed(Capture("a", b"<html>" * 99, [(1.0, 594)]))
    assert isinstance(run.error, WrongContainerError)
    assert run.report["playout"]["clairvoyant_start"] is None
    assert run.report["playout"]["regret"] is None


def test_rounds_go_over_all_captures() -> None:
    other = CAPTURE._replace(name="b")
    assert [(job.capture.name, job.round) for job in jobs([CAPTURE, other], repeat=2)] == [
        ("folder/a", 1),
        ("b", 1),
        ("folder/a", 2),
        ("b", 2),
    ]


def test_a_network_shapes_what_arrives_and_a_seed_says_where_it_is_entered() -> None:
    network = Opportunities(list(range(0, 5000, 7)))

    def first_times(seed: int | None) -> list[float]:
        return [job.capture.arrivals[0][0] for job in jobs([CAPTURE], repeat=3, network=network, seed=seed)]

    assert len(set(first_times(None))) == 1
    assert len(set(first_times(5))) == 3
    assert first_times(5) == first_times(5)
    assert first_times(5) != first_times(6)


def test_the_end_comes_no_sooner_than_the_last_byte() -> None:
    slow = shaped(CAPTURE._replace(ended=1.6), Rates([(0, 0.008)]))
    assert slow.ended == slow.arrivals[-1][0] > 1.6
    assert shaped(CAPTURE._replace(ended=9.0), Rates([(0, 100.0)])).ended == 9.0
    assert shaped(Capture("a", b"", []), Rates([(0, 1.0)])).ended is None
    assert shaped(CAPTURE, Rates([(0, 0.5)])).body == BODY


def test_what_is_learnt_in_one_round_serves_the_next(tmp_path: Path) -> None:
    options = PlaybackOptions(history=tmp_path / "history.json")
    for _ in range(2):
        assert replayed(load(CAPTURES / "b_rate_0.9"), options).error is None
    assert (tmp_path / "history.json").exists()


async def test_over_http_the_bytes_come_in_real_time() -> None:
    early = CAPTURE._replace(arrivals=[(at - 0.9, size) for at, size in CAPTURE.arrivals])
    early = early._replace(headers={"Content-Type": "audio/ogg", "x-request-id": "r-9"})
    async with served() as source:
        run = await play(Job(early, 1), NullSink(), options=FIXED, source=source)
    assert run.error is None
    assert run.report["source"] == "replay"
    assert run.report["requests"]["request_ids"] == ["r-9"]
    assert run.report["requests"]["characters"] == 9
    assert run.report["stream"]["bytes"] == len(BODY)
    assert run.report["timing"]["first_packet"] - run.report["timing"]["request_sent"] >= 0.1
    assert run.report["audio"]["seconds"] == 2.0


async def test_over_http_an_answer_breaks_off_as_it_did() -> None:
    broken = CAPTURE._replace(arrivals=[(0.0, SIZES[0])], body=BODY[: SIZES[0]], broken="cut", ended=0.1)
    async with served() as source:
        run = await play(Job(broken, 1), NullSink(), options=FIXED, source=source)
    assert isinstance(run.error, SourceBrokenError)
    assert run.report["audio"]["seconds"] > 0.9


async def test_over_http_only_what_is_there_can_be_had() -> None:
    from oggstream.sources.http.url_source import HttpSource

    async with served() as source:
        made: Any = source(CAPTURE)
        assert made.traits.identity == "capture||"
        await made.warm()
        await made.aclose()
        unknown = HttpSource(made._client.shown.replace("/0", "/7"), max_retries=0)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Exception, match="404"):
                async with unknown.open("", None):  # type: ignore[arg-type]
                    pass
        await unknown.aclose()
