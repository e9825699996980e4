"""Streams of the openai package: the real client, with a model and a voice on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

import oggstream
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from scripted import spoken as tone

openai = pytest.importorskip("openai", reason="the openai package is not installed")

ANSWER = ["Of course", ", gladly", ". The first ", "sentence is heard", " while the second ", "is still written", "."]
SPOKEN = "".join(ANSWER)
QUIET = PlaybackOptions(history=None)
SECONDS = 8.0  # longest wait of the model for the voice


class Model:
    """A server of chat completions, responses and speech. ``asked`` are the texts it was to speak.

    The model writes the second half of its answer when it has been asked to speak something of the first: only who
    speaks while the answer is written gets it. ``fails`` ends the answer with an error in its place, ``hangs`` with
    nothing; ``left`` is set when the answer's reader is gone.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.speaks = asyncio.Event()
        self.left = asyncio.Event()
        self.fails = self.hangs = False
        self.url = ""

    async def speech(self, request: web.Request) -> web.Response:
        self.asked.append((await request.json())["input"])
        self.speaks.set()
        return web.Response(body=tone(0.15), content_type="audio/ogg")

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat_events)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, response_events)

    async def _answer(self, request: web.Request, script: Callable[[], Iterator[dict[str, Any]]]) -> web.StreamResponse:
        self.requests.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for event in script():
                if ANSWER[4] in json.dumps(event):
                    await asyncio.wait_for(self.speaks.wait(), SECONDS)
                    if self.hangs:
                        await asyncio.Event().wait()
                    if self.fails:
                        await _send(response, {"error": {"message": "the model lost its thread"}})
                await _send(response, event)
            await response.write(b"data: [DONE]\n\n" if script is chat_events else b"")
        finally:
            self.left.set()
        return response


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    name = f"event: {event['type']}\n" if "type" in event else ""
    await response.write(f"{name}data: {json.dumps(event)}\n\n".encode())


def chat_events() -> Iterator[dict[str, Any]]:
    """What chat completions send: the role, the text, why it ended, and a last chunk without choices."""

    def chunk(**choice: Any) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": None, "delta": {}, **choice}],
        }

    yield chunk(delta={"role": "assistant", "content": ""})
    for token in ANSWER:
        yield chunk(delta={"content": token})
    yield chunk(finish_reason="stop")
    yield {**chunk(), "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def response_events() -> Iterator[dict[str, Any]]:
    """What the Responses API sends for a model that reasons first."""
    response: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "in_progress",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    whole = {**part, "text": SPOKEN}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": thought},
        {
            "type": "response.reasoning_text.delta",
            **place,
            "output_index": 0,
            "item_id": "rs_1",
            "delta": "They ask...",
        },
        {"type": "response.output_item.added", "output_index": 1, "item": message},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": token, "logprobs": []} for token in ANSWER),
        {"type": "response.output_text.done", **place, "text": SPOKEN, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": whole},
        {
            "type": "response.completed",
            "response": {
                **response,
                "status": "completed",
                "output": [thought, {**message, "status": "completed", "content": [whole]}],
            },
        },
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    model = Model()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.chat)
    app.router.add_post("/v1/responses", model.responses)
    app.router.add_post("/v1/audio/speech", model.speech)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield model
    await runner.cleanup()


@pytest.fixture
async def client(model: Model) -> AsyncIterator[Any]:
    async with openai.AsyncOpenAI(base_url=model.url, api_key="sk-none", max_retries=0) as client:
        yield client


async def chat(client: Any) -> Any:
    """A stream as most programs make it."""
    return await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hello?"}], stream=True
    )


async def responses(client: Any) -> Any:
    return await client.responses.create(model="m", input="Hello?", stream=True)


async def spoken(text: Any, client: Any) -> oggstream.PlaybackReport:
    return await oggstream.play_stream(text, source=client, sink=NullSink(), options=QUIET)


@pytest.mark.parametrize("stream", [chat, responses])
async def test_a_stream_is_spoken_while_it_is_written(stream: Callable[[Any], Any], model: Model, client: Any) -> None:
    report = await spoken(await stream(client), client)
    assert report.completed
    assert "".join(segment.text for segment in report.segments).replace(" ", "") == SPOKEN.replace(" ", "")
    assert SPOKEN.startswith(model.asked[0])
    assert len(model.asked) > 1
    assert model.requests[0]["stream"] is True


async def test_the_helper_around_chat_completions_says_nothing_twice(model: Model, client: Any) -> None:
    async with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hi"}]) as stream:
        report = await spoken(stream, client)
    assert report.text_chars == len(SPOKEN)


async def test_the_helper_around_responses_says_nothing_twice(model: Model, client: Any) -> None:
    async with client.responses.stream(model="m", input="Hi") as stream:
        report = await spoken(stream, client)
    assert report.text_chars == len(SPOKEN)


async def test_a_client_without_asyncio_keeps_nobody_waiting(model: Model, client: Any) -> None:
    def ask() -> Any:
        return plain.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True)

    with openai.OpenAI(base_url=model.url, api_key="sk-none", max_retries=0) as plain:
        report = await spoken(await asyncio.to_thread(ask), client)
    assert report.text_chars == len(SPOKEN)
    assert threading.active_count() < 20


async def test_packets_and_a_player_take_the_same_streams(model: Model, client: Any) -> None:
    packets = [packet async for packet in oggstream.stream_packets(await chat(client), source=client)]
    assert len(packets) > 10
    async with oggstream.Player(source=client, sink=NullSink(), options=QUIET) as player:
        report = await player.say(await responses(client))
    assert report.text_chars == len(SPOKEN)


@pytest.mark.parametrize("stream", [chat, responses])
async def test_a_model_that_fails_is_heard_until_then(stream: Callable[[Any], Any], model: Model, client: Any) -> None:
    model.fails = True
    with pytest.raises(openai.APIError, match="lost its thread") as caught:
        await spoken(await stream(client), client)
    report = caught.value.report
    assert "".join(ANSWER[:4]).startswith(report.segments[0].text)
    assert report.audio.seconds > 0
    assert not report.completed


@pytest.mark.parametrize("stream", [chat, responses])
async def test_the_models_answer_is_closed_when_the_speech_is_cancelled(
    stream: Callable[[Any], Any], model: Model, client: Any
) -> None:
    model.hangs = True
    speech = asyncio.create_task(spoken(await stream(client), client))
    await model.speaks.wait()
    await asyncio.sleep(0.05)
    speech.cancel()
    with suppress(asyncio.CancelledError):
        await speech
    await asyncio.wait_for(model.left.wait(), SECONDS)
