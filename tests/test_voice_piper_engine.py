"""Piper as an engine; with the real one where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from oggstream.errors import LibraryError
from oggstream.voice import onnx, piper_engine
from oggstream.voice.engine import Utterance
from oggstream.voice.piper_engine import PiperEngine


class FakeVoice:
    """A voice of Piper: half a second for each word."""

    def __init__(self, config: Any, session: Any, use_tashkeel: bool) -> None:
        self.config = config
        self.session = session
        self.scales: list[float] = []

    def synthesize(self, text: str, settings: Any) -> Any:
        self.scales.append(settings.length_scale)
        for _ in text.split():
            yield SimpleNamespace(sample_rate=16000, audio_float_array=np.zeros(8000, np.float32))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    names = ("en_US-joe-medium", "en_GB-alan-low", "de_DE-thorsten-low")
    found = {name: str(tmp_path / f"{name}.onnx") for name in names}
    for path in found.values():
        Path(f"{path}.json").write_text('{"kind": "espeak"}')
    monkeypatch.setattr(piper_engine, "piper_files", lambda: found)
    piper, config = ModuleType("piper"), ModuleType("piper.config")
    piper.PiperVoice = FakeVoice  # type: ignore[attr-defined]
    config.SynthesisConfig = SimpleNamespace  # type: ignore[attr-defined]
    kinds = SimpleNamespace(from_dict=lambda told: SimpleNamespace(phoneme_type=told["kind"], length_scale=1.2))
    config.PiperConfig = kinds  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "piper", piper)
    monkeypatch.setitem(sys.modules, "piper.config", config)
    inputs = [SimpleNamespace(name=name) for name in ("input", "input_lengths", "scales")]
    monkeypatch.setattr(onnx, "runtime", lambda: None)
    monkeypatch.setattr(onnx, "session", lambda path, threads: SimpleNamespace(get_inputs=lambda: inputs))
    return found


def loaded() -> PiperEngine:
    engine = PiperEngine()
    engine.load()
    return engine


def test_the_voice_is_that_which_was_named_else_one_of_the_language(files: dict[str, str]) -> None:
    engine = loaded()
    names = [
        engine._name(Utterance("a", voice, language=language))
        for voice, language in (
            ("de_DE-thorsten-low", "en"),
            ("alloy", "en-GB"),
            ("alloy", "en"),
            ("ash", "en"),
            ("ash", "de-AT"),
        )
    ]
    assert names == [
        "de_DE-thorsten-low",
        "en_GB-alan-low",
        "en_US-joe-medium",
        "en_GB-alan-low",
        "de_DE-thorsten-low",
    ]


def test_it_speaks_a_block_for_each_sentence_at_the_rate_of_the_voice(files: dict[str, str]) -> None:
    engine = loaded()
    blocks = list(engine.speak(Utterance("one two", speed=2)))
    assert [len(block) for block in blocks] == [8000, 8000]
    assert engine.rate == 16000
    assert engine._voices["en_US-joe-medium"].scales == [0.6]


def test_its_voices_are_listed_by_the_names_of_their_files(files: dict[str, str]) -> None:
    voice = loaded().voices()[0]
    assert voice == ("en_US-joe-medium", ("en-US",), "neural, joe, medium", "piper")


def test_without_a_voice_it_is_said_where_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_engine, "piper_files", dict)
    with pytest.raises(LibraryError, match=r"there is no voice for piper: put NAME\.onnx .* OGGSTREAM_PIPER_VOICES"):
        loaded()


@pytest.mark.parametrize("told", ["", "[]", '{"x": 1}'])
def test_a_description_that_is_none_is_named(files: dict[str, str], told: str) -> None:
    Path(f"{files['en_US-joe-medium']}.json").write_text(told)
    with pytest.raises(LibraryError, match="is no description of a voice of piper"):
        list(loaded().speak(Utterance("a")))


def test_a_voice_whose_dictionaries_would_be_fetched_is_refused(files: dict[str, str]) -> None:
    Path(f"{files['en_US-joe-medium']}.json").write_text('{"kind": "pinyin"}')
    with pytest.raises(LibraryError, match=r"needs phonemes \(pinyin\) that would have to be fetched"):
        list(loaded().speak(Utterance("a")))


def test_a_model_of_another_engine_is_refused(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="tokens")])
    monkeypatch.setattr(onnx, "session", lambda path, threads: other)
    with pytest.raises(LibraryError, match="is no voice of piper: it takes tokens"):
        list(loaded().speak(Utterance("a")))
