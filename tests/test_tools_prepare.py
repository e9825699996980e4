"""The set-up: environments are made, kept, renewed, and discarded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools import prepare
from tools.machine import Python, SetupError

PYTHON = Python((3, 12), os.path.realpath(sys.executable), has_pip_bundle=True)
OTHER = Python((3, 11), "/usr/bin/other", has_pip_bundle=True)


class Workshop:
    """Stands in for venv and pip: notes what is run, and makes the program that an environment needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[str] = []
        self.pip_works = True

    def run(self, command: list[str | Path], **options: object) -> bool:
        words = [str(word).replace(f"{self.root}/", "") for word in command]
        if "compileall" in words:
            return True
        self.commands.append(" ".join(word for word in words if not word.startswith(("/", "-"))))
        if "venv" in words:
            program = self.root / words[-1] / "bin/python"
            program.parent.mkdir()
            program.symlink_to(command[0])
            return True
        return self.pip_works


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    root = tmp_path.resolve()
    (root / "tools").mkdir()
    (root / "src/oggstream/sinks").mkdir(parents=True)
    for name in ("pyproject.toml", *prepare.INSTALLED_BY):
        (root / name).write_bytes((prepare.ROOT / name).read_bytes())
    workshop = Workshop(root)
    monkeypatch.setattr(prepare, "ROOT", root)
    monkeypatch.setattr(prepare, "run", workshop.run)
    monkeypatch.setattr(prepare, "pythons", lambda: [OTHER, PYTHON])
    monkeypatch.setattr(prepare, "install_libraries", lambda kind: workshop.commands.append(f"libraries for {kind}"))
    monkeypatch.setattr(prepare, "has_opus", lambda: True)
    return workshop


def test_first_run_makes_an_environment_and_installs_the_voice(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["run"]) == 0

    assert workshop.commands == [
        "libraries for run",
        "venv .venv",
        ".venv/bin/python pip install tools/constraints.txt .[espeak]",
        ".venv/bin/python pip install tools/constraints.txt hibari-tts",
    ]
    assert capsys.readouterr().out == f"{workshop.root}/.venv/bin/python\n"


def test_second_run_does_nothing(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    prepare.main(["run"])
    workshop.commands.clear()
    capsys.readouterr()

    assert prepare.main(["run"]) == 0

    assert workshop.commands == []
    assert capsys.readouterr() == (f"{workshop.root}/.venv/bin/python\n", "")


def test_without_the_system_s_opus_the_codec_comes_as_a_wheel(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "has_opus", lambda: False)

    prepare.main(["run"])

    assert workshop.commands[-2].endswith(".[espeak,codec]")


def test_changed_constraints_renew_the_packages_in_the_same_environment(workshop: Workshop) -> None:
    prepare.main(["run"])
    workshop.commands.clear()
    (workshop.root / "tools/constraints.txt").write_text("# changed\n")

    prepare.main(["run"])

    assert workshop.commands == [
        "libraries for run",
        ".venv/bin/python pip install tools/constraints.txt .[espeak]",
        ".venv/bin/python pip install tools/constraints.txt hibari-tts",
    ]


def test_failed_installation_is_an_error_and_the_next_run_starts_afresh(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.pip_works = False
    assert prepare.main(["run"]) == 1
    assert "oggstream: error: the Python packages could not be installed" in capsys.readouterr().err
    workshop.pip_works = True
    workshop.commands.clear()

    assert prepare.main(["run"]) == 0

    assert "venv .venv" in workshop.commands


def test_interrupted_set_up_ends_with_130_and_the_next_run_starts_afresh(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "install_packages", interrupt)
        assert prepare.main(["run"]) == 130
    workshop.commands.clear()

    assert prepare.main(["run"]) == 0

    assert "venv .venv" in workshop.commands


def test_other_python_makes_the_environment_anew(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.main(["run"])
    workshop.commands.clear()
    monkeypatch.setattr(prepare, "pythons", lambda: [OTHER])

    prepare.main(["run"])

    assert "venv .venv" in workshop.commands
    assert (workshop.root / ".venv/bin/python").readlink() == Path(OTHER.path)


def test_environment_that_someone_else_made_is_left_alone(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (workshop.root / ".venv").mkdir()
    (workshop.root / ".venv/theirs").touch()

    assert prepare.main(["run"]) == 1

    assert "was not made by this tool: move it away and run again" in capsys.readouterr().err
    assert (workshop.root / ".venv/theirs").exists()


def test_tests_get_an_environment_of_their_own_on_the_newest_python(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["test", "newest"]) == 0

    assert capsys.readouterr().out == f"{workshop.root}/.venv-3.12/bin/python\n"
    assert workshop.commands[-2].endswith(".[espeak,codec,metrics,redis,webrtc] dev")


def test_all_tests_run_on_the_oldest_python_and_the_newest(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["test", "all"]) == 0

    programs = capsys.readouterr().out.splitlines()
    assert programs == [f"{workshop.root}/.venv-3.{minor}/bin/python" for minor in (11, 12)]


def test_all_with_one_python_at_hand_prepares_one(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "pythons", lambda: [PYTHON])

    prepare.main(["test", "all"])

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_python_without_pip_borrows_one_when_debian_s_package_may_not_be_installed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Python((3, 11), "/usr/bin/python3.11", has_pip_bundle=False)
    borrowed: list[Path] = []

    def borrow(program: Path, python: Python) -> bool:
        borrowed.append(program)
        return True

    monkeypatch.setattr(prepare, "pythons", lambda: [bare])
    monkeypatch.setattr(prepare, "apt_install", lambda packages: False)
    monkeypatch.setattr(prepare, "borrow_pip", borrow)

    assert prepare.main(["run"]) == 0

    assert borrowed == [workshop.root / ".venv/bin/python"]


def test_no_pip_to_be_had_is_an_error_with_the_exact_command(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Python((3, 11), "/usr/bin/python3.11", has_pip_bundle=False)
    monkeypatch.setattr(prepare, "apt_install", lambda packages: False)
    monkeypatch.setattr(prepare, "borrow_pip", lambda program, python: False)
    monkeypatch.setattr(prepare, "manual_command", lambda packages: f"sudo apt-get install {packages[0]}")

    with pytest.raises(SetupError, match=r"run: sudo apt-get install python3\.11-venv"):
        prepare.make_environment(workshop.root / ".venv", bare)


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_second_set_up_at_once_waits_for_the_first(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    import fcntl

    handle = os.open(workshop.root, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    class WaitedError(Exception):
        pass

    def unlock(message: str) -> None:
        os.close(handle)
        raise WaitedError(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "say", unlock)
        with pytest.raises(WaitedError, match="waiting for another set-up"), prepare.lock():
            pytest.fail("not locked")
    with prepare.lock():
        pass


def test_modules_are_compiled_even_where_starts_may_not_write_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src/oggstream").mkdir(parents=True)
    (tmp_path / "src/oggstream/one.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    prepare.compile_modules(Path(sys.executable))
    assert list(tmp_path.glob("src/oggstream/__pycache__/one.*.pyc"))
