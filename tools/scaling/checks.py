"""What is shown: a thousand askers of one new phrase; a node that is killed; a node that is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from ..benchmarks import material
from ..benchmarks.row import Outcome, Row, Run, milliseconds
from .asking import Asked, Load, ask_at_once, new_text
from .site import CHECK_SECONDS, NODES, Node, Site, plain, running

ASKERS = 1000
SPREAD = 0.030
SECONDS = 6.0
"""Of speech, in the checks under load; fewer in a smaller run."""
LEAST_SECONDS = 3.0
A_SECOND = 8.0
"""Streams begun, under load."""
SHARED = 30
"""Askers of one phrase, under load."""
BEFORE, SHARED_BEFORE, AFTER = 2.0, 1.5, 4.0  # seconds of load, before something happens and after it
PROGRAMS = ("haproxy", "redis-server")


def at_a_site(run: Run, seconds: float, check: Callable[[Site], Awaitable[Outcome]]) -> Outcome:
    """Run ``check`` while all of it runs, the service's answer lasting so many seconds."""
    body = material.ogg_file(run.folder, seconds, per_page=10)
    with running(run.folder, body) as site:
        return asyncio.run(check(site))  # type: ignore[arg-type]


def measure_askers(run: Run) -> Outcome:
    """Many ask for one new phrase, over all nodes, while the service thinks."""
    count = run.count(ASKERS, least=30)
    thinks = 0.5 + count / 250
    with plain(run.folder) as url:
        least = asyncio.run(_least_spread(url, thinks, count))

    async def check(site: Site) -> Outcome:
        def thoughtful() -> str:
            return f"thinks {thinks:g} {new_text()}"

        for _ in range(2):  # code and connections are warm, and that the service thinks is nothing new
            await asyncio.gather(*(ask_at_once(site.url, thoughtful(), 1) for _ in range(4 * NODES)))
        text = thoughtful()
        asked = await ask_at_once(site.url, text, count)
        made, firsts = site.counts().get(text, 0), sorted(one.first for one in asked)
        early = firsts[0] - max(one.began for one in asked)
        failed, spread = sum(bool(one.error) for one in asked), firsts[-1] - firsts[0]
        nodes = len({_header(one, b"x-node") for one in asked})
        words = f"{count} askers at {nodes} nodes: {made} synthesis, {failed} failed, spread {milliseconds(spread)}"
        words += f" (half of them within {milliseconds(firsts[len(firsts) // 2] - firsts[0])}; of servers that do "
        words += f"nothing else {milliseconds(least)})"
        words += why(asked)
        words += "" if early > 0 else f"; the last one asked {milliseconds(-early)} after the first one heard"
        figures = {"askers": count, "synthesised": made, "failed": failed, "nodes": nodes, "spread": spread}
        figures["least_spread"] = least
        return Outcome(words, (made, failed) == (1, 0) and spread <= SPREAD, figures)

    return at_a_site(run, 2.0, check)


async def _least_spread(url: str, thinks: float, count: int) -> float:
    """The spread where a node does nothing but answer: what clients, HAProxy and aiohttp take on these cores."""
    await ask_at_once(url, f"thinks 0.2 {new_text()}", 4 * NODES)
    firsts = [one.first for one in await ask_at_once(url, f"thinks {thinks:g} {new_text()}", count)]
    return max(firsts) - min(firsts)


def why(asked: Iterable[Asked]) -> str:
    """The commonest errors."""
    counts = Counter(one.error for one in asked if one.error).most_common(3)
    return "".join(f"; {count} x {error}" for error, count in counts)


def _header(asked: Asked, name: bytes) -> bytes:
    head = bytes(asked.body).partition(b"\r\n\r\n")[0].lower()
    return next((line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.startswith(name)), b"")


