"""`replay` on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cli_run import inside, run, terminal
from oggstream.sources.captures.capture import ARRIVALS, Capture, save
from replays import CAPTURE, SIZES

CAPTURES = Path(__file__).parent / "fixtures" / "captures"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two captures, which is the current one."""
    for name in ("b_fast", "a_rate_0.8"):
        for path in CAPTURES.glob(f"{name}.*"):
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_capture_gives_its_report_and_nothing_else(folder: Path) -> None:
    done = run("replay", "b_fast", "--sink", "null", "--json", cwd=folder)
    assert done.status == 0
    assert done.err == ""
    report = done.report
    assert report["completed"]
    assert report["sink"] == "null"
    assert report["capture"] == "b_fast"
    assert {"clairvoyant_start", "clairvoyant_start_stretched", "regret"} <= set(report["playout"])


def test_several_captures_give_all_reports_and_a_summary(folder: Path) -> None:
    arguments = ("replay", "b_fast.ogg", f"a_rate_0.8{ARRIVALS}", "--sink", "null", "--json", "--repeat", "2")
    first, second = run(*arguments, cwd=folder), run(*arguments, cwd=folder)
    assert first.out == second.out
    assert first.report["schema"] == 1
    assert [(entry["capture"], entry["round"]) for entry in first.report["captures"]] == [
        ("b_fast", 1),
        ("a_rate_0.8", 1),
        ("b_fast", 2),
        ("a_rate_0.8", 2),
    ]
    assert first.report["summary"]["replays"] == 4
    assert [entry["capture"] for entry in first.report["summary"]["by_capture"]] == ["b_fast", "a_rate_0.8"]
    assert {"p50", "p95", "p99"} <= set(first.report["summary"]["start_delay"])


def test_it_does_not_take_the_time_that_the_speech_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import time

    begun = time.monotonic()
    assert inside(capsys, "replay", "a_rate_0.8", "--sink", "null", "--repeat", "10").status == 0  # 100 s
    assert time.monotonic() - begun < 60


def test_a_person_gets_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = inside(capsys, "replay", "b_fast", "a_rate_0.8", "--sink", "null")
    head, *rows, legend = done.out.decode().splitlines()
    assert head.split()[:3] == ["capture", "start", "p95"]
    assert legend.startswith("start, p95, best: ms")
    assert [row.split()[0] for row in rows] == ["b_fast", "a_rate_0.8", "all"]
    assert {len(row) for row in rows} == {len(head)}
    assert done.err == ""


def test_what_was_learnt_before_is_not_used_unless_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    cold = run("replay", "a_rate_0.8", "--sink", "null", "--json", cwd=folder).out
    assert not (folder / "cache").exists()
    learning = ("replay", "a_rate_0.8", "--sink", "null", "--json", "--history", "known.json")
    assert run(*learning, cwd=folder).out == cold
    assert (folder / "known.json").exists()
    assert run(*learning, cwd=folder).out != cold
    assert run("replay", "a_rate_0.8", "--sink", "null", "--json", cwd=folder).out == cold


def test_a_network_and_a_seed_change_the_figures_in_a_way_that_can_be_repeated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lte").write_text("0\n900\n1800\n1900\n2500\n")

    def starts(*more: str) -> list[float]:
        command = ("replay", "b_fast", "--sink", "null", "--json", "--network", "lte", "--repeat", "3", *more)
        return [entry["timing"]["first_packet"] for entry in inside(capsys, *command).report["captures"]]

    assert len(set(starts())) == 1
    assert starts("--seed", "4") == starts("--seed", "4") != starts("--seed", "5")
    assert len(set(starts("--seed", "4"))) > 1


def test_the_page_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside(capsys, "replay", "b_fast", "--sink", "null", "--json", "--report", "page.html").report["completed"]
    assert "<svg" in (folder / "page.html").read_text()


