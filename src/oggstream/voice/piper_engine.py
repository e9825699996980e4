"""Piper as an engine (the package ``piper-tts``, GPL-3): any of its voices whose phonemes espeak-ng gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import LibraryError
from .engine import Block, SpokenWord, Utterance, VoiceInfo
from .names import NAMES
from .voice_files import PIPER_VARIABLE, piper_files, piper_language

THREADS = 2
"""It makes a second of speech in 0.15 s of processor time; two threads halve the wait for the first sound."""


class PiperEngine:
    """The voices that are found on this machine, each loaded when it first speaks."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._voices: dict[str, Any] = {}
        self.rate = 22050
        """That of the voice that spoke last."""

    def load(self) -> None:
        """Find the voices, and load the first. Raises `LibraryError` without any."""
        self._files = piper_files()
        if not self._files:
            raise LibraryError(
                "there is no voice for piper: put NAME.onnx and NAME.onnx.json into ~/.local/share/piper, or name "
                f"their folder in {PIPER_VARIABLE}"
            )

    def warm(self) -> None:
        """Load the first voice and speak a word that nobody hears."""
        for _ in self.speak(Utterance("One.")):
            pass

    def voices(self) -> Sequence[VoiceInfo]:
        """The voices by the names of their files."""
        return [
            VoiceInfo(name, (piper_language(name),), "neural, " + name.partition("-")[2].replace("-", ", "), "piper")
            for name in self._files
        ]

    def speak(self, wanted: Utterance) -> Iterator[Block | SpokenWord]:
        """A block for each sentence."""
        voice = self._voice(self._name(wanted))
        from piper.config import SynthesisConfig  # behind the voice, and so behind the door to onnxruntime

        usual = voice.config.length_scale
        settings = SynthesisConfig(length_scale=usual / wanted.speed, normalize_audio=False)
        for chunk in voice.synthesize(wanted.text, settings):
            self.rate = chunk.sample_rate
            yield chunk.audio_float_array

    def _name(self, wanted: Utterance) -> str:
        """The voice that was named, else one of the language; of several, OpenAI's names take one each."""
        if wanted.voice in self._files:
            return wanted.voice
        tag = wanted.language.replace("_", "-").lower()
        named = [name for name in self._files if piper_language(name).lower() == tag]
        fitting = named or [name for name in self._files if piper_language(name).lower()[:2] == tag[:2]]
        fitting = fitting or list(self._files)
        place = NAMES.index(wanted.voice) if wanted.voice in NAMES else 0
        return fitting[place % len(fitting)]

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            self._voices[name] = _load(self._files[name])
        return self._voices[name]


def _load(path: str) -> Any:
    """The voice at ``path``. Raises `LibraryError` for a file that is damaged, or of another kind."""
    from . import onnx

    onnx.runtime()
    from piper import PiperVoice
    from piper.config import PiperConfig

    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            config = PiperConfig.from_dict(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LibraryError(
            f"{path}.json is no description of a voice of piper, get it anew ({error!r:.100})"
        ) from error
    kind = str(getattr(config.phoneme_type, "value", config.phoneme_type))
    if kind not in ("espeak", "text"):  # others fetch their dictionaries when they are first used
        raise LibraryError(f"the voice {path} needs phonemes ({kind}) that would have to be fetched: use another one")
    voice = PiperVoice(config=config, session=onnx.session(path, threads=THREADS), use_tashkeel=False)
    names = {given.name for given in voice.session.get_inputs()}
    if not {"input", "input_lengths", "scales"} <= names:
        raise LibraryError(f"{path} is no voice of piper: it takes {', '.join(sorted(names))[:100]}")
    return voice
