"""Fixtures for testing an application that speaks: recorded answers, a clock that jumps, a device that keeps the sound.

A pytest plugin, there wherever oggstream is installed (``-p no:oggstream`` leaves it out). It loads nothing but itself
until a test asks for one of its fixtures.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .lab.kept_sink import KeptSink, Silence
    from .sources.captures.replay_source import ReplaySource

FOLDER = "oggstream_captures"

T = TypeVar("T")


class SpeechCapture(Protocol):
    """What the fixture `speech_capture` is."""

    def __call__(self, *names: str, network: str | None = None) -> ReplaySource:
        """A source that gives the named captures, one a request, the last one again and again.

        ``network`` names a recorded network (a Mahimahi trace, or lines of `seconds Mbit/s`) that they come through.
        Raises `CaptureError` for a capture, and `UsageError` for a network, that is missing or damaged.
        """


class VirtualSpeech:
    """A virtual clock and a simulated device on it, for one test.

    ``sink`` is what the application is to play to; it is heard 20 ms after it takes a sample, as many devices are.
    """

    def __init__(self) -> None:
        import asyncio

        from .lab.kept_sink import KeptSink
        from .lab.virtual_clock import VirtualLoop

        self.sink: KeptSink = KeptSink()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run ``main`` on the clock, which begins at 0, and return its result.

        It may be called again: time goes on from there, and what was made (a `Player`) can be used further. What
        ``main`` waits for takes no time; everything else is as with `asyncio.run`. Raises `RuntimeError` in a test
        that is asynchronous itself: its loop has a clock of its own.
        """
        return self._runner.run(main)

    def time(self) -> float:
        """Seconds on the clock."""
        return self._runner.get_loop().time()

    @property
    def recording(self) -> NDArray[np.float32]:
        """What was played since the device was first started: shape (samples, channels), 48 kHz."""
        return self.sink.recording

    @property
    def first_audible(self) -> float | None:
        """When the first sample above -50 dBFS was heard, in seconds on the clock; None if none was."""
        return self.sink.first_audible

    def silences(self, longest: float) -> list[Silence]:
        """(at, seconds) of the silences between sounds that last more than ``longest`` seconds: pauses, and stalls.

        Their times are right as long as the device was never idle between two speeches.
        """
        return self.sink.silences(longest)

    def close(self) -> None:
        """Cancel what still runs on the clock, as `asyncio.run` does at its end."""
        self._runner.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where captures are looked for."""
    parser.addini(
        FOLDER, "folder of the captures that speech_capture names; without it `captures` beside the test", type="string"
    )


@pytest.fixture
def speech_capture(request: pytest.FixtureRequest) -> SpeechCapture:
    """Recorded answers by name, from the folder ``captures`` beside the test, or that of the ini option."""
    chosen = request.config.getini(FOLDER)
    folder = request.config.rootpath / chosen if chosen else request.path.parent / "captures"

    def capture(*names: str, network: str | None = None) -> ReplaySource:
        from .sources.captures.capture import load
        from .sources.captures.replay_source import ReplaySource

        captures = [load(folder / name) for name in names]
        if network is not None:
            from .lab.network import load_network
            from .lab.replaying import shaped

            way = load_network(folder / network)
            captures = [shaped(capture, way) for capture in captures]
        return ReplaySource(*captures)

    return capture


@pytest.fixture
def virtual_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualSpeech]:
    """A virtual clock with a simulated device; nothing is known about services, and nothing learnt is kept."""
    monkeypatch.setattr("oggstream.history.default_path", lambda: str(tmp_path / "oggstream-history.json"))
    speech = VirtualSpeech()
    try:
        yield speech
    finally:
        speech.close()
