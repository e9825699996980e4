"""The sound of an engine as bodies want it: 16-bit mono of `wire.RATE`, whatever its rate, format and level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .wire import RATE

if TYPE_CHECKING:
    from .engine import Block


_spare: dict[int, list[Any]] = {}
"""Resamplers that no utterance uses, by their rates."""


class Shaper:
    """One utterance: samples at ``rate``, which are to be ``gain`` times as large. `close` it behind the last."""

    def __init__(self, rate: int, gain: float = 1.0) -> None:
        self._rate = rate
        self._gain = gain
        self._resampler = _resampler(rate) if rate != RATE else None

    def feed(self, block: Block) -> bytes:
        """Take a block; returns the samples that are ready, perhaps none."""
        view = memoryview(block)
        if view.format == "h" and self._gain == 1 and self._resampler is None:
            return view.tobytes()
        return self._resampled(_samples(view, self._gain), last=False)

    def finish(self) -> bytes:
        """The rest. The whole is as long as the blocks were."""
        if self._resampler is None:
            return b""
        import numpy as np

        return self._resampled(np.zeros(0, np.int16), last=True)

    def close(self) -> None:
        """Keep what it used for the next utterance."""
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            _spare.setdefault(self._rate, []).append(resampler)

    def place(self, sample: int) -> int:
        """Where the engine's ``sample`` is in what `feed` returns."""
        return sample * RATE // self._rate

    def _resampled(self, samples: Any, *, last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        data: bytes = samples.tobytes()
        return data


def prepare(rate: int) -> None:
    """Load what a `Shaper` needs: with numpy 0.1 s."""
    if rate != RATE:
        Shaper(rate).close()


def _resampler(rate: int) -> Any:
    if spare := _spare.get(rate):
        used = spare.pop()
        used.clear()
        return used
    import soxr

    return soxr.ResampleStream(rate, RATE, 1, dtype="int16", quality="HQ")


def _samples(view: memoryview, gain: float) -> Any:
    import numpy as np

    if view.format == "h":
        whole = np.frombuffer(view, np.int16)
        if gain == 1:
            return whole
        values = whole.astype(np.float32) * gain
    else:
        values = np.frombuffer(view, np.float32) * (gain * 32767)
    return np.clip(np.nan_to_num(np.rint(values)), -32768, 32767).astype(np.int16)
