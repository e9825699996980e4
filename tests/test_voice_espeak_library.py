"""Finding espeak-ng: the wheel first, then the system's, and a usable data path."""

from __future__ import annotations

import atexit
import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from oggstream.errors import LibraryError
from oggstream.voice import espeak_library as library

LONG = "x" * 90


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "espeakng_loader"
    module = SimpleNamespace(
        __file__=str(folder / "__init__.py"), get_library_path=lambda: str(folder / "libespeak-ng.so")
    )
    monkeypatch.setitem(sys.modules, "espeakng_loader", module)
    return folder


def test_the_wheel_is_tried_before_the_systems_library(wheel: Path) -> None:
    first, second, *_ = library._candidates()
    assert first == (str(wheel / "libespeak-ng.so"), str(wheel / "espeak-ng-data"))
    assert second[1] is None


def test_a_library_of_the_wheel_that_does_not_load_is_passed_over(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> str:
        if name.startswith(str(wheel)):
            raise OSError("wrong machine")
        return f"loaded {name}"

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(sys, "platform", "linux")
    assert library.find() == ("loaded libespeak-ng.so.1", None, "libespeak-ng.so.1")


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("platform", "command"), [("linux", "apt install libespeak-ng1"), ("darwin", "brew install espeak-ng")]
)
def test_without_any_library_the_error_names_the_extra_and_the_systems_command(
    platform: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(LibraryError) as caught:
        library.find()
    assert "pip install 'oggstream[espeak]'" in str(caught.value)
    assert command in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("no_wheel")
def test_on_other_systems_the_extra_alone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert library.install_hint() == "`pip install 'oggstream[espeak]'`"
    assert next(library._candidates()) == ("libespeak-ng.dll", None)


def test_a_short_path_stays_as_it_is() -> None:
    assert library.short_path("/usr/share/espeak-ng-data") == "/usr/share/espeak-ng-data"


def test_a_long_path_gets_a_short_link_that_is_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[tuple[object, ...]] = []
    monkeypatch.setattr(atexit, "register", lambda *call: at_exit.append(call))
    long = tmp_path / LONG / LONG
    long.mkdir(parents=True)
    link = library.short_path(str(long))
    assert len(link) <= library.MAX_DATA_PATH
    assert Path(link).samefile(long)
    [(remove, *arguments)] = at_exit
    assert callable(remove)
    remove(*arguments)
    assert not Path(link).parent.exists()
    remove(*arguments)  # gone already, which is no fault


def test_where_no_link_can_be_made_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def symlink(*_: object, **__: object) -> None:
        raise OSError("not allowed")

    monkeypatch.setattr(os, "symlink", symlink)
    with pytest.raises(LibraryError, match="this long, move it"):
        library.short_path("/" + LONG + LONG)


LONG_PATH_PROGRAM = """
import sys
from oggstream.voice import espeak, espeak_library as library
real, = [found for found in [library.find()]]
library.find = lambda: real._replace(data=sys.argv[1])
voice = espeak.load()
spoken = []
voice.speak_clause("Hello.", espeak.EspeakVoice(), lambda pcm: spoken.append(pcm) or True)
print(sum(map(len, spoken)))
"""


def test_a_data_path_of_more_than_160_characters_speaks(tmp_path: Path) -> None:
    found = library.find()
    if found.data is None:
        pytest.skip("only the wheel tells where its data is, and it is not installed")
    long = tmp_path / LONG / LONG
    long.mkdir(parents=True)
    data = long / "espeak-ng-data"
    data.symlink_to(found.data, target_is_directory=True)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LONG_PATH_PROGRAM, str(data)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10000
    assert [path.name for path in tmp_path.iterdir()] == [LONG]  # the link is gone


def test_data_that_are_missing_are_an_error_and_not_silence(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    done = subprocess.run(
        [sys.executable, "-c", LONG_PATH_PROGRAM, missing], capture_output=True, text=True, check=False
    )
    assert "LibraryError: espeak-ng did not find its data" in done.stderr
    assert "oggstream[espeak]" in done.stderr
