"""Sound before numpy is there: as views of memory, which are written to a ring as arrays are.

Importing numpy takes 90 ms. What arrives meanwhile is passed on as a `memoryview` of float32 with the shape (samples,
channels): it has a length and slices as an array has, and numpy's functions take it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FLOAT_BYTES = 4


def is_numpy_loaded() -> bool:
    """Whether using numpy takes no import; another thread may be in the middle of one."""
    module = sys.modules.get("numpy")
    return module is not None and not getattr(module.__spec__, "_initializing", False)


def as_view(samples: bytes | bytearray, channels: int) -> NDArray[np.float32]:
    """Interleaved float32 samples as such a view, typed as what it stands for."""
    size = len(samples) // (_FLOAT_BYTES * channels)
    view: Any = memoryview(samples).cast("f", (size, channels))
    return view  # type: ignore[no-any-return]


def is_view(pcm: object) -> bool:
    """Whether ``pcm`` is such a view."""
    return isinstance(pcm, memoryview)


def doubled(mono: Any) -> NDArray[np.float32]:
    """A view of one channel as one of two."""
    flat = mono.cast("B").cast("f")
    both = bytearray(2 * flat.nbytes)
    out = memoryview(both).cast("f")
    out[0::2] = flat
    out[1::2] = flat
    return as_view(both, 2)


def first_above(pcm: Any, level: float) -> int | None:
    """The first sample of a view, in any channel, whose magnitude is above ``level``."""
    flat = pcm.cast("B").cast("f")
    if max(flat) <= level and min(flat) >= -level:
        return None
    return next(at for at, value in enumerate(flat) if abs(value) > level) // int(pcm.shape[1])
