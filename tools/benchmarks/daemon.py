"""Measures the daemon: a call's first sound beside a warm `Player`'s and far from the service, and what a thousand
calls leave behind.

All speak the same body, from a server on this machine, into the virtual card; the sound is found in a recording.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import card, delaying, listening, origin
from .process import US
from .row import Outcome, Row, Run, milliseconds
from .stats import alternate, median, percentile

if TYPE_CHECKING:
    from oggstream import Player

ROUNDS = 31
FAR_ROUNDS = 15
FAR, MOST_LATER = 0.040, 0.010  # seconds: of a round trip, and later than without
CLIENTS = 1000
AT_ONCE = 8
SETTLE_SECONDS = 0.8  # between two calls: the next process ahead is there, and the card is silent
MOST, MOST_P95, MOST_BYTES = 0.060, 0.090, 5_000_000
TEXT = "Hello."
FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


@contextlib.contextmanager
def running(**more: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """A daemon in a folder of its own, with ``more`` variables; gives what leads a client to it, and its process."""
    with tempfile.TemporaryDirectory(prefix="oggstream-") as folder:
        own = {"XDG_RUNTIME_DIR": folder, "OGGSTREAM_DAEMON": "", "OPENAI_API_KEY": "none"}
        environment = {**os.environ, **own, **more}
        process = subprocess.Popen([*US, "daemon"], env=environment, stderr=subprocess.PIPE)
        try:
            assert process.stderr is not None
            process.stderr.readline()
            time.sleep(2 * SETTLE_SECONDS)
            yield environment, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def measure_daemon(run: Run) -> Outcome:
    """Let a call and a warm player speak in turn."""
    with (
        origin.running(FIXTURES) as server,
        card.plugged_in(),
        running() as (environment, _),
        _warm(address := f"{server}/stereo.opus") as say,
    ):
        command = [*US, "say", "--quiet", "--history", "none", "--base-url", address, TEXT]

        def call() -> float:
            return _until_sound(lambda: _run(command, environment))

        def player() -> float:
            return _until_sound(say)

        def bare() -> float:
            began = time.monotonic()
            _run([sys.executable, "-P", "-c", "pass"], environment)
            return time.monotonic() - began

        alternate(1, call, player, bare)
        calls, players, starts = alternate(run.count(ROUNDS), call, player, bare)
    above = median(calls) - median(players)
    late = percentile(calls, 95) - percentile(players, 95)
    figures = {
        "above": above,
        "above_p95": late,
        "call": median(calls),
        "player": median(players),
        "python": median(starts),
    }
    words = (
        f"{milliseconds(above)}, p95 {milliseconds(late)} (call {milliseconds(median(calls))}, player "
        f"{milliseconds(median(players))}; an empty Python process takes {milliseconds(median(starts))})"
    )
    return Outcome(words, above <= MOST and late <= MOST_P95, figures)


def measure_distance(run: Run) -> Outcome:
    """Let calls speak with a service that is far away and one that is near, and with one for which nothing is ready."""
    body = (FIXTURES / "stereo.opus").read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with (
        delaying.tls_services(0.0, FAR, FAR, answer=head.encode() + body) as services,
        card.plugged_in(),
        contextlib.ExitStack() as daemons,
    ):
        trust = {"SSL_CERT_FILE": str(services[0].authority)}
        # The last one is of a daemon with other trust: a call of it connects by itself.
        found = [daemons.enter_context(running(**kept))[0] for kept in (trust, trust, {})]
        ways = [partial(_call_of, service, found[at] | trust) for at, service in enumerate(services)]
        alternate(2, *ways)
        near, far, alone = alternate(run.count(FAR_ROUNDS), *ways)
    requests, sounds = ([median([call[at] for call in calls]) for calls in (near, far, alone)] for at in (0, 1))
    later = requests[1] - requests[0]
    words = (
        f"{milliseconds(later)} (request after {milliseconds(requests[0])} and {milliseconds(requests[1])}, sound "
        f"after {milliseconds(sounds[0])} and {milliseconds(sounds[1])}; without a connection ready, 40 ms away, "
        f"{milliseconds(requests[2])} and {milliseconds(sounds[2])})"
    )
    figures = {"later": later, "near": requests[0], "far": requests[1], "alone": requests[2]}
    figures |= {"near_sound": sounds[0], "far_sound": sounds[1], "alone_sound": sounds[2]}
    return Outcome(words, later <= MOST_LATER, figures)


def _call_of(service: delaying.Service, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds from the start of a call to its request, and to its sound."""
    address = f"https://localhost:{service.port}/v1"
    command = [*US, "say", "--quiet", "--history", "none", "--base-url", address, TEXT]
    service.arrived = None
    began = 0.0

    def speak() -> None:
        nonlocal began
        began = time.monotonic()
        _run(command, environment)

    sound = _until_sound(speak)
    if service.arrived is None:
        raise RuntimeError("`say` ended without a request")
    return service.arrived - began, sound


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)


