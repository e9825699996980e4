"""The volume that the options ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KNEE = 0.8
"""The amplitude above which a peak is rounded off, so that it stays below 1: full scale."""


def at_volume(pcm: NDArray[np.float32], volume: float) -> NDArray[np.float32]:
    """Float32 samples times ``volume``; where that is more than 1, their peaks are rounded off and not cut.

    Each sample is changed for itself: samples may be withdrawn and written again without a click.
    """
    if volume == 1:
        return pcm
    import numpy as np

    loud = pcm * np.float32(volume)
    if volume > 1:
        above = np.abs(loud) - np.float32(KNEE)
        if len(above) and above.max() > 0:
            rounded = np.float32(KNEE) + np.float32(1 - KNEE) * np.tanh(above / np.float32(1 - KNEE))
            loud = np.where(above > 0, np.copysign(rounded, loud), loud)
    return loud
