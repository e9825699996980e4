"""The comparison with other players: the analysis of a recording, the output, and missing players."""

from __future__ import annotations

import json
import urllib.request
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tools.benchmarks import captured, clicks, contenders, latency, listening, main, races, replays
from tools.benchmarks.contenders import Contender, Request
from tools.simulation.synthesis import steady

RATE = listening.RATE
REQUEST = Request("http://127.0.0.1:1", "fast-b", 'It\'s "quoted" $HOME.', "history")


def sound(*parts: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Seconds of noise, of silence, of noise and so on, in two channels."""
    chance = np.random.default_rng(1)
    pieces = [
        chance.normal(0, 0.01 if index % 2 == 0 else 0.0, round(seconds * RATE)) for index, seconds in enumerate(parts)
    ]
    mono = np.concatenate(pieces).astype(np.float32)
    return np.stack([mono, mono], axis=1)


def test_the_first_sound_is_on_the_clock_of_the_machine() -> None:
    found = listening.heard(sound(0, 1.0, 0.5), 100.0)
    assert found is not None
    assert found.first == pytest.approx(101.0, abs=0.001)
    assert (found.gaps, found.silence) == (0, 0.0)
    assert found.sound == pytest.approx(0.5, abs=0.006)


def test_gaps_are_counted_between_the_first_sound_and_the_last() -> None:
    found = listening.heard(sound(0, 0.3, 0.5, 0.1, 0.5, 0.3, 0.2, 0.4), 0.0)
    assert found is not None
    assert found.gaps == 2
    assert found.silence == pytest.approx(0.4, abs=0.02)


def test_a_blink_is_no_gap() -> None:
    found = listening.heard(sound(0.5, 0.012, 0.5), 0.0)
    assert found is not None
    assert found.gaps == 0


def test_silence_holds_no_sound() -> None:
    assert listening.heard(sound(0, 1.0), 0.0) is None


def test_the_speech_that_is_raced_with_is_never_silent() -> None:
    pcm = np.frombuffer(races.floored(2.0), np.int16).astype(np.float32) / 32768
    found = listening.heard(np.stack([pcm, pcm], axis=1), 0.0)
    assert found is not None
    assert (found.gaps, found.silence) == (0, 0.0)


@pytest.mark.parametrize("race", races.RACES, ids=lambda race: race.name)
def test_the_first_page_comes_no_sooner_than_the_first_packet(race: races.Race) -> None:
    packet, page = races.first_audio(race, seconds=3.0)
    assert 0 < packet <= page


def test_a_race_is_learnt_from_in_virtual_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "LESSONS", 2)
    races.teach(races.RACES[5], "host|model|voice", tmp_path / "history")
    assert "host|model|voice" in (tmp_path / "history").read_text()


def test_what_is_missing_is_told_with_the_command_that_installs_it() -> None:
    absent = Contender("a player", lambda _: [], ("no-such-program",), ("no_such_module",), "get it")
    assert absent.missing() == "a player is left out, no no-such-program, no_such_module here: get it"
    assert Contender("ours", lambda _: []).missing() is None


def test_the_text_reaches_a_pipe_as_it_is() -> None:
    command = next(each for each in contenders.CONTENDERS if each.name == "curl, ffplay").command(REQUEST)
    assert json.loads(command[-1])["input"] == REQUEST.text
    assert REQUEST.text not in command[2]


def test_every_contender_makes_a_command() -> None:
    for each in contenders.CONTENDERS:
        command = each.command(REQUEST)
        assert all(isinstance(word, str) for word in command)
        assert any(REQUEST.address in word for word in command), each.name


def test_the_first_request_after_a_moment_is_found(tmp_path: Path) -> None:
    (tmp_path / captured.REQUESTS).write_text("1.0\n2.0\n3.0\n")
    assert captured.first_request(tmp_path, 1.5) == 2.0
    assert captured.first_request(tmp_path, 4.0) is None


def test_the_service_answers_in_the_format_that_is_asked_for(tmp_path: Path) -> None:
    local = next(race for race in races.RACES if race.name == "local")
    races.save(local, tmp_path, seconds=0.5)
    with captured.serving(tmp_path) as address:
        opus = urllib.request.urlopen(f"{address}/local").read()  # on this machine
        fields = json.dumps({"model": "local", "input": "", "response_format": "pcm"}).encode()
        wanted = urllib.request.Request(f"{address}/v1/audio/speech", fields, {"Content-Type": "application/json"})
        pcm = urllib.request.urlopen(wanted).read()
    assert opus.startswith(b"OggS")
    assert pcm == races.floored(0.5)
    assert len((tmp_path / captured.REQUESTS).read_text().split()) == 2


def test_takes_become_the_middle_of_each_figure() -> None:
    course = latency.Course(races.RACES[0], "text", 6.0, Path("history"), 1.2, 1.3)
    takes = {
        contenders.LEARNT: [latency.Take(1.3, 0.2, 0, 0.0, 6.0)],
        "other": [latency.Take(at, 0.1, gaps, 0.1 * gaps, 5.0) for at, gaps in ((1.5, 1), (1.7, 3), (1.6, 2))],
        "silent": [latency.Take(None, 0.1, 0, 0.0, 0.0)],
    }
    ours, other, silent = latency._results(course, takes)
    assert (ours.first, ours.above, ours.later, ours.lost) == pytest.approx((1.3, 0.1, 0.0, 0.0))
    assert (other.first, other.later, other.gaps, other.silence, other.lost) == pytest.approx((1.6, 0.3, 2, 0.2, 1.0))
    assert (silent.first, silent.above, silent.later) == (None, None, None)


def test_the_table_is_one_of_markdown() -> None:
    course = latency.Course(races.RACES[0], "text", 6.0, Path("history"), 1.2, 1.3)
    takes = {"a": [latency.Take(1.25, 0.2, 2, 0.5, 5.0)], "b": [latency.Take(None, 0.2, 0, 0.0, 0.0)]}
    table = latency._as_table([course], list(latency._results(course, takes)), ["c is left out"], {"rounds": "1"})
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {4}
    assert "| a | 1.25 (+0.05); 2 gaps, 0.5 s; 1.0 s lost | 0.20 |" in lines
    assert "| b | no sound | 0.20 |" in lines
    assert table.endswith("c is left out")


def test_latency_has_a_command_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["latency", "--help"])
    assert ended.value.code == 0
    assert "tools/bench latency" in capsys.readouterr().out


def test_without_a_sound_server_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main.main(["latency"]) == 1
    assert "apt-get install" in capsys.readouterr().err


def test_edges_are_found_where_sound_is_cut_and_where_it_goes_on() -> None:
    speech = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    cut = 20_000
    tail = np.random.default_rng(2).normal(0, 0.1, 480).astype(np.float32)
    faded = speech[cut:].copy()
    faded[:240] *= np.linspace(0, 1, 240, dtype=np.float32)
    recording = np.concatenate([np.zeros(700, np.float32), speech[:cut], tail, np.zeros(4800, np.float32), faded])
    found = [tuple(edge) for edge in clicks.edges(recording, speech)]
    start = 700 + cut
    assert found == [
        ("seam", start, cut),
        ("cut", start + 480, cut + 480),
        ("resume", start + 480 + 4800, cut),
    ]


def test_a_hard_cut_clicks_and_a_faded_one_does_not() -> None:
    times = np.arange(RATE) / RATE
    speech = (0.3 * np.sin(2 * np.pi * 200 * times + 1)).astype(np.float32)
    hard, soft = speech.copy(), speech.copy()
    hard[24_000:] = 0
    soft[23_760:24_000] *= np.linspace(1, 0, 240, dtype=np.float32)
    soft[24_000:] = 0
    edge = clicks.Edge("cut", 24_000, 24_000)
    assert clicks.click_db(hard, speech, edge) > 12
    assert clicks.click_db(soft, speech, edge) < clicks.click_db(hard, speech, edge) - 12


def test_a_service_is_as_fast_as_it_is_said_to_be_on_the_whole() -> None:
    progress = replays.uneven(0.9, 120.0, "seed")
    assert (progress.ready(120.0) - progress.ready(0.0)) * 0.9 == pytest.approx(120.0, rel=0.05)


def test_a_bearer_is_gone_for_one_to_three_seconds_at_a_time() -> None:
    network = replays.umts(1)
    left = [at for at, _ in network.pass_through([(0.0, 400_000)])]
    pauses = [after - before for before, after in pairwise(left) if after - before > 0.5]
    assert pauses
    assert all(0.9 < pause < 3.2 for pause in pauses)


def test_a_replay_tells_when_sound_began() -> None:
    made = replays.capture("x", 3.0, "b", steady(6.5, 3.0))
    done = replays.replay(made, replays.PAGES)
    assert replays.start_delay(done) >= 0
    assert replays.first_sound(done) > replays.since_request(done, "first_packet")
