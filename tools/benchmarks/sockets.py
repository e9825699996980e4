"""Measures services on sockets by their stand-ins: the first sound over a warm one, and an interruption in place."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from .row import Outcome, Row, Run, milliseconds
from .sinks import InstantSink
from .stand_ins import of_tests
from .stats import percentile

SPEECHES, STOPS = 60, 25
DELAY = 0.05
"""Seconds until a stand-in's first audio: the client waits for it with nothing else to do."""
PACE = 4.0
"""Times real time at which it sends: it shares the loop with the client, which must not wait for all of it."""
FIRST, CANCEL = 0.003, 0.020
KINDS = (("cartesia", "Cartesia", "pcm"), ("elevenlabs", "MultiStream", "pcm"), ("gradium", "Gradium", "opus"))
CANCELLED = (("cartesia", "Cartesia"), ("deepgram", "Aura"), ("elevenlabs", "MultiStream"), ("xai", "XAI"))
TEXT = "One speech is one context, whose pieces follow each other without a gap. "


def measure_first(run: Run) -> Outcome:
    """Speak again and again over one connection; from the stand-in's first audio message to the ring."""
    figures = {}
    for module, kind, form in KINDS:
        waits, handshakes = asyncio.run(_first_sounds(module, kind, form, run.count(SPEECHES, 5)))
        figures[f"{module}_{form}"] = percentile(waits, 50)
        figures[f"{module}_handshakes"] = float(handshakes)
    words = ", ".join(f"{module} {form} {milliseconds(figures[f'{module}_{form}'])}" for module, _, form in KINDS)
    reached = all(figures[f"{module}_{form}"] <= FIRST for module, _, form in KINDS)
    return Outcome(f"{words} (p50)", reached, figures)


async def _first_sounds(module: str, kind: str, form: str, count: int) -> tuple[list[float], int]:
    import oggstream

    async with _stand_in(module, kind, delay=DELAY, pace=PACE).running() as service:
        source, sink, waits = _source(module, service), InstantSink(), []
        for number in range(count + 1):
            await oggstream.play_stream("Hello there.", source=source, sink=sink, format=form)
            assert sink.first_write is not None
            if number:  # the first one opens the connection
                waits.append(sink.first_write - _first_audio(service))
        await source.aclose()
        return waits, service.handshakes


def _first_audio(service: Any) -> float:
    """When the first message with audio of the last utterance left: words may go before it."""
    began, _ = service.began[-1]
    sent = service.talks[-1].sent
    return next(float(at) for at, event in sent if at >= began and (event.get("audio") or event.get("data")))


def measure_cancel(run: Run) -> Outcome:
    """Interrupt in mid-speech; measure until the service has the last message of that context. Then speak again."""
    figures = {}
    for module, kind in CANCELLED:
        waits, handshakes = asyncio.run(_cancels(module, kind, run.count(STOPS, 3)))
        figures[module], figures[f"{module}_handshakes"] = percentile(waits, 50), float(handshakes)
    words = ", ".join(f"{module} {milliseconds(figures[module])}" for module, _ in CANCELLED)
    once = all(figures[f"{module}_handshakes"] == 1 for module, _ in CANCELLED)
    reached = once and all(figures[module] <= CANCEL for module, _ in CANCELLED)
    return Outcome(f"{words} (p50); {'one handshake each' if once else 'MORE THAN ONE HANDSHAKE'}", reached, figures)


async def _cancels(module: str, kind: str, count: int) -> tuple[list[float], int]:
    import oggstream

    loop = asyncio.get_running_loop()
    async with _stand_in(module, kind, pace=2.0).running() as service:
        source, waits = _source(module, service), []
        for _ in range(count):
            before = len(service.began)
            speech = asyncio.create_task(oggstream.play_stream(TEXT * 3, source=source, sink="null"))
            while len(service.began) == before:  # noqa: ASYNC110  # it happens in the stand-in
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.2)
            stopped, known = loop.time(), len(service.talks[-1].received)
            speech.cancel()
            with suppress(asyncio.CancelledError):
                await speech
            await asyncio.sleep(0.1)
            said = [at for at, _ in service.talks[-1].received[known:]]
            waits.append(said[-1] - stopped if said else float("inf"))
        await source.aclose()
        return waits, service.handshakes


def _source(module: str, service: Any) -> Any:
    from oggstream import SocketSource

    return SocketSource(module, base_url=service.url, api_key=service.key, trust_env=False)


def _stand_in(module: str, kind: str, **settings: Any) -> Any:
    return getattr(of_tests(f"socket_services.{module}"), kind)(**settings)


ROWS = [
    Row(
        "socket-first",
        "over a warm socket: the first audio message to the ring (to sound: and the device's lead and period)",
        "p50 <= 3 ms",
        measure_first,
    ),
    Row(
        "socket-cancel",
        "an interruption: to the last message for its context, next speech on the same connection",
        "p50 <= 20 ms, no new handshake",
        measure_cancel,
    ),
]
