"""The audio callback in C under the sanitizers: a short run, and faults that it must find."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.sanitizing import __main__ as sanitize

WITHOUT_GCC = sys.platform != "linux" or shutil.which("gcc") is None
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(WITHOUT_GCC, reason="the sanitizers need gcc: sudo apt-get install gcc"),
]


def run(name: str, folder: Path, blocks: int) -> subprocess.CompletedProcess[str]:
    program = sanitize.build(name, folder)
    return subprocess.run([str(program), str(blocks), "1"], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", sanitize.SANITIZERS)
def test_the_callback_is_clean(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path, 20_000)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("20000 blocks, ")


@pytest.mark.parametrize(
    ("correct", "wrong"),
    [
        ("while (!REPLACE(ring + WRITTEN, written | MARK, kept));", "while (0); STORE(ring + WRITTEN, kept);"),
        ("FETCH_AND(ring + WRITTEN, ~MARK) & ~MARK", "LOAD(ring + WRITTEN) & ~MARK"),
        ("kept += LOAD_IN_ORDER(ring + GUARD)", "kept += 0"),
    ],
)
def test_a_withdrawal_that_does_less_than_it_must_is_found(
    correct: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (sanitize.CALLBACK / "callback.c").read_text()
    assert correct in source
    (tmp_path / "callback.c").write_text(source.replace(correct, wrong))
    monkeypatch.setattr(sanitize, "CALLBACK", tmp_path)
    done = run("address", tmp_path, 3_000_000)
    assert done.returncode != 0
    assert "harness: a sample" in done.stderr


def test_the_command_line_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sanitize.main(["--help"])
    assert "tools/sanitize --blocks 100000000" in capsys.readouterr().out
