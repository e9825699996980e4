"""Spans for OpenTelemetry: told where a program has set up a provider, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import oggstream
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ServerError
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedSource, every, pages, spoken

FIXTURE = Path(__file__).parent / "fixtures" / "generation_a.opus"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    return found


@pytest.fixture(autouse=True)
def _empty(exporter: InMemorySpanExporter) -> Iterator[None]:
    exporter.clear()
    yield
    exporter.clear()


def service(*arrivals: Any) -> ScriptedSource:
    source = ScriptedSource(arrivals or every(0.02, pages(spoken(0.5, packets_per_page=5))))
    source.traits = SourceTraits(name="service")
    return source


def moments(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


@pytest.mark.looptime
async def test_a_speech_is_a_span_with_its_moments_in_their_order(exporter: InMemorySpanExporter) -> None:
    report = await oggstream.play_stream("Hello there.", source=service(), sink="null")
    (span,) = exporter.get_finished_spans()
    assert span.name == "oggstream.speech"
    assert moments(span) == ["request", "first byte", "first packet", "first sample"]
    assert span.attributes is not None
    assert dict(span.attributes) == {"oggstream.source": "service", "oggstream.sink": "null"}
    assert span.start_time is not None
    found = [(event.timestamp - span.start_time) / 1e9 for event in span.events]
    timing = report.timing
    assert timing.request_sent is not None
    assert timing.first_sample is not None
    assert found[3] - found[0] == pytest.approx(timing.first_sample - timing.request_sent, abs=1e-6)


async def test_the_speeches_of_a_player_and_of_an_iterator_are_spans_too(exporter: InMemorySpanExporter) -> None:
    async with oggstream.Player(source=service(), sink="null") as player:
        await player.say("Hello.")
    async for _ in oggstream.stream_packets("Hello.", source=service()):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["oggstream.speech"] * 2


async def test_a_failure_is_told_by_its_kind_and_not_in_its_words(exporter: InMemorySpanExporter) -> None:
    source = service((0, ServerError("the secret text was refused")))
    with pytest.raises(ServerError):
        await oggstream.play_stream("Hello.", source=source, sink="null")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ServerError"
    assert "secret" not in span.to_json()
    assert "Hello" not in span.to_json()


async def test_a_source_that_takes_over_is_told(exporter: InMemorySpanExporter) -> None:
    await oggstream.play_stream("Hello.", source=[service((0, ServerError("no"))), service()], sink="null")
    (span,) = exporter.get_finished_spans()
    assert "failed over" in moments(span)


async def test_a_request_to_the_endpoint_is_a_span_below_the_clients_and_above_its_speech(
    exporter: InMemorySpanExporter,
) -> None:
    server = SpeechServer(source=service(), keys={"ours": "k-1"})
    await server.start()
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "api-key": "k-1"}
    request = {"input": "Hello.", "response_format": "opus"}
    async with aiohttp.request("POST", f"{server.base_url}/audio/speech", json=request, headers=headers) as response:
        await response.read()
    await server.stop()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    outer, inner = spans["POST /v1/audio/speech"], spans["oggstream.speech"]
    assert outer.attributes is not None
    assert outer.attributes["http.response.status_code"] == 200
    assert outer.attributes["oggstream.key"] == "ours"
    assert outer.attributes["oggstream.source"] == "service"
    assert outer.context is not None
    assert inner.parent is not None
    assert outer.parent is not None
    assert f"{outer.context.trace_id:032x}" == TRACE
    assert f"{outer.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inner.parent.span_id == outer.context.span_id


def test_a_program_without_a_provider_loads_nothing_of_it() -> None:
    program = (
        "import asyncio, sys, oggstream\n"
        "async def main():\n"
        "    async for _ in oggstream.stream_packets('Hi.', source=open(sys.argv[1], 'rb').read()): pass\n"
        "asyncio.run(main())\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", program, str(FIXTURE)], check=True)
