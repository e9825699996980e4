"""From decoded frames to the samples that a ring holds: channels and rate."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .frame import RATE, PcmFrame
from .layout import mix_matrix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUALITY = "HQ"  # soxr's; holds back about 3 ms of sound at 48 to 44.1 kHz, half of what the next better one does


class Converter:
    """Gives frames the ``channels`` and the ``rate`` (samples per second) of a ring.

    Frames may change their channels and rate from one to the next; what comes out is one unbroken signal. Mono goes to
    both front channels, stereo to mono as half the sum, more channels by the matrices of RFC 7845 section 5.1.1.5.
    A frame that is right already passes through without a copy. Other rates are resampled with a linear phase that
    holds back a few milliseconds, which `finish` gives out; the total is the input's length at the new rate, to the
    sample. With ``via`` everything is mixed to that many channels first.
    """

    def __init__(self, channels: int, rate: int = RATE, via: int | None = None) -> None:
        self.channels = channels
        self.rate = rate
        self._via = via
        self._resampler: Any = None  # soxr.ResampleStream
        self._input_rate = rate

    def convert(self, frame: PcmFrame) -> list[NDArray[np.float32]]:
        """Return float32 arrays of shape (samples, channels), C-contiguous, none of them empty."""
        import numpy as np

        pcm = np.ascontiguousarray(self._mix(frame.pcm), np.float32)
        rest = []
        if frame.rate != self._input_rate:
            rest = self.finish()
            self._input_rate = frame.rate
        return rest + _filled(self._resample(pcm))

    def finish(self) -> list[NDArray[np.float32]]:
        """Return what the resampler still holds, after the last frame. A frame that follows begins anew."""
        import numpy as np

        if self._resampler is None:
            return []
        resampler, self._resampler = self._resampler, None
        return _filled(resampler.resample_chunk(np.empty((0, self.channels), np.float32), last=True))

    def _mix(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        channels = pcm.shape[1]
        via = self._via or channels
        if channels == via == self.channels:
            return pcm
        return pcm @ _matrix(channels, via, self.channels)

    def _resample(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._input_rate == self.rate:
            return pcm
        if self._resampler is None:
            import soxr

            self._resampler = soxr.ResampleStream(self._input_rate, self.rate, self.channels, "float32", QUALITY)
        out: NDArray[np.float32] = self._resampler.resample_chunk(pcm)
        return out


@cache
def _matrix(channels: int, via: int, out: int) -> NDArray[np.float32]:
    """What to multiply samples of ``channels`` with for ``out`` channels, by way of ``via``."""
    import numpy as np

    matrix: NDArray[np.float32] = (np.array(mix_matrix(channels, via)) @ np.array(mix_matrix(via, out))).astype(
        np.float32
    )
    return matrix


def _filled(pcm: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [pcm] if len(pcm) else []
