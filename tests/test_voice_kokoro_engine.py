"""Kokoro as an engine, with a stand-in for its model."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from oggstream.errors import LibraryError
from oggstream.voice import kokoro_engine, onnx
from oggstream.voice.engine import Utterance
from oggstream.voice.kokoro_engine import KokoroEngine

VOICES = ("af_heart", "am_michael", "bf_emma", "ff_siwis", "jf_alpha")


class FakeModel:
    """Says a tenth of a second for each letter."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float, str]] = []
        self.tokenizer = SimpleNamespace(
            phonemize=lambda text, language: "".join(filter(str.isalpha, text)),
            tokenize=lambda phonemes, limit: list(phonemes),
        )

    def create(self, phonemes: str, name: str, *, speed: float, lang: str, is_phonemes: bool) -> Any:
        self.asked.append((name, speed, lang))
        return np.zeros(2400 * len(phonemes), np.float32), 24000


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    styles: dict[str, Any] = {name: np.zeros(1) for name in VOICES}
    np.savez(tmp_path / "voices.npz", **styles)
    monkeypatch.setattr(kokoro_engine, "kokoro_files", lambda: ("m.onnx", str(tmp_path / "voices.npz")))
    made = FakeModel()
    package = ModuleType("kokoro_onnx")
    package.Kokoro = SimpleNamespace(from_session=lambda session, voices: made)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kokoro_onnx", package)
    inputs = [SimpleNamespace(name=name) for name in ("tokens", "style", "speed")]
    monkeypatch.setattr(onnx, "session", lambda path, threads: SimpleNamespace(get_inputs=lambda: inputs))
    return made


def loaded() -> KokoroEngine:
    engine = KokoroEngine()
    engine.load()
    return engine


def spoken(engine: KokoroEngine, text: str = "abcd", **how: Any) -> int:
    return sum(len(block) for block in engine.speak(Utterance(text, **how)))


def test_voice_and_language_follow_from_each_other(model: FakeModel) -> None:
    engine = loaded()
    for voice, language in (("", "en"), ("ash", "en"), ("bf_emma", "en"), ("alloy", "fr-CA"), ("jf_alpha", "en")):
        spoken(engine, voice=voice, language=language)
    assert [(name, tag) for name, _, tag in model.asked] == [
        ("af_heart", "en-us"),
        ("am_michael", "en-us"),
        ("bf_emma", "en-gb"),
        ("ff_siwis", "fr-fr"),
        ("jf_alpha", "en-us"),
    ]


@pytest.mark.parametrize(("speed", "asked"), [(0.25, 0.5), (0.5, 0.5), (1, 1), (2, 2), (4, 2)])
def test_speeds_that_the_model_does_not_take_are_stretched(model: FakeModel, speed: float, asked: float) -> None:
    length = spoken(loaded(), speed=speed)
    assert model.asked[0][1] == asked
    assert length == pytest.approx(9600 * asked / speed, abs=1)


def test_a_text_without_a_sound_is_silence(model: FakeModel) -> None:
    assert spoken(loaded(), "...") == 0


def test_its_voices_are_those_of_the_file(model: FakeModel) -> None:
    assert loaded().voices()[0] == ("af_heart", ("en",), "neural, female, American", "kokoro")


def test_without_files_the_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kokoro_engine, "kokoro_files", lambda: None)
    with pytest.raises(LibraryError, match=r"OGGSTREAM_KOKORO_MODEL .* OGGSTREAM_KOKORO_VOICES"):
        loaded()


@pytest.mark.parametrize("data", [b"", b"nothing", b"PK\x03\x04 damaged"])
def test_a_file_that_holds_no_voices_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    (tmp_path / "v.bin").write_bytes(data)
    monkeypatch.setattr(kokoro_engine, "kokoro_files", lambda: ("m", str(tmp_path / "v.bin")))
    with pytest.raises(LibraryError, match="does not hold the voices of kokoro"):
        loaded()


def test_a_model_of_another_engine_is_refused(model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="scales")])
    monkeypatch.setattr(onnx, "session", lambda path, threads: other)
    with pytest.raises(LibraryError, match="is no model of kokoro: it takes scales"):
        spoken(loaded())
