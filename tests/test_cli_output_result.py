"""Tests of the JSON of commands that have no `PlaybackReport`."""

from __future__ import annotations

import json
from dataclasses import asdict

from oggstream import report
from oggstream.cli.output.result import NO_AUDIO, NO_STREAM, SCHEMA, as_json
from oggstream.errors import FormatError


def test_it_agrees_with_the_report_of_a_speech() -> None:
    assert report.SCHEMA == SCHEMA
    assert asdict(report.AudioInfo()) == NO_AUDIO
    assert asdict(report.StreamInfo(complete=False)) == NO_STREAM
    error = json.loads(as_json(FormatError("no")))["error"]
    assert error == asdict(report.ErrorInfo(type="FormatError", message="no"))


def test_success_has_no_error() -> None:
    assert json.loads(as_json(None, links=[1])) == {"schema": 1, "completed": True, "links": [1], "error": None}
