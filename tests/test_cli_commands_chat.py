"""Tests of ``chat``: the real openai client, a local service, real terminals."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from chat_service import Chat, chatting, event, speaking_for, writing
from cli_run import Result, Terminal, finish, inside, interrupt, run, start, terminal
from oggstream.cli.commands.chat import SYSTEM
from oggstream.cli.commands.chat_model import MODEL
from oggstream.cli.terminal.interrupts import INTERRUPTED
from scripted import spoken
from speech_server import Handler, answering, free_port, hanging, openai_error, until

KEY = "sk-proj-abcdefghijklmnop"
ANSWER = "The sky is blue because of scattering. In the evening it is red."
WORDS = [f"{word} " for word in ANSWER.split()]
LONG = [f"word{number} " for number in range(60)]
SPEECH = speaking_for(lambda text: round(len(text) / 25, 1), spoken)
SILENT = ("--sink", "null")


async def ask(service: Chat, *arguments: str, **options: Any) -> Result:
    """Run ``chat`` while the service answers."""
    env = {"OPENAI_BASE_URL": service.base, "OPENAI_API_KEY": KEY}
    return await asyncio.to_thread(run, "chat", *arguments, *SILENT, env=env, **options)


@pytest.fixture
def ask_inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[Result]]:
    """As `ask`, in this process, which has imported openai once and for all."""

    async def run_inside(service: Chat, *arguments: str) -> Result:
        monkeypatch.setenv("OPENAI_BASE_URL", service.base)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        return await asyncio.to_thread(inside, capsys, "chat", *arguments, *SILENT)

    return run_inside


async def on_terminal(service: Chat, act: Callable[[Terminal], int], *arguments: str) -> tuple[int, Terminal]:
    """Run ``chat`` on a terminal and let ``act`` type; the status that it returns, and the terminal."""

    def talk() -> tuple[int, Terminal]:
        with terminal("chat", *arguments, *SILENT, OPENAI_BASE_URL=service.base) as screen:
            status = act(screen)
            assert screen.echoes
            return status, screen

    return await asyncio.to_thread(talk)


async def test_an_answer_is_written_and_spoken() -> None:
    async with chatting(writing(*WORDS), speech=SPEECH) as service:
        result = await ask(service, "Why is", "the sky blue?")
    assert result == (0, f"{ANSWER} \n".encode(), "")
    assert " ".join(service.said) == ANSWER
    assert service.asked == [
        {
            "model": MODEL,
            "stream": True,
            "reasoning_effort": "none",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": "Why is the sky blue?"},
            ],
        }
    ]
    assert service.service.posts[0].headers["authorization"] == f"Bearer {KEY}"


async def test_it_is_spoken_while_the_model_still_writes() -> None:
    written = asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(event(_chunk(f"{ANSWER} And ")))
        await written.wait()
        await response.write(event(_chunk("that is it.")) + b"data: [DONE]\n\n")
        return response

    async with chatting(slowly, speech=SPEECH) as service:
        asking = asyncio.ensure_future(ask(service, "Why?", "--json"))
        await until(lambda: service.said)
        written.set()
        result = await asking
    assert result.status == 0
    assert (result.report["question"], result.report["answer"]) == ("Why?", f"{ANSWER} And that is it.")
    assert (result.report["completed"], result.report["text_chars"]) == (True, len(f"{ANSWER} And that is it."))


def _chunk(text: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


async def test_model_place_and_system_are_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with chatting(writing("Aye."), speech=SPEECH) as service:
        options = ("--chat-base-url", service.base, "--chat-model", "llama", "--system", "You are a sailor.")
        speech = ("--base-url", service.base, "--voice", "nova", "--json")
        result = await asyncio.to_thread(inside, capsys, "chat", *options, *speech, *SILENT, "Ahoy?")
        plain = await asyncio.to_thread(inside, capsys, "chat", *options[:4], *speech, *SILENT, "--system", "", "Ahoy?")
    assert (result.status, plain.status) == (0, 0)
    sailor = {"role": "system", "content": "You are a sailor."}
    question = {"role": "user", "content": "Ahoy?"}
    assert service.asked == [
        {"model": "llama", "stream": True, "messages": [sailor, question]},
        {"model": "llama", "stream": True, "messages": [question]},
    ]
    assert json.loads(service.service.posts[1].body)["voice"] == "nova"


@pytest.mark.parametrize("words", [(), ("-",)])
async def test_the_question_may_come_from_standard_input(words: tuple[str, ...]) -> None:
    async with chatting(writing("Yes."), speech=SPEECH) as service:
        result = await ask(service, *words, given="Größer?\n".encode())
    assert result == (0, b"Yes.\n", "")
    assert service.asked[0]["messages"][-1]["content"] == "Größer?\n"


async def test_no_question_is_an_error() -> None:
    async with chatting(writing("Yes."), speech=SPEECH) as service:
        result = await ask(service, given=b"")
    assert (result.status, service.asked) == (1, [])
    assert "oggstream: error: " in result.err


async def test_what_comes_from_a_failing_speech_service_is_written_all_the_same(
    ask_inside: Callable[..., Awaitable[Result]],
) -> None:
    async with chatting(writing(*WORDS), speech=answering(openai_error(400, "no such voice"))) as service:
        result = await ask_inside(service, "Why?")
    assert result.status == 1
    assert result.out.decode().startswith("The sky is blue")
    assert "no such voice" in result.err


FAILURES = {
    "401": (openai_error(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"), "AuthenticationError"),
    "404": (openai_error(404, "no such model"), "NotFoundError"),
    "429": (openai_error(429, "slow down", x_should_retry="false"), "RateLimitError"),
    "quota": (openai_error(429, "pay", code="insufficient_quota", x_should_retry="false"), "QuotaError"),
    "500": (
        web.Response(status=500, text="<html><title>Oh</title>", headers={"x-should-retry": "false"}),
        "ServerError",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_refusal_of_the_chat_service_is_one_line(
    failure: str, ask_inside: Callable[..., Awaitable[Result]]
) -> None:
    answer, kind = FAILURES[failure]
    async with chatting(answering(answer), speech=SPEECH) as service:
        result = await ask_inside(service, "Why?", "--json", "--log-level", "debug")
    assert result.status == 1
    assert result.report["error"]["type"] == kind
    assert "/v1/chat/completions answered HTTP" in result.report["error"]["message"]
    assert KEY not in result.err + result.out.decode()
    assert (result.report["completed"], result.report["question"]) == (False, "Why?")


async def _broken(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Content-Length": "99999"})
    await response.prepare(request)
    await response.write(event(_chunk(ANSWER)))
    await asyncio.sleep(0.3)
    assert request.transport is not None
    request.transport.abort()
    return response


async def _failing(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(event(_chunk(ANSWER)) + event({"error": {"message": f"overloaded {KEY}", "type": "x"}}))
    return response


@pytest.mark.parametrize(
    ("answer", "options", "kind", "says"),
    [
        (_broken, (), "SourceBrokenError", "broke off"),
        (_failing, (), "ServerError", "overloaded"),
        (writing(" "), (), "SourceError", "empty answer"),
        (writing(ANSWER, hang=True), ("--first-byte-timeout", "1"), "SourceTimeoutError", "silent for 1 s"),
    ],
    ids=["broken", "failing", "empty", "silent"],
)
async def test_an_answer_that_fails_is_spoken_as_far_as_it_goes(
    answer: Handler, options: tuple[str, ...], kind: str, says: str, ask_inside: Callable[..., Awaitable[Result]]
) -> None:
    async with chatting(answer, speech=SPEECH) as service:
        result = await ask_inside(service, "Why?", "--json", *options)
    assert result.status == 1
    assert (result.report["error"]["type"], says in result.report["error"]["message"]) == (kind, True)
    assert KEY not in result.err + result.out.decode()
    if kind != "SourceError":
        assert " ".join(service.said) == ANSWER
        assert result.report["audio"]["seconds"] > 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "set OPENAI_API_KEY to your key, or --chat-base-url"),
        (("--chat-base-url", f"http://127.0.0.1:{free_port()}/v1"), "cannot connect to"),
        (("--chat-base-url", "nonsense"), "unusable URL 'nonsense'"),
    ],
)
def test_what_is_not_set_up_is_one_line(
    options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = inside(capsys, "chat", "Why?", *options, *SILENT, "--log-level", "error")
    assert (result.status, result.out) == (1, b"")
    assert result.err.startswith("oggstream: error: ")
    assert says in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_the_answer_and_reports(number: signal.Signals) -> None:
    async with chatting(writing(*LONG, gap=0.02), speech=SPEECH) as service:
        env = {"OPENAI_BASE_URL": service.base}
        process = await asyncio.to_thread(start, "chat", "Why?", *SILENT, "--json", env=env)
        await until(lambda: service.said)
        await asyncio.sleep(1)
        result = await asyncio.to_thread(interrupt, process, number)
    assert result.status == INTERRUPTED
    assert (result.report["stopped"], result.report["completed"]) == (True, False)


async def test_a_signal_while_the_model_is_silent_ends_it() -> None:
    async with chatting(hanging, speech=SPEECH) as service:
        process = await asyncio.to_thread(start, "chat", "Why?", *SILENT, env={"OPENAI_BASE_URL": service.base})
        await until(lambda: service.asked)
        result = await asyncio.to_thread(interrupt, process)
    assert (result.status, result.out) == (INTERRUPTED, b"")


async def test_on_a_terminal_the_text_takes_the_place_of_the_line() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("asking: Why")
        screen.wait_for("The sky")
        return screen.end()

    async with chatting(writing(*WORDS), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act, "Why?")
    assert (status, screen.lines[0]) == (0, ANSWER)
    assert screen.lines[1].startswith("oggstream: 2.")


async def test_a_line_interrupts_and_is_the_next_question() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("word4 ")
        screen.write(b"And then?")
        screen.wait_for("> And then")
        screen.write(b"\n")
        screen.wait_for("red\\.")
        screen.wait_for("red.*\n[^>]*> ")
        screen.write(b"\x04")
        return screen.end()

    async with chatting(writing(*LONG), writing(*WORDS), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act, "Why?")
    assert status == 0
    lines = screen.lines
    assert lines[1:3] == ["> And then?", ANSWER]
    _, second = service.asked
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]
    heard = second["messages"][2]["content"]
    assert "".join(LONG).startswith(heard)
    assert lines[0] in heard
    assert 4 <= len(heard.split()) <= 20


async def test_without_a_question_it_waits_for_one_and_an_empty_line_stops() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("Ctrl-D ends\r\n.*> ")
        screen.write(b"Why?\n")
        screen.wait_for("word4 ")
        screen.write(b"\n")
        screen.wait_for("word4.*\n[^>]*> ")
        screen.write(b"\x04")
        return screen.end()

    async with chatting(writing(*LONG), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act)
    assert status == 0
    assert screen.lines[1] == "> Why?"
    assert screen.lines[2].startswith("word0 word1 word2 word3 word4")
    assert len(service.asked) == 1


async def test_questions_of_whose_answers_nothing_was_heard_are_asked_together() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("Ctrl-D ends\r\n.*> ")
        screen.write(b"One?\n")
        screen.wait_for("asking: One")
        asyncio.run_coroutine_threadsafe(asked.wait(), loop).result()
        screen.write(b"Two?\n\x04")
        return screen.end()

    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await hanging(request)

    async with chatting(silent, writing("Yes."), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act)
    assert status == 0
    assert service.asked[1]["messages"][1:] == [{"role": "user", "content": "One?\nTwo?"}]
    assert "Yes." in screen.lines


async def test_a_failing_answer_does_not_end_a_conversation() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("Ctrl-D ends\r\n.*> ")
        screen.write(b"One?\n")
        screen.wait_for("(?s)error: .*no such model.*\r\n> ")
        screen.write(b"Two?\n\x04")
        return screen.end()

    async with chatting(answering(openai_error(404, "no such model")), writing("Yes."), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act)
    assert status == 1
    assert service.asked[1]["messages"][1:] == [{"role": "user", "content": "Two?"}]
    assert "Yes.\r\n" in screen.seen


async def test_several_answers_are_one_object() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("Ctrl-D ends\r\n.*> ")
        screen.write(b"One?\n")
        screen.wait_for(r"s  ?\[?Yes\]?\.")  # in brackets while the word is heard
        screen.wait_for(r"> One\?\r\n> ")
        screen.write(b"Two?\n\x04")
        return screen.end()

    async with chatting(writing("Yes."), writing("No."), speech=SPEECH) as service:
        status, screen = await on_terminal(service, act, "--json")
    assert status == 0
    report = json.loads(next(line for line in screen.seen.splitlines() if line.startswith("{")))
    assert [(it["question"], it["answer"]) for it in report["speeches"]] == [("One?", "Yes."), ("Two?", "No.")]
    assert (report["completed"], report["stopped"], report["error"]) == (True, False, None)


def test_openai_is_not_loaded_before_there_is_something_to_ask() -> None:
    code = (
        "import sys\n"
        "from oggstream.__main__ import main\n"
        "main(['chat', '--sink', 'null', '--log-level', 'error', 'Why?'])\n"  # no key
        "print('openai' in sys.modules)\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], stderr=subprocess.DEVNULL) == b"False\n"


@pytest.mark.parametrize("place", [("--sink", "wav:-"), ("--sink", "null", "--save", "-")])
def test_the_answer_needs_standard_output_for_itself(
    place: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    result = inside(capsys, "chat", "Why?", *place)
    assert result.status == 2
    assert "standard output" in result.err


async def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    async with chatting(writing(*LONG), speech=SPEECH) as service:
        env = {"OPENAI_BASE_URL": service.base}
        process = await asyncio.to_thread(start, "chat", "Why?", *SILENT, env=env)
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.read, 3)
        process.stdout.close()
        process.stdout = None
        result = await asyncio.to_thread(finish, process)
    assert (result.status, result.err) == (0, "")
