"""``tools/bench latency``: compares oggstream with alternatives on the same captures, from recordings of the sound."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import captured, card, contenders, listening, races
from .contenders import CONTENDERS, Contender, Request
from .machine import describe
from .row import Skip, require
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .races import Race

ROUNDS = 3
QUICK_SECONDS = 4.0
QUICK_RACES = ("fast-b", "rate-0.9", "umts")
SPARE_SECONDS = 60.0  # beyond twice the speech, until a player is stopped
TAIL_SECONDS = 0.25  # in the sound server's buffer when a player ends
MATTERS = 0.1  # the least seconds of missing speech that are reported
FIGURES = ("start", "thin", "umts", "slow", "playout", "clicks", "networks")

DESCRIPTION = """\
Plays the same captured arrivals with oggstream and with alternatives, each in a process of its own, from a service on
this machine into a virtual sound card, and measures in the recording when the first sound came and how much silence
was inserted into the speech. Prints a table in Markdown.
"""
LEGEND = (
    "Seconds from the request to the first sound; in parentheses what the player adds to the arrival of the first "
    "packet in Opus; then the silence put into the speech, and speech that was not heard. Start-up: from the start of "
    "the process to the request. Medians of {rounds}."
)


class Result(NamedTuple):
    """One contender in one race, times in seconds. ``first``: from the request to the first sound, None for none.

    ``above``: seconds after the arrival of the first packet in Opus; ``later``: seconds after oggstream, learnt;
    ``startup``: from the start of the process to the request; ``gaps``: their number, ``silence``: their total;
    ``lost``: speech that was not heard.
    """

    race: str
    player: str
    first: float | None
    above: float | None
    later: float | None
    startup: float
    gaps: float
    silence: float
    lost: float


class Take(NamedTuple):
    """The figures of one run of a player."""

    first: float | None
    startup: float
    gaps: int
    silence: float
    sound: float


class Course(NamedTuple):
    """A prepared race: its text and length, its history file, and when the first packet and page arrive."""

    race: Race
    text: str
    seconds: float
    history: Path
    packet: float
    page: float


def main(arguments: Sequence[str]) -> int:
    """Compare, and print; return 0, or 1 if it cannot be measured here."""
    options = _parser().parse_args(arguments)
    if options.figures:
        from .main import main as rows

        return rows([*(word for name in FIGURES for word in ("--only", name)), *(["--json"] if options.json else [])])
    try:
        require(["pulseaudio", "parec"])
    except Skip as reason:
        print(f"tools/bench: {reason}", file=sys.stderr)
        return 1
    absent = [why for contender in CONTENDERS if (why := contender.missing())]
    players = [one for one in CONTENDERS if not one.missing() and (not options.player or one.name in options.player)]
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    names = options.race or (QUICK_RACES if options.quick else [race.name for race in races.RACES])
    with tempfile.TemporaryDirectory(prefix="oggstream-bench-") as folder:
        courses, results = _measure(Path(folder), names, players, rounds, quick=options.quick)
    machine = describe() | {"rounds": str(rounds)}
    print(_as_json(courses, results, absent, machine) if options.json else _as_table(courses, results, absent, machine))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/bench latency", description=DESCRIPTION)
    names, players = [race.name for race in races.RACES], [contender.name for contender in CONTENDERS]
    parser.add_argument("--race", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--player", action="append", choices=players, metavar="NAME", help=f"one of {players}")
    parser.add_argument("--rounds", type=int, help=f"how often each plays each ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="three races, once, with less to say")
    parser.add_argument("--json", action="store_true", help="print one JSON object, times in seconds")
    parser.add_argument(
        "--figures", action="store_true", help=f"measure the rows {', '.join(FIGURES)} instead, in virtual time"
    )
    return parser


def _measure(
    folder: Path, names: Sequence[str], players: Sequence[Contender], rounds: int, *, quick: bool
) -> tuple[list[Course], list[Result]]:
    chosen = [race for race in races.RACES if race.name in names]
    for race in chosen:
        races.save(race, folder, seconds=QUICK_SECONDS if quick else None)
    with captured.serving(folder) as address, card.plugged_in():
        courses = [_course(race, folder, address, quick=quick) for race in chosen]
        total = len(courses) * len(players) * rounds
        results: list[Result] = []
        number = 0
        for course in courses:
            takes: dict[str, list[Take]] = {player.name: [] for player in players}
            for turn in range(rounds):
                for player in players if turn % 2 == 0 else reversed(players):
                    number += 1
                    print(
                        f"{number}/{total} {course.race.title}: {player.name} ...", end=" ", file=sys.stderr, flush=True
                    )
                    take = play(player, course, folder, address)
                    takes[player.name].append(take)
                    print(_shown(take.first, take.gaps, take.silence, 0.0), file=sys.stderr, flush=True)
            results += _results(course, takes)
    return courses, results


def _course(race: Race, folder: Path, address: str, *, quick: bool) -> Course:
    """Fill the history for the race, and note its facts."""
    from oggstream import SpeechOptions
    from oggstream.sources.openai_source import OpenAISource

    print(f"{race.title}: learning ...", file=sys.stderr, flush=True)
    seconds = QUICK_SECONDS if quick else race.seconds
    key = OpenAISource(base_url=f"{address}/v1", api_key="none").traits.identity_for(
        SpeechOptions(model=race.name, voice=contenders.VOICE)
    )
    history = folder / f"{race.name}.history"
    assert key is not None
    races.teach(race, key, history)
    packet, page = races.first_audio(race, seconds=seconds)
    text = races.capture(race, race.layout, 0, seconds=seconds).text
    return Course(race, text, seconds, history, packet, page)


def play(player: Contender, course: Course, folder: Path, address: str) -> Take:
    """Let one player play, and record it. Its history is restored, so that all rounds are alike."""
    history = folder / "history.json"
    shutil.copy(course.history, history)
    command = player.command(Request(address, course.race.name, course.text, str(history)))
    recorder = listening.Recorder()
    recorder.start()
    try:
        began = time.monotonic()
        _run(command, SPARE_SECONDS + 2 * course.seconds)
        time.sleep(TAIL_SECONDS)
    finally:
        recorder.stop()
    asked = captured.first_request(folder, began)
    found = listening.heard(*recorder.samples())
    if asked is None or found is None:
        return Take(None, 0.0 if asked is None else asked - began, 0, 0.0, 0.0)
    return Take(found.first - asked, asked - began, found.gaps, found.silence, found.sound)


def _run(command: list[str], limit: float) -> None:
    """Run a player to its end, or for ``limit`` seconds. Its output is discarded."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean(),
        start_new_session=True,
    )
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def clean() -> dict[str, str]:
    """The environment, without variables that redirect requests or load the user's settings."""
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {name: value for name, value in own.items() if not name.startswith(("OPENAI_", "AZURE_OPENAI_"))}


