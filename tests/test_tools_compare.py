"""The comparison: how outcomes are judged, and that it runs with what is installed. No other decoder is judged here."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from tools.comparing import __main__ as compare, players
from tools.comparing.players import PLAYERS, Outcome

pytestmark = pytest.mark.once
ROW = {"group": "x", "what": "y", "file": "clean.opus", "channels": "1", "samples": "57000", "error": ""}


def sound(length: int) -> players.Pcm:
    return np.sin(np.arange(length) / 10).astype(np.float32)


@pytest.mark.parametrize(
    ("outcome", "cell"),
    [
        (Outcome(sound(57000)), "right"),
        (Outcome(sound(57480)), "+10 ms"),
        (Outcome(sound(52200)), "-100 ms"),
        (Outcome(-sound(57000)), "other sound"),
        (Outcome(sound(0), "crash"), "crash"),
    ],
)
def test_what_is_to_be_played_is_judged_by_length_and_sound(outcome: Outcome, cell: str) -> None:
    assert compare.judge(ROW, outcome, sound(57000)) == cell


@pytest.mark.parametrize(
    ("outcome", "cell"),
    [
        (Outcome(sound(0), "refused"), "right"),
        (Outcome(sound(0)), "right"),
        (Outcome(sound(10)), "plays it"),
        (Outcome(sound(0), "hang"), "hang"),
    ],
)
def test_what_is_to_be_refused_may_not_be_played(outcome: Outcome, cell: str) -> None:
    assert compare.judge({**ROW, "error": "NoAudioError"}, outcome, None) == cell


def test_what_fills_a_hole_is_not_compared() -> None:
    reference = compare._reference({**ROW, "file": "lost_page.opus"})
    assert reference is not None
    assert np.isnan(reference).sum() == 4800 + compare.SETTLED
    other = np.where(np.isnan(reference), 1, reference).astype(np.float32)
    assert compare.judge(ROW, Outcome(other), reference) == "right"


def test_a_player_that_is_missing_is_named_with_how_to_install_it(capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> str:
        raise PackageNotFoundError("sphn")

    assert compare._version(PLAYERS[4]._replace(version=missing)) == ""
    assert capsys.readouterr().err == "sphn is not installed: pip install sphn\n"


def test_a_player_that_crashes_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], -11, b"", b"")

    def hang(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired([], 1)

    for run, failure in ((die, "crash"), (hang, "hang")):
        monkeypatch.setattr(subprocess, "run", run)
        assert players.play(PLAYERS[0], Path("x")).failure == failure


def test_the_table_has_a_line_for_each_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = PLAYERS[0]
    monkeypatch.setattr(compare, "PLAYERS", [ours])
    page = list(compare._page([(ours, "1.0")], "lost_p"))
    assert page[-3:] == [
        "| lost page: one page | `lost_page` | right |",
        "| lost page: three pages in a row | `lost_pages` | right |",
        "| **right** | 2 streams | **2** |",
    ]


def test_the_command_prints_the_page() -> None:
    program = Path(compare.__file__)
    done = subprocess.run([sys.executable, "-P", program, "--only", "html"], capture_output=True, text=True, check=True)
    assert "| not Ogg Opus: a web page | `html` | right |" in done.stdout
