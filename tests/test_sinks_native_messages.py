"""Tests of what ALSA and JACK say: real libraries, in processes of their own."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from cli_run import environment

OPEN = """
import ctypes, logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from oggstream.sinks.native_messages import log_native_messages
if sys.argv[1] == "logged":
    log_native_messages()
    log_native_messages()
pcm = ctypes.c_void_p()
ctypes.CDLL("libasound.so.2").snd_pcm_open(ctypes.byref(pcm), b"there_is_none", 0, 0)
"""


def _alsa() -> bool:
    try:
        ctypes.CDLL("libasound.so.2")
    except OSError:
        return False
    return True


needs_alsa = pytest.mark.skipif(not _alsa(), reason="there is no libasound")


def opened(how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OPEN, how], capture_output=True, text=True, check=True, env=environment()
    )


@needs_alsa
def test_left_alone_alsa_writes_to_standard_error() -> None:
    assert "ALSA lib" in opened("left alone").stderr


@needs_alsa
def test_what_alsa_says_is_logged_and_not_written() -> None:
    done = opened("logged")
    assert done.stderr == ""
    assert "DEBUG:oggstream:ALSA: Unknown PCM there_is_none" in done.stdout


@needs_alsa
@pytest.mark.parametrize("device", ["", "3"])
def test_speaking_to_devices_that_are_none_leaves_the_terminal_clean(device: str, tmp_path: Path) -> None:
    arguments = ["--device", device] if device else []
    done = subprocess.run(
        [sys.executable, "-m", "oggstream", "Hello.", "--service", "offline", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )
    assert all(line.startswith("oggstream: ") for line in done.stderr.splitlines())
