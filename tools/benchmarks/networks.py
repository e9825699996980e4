"""Replays services over recorded networks, which are not part of the project: OGGSTREAM_TRACES names their folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import replays
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import percentile

if TYPE_CHECKING:
    from oggstream.lab.network import Network
    from oggstream.lab.replaying import Run as Replay

FAMILIES = ("fast", "heavy", "barely", "slow", "paced")
CONSTANTS = (0.2, 0.5)  # seconds of pre-buffer
UTTERANCES = 10


def measure_networks(run: Run) -> Outcome:
    """The mean regret (cost above the optimum) of services of several families over recorded networks.

    Learnt, against constant buffers in the same engine. Nothing is promised.
    """
    from oggstream.lab.network import load_network

    folder = os.environ.get("OGGSTREAM_TRACES")
    if not folder:
        raise Skip("no recorded networks: name their folder in OGGSTREAM_TRACES")
    figures: dict[str, float] = {}
    words = []
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in (".down", ".up", ".txt"))
    for path in paths[: run.count(len(paths))]:
        found = _behind(run, load_network(path), path.stem)
        regrets = {name: _mean_regret(done) for name, done in found.items()}
        late = percentile([replays.start_delay(done) for done in found["learnt"]], 95)
        figures |= {f"{path.stem}, {name}": regret for name, regret in regrets.items()}
        figures[f"{path.stem}, start p95"] = late
        each = ", ".join(f"{name} {regret:.2f} s" for name, regret in regrets.items())
        words.append(f"{path.stem}: {each} (start p95 {milliseconds(late)})")
    return Outcome("; ".join(words), True, figures)


def _behind(run: Run, network: Network, name: str) -> dict[str, list[Replay]]:
    """Each player's replays of the same captures."""
    from oggstream.options import PlaybackOptions

    lessons = replays.lessons(run)
    found: dict[str, list[Replay]] = {}
    for family in FAMILIES:
        made = [
            replays.entered(
                replays.fast("b", replays.FIRST_SEED, number, family=family), network, f"{name}/{family}/{number}"
            )
            for number in range(lessons + run.count(UTTERANCES))
        ]
        players = {"learnt": replays.learnt(made[:lessons], replays.history(run, f"{name}-{family}"))}
        for buffer in CONSTANTS:
            options = PlaybackOptions(history=None, start_buffer=buffer, resume_buffer=buffer, slowest=1.0)
            players[f"{buffer * 1000:.0f} ms"] = options
        for player, options in players.items():
            found.setdefault(player, []).extend(replays.replay(one, options) for one in made[lessons:])
    return found


def _mean_regret(found: list[Replay]) -> float:
    return float(sum(done.report["playout"]["regret"] for done in found) / len(found))


ROWS = [
    Row(
        "networks",
        "services behind recorded networks: mean cost above the best, learnt and with a constant buffer",
        "no promise",
        measure_networks,
    ),
]
