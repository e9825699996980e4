"""Tests of completion, by the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from cli_run import inside
from oggstream.cli.options import OF_COMMANDS
from patience import PATIENCE

LINES = [
    ("oggstream insp", "inspect"),
    ("oggstream --volu", "--volume"),
    ("oggstream inspect --pack", "--packets"),
    ("oggstream say --on-refused sk", "skip"),
    ("oggstream play hel", "hello.opus"),
]


def script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    path = folder / f"completion.{shell}"
    path.write_bytes(inside(capsys, "completion", shell).out)
    (folder / "hello.opus").touch()
    return path


@pytest.mark.parametrize(("line", "word"), LINES)
def test_bash_completes(line: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        f"source {script('bash', tmp_path, capsys)}; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_oggstream; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [word]


@pytest.mark.parametrize(("line", "word"), LINES)
def test_fish_completes(line: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = f"source {script('fish', tmp_path, capsys)}; complete -C '{line}'"
    done = subprocess.run(["fish", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [shown.split("\t")[0] for shown in done.stdout.splitlines()] == [word]


@pytest.mark.parametrize(("line", "word"), LINES)
def test_zsh_completes(line: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = script("zsh", tmp_path, capsys)
    setup = f"autoload -Uz compinit; compinit -D -u; source {path}; cd {tmp_path}; PS1='ready''> '\n"
    process, descriptor = pty.fork()
    if not process:  # pragma: no cover  # the child, which becomes another program
        os.execvpe("zsh", ["zsh", "-f"], {**os.environ, "TERM": "xterm"})
    try:
        os.write(descriptor, setup.encode())
        read_until(descriptor, "ready> ")
        os.write(descriptor, f"{line}\t".encode())
        read_until(descriptor, word[-3:] if word.startswith(line.rsplit(maxsplit=1)[-1]) else word)
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(descriptor)


def read_until(descriptor: int, word: str) -> None:
    end, seen = time.monotonic() + PATIENCE, ""
    while word not in seen.replace("\x1b[K", ""):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{word!r} was never written: {seen!r}"
        seen += os.read(descriptor, 65536).decode(errors="replace")


def test_every_command_is_in_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = inside(capsys, "completion", shell).out.decode()
        assert not [command for command in OF_COMMANDS if f" {command}" not in text]


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "completion", "tcsh")
    assert result.status == 2
    assert "bash" in result.err
