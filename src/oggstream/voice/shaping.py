"""The sound of engines as bodies want it: 16-bit mono at 24 kHz, whatever its rate and format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bodies import RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .workers import Sound

GRANULE_RATE = 48000
"""In which the places of words are counted."""


class Shaper:
    """Takes the blocks of one engine after the other and resamples them as one sound for each rate."""

    def __init__(self) -> None:
        self.made = 0
        """Samples at 48 kHz that were given out so far."""
        self._rate = 0
        self._fed = 0  # samples at the present rate
        self._base = 0  # samples at 48 kHz of what was fed at other rates
        self._resampler: Any = None

    @property
    def position(self) -> float:
        """Where, in samples at 48 kHz, the next block will begin."""
        return self._base + (self._fed * GRANULE_RATE / self._rate if self._rate else 0)

    def feed(self, sound: Sound, gain: float = 1.0) -> bytes:
        """Take a block; returns the PCM that is ready, perhaps none."""
        before = self._at_rate(sound.rate)
        samples = _samples(sound, gain)
        self._fed += len(samples)
        return before + self._resampled(samples, last=False)

    def finish(self) -> bytes:
        """The rest. The whole has the length of the blocks, each at its rate."""
        import numpy as np

        return self._resampled(np.zeros(0, np.int16), last=True) if self._rate else b""

    def _at_rate(self, rate: int) -> bytes:
        """Be ready for blocks of ``rate``; returns the rest of those of another one."""
        if rate == self._rate:
            return b""
        rest = self.finish()
        self._base, self._fed, self._rate = self.made, 0, rate
        self._resampler = _resampler(rate)
        return rest

    def _resampled(self, samples: NDArray[np.int16], *, last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self.made += len(samples) * (GRANULE_RATE // RATE)
        return samples.tobytes()


def _resampler(rate: int) -> Any:
    if rate == RATE:
        return None
    import soxr

    return soxr.ResampleStream(rate, RATE, 1, dtype="int16", quality="HQ")


def _samples(sound: Sound, gain: float) -> NDArray[np.int16]:
    import numpy as np

    if sound.format == "h":
        whole = np.frombuffer(sound.data, np.int16)
        if gain == 1:
            return whole
        values = whole.astype(np.float32) * gain
    else:
        values = np.frombuffer(sound.data, np.float32) * (gain * 32767)
    clipped: NDArray[np.float32] = np.clip(np.nan_to_num(np.rint(values)), -32768, 32767)
    return clipped.astype(np.int16)
