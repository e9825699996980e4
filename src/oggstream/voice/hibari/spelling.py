"""Words that no dictionary has: read by hibari's network from letters to phonemes, which the first such word loads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .letters import Letters


class Spelling:
    """Called with a word, it gives its phonemes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._letters: Letters | None = None

    def __call__(self, word: str) -> str | None:
        """The phonemes of ``word``; None if no letter of it is known."""
        if self._letters is None:
            from .letters import Letters
            from .onnx_weights import read_tensors

            known = json.loads((self._folder / "oov.json").read_bytes())
            self._letters = Letters(known, read_tensors((self._folder / "oov.onnx").read_bytes()))
        return self._letters.read(word)
