"""Tests of speaking lines that are typed, on real terminals."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chat_service import Chat, chatting, speaking_for, writing
from cli_run import Terminal, terminal
from oggstream.cli.terminal.interrupts import INTERRUPTED
from scripted import spoken
from speech_server import free_port

READY = r"Ctrl-D ends\r\n(?s:.*)> "
SILENT = ("--sink", "null")


def seconds(text: str) -> float:
    """Ten characters are a second."""
    return round(len(text) / 10, 1)


@asynccontextmanager
async def voice() -> AsyncIterator[Chat]:
    """A service that speaks."""
    async with chatting(writing(), speech=speaking_for(seconds, spoken)) as service:
        yield service


async def on_terminal(act: Callable[[Terminal], int], *arguments: str, **env: Any) -> tuple[int, str]:
    """Run on a terminal and let ``act`` type; the status that it returns, and all that was written."""

    def run() -> tuple[int, str]:
        with terminal(*arguments, **env) as screen:
            return act(screen), screen.seen

    return await asyncio.to_thread(run)


async def test_lines_are_spoken_one_after_the_other_and_the_rest_after_ctrl_d() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"One.\n")
        screen.write(b"Two two.\n\x04")
        return screen.end()

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base)
    assert status == 0
    assert service.said == ["One.", "Two two."]
    assert "One.\r\n" in seen
    assert "Two two.\r\n" in seen
    assert re.search(r"s buffered, first sound \d\.\d\d s [ \[](One|Two[] []two)", seen)
    assert seen.endswith("oggstream: 1.2 s\r\n")


async def test_an_exclamation_mark_interrupts_and_an_empty_line_stops() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"x" * 100 + b"\n")
        screen.wait_for("buffered, first sound")
        screen.write(b"y" * 100 + b"\n! Now.\n")
        screen.wait_for(r"first sound \d\.\d\d s [ \[]Now")
        screen.write(b"z" * 100 + b"\n")
        screen.wait_for(r"first sound \d\.\d\d s [ \[]zzz")
        screen.write(b"\n\x04")
        return screen.end()

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base, "--json")
    assert status == 0
    report = json.loads(seen[seen.index('{"schema"') :])
    assert report["completed"]
    told = [(speech["text_chars"], speech["stopped"]) for speech in report["speeches"]]
    assert sorted(told) == [(4, False), (100, True), (100, True), (100, True)]
    assert service.said[-2:] == ["Now.", "z" * 100]


async def test_what_is_typed_is_shown_and_can_be_mended() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"Helo")
        screen.wait_for(r"> Helo")
        screen.write(b"\x7flo.\n\x04")
        return screen.end()

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base)
    assert (status, service.said) == (0, ["Hello."])
    assert "> Hello.\r\n" in seen


async def test_ctrl_c_stops_what_is_said_and_where_nothing_is_the_program() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"x" * 300 + b"\n")
        screen.wait_for("buffered, first sound")
        screen.write(b"\x03")
        screen.wait_for(r"x\r\n> \r\n")
        screen.write(b"Next.\n")
        screen.wait_for(r"first sound \d\.\d\d s [ \[]Next")
        screen.wait_for(r"> Next\.\r\n> \r\n")
        screen.write(b"\x03")
        status = screen.end()
        assert screen.echoes
        return status

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base, "--json")
    assert status == INTERRUPTED
    first, second, *_ = json.loads(seen[seen.index('{"schema"') :])["speeches"]
    assert (first["completed"], first["stopped"], first["text_chars"]) == (False, True, 300)
    assert first["audio"]["seconds"] < 30
    assert (second["completed"], second["text_chars"]) == (True, 5)


async def test_ctrl_c_drops_a_line_that_is_being_typed() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"Not this")
        screen.wait_for("> Not this")
        screen.write(b"\x03This.\n\x04")
        return screen.end()

    async with voice() as service:
        status, _ = await on_terminal(act, *SILENT, "--base-url", service.base)
    assert (status, service.said) == (0, ["This."])


async def test_arrow_keys_edit_a_line_and_bring_earlier_ones_back_also_in_the_next_run() -> None:
    def first(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"Helo.\x1b[D\x1b[D\x1b[Dl\n")
        screen.wait_for("> Hello")
        screen.write(b"\x04")
        return screen.end()

    def second(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"\x1b[A")
        screen.wait_for("> Hello")
        screen.write(b"\n\x04")
        return screen.end()

    async with voice() as service:
        for act in (first, second):
            status, _ = await on_terminal(act, *SILENT, "--base-url", service.base)
            assert status == 0
    assert service.said == ["Hello.", "Hello."]


async def test_what_is_pasted_is_one_text() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"\x1b[200~One line.\nAnd another.\x1b[201~\n\x04")
        return screen.end()

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base)
    assert (status, service.said) == (0, ["One line. And another."])
    assert "> One line. And another.\r\n" in seen


async def test_what_goes_on_is_shown_above_what_is_typed() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"x" * 30 + b"\n")
        screen.wait_for("buffered, first sound")
        screen.write(b"typed meanwhile")
        screen.wait_for(r"> x{30}\r\n.*buffered, first sound.*\r\n> typed meanwhile")
        screen.wait_for(r"> x{30}\r\n> typed meanwhile")
        screen.write(b"\x03\x04")
        return screen.end()

    async with voice() as service:
        status, _ = await on_terminal(act, *SILENT, "--base-url", service.base)
    assert status == 0


@pytest.mark.parametrize("typed", [b"\x04", b"\n  \n\x04", b"!\n\x04"])
async def test_nothing_typed_is_an_empty_text(typed: bytes) -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(typed)
        return screen.end()

    status, seen = await on_terminal(act, *SILENT)
    assert status == 1
    assert seen.endswith("oggstream: error: the text is empty: there is nothing to say\r\n")


async def test_a_service_that_fails_does_not_end_the_conversation() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"One.\n")
        screen.wait_for(r"(?s)error: cannot connect.*\r\n> ")
        screen.write(b"Two.\n\x04")
        return screen.end()

    status, seen = await on_terminal(act, *SILENT, "--base-url", f"http://127.0.0.1:{free_port()}/v1")
    assert status == 1
    assert seen.count("oggstream: error: ") == 2


async def test_a_warning_does_not_take_what_is_typed_away() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(r"the offline voice speaks[^>]*> ")
        screen.write(b"\x04")
        return screen.end()

    status, _ = await on_terminal(act, *SILENT)
    assert status == 1


async def test_what_no_line_can_mend_ends_it() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for(READY)
        screen.write(b"One.\n")
        return screen.end()

    status, seen = await on_terminal(act, "--sink", "device", "--log-level", "error")
    assert status == 1
    assert seen.count("oggstream: error: ") == 1


async def test_a_terminal_that_cannot_overwrite_edits_its_lines_itself() -> None:
    def act(screen: Terminal) -> int:
        screen.wait_for("Ctrl-D ends")
        screen.write(b"Helo\x7flo.\n\x04")
        return screen.end()

    async with voice() as service:
        status, seen = await on_terminal(act, *SILENT, "--base-url", service.base, TERM="dumb")
    assert (status, service.said) == (0, ["Hello."])
    assert "buffered" not in seen


async def test_a_second_ctrl_c_leaves_at_once_with_the_terminal_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncio\n"
        "from oggstream.player import Player\n"
        "async def hang(self):\n"
        "    print('hanging', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "Player.aclose = hang\n"
    )

    def act(screen: Terminal) -> int:
        assert screen.echoes
        screen.wait_for(READY)
        assert not screen.echoes
        screen.write(b"\x03")
        screen.wait_for("hanging")
        screen.write(b"\x03")
        status = screen.end()
        assert screen.echoes
        return status

    status, _ = await on_terminal(act, *SILENT, PYTHONPATH=str(tmp_path))
    assert status == INTERRUPTED


def test_ctrl_z_ends_on_windows() -> None:
    load = "import sys, oggstream.cli.commands.conversation; sys.platform = 'win32'"
    code = f"{load}; from oggstream.cli.commands.typed import END; print(END)"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"Ctrl-Z and Enter\n"
