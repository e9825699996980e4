"""The JSON of the commands that have no `PlaybackReport`; `oggstream.report` is not loaded for them, it takes 10 ms."""

from __future__ import annotations

from typing import Any

SCHEMA = 1  # as `oggstream.report.SCHEMA`
NO_AUDIO = {"channels": 0, "sample_rate": 48000, "samples": 0, "seconds": 0.0}
NO_STREAM = {
    "bytes": 0,
    "pages": 0,
    "packets": 0,
    "links": 0,
    "holes": 0,
    "bad_packets": 0,
    "complete": False,
    "warnings": [],
}


def as_json(error: Exception | None, **parts: Any) -> str:
    """One JSON object: what every report has, and ``parts``. ``error`` is why the command failed, or None."""
    import json

    told = {"type": type(error).__name__, "message": str(error), "request_id": None} if error else None
    return json.dumps({"schema": SCHEMA, "completed": error is None, **parts, "error": told})
