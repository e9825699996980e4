"""Replays in virtual time, and a capture to replay."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from oggstream.lab.replaying import Job, Run, play
from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.captures.capture import Capture
from scripted import pages, spoken

T = TypeVar("T")
BODY = spoken(2.0)
SIZES = [sum(len(page) for page in pages(BODY)[:3]), *(len(page) for page in pages(BODY)[3:])]
CAPTURE = Capture("folder/a", BODY, list(zip((1.0, 1.25, 1.5), SIZES, strict=True)), request={"input": "Hi there."})
FIXED = PlaybackOptions(history=None, start_buffer=0.0, slowest=1.0, conceal=False)


def virtually(main: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def replayed(capture: Capture, options: PlaybackOptions = FIXED, **more: Any) -> Run:
    return virtually(play(Job(capture, 1), NullSink(), options=options, **more))
