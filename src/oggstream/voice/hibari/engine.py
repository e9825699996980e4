"""hibari as an engine: see `oggstream.voice.engine`."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import Block, SpokenWord, Utterance, VoiceInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .network import Network
    from .pronunciation import Pronunciation

RATE = 24000


class HibariEngine:
    """English, one voice, 24 kHz. ``model``: another file of the same network, instead of the one in hibari-tts."""

    rate = RATE

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._network: Network | None = None
        self._pronunciation: Pronunciation | None = None
        self._known = False  # whether the model is the one whose silence was measured

    def load(self) -> None:
        """Read the model and the dictionaries. Raises `LibraryError`, which says what to do."""
        from .package import assets

        one_thread()
        folder = assets()
        self._load_model(Path(self._model) if self._model else folder / "hibari.onnx")
        from .pronunciation import Pronunciation

        self._pronunciation = Pronunciation(folder)

    def warm(self) -> None:
        """Speak a word to nobody."""
        for _ in self.speak(Utterance("Hello there.")):
            pass

    def voices(self) -> Sequence[VoiceInfo]:
        """The voice of the package."""
        return [VoiceInfo("heart", ("en-US",), "a woman, American English (hibari, distilled from Kokoro)", "hibari")]

    def speak(self, wanted: Utterance) -> Iterator[Block | SpokenWord]:
        """The sound in blocks of up to 1.6 s, and behind the first block of each sentence its words."""
        from .speech import Speech

        assert self._network is not None
        assert self._pronunciation is not None
        seed = zlib.crc32(wanted.text.encode("utf-8", "replace"))
        speech = Speech(self._network, seed, wanted, measured=self._known)
        for sentence in self._pronunciation.script.sentences(wanted.text):
            yield from speech.sentence(sentence)
        yield from speech.finish()
        self._pronunciation.keep()

    def _load_model(self, path: Path) -> None:
        from .network import Network
        from .onnx_weights import read_tensors
        from .package import MODEL_SHA256, unusable

        try:
            data = path.read_bytes()
            self._known = hashlib.sha256(data).hexdigest() == MODEL_SHA256
            self._network = Network(read_tensors(data))
        except (OSError, ValueError, KeyError, TypeError, MemoryError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
            raise unusable(f"the model {path.name}: {what}") from error


def one_thread() -> None:
    """Let numpy multiply matrices in this thread alone: these are too small to gain from more threads.

    OpenBLAS's threads wait for each other by spinning: beside other programs that takes ten times as long.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None:
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        return
    for library in Path(str(numpy.__file__)).parents[1].glob("numpy.libs/*openblas*"):
        with suppress(OSError, AttributeError):  # another build of numpy
            ctypes.CDLL(str(library)).scipy_openblas_set_num_threads64_(1)
