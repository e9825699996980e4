from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from oggstream.codec import library
from oggstream.errors import LibraryError


def python(code: str, *options: str, **environment: str) -> str:
    """Run ``code`` in a fresh interpreter; returns what it prints."""
    env = {**os.environ, **environment}
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_the_version_is_what_libopus_says() -> None:
    assert library.libopus_version().startswith("libopus")


def test_the_path_is_that_of_the_loaded_file() -> None:
    assert Path(library.library_path()).is_file()


def test_an_error_code_is_described() -> None:
    assert library.describe_error(-1) == "invalid argument"


def test_every_thread_gets_the_same_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_library", None)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: id(library.load()), range(32)))) == 1


def test_importing_the_module_loads_neither_opuslib_nor_libopus() -> None:
    code = "import sys, oggstream.codec.library; print(any(name.startswith('opuslib') for name in sys.modules))"
    assert python(code) == "False"


def test_warnings_as_errors_do_not_stop_the_first_compile_of_opuslib(tmp_path: Path) -> None:
    code = "from oggstream.codec import library; print(library.libopus_version())"
    assert python(code, "-W", "error", PYTHONPYCACHEPREFIX=str(tmp_path)).startswith("libopus")


def test_loading_spawns_no_process() -> None:
    code = (
        "import sys; from oggstream.codec import library; seen = []\n"
        "sys.addaudithook(lambda event, _: seen.append(event)); library.load()\n"
        "print([event for event in seen if event.split('.')[0] == 'subprocess' or event.startswith('os.')"
        " and event.split('.')[1] in ('fork', 'exec', 'posix_spawn', 'system')])"
    )
    assert python(code) == "[]"


def test_the_resolver_is_put_back_and_other_names_go_through_it() -> None:
    original = ctypes.util.find_library
    with library._resolving_opus_to("/somewhere"):
        assert ctypes.util.find_library("opus") == "/somewhere"
        assert ctypes.util.find_library("no-such-library") is None
    assert ctypes.util.find_library is original


def test_the_resolver_is_put_back_after_a_failure() -> None:
    original = ctypes.util.find_library
    with pytest.raises(RuntimeError), library._resolving_opus_to("/somewhere"):
        raise RuntimeError
    assert ctypes.util.find_library is original


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_ctl_declares_its_fixed_arguments_and_leaves_the_variable_one_open(kind: str) -> None:
    assert len(library.api(kind).libopus_ctl.argtypes) == 2


def test_an_opuslib_that_is_loaded_already_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = library.load()
    monkeypatch.setattr(library, "_library", None)
    monkeypatch.setattr(library, "_find", lambda: pytest.fail("looked for a library"))
    assert library.load() is loaded


def test_without_opuslib_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(library, "_library", None)
    monkeypatch.delitem(sys.modules, "opuslib.api", raising=False)
    monkeypatch.setattr(library, "import_module", missing)
    with pytest.raises(LibraryError, match="pip install opuslib"):
        library.load()


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "apt install libopus0"),
        ("darwin", "brew install opus"),
        ("win32", "pip install 'oggstream\\[codec\\]'"),
    ],
)
def test_without_libopus_the_error_names_the_command(
    monkeypatch: pytest.MonkeyPatch, platform: str, command: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(library, "_loads", lambda name: False)
    with pytest.raises(LibraryError, match=command) as caught:
        library._find()
    assert "oggstream[codec]" in str(caught.value)


def test_the_system_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_loads", lambda name: True)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert library._find() == "/opt/homebrew/lib/libopus.0.dylib"


@pytest.mark.parametrize(
    "place",
    [
        "av.libs/libopus-114e2b1a.so.0.11.1",
        "av.libs/libopus-0-278e2dd25a2793d306204c9d966fe0de.dll",
        "av/.dylibs/libopus.0.dylib",
        "opuslib_next/_native/libopus.so",
        "opuslib_next/_native/opus.dll",
    ],
)
def test_copies_in_wheels_are_found(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()
    (path.parent / "libogg.so").touch()
    assert list(library._in_wheels([str(tmp_path / "nothing"), str(tmp_path)])) == [str(path)]


def test_a_copy_that_does_not_load_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "av.libs"
    folder.mkdir()
    (folder / "libopus-0.so").write_bytes(b"not a library")
    (folder / "libopus-1.so").symlink_to(library.library_path())
    monkeypatch.setitem(library._SYSTEM_NAMES, sys.platform, ("no-such-libopus.so",))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert library._find() == str(folder / "libopus-1.so")


def test_a_copy_in_a_wheel_decodes(tmp_path: Path) -> None:
    folder = tmp_path / "opuslib_next" / "_native"
    folder.mkdir(parents=True)
    (folder / "libopus.so").write_bytes(Path(library.library_path()).read_bytes())
    code = (
        "from oggstream.codec import library, link_decoder; from oggstream.opus import head; import sys\n"
        "library._SYSTEM_NAMES[sys.platform] = (); library._WHEELS = library._WHEELS[2:]\n"
        "print(link_decoder.LinkDecoder(head.OpusHead.simple(1, 0)).conceal(960), library.library_path())"
    )
    assert python(code, PYTHONPATH=str(tmp_path)) == f"960 {folder / 'libopus.so'}"


class FakeKernel:
    def GetModuleFileNameW(self, handle: object, buffer: Any, size: int) -> int:  # noqa: N802  # the system's name
        buffer.value = r"C:\opus.dll"
        return len(buffer.value)


def test_windows_is_asked_for_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    library.load()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: FakeKernel())
    assert library.library_path() == r"C:\opus.dll"


def test_the_name_stands_in_for_a_path_that_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: object) -> object:
        raise OSError

    loaded = library.load()
    monkeypatch.setattr(ctypes, "CDLL", without)
    monkeypatch.setattr(loaded, "_name", "libopus.so.0")
    assert library.library_path() == "libopus.so.0"


def test_an_absolute_name_is_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.load(), "_name", "/a/libopus.so")
    assert library.library_path() == "/a/libopus.so"


def test_a_module_of_opuslib_comes_with_libopus_loaded() -> None:
    assert library.api("decoder") is importlib.import_module("opuslib.api.decoder")
