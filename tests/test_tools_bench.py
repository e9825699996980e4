"""The benchmarks: their arithmetic, what they print, and that each row can be measured. No figure is judged here."""

from __future__ import annotations

import functools
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from oggstream.files.places import cache_folder
from oggstream.opus.opus_reader import OpusReader
from tools.benchmarks import busy, cold, decode, machine, main, material, row, start, stats, table
from tools.benchmarks.process import Usage
from tools.benchmarks.rows import ROWS

TINY = "0.001"


def outcome(*, reached: bool) -> row.Outcome:
    return row.Outcome("1 ms", reached, {"p50": 0.001})


def row_that(measure: object, *programs: str) -> row.Row:
    return row.Row("name", "what it is", "< 2 ms", measure, programs)  # type: ignore[arg-type]


def run_in(folder: Path, scale: float = 1.0) -> row.Run:
    return row.Run(scale, folder)


def test_a_percentile_lies_between_two_values_where_it_falls_there() -> None:
    assert stats.percentile([4, 1, 3, 2], 50) == 2.5
    assert stats.percentile(range(101), 99) == 99
    assert stats.percentile([1, 2], 99) == pytest.approx(1.99)
    assert stats.percentile([7], 1) == 7


def test_the_ends_are_percentiles_too() -> None:
    assert stats.percentile([3, 1, 2], 0) == 1
    assert stats.percentile([3, 1, 2], 100) == 3


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        stats.percentile([], 50)


def test_the_median_is_the_value_in_the_middle() -> None:
    assert stats.median([9, 1, 5]) == 5


def test_measures_take_turns_and_every_other_round_goes_backwards() -> None:
    order: list[str] = []

    def note(name: str) -> str:
        order.append(name)
        return f"{name}{len(order)}"

    samples = stats.alternate(3, partial(note, "a"), partial(note, "b"))
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert samples == [["a1", "a4", "a5"], ["b2", "b3", "b6"]]


def test_a_cold_start_is_the_ratio_of_medians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    requests = iter([9.0, 0.22, 0.20, 0.90])  # the first of each only warms up
    imports = iter([9.0, 0.10, 0.20, 0.21])
    monkeypatch.setattr(cold, "PAIRS", 3)
    monkeypatch.setattr(cold, "_until_request", lambda _: next(requests))
    monkeypatch.setattr(cold, "_import_aiohttp", lambda: next(imports))
    measured = cold.measure_cold(run_in(tmp_path))
    assert measured.figures == pytest.approx({"ratio": 1.1, "request": 0.22, "import": 0.20})
    assert measured.measured == "1.10 x (220 ms, 200 ms)"


def test_decoding_is_compared_by_the_best_of_each_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu = {"ffmpeg": iter([2.0, 1.0]), "opusdec": iter([2.0, 3.0])}

    def measured_as(command: list[str]) -> Usage:
        return Usage(next(cpu[command[0]]) if command[0] in cpu else 1.2, 0.0, 0.0)

    monkeypatch.setattr(decode, "BEST_OF", 2)
    monkeypatch.setattr(decode, "measure", measured_as)
    monkeypatch.setattr(material, "ogg_file", lambda folder, _: folder / "speech.opus")
    result = decode.measure_decode(run_in(tmp_path))
    assert result.figures["ffmpeg"] == pytest.approx(1.2)
    assert result.figures["opusdec"] == pytest.approx(0.6)
    assert result.reached


def test_a_row_says_whether_its_promise_is_kept(tmp_path: Path) -> None:
    assert row.take(row_that(lambda _: outcome(reached=True)), run_in(tmp_path)).verdict == row.REACHED
    assert row.take(row_that(lambda _: outcome(reached=False)), run_in(tmp_path)).verdict == row.MISSED


def test_a_missing_program_skips_the_row_and_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = row.take(row_that(lambda _: outcome(reached=True), "opusdec", "ffmpeg"), run_in(tmp_path))
    assert result.verdict == row.SKIPPED
    assert result.measured == "no opusdec, ffmpeg here: sudo apt-get install ffmpeg opus-tools"


def test_every_program_that_a_row_needs_has_a_package() -> None:
    assert {program for each in ROWS for program in each.programs} <= set(row.PACKAGES)


def test_a_smaller_run_does_less_but_never_nothing(tmp_path: Path) -> None:
    small = run_in(tmp_path, 0.1)
    assert (small.count(50), small.count(3), small.count(3, least=2)) == (5, 1, 2)
    assert (small.seconds(600, least=1), small.seconds(2, least=1)) == (60, 1)


def test_times_are_written_with_the_digits_that_one_reads() -> None:
    assert [row.milliseconds(value) for value in (0.00012, 0.0123, 0.7654, -0.001)] == [
        "0.12 ms",
        "12.3 ms",
        "765 ms",
        "-1.00 ms",
    ]


