"""A stretch of decoded sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 48000
"""Samples per second of Opus, and of every position in oggstream (RFC 7845 section 4)."""


class PcmFrame(NamedTuple):
    """Decoded sound, trims already taken off.

    ``pcm`` is float32 of shape (samples, channels), nominally within -1 to 1. ``position`` counts, in samples at
    48 kHz per channel, what came before it since the stream's start, over all links. ``rate`` is that of ``pcm``.
    ``concealed`` says that the samples stand in for lost ones.
    """

    pcm: NDArray[np.float32]
    position: int
    rate: int = RATE
    concealed: bool = False
