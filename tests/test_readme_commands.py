"""The commands in blocks of shell, of the README and the pages about the commands, run as they stand there.

With the quickest voice of this machine, without an output device, in a folder of their own, a page from top to end.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli_run import environment
from patience import PATIENCE
from test_readme import DOCS, PLAYOUT, README, ROOT, blocks

pytestmark = pytest.mark.once
PAGES = [README, DOCS / "command-line.md", PLAYOUT]
ELSEWHERE = {
    r"tools/(run|test)": "they set up a checkout",
    r"oggstream chat": "asks a model: test_cli_commands_chat.py",
    r"oggstream (serve|daemon|stop)|Hello from next door": "stay: test_endpoint_server.py, test_daemon.py",
    r"--(device|sink device)|oggstream replay hello\b": "plays on a device: test_sinks_device_sink.py",
    r"icecast://": "speaks to a mount: test_sinks_radio_icecast_sink.py",
    r"completion zsh": "a shell that may not be there: test_cli_commands_completion.py",
}
"""Lines that take more than this machine has, and where they are tested or why they are not."""
PROGRAMS = {
    "oggstream": f'exec {sys.executable} -m oggstream "$@"',
    "some-model": 'printf "%s" "This grows. "; printf "%s" "So it does."',
}
LEAVES = {README: {"speech.wav", "hello.opus", "hello.wav", "hello.ogg", "hello.arrivals.jsonl"}}


def lines(page: Path) -> list[str]:
    """The lines that run here; what is a comment to the shell stays."""
    found = [line for code in blocks(page, "sh") for line in code.replace("\\\n", " ").splitlines()]
    return [line for line in found if not any(re.search(pattern, line) for pattern in ELSEWHERE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a user is: a checkout's fixtures are there, and the programs that the pages speak of."""
    for name, script in PROGRAMS.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "lte.down").write_text("".join(f"{at}\n" for at in range(0, 4000, 7)))
    (tmp_path / ".config" / "fish" / "completions").mkdir(parents=True)
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_works_as_printed(page: Path, folder: Path) -> None:
    env = environment(PATH=f"{folder / 'bin'}:/usr/bin:/bin", HOME=str(folder), OGGSTREAM_SERVICE="offline:espeak")
    for line in lines(page):
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert (done.returncode, "error" in done.stderr) == (0, False), (line, done.stderr)
    assert LEAVES.get(page, set()) <= {path.name for path in folder.iterdir()}


def test_most_lines_are_run() -> None:
    every = [line for page in PAGES for code in blocks(page, "sh") for line in code.splitlines() if "oggstream" in line]
    run = [line for page in PAGES for line in lines(page)]
    assert len(run) >= len(every) // 2
    for pattern in ELSEWHERE:
        assert any(re.search(pattern, code) for page in PAGES for code in blocks(page, "sh")), pattern
