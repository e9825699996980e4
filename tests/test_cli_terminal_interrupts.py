"""Tests of Ctrl-C and SIGTERM, of the parts in this process and of the whole in one of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cli_run import interrupt, run, start
from oggstream.cli.terminal.interrupts import INTERRUPTED, Interrupts
from oggstream.cli.terminal.loop import run_in_loop
from scripted import spoken

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("body") / "long.opus"
    path.write_bytes(spoken(20.0))
    return path


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_raises_keyboard_interrupt(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        assert not interrupts.happened
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert interrupts.happened


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_calls_what_is_set_instead(number: signal.Signals) -> None:
    called: list[str] = []
    with Interrupts() as interrupts:
        interrupts.cancel = lambda: called.append("cancelled")
        signal.raise_signal(number)
    assert called == ["cancelled"]


def test_a_second_signal_tidies_up_and_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr("os._exit", done.append)
    with Interrupts() as interrupts:
        interrupts.cancel = lambda: None
        interrupts.on_leaving = lambda: done.append("tidied")
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert done == ["tidied", INTERRUPTED]


def test_a_signal_whose_exception_got_lost_is_noticed_later() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_of_the_main_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def enter() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_coroutine_is_run_to_its_end() -> None:
    async def main() -> int:
        await asyncio.sleep(0)
        return 7

    assert run_in_loop(main(), Interrupts()) == 7


def test_what_a_coroutine_raises_comes_out() -> None:
    async def main() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_in_loop(main(), Interrupts())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_the_coroutine_and_its_cleaning_up_is_waited_for(number: signal.Signals) -> None:
    done: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, number)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            done.append("cleaned up")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        run_in_loop(main(), interrupts)
    assert done == ["cleaned up"]
    assert interrupts.cancel is None


def test_a_signal_from_before_the_loop_cancels_too() -> None:
    started: list[str] = []

    async def main() -> None:
        started.append("started")

    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            run_in_loop(main(), interrupts)
    assert started == []


@pytest.mark.parametrize("number", SIGNALS)
def test_playing_is_interrupted_with_its_report(number: signal.Signals, body: Path) -> None:
    process = start("play", str(body), "--sink", "null", "--json", "--save", os.devnull)
    time.sleep(2.5)
    result = interrupt(process, number)
    assert result.status == INTERRUPTED
    assert result.report["stopped"] is True
    assert result.report["completed"] is False
    assert result.report["error"] is None
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [["say", "--sink", "null"], ["play", "-", "--sink", "null"], ["decode", "-", "x.wav"], ["inspect", "-"]],
)
def test_waiting_for_standard_input_is_interrupted(arguments: list[str], tmp_path: Path) -> None:
    process = start(*arguments, cwd=tmp_path)
    time.sleep(1.5)
    result = interrupt(process)
    assert (result.status, result.out) == (INTERRUPTED, b"")
    assert all("warning: neither OPENAI_API_KEY" in line for line in result.err.splitlines())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delay", [0.15, 0.25, 0.35, 0.5, 0.7])
def test_starting_up_is_interrupted_without_a_traceback(delay: float, body: Path) -> None:
    process = start("play", str(body), "--sink", "null")
    time.sleep(delay)
    result = interrupt(process)
    # Before our first line runs, Python itself answers: it dies of the signal, which a shell calls 130 too.
    assert result.status == INTERRUPTED or (result.status == -signal.SIGINT and "oggstream/cli" not in result.err)


def test_a_file_that_was_being_written_is_whole_as_far_as_it_goes_and_it_is_said(tmp_path: Path) -> None:
    process = start("decode", "-", "out.wav", cwd=tmp_path)
    assert process.stdin is not None
    process.stdin.write(spoken(3.0)[:-3000])
    process.stdin.flush()
    time.sleep(1.5)
    result = interrupt(process)
    assert result.status == INTERRUPTED
    assert "out.wav holds the" in result.err
    size = (tmp_path / "out.wav").stat().st_size
    header = (tmp_path / "out.wav").read_bytes()[:44]
    assert int.from_bytes(header[40:44], "little") == size - 44 > 0


def test_a_second_ctrl_c_ends_what_hangs(tmp_path: Path) -> None:
    (tmp_path / "hang.py").write_text(
        "import asyncio, sys, time\n"
        "from oggstream.cli.terminal.interrupts import Interrupts\n"
        "from oggstream.cli.terminal.loop import run_in_loop\n"
        "async def main():\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        print('hanging', flush=True)\n"
        "        time.sleep(60)\n"
        "with Interrupts() as interrupts:\n"
        "    run_in_loop(main(), interrupts)\n"
    )
    with subprocess.Popen([sys.executable, "hang.py"], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"hanging\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == INTERRUPTED


def test_sigterm_in_a_background_that_ignores_sigint_and_sigint_itself_are_answered(body: Path) -> None:
    process = start(
        "play", str(body), "--sink", "null", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    )
    time.sleep(2)
    assert interrupt(process).status == INTERRUPTED


def test_nothing_said_and_nothing_given_is_no_interruption() -> None:
    assert run("--sink", "null").status == 1


def test_while_signals_are_held_they_are_counted_and_raised_afterwards() -> None:
    with Interrupts() as interrupts:
        interrupts.held = True
        signal.raise_signal(signal.SIGINT)
        assert interrupts.happened
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()


def test_a_held_signal_cancels_what_is_run_next() -> None:
    async def main() -> None:
        await asyncio.sleep(10)

    with Interrupts() as interrupts:
        interrupts.held = True
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            run_in_loop(main(), interrupts)
