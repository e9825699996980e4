"""The JSON of a report."""

from __future__ import annotations

import json

from oggstream.report import (
    AudioInfo,
    ErrorInfo,
    PlaybackReport,
    PlayoutInfo,
    RequestInfo,
    SegmentInfo,
    StreamInfo,
    Timing,
)

REPORT = PlaybackReport(
    completed=True,
    text_chars=6,
    source="offline",
    sink="device",
    timing=Timing(request_sent=0.0123456789),
    audio=AudioInfo(channels=1, samples=60000, seconds=1.25),
    stream=StreamInfo(bytes=9120, pages=4, packets=63, links=1),
    playout=PlayoutInfo(peak_buffer_seconds=1.2),
    requests=RequestInfo(sent=1, characters=6),
    segments=[SegmentInfo(text="Hello.", start_sample=0, end_sample=60000, first_packet=0.031)],
)


def test_the_dictionary_has_every_key_that_programs_rely_on() -> None:
    data = REPORT.as_dict()
    assert list(data) == [
        *("schema", "completed", "stopped", "text_chars", "source", "sink", "format", "timing", "audio", "stream"),
        *("playout", "requests", "error", "segments", "sinks"),
    ]
    assert list(data["timing"]) == [
        *("process_start", "request_sent", "headers", "first_byte", "first_packet", "start", "first_sample"),
        *("first_audible", "end"),
    ]
    assert list(data["audio"]) == ["channels", "sample_rate", "samples", "seconds"]
    counts = ["bytes", "pages", "packets", "links", "holes", "bad_packets"]
    assert list(data["stream"]) == [*counts, "warnings", "complete"]
    assert list(data["playout"]) == [
        *("stalls", "stall_seconds", "concealed_seconds", "stretched_seconds", "device_underflows"),
        *("peak_buffer_seconds", "early_packets", "withdrawn_seconds", "unverified_seconds"),
    ]
    assert list(data["requests"]) == [
        *("sent", "retried", "characters", "request_ids", "hedged", "hedges_won", "hedged_characters"),
    ]
    assert list(data["segments"][0]) == [
        *("text", "start_sample", "end_sample", "first_packet", "spoken", "failed", "words", "words_from"),
        "engine",
    ]


def test_it_is_json_and_what_did_not_happen_is_null() -> None:
    data = json.loads(json.dumps(REPORT.as_dict()))
    assert data["schema"] == 1
    assert data["error"] is None
    assert data["timing"]["first_sample"] is None


def test_times_are_rounded_to_a_microsecond() -> None:
    assert REPORT.as_dict()["timing"]["request_sent"] == 0.012346


def test_an_error_is_told_with_its_request() -> None:
    error = ErrorInfo(type="ServerError", message="it failed", request_id="req-1")
    assert error.request_id == "req-1"
