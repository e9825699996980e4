"""What the set-up finds on a machine, and how it installs what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import machine


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the commands that would have been run; all go well."""
    ran: list[str] = []

    def note(command: list[str], *, show_failure: bool = False) -> bool:
        ran.append(" ".join(command))
        return True

    monkeypatch.setattr(machine, "quietly", note)
    return ran


@pytest.fixture
def have(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes these programs the only ones on PATH."""

    def only(*programs: str) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in programs else None)

    return only


def nothing_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "loads", lambda *names: False)
    monkeypatch.setattr(machine, "has_opus", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")


def test_this_python_is_found() -> None:
    versions = [python.version for python in machine.pythons()]

    assert sys.version_info[:2] in versions
    assert versions == sorted(versions)


def test_chosen_python_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", sys.executable)

    (python,) = machine.pythons()

    assert python.version == sys.version_info[:2]
    assert python.path == os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]


def test_chosen_program_that_is_no_python_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", "/bin/false")

    with pytest.raises(machine.SetupError, match=r"no Python 3\.11 to 3\.14"):
        machine.pythons()


def test_pythons_that_pyenv_keeps_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "versions/3.13.0/bin/python3"
    program.parent.mkdir(parents=True)
    program.touch()
    pyenv = tmp_path / "pyenv"
    pyenv.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    pyenv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert machine.pyenv_programs() == [str(program)]


def test_missing_libraries_are_installed_by_root(
    commands: list[str], have: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_loads(monkeypatch)
    have("apt-get")
    monkeypatch.setattr(machine, "is_root", lambda: True)

    machine.install_libraries("run")

    (command,) = commands
    assert command.startswith("env DEBIAN_FRONTEND=noninteractive apt-get install ")
    assert command.endswith(" libportaudio2 libopus0")


def test_old_lists_are_renewed_before_the_second_try(
    have: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def works_once_the_lists_are_new(command: list[str], *, show_failure: bool = False) -> bool:
        ran.append(command[3])
        return "update" in ran

    monkeypatch.setattr(machine, "quietly", works_once_the_lists_are_new)
    monkeypatch.setattr(machine, "is_root", lambda: True)
    have("apt-get")

    assert machine.apt_install(["libopus0"])

    assert ran == ["install", "update", "install"]


def test_user_with_sudo_installs_with_it(
    commands: list[str], have: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    have("apt-get", "sudo")
    monkeypatch.setattr(machine, "is_root", lambda: False)

    assert machine.apt_install(["libopus0"])

    assert commands[0] == "sudo -n true"
    assert commands[1].startswith("sudo env ")


def test_user_who_may_not_install_is_told_the_command_and_goes_on(
    commands: list[str],
    have: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing_loads(monkeypatch)
    have("apt-get")
    monkeypatch.setattr(machine, "is_root", lambda: False)

    machine.install_libraries("run")

    assert commands == []
    said = capsys.readouterr().err
    assert "going on without libportaudio2 libopus0: speech is written to speech.wav instead of played" in said
    assert "sudo apt-get install libportaudio2 libopus0" in said


@pytest.mark.parametrize(("manager", "command"), machine.OTHER_MANAGERS.items())
def test_other_package_managers_are_named_but_not_run(
    commands: list[str], have: Callable[..., None], manager: str, command: str
) -> None:
    have(manager)

    assert not machine.apt_install(["libopus0"])
    assert machine.manual_command(["libopus0"]) == command
    assert commands == []


def test_tests_need_a_virtual_device_besides(monkeypatch: pytest.MonkeyPatch, have: Callable[..., None]) -> None:
    nothing_loads(monkeypatch)
    have()

    assert set(machine.missing_libraries("test")) >= {"libportaudio2", "libopus0", "pulseaudio", "pulseaudio-utils"}


def test_other_systems_need_no_system_packages(commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_loads(monkeypatch)
    monkeypatch.setattr(sys, "platform", "darwin")

    machine.install_libraries("run")

    assert commands == []


def test_failure_of_a_quiet_command_is_shown_when_wanted(capfd: pytest.CaptureFixture[str]) -> None:
    assert not machine.quietly(["sh", "-c", "echo why; exit 1"], show_failure=True)
    assert machine.quietly(["sh", "-c", "echo chatter"], show_failure=True)

    assert capfd.readouterr().err == "why\n\n"
