"""Kokoro as an engine (the package ``kokoro-onnx``, MIT; the model is Apache-2.0): its files are named by variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import LibraryError
from .engine import Block, SpokenWord, Utterance, VoiceInfo
from .names import NAMES
from .voice_files import KOKORO_MODEL, KOKORO_VOICES, kokoro_files, kokoro_language

RATE = 24000
SLOWEST, FASTEST = 0.5, 2.0
"""The speeds that the model takes; the rest is done by stretching."""
THREADS = 2

_USUAL = ("af_heart", "am_michael", "bf_emma", "af_bella", "am_puck", "bm_george", "am_onyx", "af_nova", "af_sarah")
_TAGS = {"en": "en-us", "en-gb": "en-gb", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}


class KokoroEngine:
    """The model, loaded with its first utterance, and its voices."""

    rate = RATE

    def __init__(self) -> None:
        self._model: Any = None
        self._names: list[str] = []

    def load(self) -> None:
        """Read the names of the voices. Raises `LibraryError` without files, or for files that are something else."""
        from zipfile import BadZipFile

        import numpy as np

        files = kokoro_files()
        if files is None:
            raise LibraryError(
                f"kokoro needs its files: name them in {KOKORO_MODEL} (.onnx) and {KOKORO_VOICES} (.bin)"
            )
        try:
            with open(files[1], "rb") as file, np.load(file) as voices:
                self._names = sorted(voices.files)
        except (OSError, ValueError, AttributeError, TypeError, EOFError, BadZipFile) as error:
            raise LibraryError(f"{files[1]} does not hold the voices of kokoro, get it anew ({error})") from error

    def warm(self) -> None:
        """Load the model and speak a word that nobody hears."""
        for _ in self.speak(Utterance("One.")):
            pass

    def voices(self) -> Sequence[VoiceInfo]:
        """The voices of the file; the first letter of a name is its language, the second its sex."""
        return [VoiceInfo(name, (kokoro_language(name),), _described(name), "kokoro") for name in self._names]

    def speak(self, wanted: Utterance) -> Iterator[Block | SpokenWord]:
        """One block: the model makes an utterance at once, in about the time that it sounds."""
        speed = min(max(wanted.speed, SLOWEST), FASTEST)
        blocks = self._blocks(wanted, speed)
        if speed == wanted.speed:
            return blocks
        from .stretch import stretched

        return stretched(blocks, RATE, speed / wanted.speed)

    def _blocks(self, wanted: Utterance, speed: float) -> Iterator[Block | SpokenWord]:
        name = self._name(wanted)
        spoken = wanted.language.partition("-")[0].lower()
        language = (
            _TAGS["en-gb"] if name.startswith("b") else _TAGS.get(kokoro_language(name)) or _TAGS.get(spoken, "en-us")
        )
        model = self._loaded()
        phonemes = model.tokenizer.phonemize(wanted.text, language)
        if model.tokenizer.tokenize(phonemes, limit=None):
            samples, _ = model.create(phonemes, name, speed=speed, lang=language, is_phonemes=True)
            yield samples

    def _name(self, wanted: Utterance) -> str:
        if wanted.voice in self._names:
            return wanted.voice
        language = wanted.language.partition("-")[0].lower()
        fitting = [name for name in self._names if kokoro_language(name) == language] or self._names
        if language == "en":
            fitting = [name for name in _USUAL if name in fitting] or fitting
        place = NAMES.index(wanted.voice) if wanted.voice in NAMES else 0
        return fitting[place % len(fitting)]

    def _loaded(self) -> Any:
        if self._model is None:
            from . import onnx

            model, voices = kokoro_files() or ("", "")
            session = onnx.session(model, threads=THREADS)
            names = {given.name for given in session.get_inputs()}
            if not {"style", "speed"} <= names:
                raise LibraryError(f"{model} is no model of kokoro: it takes {', '.join(sorted(names))[:100]}")
            from kokoro_onnx import Kokoro

            self._model = Kokoro.from_session(session, voices)
        return self._model


def _described(name: str) -> str:
    sex = {"f": "female", "m": "male"}.get(name[1:2], "neural")
    accent = {"a": ", American", "b": ", British"}.get(name[:1], "")
    return f"neural, {sex}{accent}"
