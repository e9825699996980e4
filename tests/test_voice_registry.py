"""The engines: ours by a table, others by entry point."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.voice import registry
from oggstream.voice.engine import EngineInfo
from oggstream.voice.registry import OWN, all_engines, engine_info, is_installed

MINE = EngineInfo(name="mine", factory="odd_engines:Good", languages=("en",), packages=("odd_engines",))
OTHER: Any = "no engine"


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = ("MINE", "OTHER", "MISSING")
    points = [EntryPoint(name.lower(), f"{__name__}:{name}", registry.GROUP) for name in names]
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points)
    registry._others.cache_clear()
    yield
    registry._others.cache_clear()


def test_engines_of_other_packages_are_found(brought: None, caplog: pytest.LogCaptureFixture) -> None:
    sys.modules[__name__] = sys.modules.get(__name__) or sys.modules["test_voice_registry"]
    assert [info.name for info in all_engines()] == [*OWN, "mine"]
    assert engine_info("mine") is MINE
    assert "the voice missing cannot be used" in caplog.text


def test_ours_are_known_without_looking_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_others", None)
    assert engine_info("espeak") is OWN["espeak"]


def test_an_unknown_name_is_refused_with_those_that_there_are(brought: None) -> None:
    with pytest.raises(UsageError, match="no engine 'none' for voices: use auto, hibari, piper, kokoro, espeak, mine"):
        engine_info("none")


def test_an_engine_is_installed_where_its_packages_are() -> None:
    assert is_installed(MINE)
    assert not is_installed(MINE._replace(packages=("no_such_package",)))
    assert is_installed(OWN["espeak"])  # perhaps by the system


def test_choosing_an_engine_imports_none() -> None:
    code = (
        "import sys; from oggstream.voice.choice import engines_for; engines_for('en'); "
        "heavy = ('onnxruntime', 'piper', 'numpy', 'hibari', 'ctypes', 'asyncio'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
