"""Finds and loads the callback in C, if it was built with the package, and gives it rings to read.

The callback shares only memory with Python: the slots below for each stream, and the block of each ring.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..audio.block import BEFORE, LAYOUT
from .device_clock import held

if TYPE_CHECKING:
    from ..audio.ring import PcmRing

NAME = {"win32": "callback.dll", "darwin": "libcallback.dylib"}.get(sys.platform, "libcallback.so")
SWITCH = "OGGSTREAM_PYTHON_CALLBACK"
"""If this environment variable is set to anything, the callback in Python is used."""

# The slots of an output: the same numbers as in callback.c. The first four are the loop's, the rest the callback's.
RING, LEAD, LATENCY, WIDTH = range(4)  # RING: the address of a block, or 0; LATENCY: double; WIDTH: channels
CALLBACKS, RETURNED, UNDERFLOWS, PLAYED, OFFSET, CALLED, AHEAD, BLOCK = range(4, 12)  # OFFSET to AHEAD: doubles
HOLDS, TOLD, LONGEST = range(12, 15)  # doubles; HOLDS is the loop's
SLOTS = 15


class CallbackAddress(NamedTuple):
    """Addresses: of a function of PortAudio's type PaStreamCallback, and of its data."""

    function: int
    data: int


class Missing(Exception):  # noqa: N818  # a reason, not a failure
    """Why the callback in C is not used."""


def is_built() -> bool:
    """Whether there is a callback in C, and it is to be used."""
    return not os.environ.get(SWITCH) and os.path.exists(_path())


def _path() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), NAME)


@functools.cache
def _load() -> ctypes.PyDLL:
    """The library. Raises `Missing`."""
    path = _path()
    if not os.path.exists(path):
        raise Missing("it was not built with the package, which takes a C compiler")
    try:
        library = ctypes.PyDLL(path)
        library.oggstream_clock.restype = ctypes.c_double
        library.oggstream_fence.restype = None
        library.oggstream_withdraw.restype = ctypes.c_int64
        library.oggstream_withdraw.argtypes = [ctypes.c_void_p, ctypes.c_int64]
        layout = library.oggstream_layout()
    except (OSError, AttributeError) as error:
        raise Missing(f"{path} cannot be loaded: {error}") from error
    if layout != LAYOUT:
        raise Missing(f"{path} is of another version")
    return library


def library() -> ctypes.PyDLL:
    """The library with the callback. Raises `Missing` if there is none or it is not wanted."""
    if os.environ.get(SWITCH):
        raise Missing(f"{SWITCH} is set")
    return _load()


def address_of(memory: bytearray) -> int:
    """The address of ``memory``, valid while the object lives."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class NativeCallback:
    """The callback in C over the same rings. It does not wait for the interpreter's lock.

    ``now`` is the event loop's clock. Raises `Missing`.
    """

    kind = "c"

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._library = library()
        self._memory = bytearray(SLOTS * 8)
        self._counters = memoryview(self._memory).cast("q")
        self._numbers = memoryview(self._memory).cast("d")
        self._numbers[OFFSET] = -float("inf")  # none was seen
        self._pinned = False
        self._rings: list[PcmRing] = []  # the one before, and the present one
        self._retired: list[tuple[PcmRing, int]] = []  # older ones, and how many calls may have seen them

    @property
    def callback(self) -> CallbackAddress:
        """The addresses that PortAudio gets. From then on, until `release`, the memory stays where it is.

        It does so even if the sink is forgotten, the event loop closed, or the interpreter ended: a device that hangs
        may go on calling until the process is gone.
        """
        if not self._pinned:
            self._pinned = True
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))  # a reference that the interpreter's end does not drop
        function = ctypes.cast(self._library.oggstream_callback, ctypes.c_void_p).value
        assert function is not None
        return CallbackAddress(function, address_of(self._memory))

    @property
    def callbacks(self) -> int:
        """How often the device asked for samples."""
        return self._counters[CALLBACKS]

    @property
    def underflows(self) -> int:
        """How often the device ran dry: it said so, or called too late."""
        return self._counters[UNDERFLOWS]

    @property
    def longest_gap(self) -> float:
        """The longest time between two calls that the device could not bridge, in seconds; 0 if there was none."""
        return self._numbers[LONGEST]

    @property
    def played(self) -> int:
        """Samples that the device got, silence included."""
        return self._counters[PLAYED]

    @property
    def called(self) -> float | None:
        """When the device last asked, on the event loop's clock."""
        return self._numbers[CALLED] + self._clock_offset() if self.callbacks else None

    @property
    def latest(self) -> tuple[float, int]:
        """The latest block: how many seconds it was ahead of the converter, and its number of samples."""
        return self._numbers[AHEAD], self._counters[BLOCK]

    def settle(self, *, channels: int, latency: float, lead: int) -> None:
        """Store the properties of the opened stream."""
        self._numbers[LATENCY] = latency
        self._numbers[HOLDS] = held(latency)
        self._counters[LEAD] = lead
        self._counters[WIDTH] = channels

    def play(self, ring: PcmRing) -> None:
        """Read ``ring`` from the next block on; one that is being cut fades out first."""
        ring.share(self)
        ring.clock_offset = self._clock_offset()
        ring.block.counters[BEFORE] = self._counters[RING]
        self.fence()
        self._counters[RING] = address_of(ring.block.memory)
        self.fence()
        self._keep(ring)

    def fence(self) -> None:
        """Order the memory accesses before the call and after it."""
        self._library.oggstream_fence()

    def withdraw(self, memory: bytearray, position: int) -> int:
        """`PcmRing.withdraw`, on the ``memory`` of a ring's block."""
        return int(self._library.oggstream_withdraw(address_of(memory), position))

    def release(self) -> None:
        """Forget the rings; the stream is closed."""
        self._counters[RING] = 0
        self._rings.clear()
        self._retired.clear()
        if self._pinned:
            self._pinned = False
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self))

    def _keep(self, ring: PcmRing) -> None:
        """Keep ``ring``, the one before it, and those that a running call may still use."""
        begun, returned = self._counters[CALLBACKS], self._counters[RETURNED]
        self._retired = [(old, calls) for old, calls in self._retired if calls > returned]
        if len(self._rings) == 2:
            self._retired.append((self._rings.pop(0), begun))
        self._rings.append(ring)

    def _clock_offset(self) -> float:
        """Seconds from the library's clock to the loop's."""
        return max(self._now() - float(self._library.oggstream_clock()) for _ in range(3))  # held up between the two
