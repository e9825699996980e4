"""How much latency a device needs on this machine: learnt from underruns, and remembered for a while.

The least latency is asked for first. A device that runs dry gets more of it, in steps; which step, is remembered per
device in a small file of the user's cache folder, and each hour without such an underrun takes a step back.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .devices import LATENCY, latency_for

if TYPE_CHECKING:
    from .devices import OutputDevice

STEPS = (LATENCY, 0.04, 0.08, 0.16)
"""Seconds of latency."""
RECENT_SECONDS = 10.0  # in which so many underruns
FEW = 2  # ask for more latency, in the next pause,
MANY = 4  # or at once
MARGIN = 1.25  # above the longest gap between two calls
HOUR = 3600.0  # takes a step back: two gaps find a need that lasts, and latency costs every speech
DEVICES = 16  # the least recently used are dropped
MOST_BYTES = 1 << 16  # a longer file is not ours
LOCK_SECONDS = 1.0


class LatencySteps:
    """The latency of the device that is open. ``path`` is the file, None: the usual one.

    `choose` and `remember` may block, so they belong in a thread.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._key = ""  # of the device
        self._least = LATENCY  # what it gets on a machine that is at rest
        self._latency = LATENCY
        self._dry: deque[float] = deque(maxlen=MANY)  # when it ran dry

    def choose(self, device: OutputDevice) -> float:
        """The latency to open ``device`` with: more than the least if it was found to need it."""
        key = f"{device.host_api}|{device.name}"
        if key != self._key:
            self._key = key
            self._least = latency_for(device, None)
            self._latency = max(self._least, _remembered(self._load().get(key)))
        return self._latency

    def ran_dry(self, times: int, now: float) -> None:
        """The device ran dry ``times`` times since the last call; ``now`` is any steady clock's."""
        self._dry.extend([now] * min(times, MANY))
        while self._dry and now - self._dry[0] > RECENT_SECONDS:
            self._dry.popleft()

    @property
    def wants_more(self) -> bool:
        """Whether the device should be opened again with more latency, in a pause."""
        return len(self._dry) >= FEW and self._latency < STEPS[-1]

    @property
    def is_urgent(self) -> bool:
        """Whether gaps go on, so that a pause is not waited for."""
        return len(self._dry) >= MANY and self.wants_more

    def step(self, longest_gap: float) -> float:
        """Take the next step that is above ``longest_gap`` (seconds between two calls); return the latency."""
        above = [step for step in STEPS if step > self._latency] or [self._latency]
        self._latency = next((step for step in above if step >= longest_gap * MARGIN), above[-1])
        self._dry.clear()
        return self._latency

    def remember(self) -> None:
        """Write down what the device needs. What cannot be written is forgotten with this object."""
        import json

        from ..files import access

        path = self._file()
        with suppress(OSError, ValueError):
            os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
            with access.locked(path, LOCK_SECONDS):
                known = self._load()
                known.pop(self._key, None)
                known[self._key] = {"latency": self._latency, "at": round(time.time())}
                kept = dict(list(known.items())[-DEVICES:])
                access.replace(path, json.dumps(kept, separators=(",", ":")).encode("ascii"), private=True)

    def _file(self) -> str:
        if self._path is None:
            from ..files.places import cache_folder

            self._path = os.path.join(cache_folder(), "devices.json")
        return self._path

    def _load(self) -> dict[str, Any]:
        """What the file holds; nothing where it is missing or damaged."""
        import json

        from ..files.access import read_whole

        try:
            known = json.loads(read_whole(self._file(), MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return known if isinstance(known, dict) else {}


def _remembered(entry: object) -> float:
    """The latency that an entry of the file stands for today; the least for one that is none."""
    if not isinstance(entry, dict):
        return STEPS[0]
    latency, at = entry.get("latency"), entry.get("at")
    if latency not in STEPS or not isinstance(at, int) or not 0 <= at < 1 << 40:
        return STEPS[0]
    hours = max(0, int((time.time() - at) // HOUR))
    return STEPS[max(0, STEPS.index(latency) - hours)]