def test_in_real_time_a_file_gets_the_speech(folder: Path) -> None:
    save(CAPTURE._replace(name=str(folder / "now"), arrivals=[(at - 0.9, size) for at, size in CAPTURE.arrivals]))
    done = run("replay", "now", "--sink", "wav:out.wav", "--json", "--save", "kept.ogg", cwd=folder)
    assert done.status == 0, done.err
    assert done.report["sink"] == "wav"
    assert done.report["timing"]["process_start"] is None or done.report["timing"]["process_start"] < 0
    assert (folder / "out.wav").stat().st_size > 2 * 2 * 48000 - 100
    assert (folder / "kept.ogg").read_bytes() == CAPTURE.body


def test_a_replay_that_fails_lets_the_others_be_made_and_is_the_end_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(Capture(str(folder / "html"), b"<html>" * 99, [(1.0, 594)]))
    done = inside(capsys, "replay", "html", "b_fast", "--sink", "null", "--json")
    assert done.status == 1
    assert [entry["completed"] for entry in done.report["captures"]] == [False, True]
    assert done.report["summary"]["failed"] == 1
    assert done.err.count("HTML") == 2
    assert done.err.splitlines()[-1].startswith("oggstream: error: ")


def test_a_broken_answer_is_reported_with_what_came(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = SIZES[0]
    save(Capture(str(folder / "cut"), CAPTURE.body[:size], [(1.0, size)], broken="the line was cut"))
    done = inside(capsys, "replay", "cut", "--sink", "null", "--json")
    assert done.status == 1
    assert done.report["error"]["type"] == "SourceBrokenError"
    assert done.report["audio"]["seconds"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["nothing"], 1, "there is no nothing.arrivals.jsonl"),
        (["b_fast", "--network", "nothing"], 2, "cannot read nothing"),
        (["b_fast", "--network", "b_fast.ogg"], 2, "network"),
        (["b_fast", "--repeat", "0"], 2, "invalid number of rounds"),
        (["b_fast", "--seed", "x"], 2, "invalid seed"),
        ([], 2, "name a capture"),
        (["b_fast", "--report", "none/page.html"], 1, "cannot write none/page.html"),
        (["b_fast", "--save", "x", "--repeat", "2"], 2, "--save keeps the bytes of one replay"),
        (["b_fast", "--device", "1"], 2, "--device goes with --sink device"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, reason: str
) -> None:
    done = inside(capsys, "replay", *arguments, "--sink", "null")
    assert done.status == status
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_with_json_a_capture_that_cannot_be_read_is_told_in_json_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b_fast.ogg").write_bytes(b"short")
    done = inside(capsys, "replay", "b_fast", "--sink", "null", "--json")
    told: dict[str, Any] = done.report
    assert done.status == 1
    assert (told["completed"], told["error"]["type"], told["captures"]) == (False, "CaptureError", [])


def test_a_terminal_shows_how_far_it_is(folder: Path) -> None:
    with terminal(
        "replay", "b_fast", "a_rate_0.8", "--sink", "null", "--repeat", "3", cwd=folder, columns=76
    ) as screen:
        screen.wait_for(r"replay 6/6  a_rate_0.8 \(round 3\)")
        assert screen.end() == 0
        assert [line.split()[0] for line in screen.lines] == ["capture", "b_fast", "a_rate_0.8", "all", "start,"]


def test_ctrl_c_ends_it_with_what_there_is(folder: Path) -> None:
    import signal

    save(CAPTURE._replace(name=str(folder / "now"), arrivals=[(0.0, len(CAPTURE.body))]))
    save(CAPTURE._replace(name=str(folder / "late"), arrivals=[(50.0, len(CAPTURE.body))]))
    with terminal("replay", "now", "late", "--sink", "wav:out.wav", cwd=folder) as screen:
        screen.wait_for("replay 2/2  late")
        screen.write(b"\x03")
        assert screen.end() == 128 + signal.SIGINT
        assert any(line.startswith("now") for line in screen.lines)


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert "replay --sink null" in inside(capsys, "replay", "--help").out.decode()

    assert "oggstream replay CAPTURE ..." in inside(capsys, "--help").out.decode()
