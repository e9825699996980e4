"""Where voices of Piper and Kokoro are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oggstream.voice import voice_files
from oggstream.voice.voice_files import (
    KOKORO_MODEL,
    KOKORO_VOICES,
    PIPER_VARIABLE,
    kokoro_files,
    kokoro_language,
    kokoro_languages,
    piper_files,
    piper_languages,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "data"))
    monkeypatch.setattr(voice_files, "_packaged", lambda: None)
    for name in (PIPER_VARIABLE, KOKORO_MODEL, KOKORO_VOICES):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def voice(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    Path(f"{path}.json").write_text("{}")
    return path


def test_voices_lie_in_the_usual_folders(home: Path) -> None:
    assert piper_files() == {}
    path = voice(home / "data" / "piper-voices" / "de" / "de_DE-thorsten-medium.onnx")
    assert piper_files() == {"de_DE-thorsten-medium": str(path)}
    assert piper_languages() == ("de-DE",)


def test_voices_and_folders_are_named_by_a_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = voice(home / "a" / "en_GB-alan-low.onnx"), voice(home / "b" / "fr_FR-siwis-low.onnx")
    monkeypatch.setenv(PIPER_VARIABLE, os.pathsep.join((str(one), str(two.parent), str(home / "none"))))
    assert sorted(piper_files().values()) == [str(one), str(two)]
    assert piper_languages() == ("en-GB", "fr-FR")


def test_a_model_without_its_description_is_none(home: Path) -> None:
    (home / "data" / "piper").mkdir(parents=True)
    (home / "data" / "piper" / "x.onnx").write_bytes(b"")
    assert piper_files() == {}


def test_kokoro_needs_both_of_its_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kokoro_files() is None
    assert kokoro_languages() == ()
    for variable, name in ((KOKORO_MODEL, "m.onnx"), (KOKORO_VOICES, "v.bin")):
        assert kokoro_files() is None
        (home / name).write_bytes(b"")
        monkeypatch.setenv(variable, str(home / name))
    assert kokoro_files() == (str(home / "m.onnx"), str(home / "v.bin"))
    assert "en" in kokoro_languages()


def test_the_first_letter_of_a_voice_of_kokoro_is_its_language() -> None:
    assert [kokoro_language(name) for name in ("af_heart", "bm_george", "jf_alpha", "x")] == ["en", "en", "ja", "en"]
