"""From frames of a spectrum to samples at 24 kHz, in pieces.

A frame holds five parts of `BINS` numbers each: level and phase of what the pulses of the voice excite, the level of
the noise, level and phase of the rest. With P the spectrum of a train of pulses at the pitch, and Z complex noise:

    S = exp(level) e^(i pi tanh(phase)) P + exp(noise) Z + exp(rest) e^(i rest_phase)

The sound is the inverse short-time Fourier transform of S with a Hann window of 1200 samples and steps of 300.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .network import BINS, Frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .layers import Rows

RATE = 24000
HOP = 300
"""Samples of a frame."""

_WINDOW = 4 * HOP
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
_PULSE_WINDOW = _HANN / np.float32(_WINDOW / 4)
_OUT_WINDOW = _HANN / np.float32(1.5)  # the squares of the four windows over a sample add up to 1.5
_AHEAD = 2
"""Frames that a sample depends on behind its own."""

_VOICED_HZ, _HIGHEST_HZ = 40.0, 11000.0
_LOUDEST = 7.0  # an exponent
_SMALL_SINE = 2e-3


class Pulses:
    """Trains of pulses: all harmonics of the pitch up to 11 kHz, in phase. Silent below 40 Hz."""

    def __init__(self) -> None:
        self._phase = 0.0  # turns
        self._pitch: Rows | None = None  # of the last two frames

    def feed(self, pitch: Rows, *, last: bool) -> Rows:
        """The samples of all frames but the newest, which lacks its successor; with ``last`` of all."""
        before = self._pitch if self._pitch is not None else pitch[:1]
        pitch = np.concatenate((before, pitch, pitch[-1:] if last else pitch[:0]))
        self._pitch = pitch[-2:]
        return self._train(_interpolated(pitch)) if len(pitch) > 2 else np.zeros(0, np.float32)

    def _train(self, pitch: Rows) -> Rows:
        """``sum of cos(h t) for h <= H`` is ``sin((H + 1/2) t) / (2 sin(t / 2)) - 1/2``."""
        silent = pitch <= _VOICED_HZ
        pitch = np.maximum(pitch, np.float32(_VOICED_HZ))
        turns = np.cumsum(pitch, dtype=np.float64) / RATE + self._phase
        turns -= np.floor(turns)
        self._phase = float(turns[-1])
        angle = (turns * (2 * np.pi)).astype(np.float32)
        harmonics = np.floor(np.float32(_HIGHEST_HZ) / pitch) + np.float32(0.5)
        sine = np.sin(angle * np.float32(0.5)) * np.float32(2)
        at_peak = np.abs(sine) <= _SMALL_SINE
        sine[at_peak] = 1
        train: Rows = np.sin(harmonics * angle) / sine
        train[at_peak] = harmonics[at_peak]
        train -= np.float32(0.5)
        train[silent] = 0
        return train


class Synthesizer:
    """The sound of one sentence from its frames. The noise comes from ``seed``: the same seed sounds the same."""

    def __init__(self, seed: int) -> None:
        self._noise = np.random.default_rng(seed)
        self._pulses = Pulses()
        self._train = np.zeros(_WINDOW // 2, np.float32)  # samples that coming windows cover
        self._waiting: list[Rows] = []  # spectra whose pulses are not known yet
        self._tail = np.zeros(_WINDOW - HOP, np.float32)  # of windows that reach into samples to come
        self._early = _AHEAD * HOP  # samples before the first that still come out of the windows

    def feed(self, frames: Frames, *, last: bool = False) -> Rows:
        """The samples that are complete: all but those of the last frames, which come with ``last``."""
        train = self._pulses.feed(frames.pitch, last=last)
        self._train = np.concatenate((self._train, train, np.zeros(_WINDOW // 2 if last else 0, np.float32)))
        spectrum = np.concatenate((*self._waiting, frames.spectrum))
        ready = max(0, min(len(spectrum), (len(self._train) - _WINDOW) // HOP + 1))
        self._waiting = [spectrum[ready:]]
        samples = self._overlapped(self._windows(spectrum[:ready])) if ready else np.zeros(0, np.float32)
        if last:
            samples = np.concatenate((samples, self._tail[: _AHEAD * HOP]))
        dropped = min(self._early, len(samples))
        self._early -= dropped
        return samples[dropped:]

    def _windows(self, parts: Rows) -> Rows:
        count = len(parts)
        views = np.lib.stride_tricks.sliding_window_view(self._train, _WINDOW)[::HOP][:count]
        spectrum = np.fft.rfft(views * _PULSE_WINDOW, axis=1).astype(np.complex64, copy=False)
        self._train = self._train[count * HOP :]
        level, phase, noise, rest, rest_phase = np.split(parts, 5, axis=1)
        spectrum *= _polar(level, np.tanh(phase) * np.float32(np.pi))
        z = self._noise.standard_normal((count, 2 * BINS), dtype=np.float32).view(np.complex64)
        z *= _amplitude(noise)
        spectrum += z
        spectrum += _polar(rest, rest_phase)
        windows = np.fft.irfft(spectrum, _WINDOW, axis=1).astype(np.float32, copy=False)
        windows *= _OUT_WINDOW
        return windows

    def _overlapped(self, windows: Rows) -> Rows:
        count, hops = len(windows), _WINDOW // HOP
        total = np.zeros((count + hops - 1, HOP), np.float32)
        total[: hops - 1] = self._tail.reshape(-1, HOP)
        blocks = windows.reshape(count, hops, HOP)
        for index in range(hops):
            total[index : index + count] += blocks[:, index]
        self._tail = total[count:].reshape(-1)
        return total[:count].reshape(-1)


def _interpolated(pitch: Rows) -> Rows:
    """A value for each sample of all frames but the first and the last: lines between the middles of frames."""
    along = ((np.arange(HOP, dtype=np.float32) + np.float32(0.5)) / HOP - np.float32(0.5)) % 1
    half = HOP // 2
    before, at, behind = pitch[:-2, None], pitch[1:-1, None], pitch[2:, None]
    first = before * (1 - along[:half]) + at * along[:half]
    second = at * (1 - along[half:]) + behind * along[half:]
    return np.concatenate((first, second), axis=1).reshape(-1).astype(np.float32, copy=False)


def _amplitude(level: Rows) -> Rows:
    return np.exp(np.minimum(level, np.float32(_LOUDEST)))


def _polar(level: Rows, angle: Rows) -> NDArray[np.complex64]:
    result = np.empty(level.shape, np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    result *= _amplitude(level)
    return result
