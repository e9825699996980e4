"""The utterances to play: synthesised by a modelled service, delivered in pages over a network."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from oggstream.lab.clairvoyant import Point, clairvoyant
from tools.simulation.synthesis import FAMILIES, Progress, Server

if TYPE_CHECKING:
    from oggstream.lab.network import Network
    from tools.simulation.simulate import Arrival

BYTES_PER_SECOND = 9000  # of speech in Opus at 72 kbit/s
PACKET_SECONDS = 0.02


class Case(NamedTuple):
    """A text of ``characters``, its arrivals, and the start in seconds of a player that knows them in advance."""

    characters: int
    arrivals: list[Arrival]
    best: float


class Service(NamedTuple):
    """The utterances of one service, in order."""

    family: str
    layout: str
    cases: list[Case]


def packets(progress: Progress) -> list[Arrival]:
    """A page per packet of 20 ms, sent once it is synthesised."""
    count = max(1, round(progress.seconds / PACKET_SECONDS))
    return [(progress.ready(min((n + 1) * PACKET_SECONDS, progress.seconds)), PACKET_SECONDS) for n in range(count)]


def pages(progress: Progress) -> list[Arrival]:
    """Pages of a second, each sent once the next one is synthesised too, so that the last two come together."""
    out = [(progress.ready(min(n + 2.0, progress.seconds)), 1.0) for n in range(int(progress.seconds))]
    rest = progress.seconds - len(out)
    return [*out, (progress.ready(progress.seconds), rest)] if rest > 1e-6 else out


LAYOUTS: dict[str, Callable[[Progress], list[Arrival]]] = {"packets": packets, "pages": pages}


def behind(arrivals: list[Arrival], network: Network, start: float) -> list[Arrival]:
    """``arrivals`` as ``network`` delivers them, ``start`` seconds into its trace; pages need not be complete."""
    sent = [(at, max(1, round(seconds * BYTES_PER_SECOND))) for at, seconds in arrivals]
    return [(at, size / BYTES_PER_SECOND) for at, size in network.pass_through(sent, start)]


def services(
    seeds: range, utterances: int, networks: list[Network | None] | None = None, families: list[str] | None = None
) -> Iterator[Service]:
    """``utterances`` of a service per family, layout and seed; over each of ``networks``, if there are any."""
    for family in families or list(FAMILIES):
        for layout, cut in LAYOUTS.items():
            for seed in seeds:
                for network in networks or [None]:
                    cases = [_case(Server(family, seed), index, cut, network) for index in range(utterances)]
                    yield Service(family, layout, cases)


def _case(server: Server, index: int, cut: Callable[[Progress], list[Arrival]], network: Network | None) -> Case:
    utterance = server.utterance(index)
    arrivals = cut(utterance.progress)
    if network is not None:
        rng = random.Random(f"{utterance.characters}/{index}")  # noqa: S311  # a moment, not a secret
        arrivals = behind(arrivals, network, rng.uniform(0, network.period))
    return Case(utterance.characters, arrivals, _best(arrivals))


def _best(arrivals: list[Arrival]) -> float:
    points, audio = [], 0.0
    for at, seconds in arrivals:
        points.append(Point(at, audio, audio + seconds))
        audio += seconds
    known = clairvoyant(points)
    return known.start if known else 0.0
