"""The build: a wheel with the callback in C where there is a compiler, and one without where there is none."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from oggstream.audio.block import LAYOUT
from oggstream.sinks import native
from tools import extension
from tools.prepare import ROOT

SOURCE = ROOT / "src" / extension.FOLDER / "callback.c"
INSIDE = f"{extension.FOLDER}/{extension.LIBRARY}"


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OGGSTREAM_PURE", "CC"):
        monkeypatch.delenv(name, raising=False)
    if extension.find_compiler() is None:
        pytest.skip("no C compiler")


def build(folder: Path, **environment: str) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_a_wheel_has_the_callback_for_every_python_on_this_platform(compiler: None, tmp_path: Path) -> None:
    with build(tmp_path / "dist") as wheel:
        assert "-py3-none-" in str(wheel.filename)
        assert not str(wheel.filename).endswith("-any.whl")
        library = wheel.extract(INSIDE, tmp_path)
    assert ctypes.CDLL(library).oggstream_layout() == LAYOUT


@pytest.mark.parametrize("environment", [{"CC": "no-such-compiler"}, {"CC": "false"}, {"OGGSTREAM_PURE": "1"}])
def test_without_a_compiler_that_works_the_wheel_is_a_pure_one(tmp_path: Path, environment: dict[str, str]) -> None:
    with build(tmp_path, **environment) as wheel:
        assert str(wheel.filename).endswith("-py3-none-any.whl")
        assert INSIDE not in wheel.namelist()
        assert "oggstream/sinks/native.py" in wheel.namelist()


def test_an_editable_installation_gets_it_beside_its_source(compiler: None, tmp_path: Path) -> None:
    folder = tmp_path / "src" / extension.FOLDER
    folder.mkdir(parents=True)
    shutil.copy(SOURCE, folder)
    (folder / extension.LIBRARY).write_bytes(b"an old one")
    hook = extension.CallbackHook(str(tmp_path), {}, None, None, "", "wheel")  # type: ignore[arg-type]
    hook.initialize("editable", {})
    hook.finalize("editable", {}, "")
    assert sorted(path.name for path in folder.iterdir()) == sorted(["callback.c", extension.LIBRARY])
    assert ctypes.CDLL(str(folder / extension.LIBRARY)).oggstream_layout() == LAYOUT


def test_what_a_compiler_complains_of_is_told(compiler: None, tmp_path: Path) -> None:
    source = tmp_path / "callback.c"
    source.write_text("this is not C;\n")
    said: list[str] = []
    assert extension.compile_callback(source, tmp_path, said.append) is None
    assert len(said) == 1
    assert "was not built" in said[0]


@pytest.mark.parametrize("flags", [["-Wall", "-Wextra", "-Werror", "-pedantic"]])
def test_it_compiles_without_a_warning(compiler: None, tmp_path: Path, flags: list[str]) -> None:
    found = extension.find_compiler()
    assert found is not None
    if Path(found[0]).stem.lower() == "cl":
        pytest.skip("the flags are those of gcc and clang")
    command = extension.command_for([*found, *flags], SOURCE, tmp_path / extension.LIBRARY)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_flags_and_compiler_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", "ccache gcc-99")
    monkeypatch.setenv("CFLAGS", "-g -DX='a b'")
    found = extension.find_compiler()
    assert found == ["ccache", "gcc-99"]
    command = extension.command_for(found, SOURCE, tmp_path / "library")
    assert command[:2] == found
    assert "-DX=a b" in command


def test_microsoft_s_compiler_has_flags_of_its_own(tmp_path: Path) -> None:
    command = extension.command_for(["C:/VC/cl.exe"], SOURCE, tmp_path / "callback.dll")
    assert "/LD" in command
    assert "-shared" not in command


def test_the_package_looks_for_the_name_that_is_built() -> None:
    assert native.NAME == extension.LIBRARY