def test_the_table_has_a_line_per_row_under_the_facts() -> None:
    result = row.Result("name", "what it is", "< 2 ms", "1 ms", row.REACHED, {"p50": 0.001})
    assert table.as_table([result], {"date": "2026-01-02"}).splitlines() == [
        "date: 2026-01-02",
        "",
        "| what       | asked  | measured | verdict |",
        "|------------|--------|----------|---------|",
        "| what it is | < 2 ms | 1 ms     | reached |",
    ]


def test_json_holds_the_figures() -> None:
    result = row.Result("name", "what it is", "< 2 ms", "1 ms", row.REACHED, {"p50": 0.001})
    printed = json.loads(table.as_json([result], {"date": "2026-01-02"}))
    assert printed["machine"] == {"date": "2026-01-02"}
    assert printed["rows"][0]["figures"] == {"p50": 0.001}


def test_the_header_says_what_the_machine_is_and_never_its_name() -> None:
    import platform

    facts = machine.describe()
    assert platform.python_version() in facts["software"]
    assert "core" in facts["machine"]
    assert "/home" not in str(facts)
    assert platform.node() not in str(facts).replace("Debian", "")


def test_a_row_that_breaks_is_a_line_like_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(main, "__file__", str(tmp_path / "main.py"))
    status = main.main(["--only", "pages"])
    assert status == 1
    assert "| ended with status 3, see above | FAILED" in capsys.readouterr().out


def test_list_names_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len({each.name for each in ROWS}) == len(ROWS)


def test_the_speech_is_a_clean_stream_of_the_length_asked_for(tmp_path: Path) -> None:
    reader = OpusReader()
    reader.feed(material.ogg_file(tmp_path, 1.5, repeat=2).read_bytes())
    reader.finish()
    assert (reader.stats.packets, reader.stats.holes, reader.stats.warnings) == (150, 0, [])


def test_a_word_means_the_rows_that_begin_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []

    def note(each: row.Row, *_: object) -> row.Result:
        measured.append(each.name)
        return row.Result(each.name, each.what, each.asked, "", row.REACHED, {})

    monkeypatch.setattr(main, "_in_a_process", note)
    assert main.main(["listeners", "--json"]) == 0
    assert {"listeners-delay", "listeners-whep"} <= set(measured)
    assert all(name.startswith("listeners-") for name in measured)
    measured.clear()
    assert main.main(["busy", "--json"]) == 0
    assert measured == ["busy"]
    capsys.readouterr()


def test_start_is_the_program_of_that_name_and_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "main", lambda words: len(words) + 40)
    assert main.main(["start", "--quick"]) == 41


def first_of_each_module() -> list[row.Row]:
    """A row for each module of rows: all of them take minutes, which `tools/bench --quick` is for."""
    found: dict[str, row.Row] = {}
    for each in ROWS:
        measure = each.measure.func if isinstance(each.measure, functools.partial) else each.measure
        found.setdefault(measure.__module__, each)
    return list(found.values())


@pytest.mark.once
@pytest.mark.timeout(300)  # each is a program of its own, that waits for sound
@pytest.mark.parametrize("each", first_of_each_module(), ids=lambda each: each.name)
def test_a_row_can_be_measured(each: row.Row, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        row.require(each.programs)
    except row.Skip as reason:
        pytest.skip(str(reason))
    main.main(["--only", each.name, "--scale", TINY, "--json"])
    (line,) = json.loads(capsys.readouterr().out)["rows"]
    assert line["name"] == each.name
    if line["verdict"] == row.SKIPPED:
        pytest.skip(line["measured"])
    assert line["verdict"] in (row.REACHED, row.MISSED), line["measured"]
    assert line["figures"]


def test_gaps_are_the_silences_within_the_sound() -> None:
    tone = np.full(48000, 0.5, np.float32)
    tone[:1000] = tone[-1000:] = 0
    assert busy.gaps(tone) == (0, 0.0)
    tone[9600:10560] = tone[20000:20960] = 0
    found = busy.gaps(tone)
    assert found.number == 2
    assert found.seconds == pytest.approx(0.04, abs=0.005)
    assert busy.gaps(np.zeros(48000, np.float32)) == (1, 1.0)


def test_what_a_device_was_found_to_need_is_in_no_figure() -> None:
    kept = Path(cache_folder())
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "devices.json").write_text('{"ALSA|default":{"latency":0.16,"at":1}}')
    with main.nothing_learnt():
        assert not Path(cache_folder(), "devices.json").exists()
        Path(cache_folder(), "history.json").write_text("{}")
        Path(cache_folder(), "voices", "some.tables").write_text("kept")
    assert not (kept / "history.json").exists()
    assert (kept / "voices" / "some.tables").read_text() == "kept"
