"""``tools/bench start``: where each millisecond goes, from the start of a process to the first sound."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import captured, card, contenders, delaying, latency, races
from .contenders import COLD, CONTENDERS, Contender, Request
from .machine import describe
from .row import Skip, require
from .stats import alternate, median

ROUNDS = 7
RACES = ("local", "fast-b")
MPV = ("curl, mpv", "curl, mpv with low latency")
OFFLINE = "the offline voice"
TEXT = "The captain measured the wooden bridge."
GROUPS = (  # of modules, by the beginning of their names; the first that fits
    ("oggstream", r"oggstream"),
    ("numpy, soxr", r"numpy|soxr"),
    ("sounddevice, cffi", r"_?sounddevice|_?cffi"),
    ("opuslib", r"opuslib"),
    ("aiohttp and what it needs", r"aiohttp|yarl|multidict|frozenlist|aiosignal|attr|propcache|aiohappyeyeballs|idna"),
    ("asyncio, ssl", r"asyncio|_?ssl|concurrent|logging|selectors|subprocess|_asyncio"),
    ("dataclasses, inspect", r"dataclasses|inspect|ast|_ast|dis|tokenize|opcode|_opcode"),
    ("argparse", r"argparse|gettext|locale|shutil|bz2|lzma"),
    ("the rest of Python", r""),
)
DESCRIPTION = """\
Starts `say` again and again, with a local service, and the offline voice, and prints: the steps of the start, what the
imports cost, and from the start of the process to the recorded sound beside `curl | mpv`.
"""


class Step(NamedTuple):
    """A step of the start: seconds since the process was started."""

    what: str
    began: float
    ended: float
    beside: bool


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return 0, or 1 if it cannot be measured here."""
    options = _parser().parse_args(arguments)
    try:
        require(["pulseaudio", "parec"])
    except Skip as reason:
        print(f"tools/bench: {reason}", file=sys.stderr)
        return 1
    players = [_ours(sys.executable, COLD), *(_ours(path, path) for path in options.against), *_others()]
    with tempfile.TemporaryDirectory(prefix="oggstream-bench-") as name:
        folder = Path(name)
        for race in _races():
            races.save(race, folder)
        with captured.serving(folder) as address, card.plugged_in():
            print("\n".join(f"{key}: {value}" for key, value in describe().items()))
            for race in _races():
                _show_steps(race.title, folder, _say(address, race.name), options.rounds)
            _show_steps(OFFLINE, folder, ["say", "--quiet", "--json", "--history", "none", TEXT], options.rounds)
            _show_imports(_say(address, RACES[0]))
            _show_sounds(folder, address, players, options.rounds)
            _show_distance([sys.executable, *options.against], options.rounds)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/bench start", description=DESCRIPTION)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each is started ({ROUNDS})")
    parser.add_argument(
        "--against", action="append", default=[], metavar="PYTHON", help="also measure this Python's oggstream, in turn"
    )
    return parser


def _races() -> list[races.Race]:
    return [race for race in races.RACES if race.name in RACES]


def _say(address: str, model: str) -> list[str]:
    return [
        *("say", "--quiet", "--json", "--history", "none", "--base-url", f"{address}/v1"),
        *("--model", model, "--voice", contenders.VOICE, TEXT),
    ]


def _others() -> list[Contender]:
    plain = Contender(
        MPV[0], contenders.curl(f"{contenders.MPV} -"), ("curl", "mpv"), install="sudo apt-get install curl mpv"
    )
    return [one for one in (plain, *CONTENDERS) if one.name in MPV and not one.missing()]


def _ours(python: str, name: str) -> Contender:
    def command(request: Request) -> list[str]:
        return [python, "-P", "-m", "oggstream", *_say(request.address, request.model)]

    return Contender(name, command)


# The steps.


def _show_steps(title: str, folder: Path, words: list[str], rounds: int) -> None:
    runs = [_steps(folder, words) for _ in range(rounds)]
    names = dict.fromkeys(step.what for run in runs for step in run)
    rows = []
    for name in names:
        found = [step for run in runs for step in run if step.what == name]
        rows.append(
            Step(name, median([s.began for s in found]), median([s.ended for s in found]), any(s.beside for s in found))
        )
    print(f"\n| {title}: step | from ms | to ms | takes | |\n|---|---|---|---|---|")
    for step in sorted(rows, key=lambda step: step.ended):
        took = f"{_ms(step.ended - step.began)}" if step.ended > step.began else ""
        print(f"| {step.what} | {_ms(step.began)} | {_ms(step.ended)} | {took} | {'beside' if step.beside else ''} |")