def _until_sound(speak: Callable[[], object]) -> float:
    """Seconds from the call of ``speak`` to the first sound of the card."""
    time.sleep(SETTLE_SECONDS)
    recorder = listening.Recorder()
    recorder.start()
    try:
        began = time.monotonic()
        speak()
        time.sleep(0.1)
    finally:
        recorder.stop()
    found = listening.heard(*recorder.samples())
    if found is None:
        raise RuntimeError("nothing was heard")
    return float(found.first) - began


@contextlib.contextmanager
def _warm(address: str) -> Iterator[Callable[[], None]]:
    """A player that has spoken, whose device and connection are open."""
    from oggstream import OpenAISource, PlaybackOptions, Player

    with asyncio.Runner() as runner:
        source = OpenAISource(base_url=address, api_key="none")
        player = Player(source=source, options=PlaybackOptions(history=None, idle_close=None))
        runner.run(player.__aenter__())
        try:
            yield lambda: runner.run(_say(player))
        finally:
            runner.run(player.aclose())
            runner.run(source.aclose())


async def _say(player: Player) -> None:
    await player.say(TEXT)


def measure_many(run: Run) -> Outcome:
    """Let many clients come, a few at a time, and see what the daemon keeps."""
    count = run.count(CLIENTS, 10)
    path = str(FIXTURES / "generation_a.opus")
    command = [*US, "play", "--quiet", "--sink", f"wav:{os.devnull}", path]
    with running() as (environment, process):
        _clients(command, environment, min(20, count))
        before = _kept(process.pid)
        _clients(command, environment, count)
        after = _kept(process.pid)
    grown, files = after[0] - before[0], after[1] - before[1]
    words = f"{grown / 1e6:.2f} MB, {files} descriptors after {count} clients"
    return Outcome(words, grown < MOST_BYTES and not files, {"bytes": grown, "descriptors": files, "clients": count})


def _clients(command: list[str], environment: dict[str, str], count: int) -> None:
    for at in range(0, count, AT_ONCE):
        some = [
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
            for _ in range(min(AT_ONCE, count - at))
        ]
        if any(client.wait() for client in some):
            raise RuntimeError("a client failed")


def _kept(pid: int) -> tuple[int, int]:
    """Private bytes and open descriptors of the daemon, once only the process ahead is there."""
    time.sleep(2 * SETTLE_SECONDS)
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    private = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_", "Pss_Dirty")))
    return private * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


ROWS = [
    Row(
        "daemon",
        "call with a daemon, process start to recorded sound, above a warm `Player`'s, median and p95",
        "<= 60 ms, p95 <= 90 ms",
        measure_daemon,
        ("pulseaudio", "parec"),
    ),
    Row(
        "daemon-distance",
        "call with a daemon, TLS service 40 ms away: process start to request on the wire, later than 0 ms away",
        "<= 10 ms",
        measure_distance,
        ("pulseaudio", "parec", "openssl"),
    ),
    Row("daemon-clients", "what the daemon keeps of 1000 clients", "< 5 MB, no descriptor", measure_many),
]
