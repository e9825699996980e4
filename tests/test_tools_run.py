"""The shell scripts: tools/run, and when an environment counts as ready."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import prepare

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")

SCRIPTS = ["tools/run", "tools/test", "tools/check", "tools/renew", "tools/python.sh", ".ci/run"]
COPIED = ["pyproject.toml", "tools/run", "tools/python.sh", *prepare.INSTALLED_BY]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout in a folder with a space whose .venv is ready, with a Python that only shows its arguments."""
    root = tmp_path.resolve() / "a check out"
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(prepare.ROOT / name, root / name)
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nfor argument; do echo "<$argument>"; done\ncat\n')
    python.chmod(0o755)
    monkeypatch.setattr(prepare, "ROOT", root)
    monkeypatch.delenv("PYTHON", raising=False)
    stamp(root)
    return root


def stamp(root: Path) -> None:
    (root / ".venv" / prepare.STAMP).write_bytes(prepare.stamp_for(root / ".venv"))


def is_ready(root: Path) -> bool:
    command = 'root=$1; . "$1/tools/python.sh"; is_ready "$1/.venv"'
    return subprocess.run(["sh", "-c", command, "sh", root], check=False).returncode == 0


def run(program: Path, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, env=env, check=False)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_sound_to_the_shell(script: str) -> None:
    assert subprocess.run(["sh", "-n", prepare.ROOT / script], check=False).returncode == 0


def test_run_hands_on_arguments_and_standard_input_untouched_and_says_nothing(checkout: Path) -> None:
    done = run(checkout / "tools/run", "say", "two  words", "*", "", stdin="typed\n")

    assert done.stdout == "<-P>\n<-m>\n<oggstream>\n<say>\n<two  words>\n<*>\n<>\ntyped\n"
    assert done.stderr == ""


def test_run_works_through_a_link_from_another_folder(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(checkout / "tools/run")
    monkeypatch.chdir("/")

    assert run(tmp_path / "link", "devices").stdout.endswith("<devices>\n")


def test_run_ends_with_the_status_of_the_program(checkout: Path) -> None:
    (checkout / ".venv/bin/python").write_text("#!/bin/sh\nexit 7\n")

    assert run(checkout / "tools/run").returncode == 7


def test_stamped_environment_is_ready(checkout: Path) -> None:
    assert is_ready(checkout)


@pytest.mark.parametrize("name", prepare.INSTALLED_BY)
def test_change_of_what_installs_makes_the_environment_stale(checkout: Path, name: str) -> None:
    with (checkout / name).open("a") as file:
        file.write("# more\n")

    assert not is_ready(checkout)


def test_new_dependency_makes_the_environment_stale(checkout: Path) -> None:
    change(checkout / "pyproject.toml", "dependencies = [\n", 'dependencies = [\n    "more",\n')

    assert not is_ready(checkout)


def test_changed_setting_of_a_tool_leaves_the_environment_ready(checkout: Path) -> None:
    change(checkout / "pyproject.toml", "line-length = 120", "line-length = 100")

    assert is_ready(checkout)


def test_moved_checkout_makes_the_environment_stale(checkout: Path, tmp_path: Path) -> None:
    moved = checkout.rename(tmp_path.resolve() / "moved")

    assert not is_ready(moved)


def test_other_python_under_the_same_name_makes_the_environment_stale(checkout: Path) -> None:
    program = checkout / ".venv/bin/python"
    program.rename(checkout / "python3.11")
    program.symlink_to(checkout / "python3.11")

    assert not is_ready(checkout)


def test_unfinished_environment_is_not_ready(checkout: Path) -> None:
    (checkout / ".venv" / prepare.STAMP).write_bytes(prepare.UNFINISHED)

    assert not is_ready(checkout)


def test_environment_without_its_python_is_not_ready(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()

    assert not is_ready(checkout)


def test_unsuitable_chosen_python_is_an_error_that_names_it(checkout: Path) -> None:
    done = run(checkout / "tools/run", PYTHON="/nowhere/python")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "oggstream: error: PYTHON=/nowhere/python is not Python 3.11 to 3.14\n"


def test_no_python_at_all_is_an_error_that_says_how_to_get_one(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv" / prepare.STAMP).unlink()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "readlink", "sed", "cat", "cmp"):
        (folder / name).symlink_to(str(shutil.which(name)))

    done = run(checkout / "tools/run", PATH=str(folder))

    assert done.returncode == 1
    assert done.stderr.startswith("oggstream: error: no Python 3.11 to 3.14 found: install one")


def test_chosen_python_is_asked_even_if_the_environment_is_ready(checkout: Path) -> None:
    (checkout / "tools/prepare.py").write_text(
        "def main(arguments): print(*arguments, file=__import__('sys').stderr); return 3\n"
    )
    (checkout / "tools/__init__.py").touch()

    done = run(checkout / "tools/run", PYTHON=sys.executable)

    assert (done.returncode, done.stderr) == (3, "run\n")
