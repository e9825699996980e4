"""The layers of hibari's network in numpy: rows are places in time, columns are channels.

A block is made so that a sentence can pass in pieces: it keeps the rows that the next piece needs beside its own, and
what it gives, it gives once and in order. Any split of the rows gives the same sound, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rows: TypeAlias = "NDArray[np.float32]"

EPSILON = 1e-5

# erf(x / sqrt 2) = tanh(x P(x^2)) for |x| < 6, and both are 1 beyond. Fitted: GELU is at most 2.6e-5 off.
_ERF = (0.7975079, 0.03700565, -0.000351517)
_FITTED_SQUARE = 36.0


def normalized(rows: Rows) -> Rows:
    """Layer normalization without its scale and shift, which are folded into the matrix that follows."""
    centred: Rows = rows - rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", centred, centred) / np.float32(rows.shape[1])
    centred *= (1 / np.sqrt(variance + np.float32(EPSILON)))[:, None]
    return centred


def twice_gelu(rows: Rows) -> Rows:
    """``2 x`` GELU, in place; the half is folded into the matrix that follows. numpy has no erf: see `_ERF`."""
    square = rows * rows
    np.minimum(square, np.float32(_FITTED_SQUARE), out=square)
    inner = square * np.float32(_ERF[2])
    inner += np.float32(_ERF[1])
    inner *= square
    inner += np.float32(_ERF[0])
    inner *= rows
    np.tanh(inner, out=inner)
    inner += np.float32(1)
    rows *= inner
    return rows


@dataclass(frozen=True, slots=True)
class Linear:
    """``rows @ matrix + shift``; the matrix has the shape (channels in, channels out)."""

    matrix: Rows
    shift: Rows

    def __call__(self, rows: Rows) -> Rows:
        """Rows in, rows out."""
        product: Rows = rows @ self.matrix
        product += self.shift
        return product


@dataclass(frozen=True, slots=True)
class Block:
    """A ConvNeXt block (Liu et al., CVPR 2022) in one dimension."""

    taps: Rows
    """The depthwise kernel: (taps, channels)."""
    offset: Rows
    widen: Linear
    narrow: Linear
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Rows on each side that a row depends on."""
        return len(self.taps) // 2 * self.dilation

    def __call__(self, window: Rows) -> Rows:
        """``window`` is the input with `reach` rows more at each end than there are to be given."""
        count = len(window) - 2 * self.reach
        mixed = window[:count] * self.taps[0]
        product = np.empty_like(mixed)
        for index in range(1, len(self.taps)):
            begin = index * self.dilation
            np.multiply(window[begin : begin + count], self.taps[index], out=product)
            mixed += product
        mixed += self.offset
        result = self.narrow(twice_gelu(self.widen(normalized(mixed))))
        result += window[self.reach : self.reach + count]
        return result


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution over all channels, as one product of matrices: (taps * channels in, channels out)."""

    linear: Linear
    taps: int

    @property
    def reach(self) -> int:
        """Rows on each side that a row depends on."""
        return self.taps // 2

    def __call__(self, window: Rows) -> Rows:
        """As `Block`."""
        if self.taps == 1:
            return self.linear(window)
        views = np.lib.stride_tricks.sliding_window_view(window, self.taps, axis=0)  # (rows, channels, taps)
        return self.linear(views.transpose(0, 2, 1).reshape(len(views), -1))


Layer = Block | Convolution


class Passage:
    """Layers through which the rows of one sentence pass in pieces."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self._layers = layers
        self._kept: list[Rows | None] = [None] * len(layers)
        self.reach = sum(layer.reach for layer in layers)
        """Rows on each side that a row depends on."""

    def feed(self, rows: Rows, *, last: bool = False) -> Rows:
        """The rows that are complete now: all but as many as the layers reach together, and with ``last`` the rest."""
        for index, layer in enumerate(self._layers):
            window = self._window(index, rows, layer.reach, last=last) if layer.reach else rows
            if len(window) <= 2 * layer.reach:
                return rows[:0]
            rows = layer(window)
        return rows

    def _window(self, index: int, rows: Rows, reach: int, *, last: bool) -> Rows:
        before = self._kept[index]
        if before is None:
            before = np.zeros((reach, rows.shape[1]), np.float32)
        parts = [before, rows]
        if last:
            parts.append(np.zeros((reach, rows.shape[1]), np.float32))
        window = np.concatenate(parts)
        self._kept[index] = window[-2 * reach :]
        return window


def through(layers: tuple[Layer, ...], rows: Rows) -> Rows:
    """All rows at once."""
    return Passage(layers).feed(rows, last=True)