def _results(course: Course, takes: Mapping[str, list[Take]]) -> Iterator[Result]:
    firsts = {name: _middle(take.first for take in found) for name, found in takes.items()}
    ours = firsts.get(contenders.LEARNT)
    for name, found in takes.items():
        first = firsts[name]
        yield Result(
            course.race.name,
            name,
            first,
            None if first is None else first - course.packet,
            None if first is None or ours is None else first - ours,
            median([take.startup for take in found]),
            median([take.gaps for take in found]),
            median([take.silence for take in found]),
            median([max(0.0, course.seconds - take.sound) for take in found]),
        )


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _as_table(
    courses: Sequence[Course], results: Sequence[Result], absent: Sequence[str], machine: Mapping[str, str]
) -> str:
    cells = [["player", *(course.race.title for course in courses), "start-up"]]
    cells.append(["*first packet, first page there*", *(f"{c.packet:.2f}, {c.page:.2f}" for c in courses), ""])
    for name in dict.fromkeys(result.player for result in results):
        own = [result for result in results if result.player == name]
        shown = [_shown(one.first, one.gaps, one.silence, one.lost, one.above) for one in own]
        cells.append([name, *shown, f"{median([one.startup for one in own]):.2f}"])
    lines = [f"{name}: {value}" for name, value in machine.items()]
    table = [f"| {' | '.join(row)} |" for row in cells]
    table.insert(1, "|---" * len(cells[0]) + "|")
    return "\n".join([*lines, "", *table, "", LEGEND.format(rounds=machine["rounds"]), *absent])


def _shown(first: float | None, gaps: float, silence: float, lost: float, above: float | None = None) -> str:
    if first is None:
        return "no sound"
    words = f"{first:.2f}" if above is None else f"{first:.2f} ({above:+.2f})"
    if gaps:
        words += f"; {gaps:.0f} gap{'s' if gaps > 1 else ''}, {silence:.1f} s"
    return words + (f"; {lost:.1f} s lost" if lost > MATTERS else "")


def _as_json(
    courses: Sequence[Course], results: Sequence[Result], absent: Sequence[str], machine: Mapping[str, str]
) -> str:
    kinds = [
        {
            "race": c.race.name,
            "title": c.race.title,
            "seconds": c.seconds,
            "first_packet": c.packet,
            "first_page": c.page,
        }
        for c in courses
    ]
    told = [result._asdict() for result in results]
    return json.dumps({"schema": 1, "machine": machine, "races": kinds, "results": told, "left_out": absent}, indent=1)
