"""The door to onnxruntime: silent, and with a word on what to do where it does not open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from oggstream.errors import LibraryError
from oggstream.voice import onnx

SOURCES = Path(onnx.__file__).parent


def test_it_is_told_to_be_silent_before_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(name="x"))
    assert onnx.runtime().name == "x"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_nothing_else_imports_it() -> None:
    others = [path for path in SOURCES.rglob("*.py") if path.name != "onnx.py"]
    assert [path.name for path in others if "import onnxruntime" in path.read_text()] == []


def test_without_a_wheel_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(LibraryError, match=r"onnxruntime is missing or does not run here .*--service offline:espeak"):
        onnx.runtime()


def test_a_model_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(path: str, **_: object) -> None:
        raise RuntimeError(f"Load model from {path} failed: Protobuf parsing failed.\nmore")

    fake = SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=session)
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    with pytest.raises(LibraryError, match=r"the model x\.onnx cannot be used, install it anew: .*failed\.$"):
        onnx.session("x.onnx")
