"""Fixtures for testing an application that speaks: recorded answers, a virtual clock, a device that records.

A pytest plugin, active wherever oggstream is installed (``-p no:oggstream`` disables it). It imports nothing else until
a test uses one of its fixtures.
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
    """The type of the fixture `speech_capture`."""

    def __call__(self, *names: str, network: str | None = None) -> ReplaySource:
        """A source that replays the named captures, one per request, and the last one for all further requests.

        ``network`` names a recorded network (a Mahimahi trace, or lines of `seconds Mbit/s`) to pass them through.
        Raises `CaptureError` or `UsageError` if a capture or the network is missing or damaged.
        """


class VirtualSpeech:
    """A virtual clock and a simulated device on it, for one test.

    ``sink`` is the sink for the application; a sample is heard 20 ms after the sink takes it, as on many devices.
    """

    def __init__(self) -> None:
        import asyncio

        from .lab.kept_sink import KeptSink
        from .lab.virtual_clock import VirtualLoop

        self.sink: KeptSink = KeptSink()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run ``main`` on the clock, which begins at 0, and return its result.

        It may be called again: time continues, and objects (a `Player`) can still be used. Waiting takes no real
        time; everything else is as in `asyncio.run`. Raises `RuntimeError` in an asynchronous test, whose loop has a
        clock of its own.
        """
        return self._runner.run(main)

    def time(self) -> float:
        """Seconds on the clock."""
        return self._runner.get_loop().time()

    @property
    def recording(self) -> NDArray[np.float32]:
        """The samples played since the device was first started: shape (samples, channels), 48 kHz."""
        return self.sink.recording

    @property
    def first_audible(self) -> float | None:
        """When the first sample above -50 dBFS was heard, in seconds on the clock; None if none was."""
        return self.sink.first_audible

    def silences(self, longest: float) -> list[Silence]:
        """(at, seconds) of the silences between sounds that last more than ``longest`` seconds: pauses and stalls.

        The times are right only if the device was never idle between two speeches.
        """
        return self.sink.silences(longest)

    def close(self) -> None:
        """Cancel the tasks that still run on the clock, as `asyncio.run` does at its end."""
        self._runner.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option for the folder of captures."""
    parser.addini(
        FOLDER, "folder of the captures for speech_capture (default: `captures` beside the test)", type="string"
    )


@pytest.fixture
def speech_capture(request: pytest.FixtureRequest) -> SpeechCapture:
    """Recorded answers by name, from the folder ``captures`` beside the test, or from that of the ini option."""
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
    """A virtual clock with a simulated device; the history of services is empty, and is not stored."""
    monkeypatch.setattr("oggstream.history.default_path", lambda: str(tmp_path / "oggstream-history.json"))
    speech = VirtualSpeech()
    try:
        yield speech
    finally:
        speech.close()
