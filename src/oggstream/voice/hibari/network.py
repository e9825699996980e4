"""hibari's network: phonemes to durations, pitch and a spectrum, in two stages.

The first (`Network.plan`) reads the whole sentence and gives the duration of each phoneme. The second (`Rendering`)
works from the front, in pieces, so that the first sound does not wait for the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .layers import Layer, Passage, Rows, normalized, through, twice_gelu
from .weights import Tensors, Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BINS = 601
"""Frequencies of a spectrum: those of 1200 samples at 24 kHz."""

STEP_FRAMES = 2
"""Frames (12.5 ms) in a step (25 ms), in which durations are counted."""

SHORTEST = 1
"""Steps of any phoneme."""

_DILATIONS = (1, 2, 4, 8, 1, 2)
_DECODER_BLOCKS = 8
_PARTS = 5
_PITCH_HZ = 100.0
_FEATURE_SCALE = 5.0


class Plan(NamedTuple):
    """What the first stage makes of a sentence: rows for each phoneme, and how many steps of 25 ms each takes."""

    voice: Rows
    prosody: Rows
    durations: NDArray[np.int64]


class Network:
    """The weights, ready to be used; not changed by use."""

    def __init__(self, tensors: Tensors) -> None:
        """Raises `KeyError` or `ValueError` for the tensors of another kind of model."""
        weights = Weights(tensors)
        self._voice = weights.encoder("m", rounds=4, names=("", "/Transpose_2", ""))
        self._prosody = weights.encoder("pn", rounds=6, names=("_1", "/Transpose_25", "_4"))
        self._length = (weights.convolution("pn.dur.0"), weights.convolution("pn.dur.2"))
        contour = [weights.block(f"pn.pro.{i}", f"/pro.{i}/pw", dilation=d) for i, d in enumerate(_DILATIONS)]
        self.contour: tuple[Layer, ...] = (
            weights.convolution("pn.pro_in"),
            *contour,
            weights.convolution("pn.pro_out"),
        )
        decoder = [weights.block(f"m.dec.{i}", f"/dec.{i}/pw") for i in range(_DECODER_BLOCKS)]
        self.decoder: tuple[Layer, ...] = (weights.convolution("m.dec_in"), *decoder)
        self.head = weights.normed(weights.linear("/head/Transpose", "m.head"), "m.dec_norm")
        if self.head.matrix.shape[1] != _PARTS * BINS:
            raise ValueError(f"its spectrum has {self.head.matrix.shape[1]} columns")

    def plan(self, ids: Sequence[int], speed: float) -> Plan:
        """The first stage, for the ``ids`` of a sentence with 0 at both ends; ``speed`` divides the durations."""
        prosody = self._prosody(ids)
        inner, outer = self._length
        halved = twice_gelu(through((inner,), prosody)) * np.float32(0.5)
        steps = (np.exp(through((outer,), halved)[:, 0]) - 1) / np.float32(speed)
        return Plan(self._voice(ids), prosody, np.maximum(np.rint(steps), SHORTEST).astype(np.int64))


class Frames(NamedTuple):
    """Frames of 12.5 ms: a row of ``spectrum`` is the five parts of `signal.Synthesizer`; ``pitch`` is in Hz."""

    spectrum: Rows
    pitch: Rows


class Rendering:
    """The second stage for one sentence. Any split into calls of `next` gives the same frames, up to rounding."""

    def __init__(self, network: Network, plan: Plan) -> None:
        self._head = network.head
        self._plan = plan
        self._phoneme_of = np.repeat(np.arange(len(plan.durations)), plan.durations)
        self._contour = Passage(network.contour)
        self._decoder = Passage(network.decoder)
        self._stepped = 0  # steps that the contour was fed
        self._contours = np.zeros((0, 2), np.float32)  # pitch and noise of the frames known so far
        self._fed = 0  # frames that the decoder was fed
        self._rows = np.zeros((0, 1), np.float32)  # that the decoder made, from frame `_forgotten` on
        self._forgotten = 0
        self._given = 0
        self.frames = STEP_FRAMES * len(self._phoneme_of)
        """How many there are in all."""

    @property
    def left(self) -> int:
        """Frames that were not given yet."""
        return self.frames - self._given

    def next(self, count: int) -> Frames:
        """The next ``count`` frames, or as many as are left."""
        begin, end = self._given, min(self._given + count, self.frames)
        rows = self._decoded(begin, end)
        self._given = end
        return Frames(self._head(normalized(rows)), _PITCH_HZ * self._contours[begin:end, 0])

    def skip(self, count: int) -> None:
        """Leave out the next ``count`` frames, which saves the widest of the products."""
        self._given = min(self._given + count, self.frames)

    def _decoded(self, begin: int, end: int) -> Rows:
        """The decoder's rows of the frames from ``begin`` to ``end``; those before them are forgotten."""
        fed = min(end + self._decoder.reach, self.frames)
        if fed > self._fed:
            made = self._decoder.feed(self._features(fed), last=fed == self.frames)
            self._rows = np.concatenate((self._rows, made)) if len(self._rows) else made
            self._fed = fed
        rows = self._rows[begin - self._forgotten : end - self._forgotten]
        self._rows = self._rows[end - self._forgotten :]
        self._forgotten = end
        return rows

    def _features(self, end: int) -> Rows:
        """What the decoder is fed for the frames up to ``end``."""
        steps = min(-(-end // STEP_FRAMES) + self._contour.reach, len(self._phoneme_of))
        if steps > self._stepped:
            rows = self._plan.prosody[self._phoneme_of[self._stepped : steps]]
            contours = self._contour.feed(rows, last=steps == len(self._phoneme_of))
            self._stepped = steps
            by_frame = contours.reshape(-1, 2, STEP_FRAMES).transpose(0, 2, 1).reshape(-1, 2)
            self._contours = np.concatenate((self._contours, by_frame))
        phonemes = self._phoneme_of[np.arange(self._fed, end) // STEP_FRAMES]
        pitch, noise = self._contours[self._fed : end].T
        loudness = np.log(1 + np.maximum(_PITCH_HZ * pitch, 0)) / np.float32(_FEATURE_SCALE)
        return np.column_stack((self._plan.voice[phonemes], loudness, noise)).astype(np.float32, copy=False)