def _steps(folder: Path, words: list[str]) -> list[Step]:
    """The steps of one start: those that the probe notes, and the moments that the report tells."""
    notes = folder / "steps"
    began = time.monotonic()
    command = [sys.executable, "-P", str(Path(__file__).with_name("start_probe.py")), str(notes), *words]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=latency.clean(), check=False, text=True
    )
    steps = [
        Step(w, b - began, e - began, beside) for w, b, e, beside in map(json.loads, notes.read_text().split("\n")[:-1])
    ]
    seen: set[str] = set()
    steps = [step for step in steps if not (step.what in seen or seen.add(step.what))]  # type: ignore[func-returns-value]
    timing = json.loads(done.stdout)["timing"]
    loop = next(step.began for step in steps if step.what == "the event loop")
    zero = next((s.ended for s in steps if s.what == "playback begins"), loop) - (timing["start"] or 0.0)
    kinds = ("request_sent", "headers", "first_byte", "first_packet", "first_sample", "first_audible")
    told = [Step(k.replace("_", " "), zero + timing[k], zero + timing[k], beside=False) for k in kinds if timing[k]]
    whole = {"the event loop", "the command"}  # they last to the end
    return [step._replace(ended=step.began) if step.what in whole else step for step in steps] + told


# The imports.


def _show_imports(words: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-P", "-m", "oggstream", *words]
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=latency.clean(), check=False, text=True
    )
    times = dict.fromkeys((name for name, _ in GROUPS), 0)
    counts = dict.fromkeys(times, 0)
    for microseconds, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr):
        group = next(name for name, begin in GROUPS if re.match(begin, module))
        times[group] += int(microseconds)
        counts[group] += 1
    print("\n| imports of one whole speech (with importtime's own cost) | modules | ms |\n|---|---|---|")
    for name, total in times.items():
        print(f"| {name} | {counts[name]} | {total / 1000:.0f} |")


# The sound.


def _show_sounds(folder: Path, address: str, players: Sequence[Contender], rounds: int) -> None:
    titles = " | ".join(race.title for race in _races())
    print(f"\n| from the start of the process to the sound, ms: least, median | {titles} |")
    print("|---" * (1 + len(RACES)) + "|")
    columns = [_sounds(race, folder, address, players, rounds) for race in _races()]
    for index, player in enumerate(players):
        cells = [
            f"{_ms(min(found[index]))}, {_ms(median(found[index]))}" if found[index] else "none" for found in columns
        ]
        print(f"| {player.name} | {' | '.join(cells)} |")


def _sounds(
    race: races.Race, folder: Path, address: str, players: Sequence[Contender], rounds: int
) -> list[list[float]]:
    course = latency.Course(race, TEXT, race.seconds, folder / "none.history", 0.0, 0.0)
    course.history.touch()
    takes = alternate(
        rounds, *(lambda player=player: latency.play(player, course, folder, address) for player in players)
    )
    return [[take.startup + take.first for take in found if take.first is not None] for found in takes]


# The distance.


def _show_distance(pythons: Sequence[str], rounds: int) -> None:
    """How much later a request is out where the TLS server is 40 ms away."""
    print("\n| from the start of the process to the request, TLS, ms: least, median | 0 ms away | 40 ms away | more |")
    print("|---|---|---|---|")
    with delaying.tls_services(0.0, 0.040) as services:
        measures = [lambda p=python, s=s: _until_request(p, s) for python in pythons for s in services]
        found = alternate(rounds, *measures)
    for python, near, far in zip(pythons, found[::2], found[1::2], strict=True):
        name = COLD if python == sys.executable else python
        more = median(far) - median(near)
        cells = [f"{_ms(min(times))}, {_ms(median(times))}" for times in (near, far)]
        print(f"| {name} | {' | '.join(cells)} | {_ms(more)} |")


def _until_request(python: str, service: delaying.Service) -> float:
    service.arrived = None
    words = [
        "say",
        "Hello.",
        "--base-url",
        f"https://localhost:{service.port}/v1",
        "--sink",
        "null",
        "--history",
        "none",
    ]
    began = time.monotonic()
    environment = {**latency.clean(), "SSL_CERT_FILE": str(service.authority)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([python, "-P", "-m", "oggstream", *words], env=environment, check=False, **quiet)  # type: ignore[call-overload]
    if service.arrived is None:
        raise RuntimeError("`say` ended without a request")
    return service.arrived - began


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
