"""The network from letters to phonemes: four layers of attention, up to four phonemes for each letter."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .layers import Linear, normalized
from .weights import Tensors, Weights

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAYERS = 4
_MATRICES = 4  # of a layer
_HEADS = 4


class Letters:
    """``known``: the letters ("in"), the phonemes ("out") and the longest word ("maxlen")."""

    def __init__(self, known: Mapping[str, Any], tensors: Tensors) -> None:
        """Raises `KeyError` or `ValueError` for the tensors of another kind of model."""
        weights = Weights(tensors)
        # The export gave the matrices numbers, in the order of their use.
        matrices = sorted((name for name in tensors if name.startswith("onnx::MatMul_")), key=lambda n: int(n[13:]))
        if len(matrices) != _LAYERS * _MATRICES + 1:
            raise ValueError(f"its network has {len(matrices)} matrices")
        self._ids = {letter: index for index, letter in enumerate(known["in"], 1)}
        self._phonemes = ["", *known["out"]]
        self._longest = int(known["maxlen"])
        self._embedding = tensors["m.emb.weight"]
        self._places = tensors["m.pos"]
        self._layers = [
            weights.plain_attention(f"m.layers.{layer}", matrices[layer * _MATRICES :], _HEADS)
            for layer in range(_LAYERS)
        ]
        self._head = weights.normed(Linear(tensors[matrices[-1]], tensors["m.head.bias"]), "m.norm")

    def read(self, word: str) -> str | None:
        """The phonemes of ``word``: the likeliest at each place; repeats and blanks fall away (CTC, Graves 2006)."""
        ids = [self._ids[letter] for letter in word if letter in self._ids][: self._longest]
        if not ids:
            return None
        rows = self._embedding[np.asarray(ids)] + self._places[: len(ids)]
        for layer in self._layers:
            rows = layer(rows)
        # The columns hold the places of a letter one after the other.
        places = self._head(normalized(rows)).reshape(-1, len(self._phonemes)).argmax(axis=1)
        return "".join(self._phonemes[at] for before, at in pairwise((0, *places.tolist())) if at != before)
