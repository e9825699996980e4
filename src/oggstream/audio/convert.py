"""From decoded frames to the samples that a ring holds: channels and rate."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .arrays import doubled, is_view
from .frame import RATE, PcmFrame
from .layout import mix_matrix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .resample import Resampler


class Converter:
    """Gives frames the ``channels`` and the ``rate`` (samples per second) of a ring.

    Frames may change their channels and rate from one to the next; what comes out is one unbroken signal. Mono goes to
    both front channels, stereo to mono as half the sum, more channels by the matrices of RFC 7845 section 5.1.1.5.
    A frame that is right already passes through without a copy. Other rates are resampled with a linear phase, which
    holds back 112 samples of the lower rate, 5 ms at 24 kHz, until `finish` gives them out; the total is the input's
    length at the new rate, to the sample. With ``via`` everything is mixed to that many channels first.
    """

    def __init__(self, channels: int, rate: int = RATE, via: int | None = None) -> None:
        self.channels = channels
        self.rate = rate
        self._via = via
        self._resampler: Resampler | None = None
        self._input_rate = rate

    def convert(self, frame: PcmFrame) -> list[NDArray[np.float32]]:
        """Return float32 arrays of shape (samples, channels), C-contiguous, none of them empty.

        A view of memory (`oggstream.audio.arrays`) that needs no numpy is returned as one.
        """
        if is_view(frame.pcm) and self._takes_view(frame):
            return _filled(frame.pcm if frame.pcm.shape[1] == self.channels else doubled(frame.pcm))
        import numpy as np

        pcm = np.ascontiguousarray(self._mix(np.asarray(frame.pcm)), np.float32)
        rest = []
        if frame.rate != self._input_rate:
            rest = self.finish()
            self._input_rate = frame.rate
        return rest + _filled(self._resample(pcm))

    def _takes_view(self, frame: PcmFrame) -> bool:
        channels = frame.pcm.shape[1]
        as_it_is = channels == self.channels or (channels == 1 and self.channels == 2)
        return as_it_is and self._via in (None, channels) and frame.rate == self._input_rate == self.rate

    def expect(self, rate: int) -> None:
        """Frames of that rate will come first: make what they need, which takes 0.2 to 4 ms the first time."""
        if self._resampler is None:
            self._input_rate = rate
            if rate != self.rate:
                self._resampler = self._new_resampler()

    def finish(self) -> list[NDArray[np.float32]]:
        """Return what the resampler still holds, after the last frame. A frame that follows begins anew."""
        if self._resampler is None:
            return []
        resampler, self._resampler = self._resampler, None
        return _filled(resampler.finish())

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
            self._resampler = self._new_resampler()
        return self._resampler.feed(pcm)

    def _new_resampler(self) -> Resampler:
        from .resample import resampler

        return resampler(self._input_rate, self.rate, self.channels)


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