def measure_kill(run: Run) -> Outcome:
    """One of the nodes is killed under load, and it is making a phrase that others follow."""
    seconds = run.seconds(SECONDS, least=LEAST_SECONDS)

    async def check(site: Site) -> Outcome:
        async with Load(site.url, A_SECOND) as load:
            await asyncio.sleep(run.seconds(BEFORE, least=0.5))
            text = new_text("shared")
            shared = [load.ask(text) for _ in range(run.count(SHARED, least=9))]
            await asyncio.sleep(run.seconds(SHARED_BEFORE, least=1.0))
            maker = max((one.node for one in shared if one.outcome == "miss"), default=site.nodes[0].name)
            (node,) = (node for node in site.nodes if node.name == maker)
            node.process.kill()
            killed = time.perf_counter()
            await asyncio.sleep(run.seconds(AFTER, least=1.5))
        its = [one for one in load.asked if one.node == maker and one.began < killed < one.ended]
        others = [one for one in load.asked if one not in its]
        cut = [one for one in others if one.error or one.seconds < seconds - 0.1]
        late = [one for one in cut if one.began > killed + CHECK_SECONDS]
        lost = [one for one in its if one.error]
        followed = [one for one in shared if one.node != maker]
        wait = max((max(0.0, one.ended - one.first - seconds) for one in followed), default=0.0)
        words = (
            f"{len(lost)} of its {len(its)} streams end with an error; of {len(others)} others "
            f"{len(others) - len(cut)} are whole; {len(late)} fail after the interval; its phrase: {len(followed)} "
            f"followers, {sum(one in cut for one in followed)} of them cut, made {site.counts().get(text, 0)} times, "
            f"{wait:.1f} s later at their end{why(cut)}"
        )
        figures: dict[str, float] = {
            "lost": len(lost),
            "its": len(its),
            "others": len(others),
            "cut": len(cut),
            "late": len(late),
        }
        figures |= {"followers": len(followed), "made": site.counts().get(text, 0), "wait": wait}
        return Outcome(words, bool(its) and all(one.error for one in its) and not (cut or late), figures)

    return at_a_site(run, seconds, check)


def measure_drain(run: Run) -> Outcome:
    """One of the nodes is told to stop under load."""
    seconds = run.seconds(SECONDS, least=LEAST_SECONDS)

    async def check(site: Site) -> Outcome:
        async with Load(site.url, A_SECOND) as load:
            await asyncio.sleep(run.seconds(BEFORE, least=1.5))
            node = _busiest(site, load.asked)
            told = time.perf_counter()
            node.process.send_signal(signal.SIGTERM)
            status = await asyncio.to_thread(node.process.wait)
            took = time.perf_counter() - told
            await asyncio.sleep(run.seconds(AFTER, least=1))
        speaking = [one for one in load.asked if one.node == node.name and one.began < told < one.ended]
        cut = [one for one in load.asked if one.error or one.seconds < seconds - 0.1]
        words = (
            f"{len(speaking)} streams at the node end whole within {took:.1f} s, then it ends with {status}; of all "
            f"{len(load.asked)} requests {len(cut)} are cut or fail{why(cut)}"
        )
        figures = {"speaking": len(speaking), "all": len(load.asked), "cut": len(cut), "status": status, "took": took}
        return Outcome(words, bool(speaking) and not cut and status == 0, figures)

    return at_a_site(run, seconds, check)


def _busiest(site: Site, asked: Iterable[Asked]) -> Node:
    names = [one.node for one in asked if not one.ended]
    return max(site.nodes, key=lambda node: names.count(node.name))


ROWS = [
    Row(
        "askers",
        "1000 askers of one new phrase over three nodes: syntheses; the last one's first audio after the first one's",
        f"1, within {milliseconds(SPREAD)}",
        measure_askers,
        PROGRAMS,
    ),
    Row(
        "kill",
        "kill -9 of one of three nodes under load",
        "its streams end with an error, all others whole, no failure after the check's interval",
        measure_kill,
        PROGRAMS,
    ),
    Row("drain", "SIGTERM to one of three nodes under load", "nothing is cut, status 0", measure_drain, PROGRAMS),
]
