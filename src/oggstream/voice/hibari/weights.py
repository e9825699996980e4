"""The tensors of hibari's model as layers: dequantized, transposed, and multiplied ahead where they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .layers import Block, Convolution, Layer, Linear, Rows, normalized, through, twice_gelu

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Tensors: TypeAlias = "Mapping[str, NDArray[Any]]"

HEADS = 2
_HALF = 0.5  # of GELU: see `twice_gelu`


@dataclass(frozen=True, slots=True)
class Attention:
    """A layer of self-attention with its feed-forward part (Vaswani et al., 2017; normalized first)."""

    project: Linear
    join: Linear
    widen: Linear
    narrow: Linear
    heads: int = HEADS

    def __call__(self, rows: Rows) -> Rows:
        """Rows in, rows out."""
        rows = rows + self.join(self._attend(self.project(normalized(rows))))
        rows += self.narrow(twice_gelu(self.widen(normalized(rows))))
        return rows

    def _attend(self, projected: Rows) -> Rows:
        count, width = len(projected), projected.shape[1] // (3 * self.heads)
        query, key, value = projected.reshape(count, 3, self.heads, width).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width))
        scores -= scores.max(axis=2, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=2, keepdims=True)
        attended: Rows = (scores @ value).transpose(1, 0, 2).reshape(count, -1).astype(np.float32, copy=False)
        return attended


@dataclass(frozen=True, slots=True)
class Encoder:
    """Phonemes to rows. The one layer of attention is applied several times."""

    embedding: Rows
    blocks: tuple[Layer, ...]
    attention: Attention
    rounds: int
    scale: Rows
    shift: Rows

    def __call__(self, ids: Sequence[int]) -> Rows:
        """A row for each phoneme."""
        rows = through(self.blocks, self.embedding[np.asarray(ids)])
        for _ in range(self.rounds):
            rows = self.attention(rows)
        result: Rows = normalized(rows) * self.scale + self.shift
        return result


class Weights:
    """Makes layers of ``tensors``, which the names of the export lead to. All methods raise `KeyError` for others."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors

    def linear(self, matrix: str, bias: str) -> Linear:
        """Of the quantized matrix (8 bits, one scale) and the bias."""
        name = f"{matrix}_output_0"
        quantized = self._tensors[f"{name}_quantized"].astype(np.float32)
        zero = np.float32(self._tensors[f"{name}_zero_point"])
        if zero:
            quantized -= zero
        quantized *= self._tensors[f"{name}_scale"]
        return Linear(quantized, self._bias(bias))

    def normed(self, linear: Linear, norm: str) -> Linear:
        """The same behind `normalized` alone: the normalization's scale and shift are taken in."""
        scale, shift = self._tensors[f"{norm}.weight"], self._tensors[f"{norm}.bias"]
        return Linear(scale[:, None] * linear.matrix, linear.shift + (shift @ linear.matrix).astype(np.float32))

    def convolution(self, name: str) -> Convolution:
        """Of all channels; stored as (out, in, taps)."""
        kernel = self._tensors[f"{name}.weight"]
        matrix = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))
        return Convolution(Linear(matrix, self._tensors[f"{name}.bias"]), kernel.shape[2])

    def block(self, name: str, matrices: str, suffix: str = "", *, dilation: int = 1) -> Block:
        """A `Block`; ``matrices`` and ``suffix`` lead to its two quantized ones."""
        widen = self.linear(f"{matrices}1{suffix}/Transpose", f"{name}.pw1")
        narrow = self.linear(f"{matrices}2{suffix}/Transpose", f"{name}.pw2")
        gamma: Rows = self._tensors[f"{name}.gamma"]
        return Block(
            taps=np.ascontiguousarray(self._tensors[f"{name}.dw.weight"][:, 0].T),
            offset=self._bias(f"{name}.dw"),
            widen=self.normed(widen, f"{name}.norm"),
            narrow=Linear(narrow.matrix * (gamma * np.float32(_HALF)), narrow.shift * gamma),
            dilation=dilation,
        )

    def encoder(self, name: str, *, rounds: int, names: tuple[str, str, str]) -> Encoder:
        """``names``: what follows the names of its blocks' matrices, its projection, and what follows the rest."""
        blocks, projection, suffix = names
        text = f"{name}.text"
        return Encoder(
            self._tensors[f"{text}.emb.weight"],
            tuple(self.block(f"{text}.convs.{i}", f"/convs.{i}/pw", blocks) for i in range(2)),
            self._attention(f"{text}.attn", projection, suffix),
            rounds,
            self._tensors[f"{text}.norm.weight"],
            self._bias(f"{text}.norm"),
        )

    def plain_attention(self, name: str, matrices: Sequence[str], heads: int) -> Attention:
        """Of the names of four matrices that are not quantized."""
        project, join, widen, narrow = (self._tensors[matrix] for matrix in matrices[:4])
        return Attention(
            self.normed(Linear(project, self._bias(f"{name}.self_attn.in_proj_bias")), f"{name}.norm1"),
            Linear(join, self._bias(f"{name}.self_attn.out_proj")),
            self.normed(Linear(widen, self._bias(f"{name}.linear1")), f"{name}.norm2"),
            Linear(narrow * np.float32(_HALF), self._bias(f"{name}.linear2")),
            heads,
        )

    def _attention(self, name: str, projection: str, suffix: str) -> Attention:
        narrow = self.linear(f"/linear2{suffix}/Transpose", f"{name}.linear2")
        return Attention(
            self.normed(self.linear(projection, f"{name}.self_attn.in_proj_bias"), f"{name}.norm1"),
            self.linear(f"/out_proj{suffix}/Transpose", f"{name}.self_attn.out_proj"),
            self.normed(self.linear(f"/linear1{suffix}/Transpose", f"{name}.linear1"), f"{name}.norm2"),
            Linear(narrow.matrix * np.float32(_HALF), narrow.shift),
        )

    def _bias(self, name: str) -> Rows:
        bias: Rows = self._tensors[name if name.endswith("_bias") else f"{name}.bias"]
        return bias
