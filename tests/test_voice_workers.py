"""Child processes: whatever becomes of one costs its utterance and nothing else."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import odd_engines
from oggstream.errors import LibraryError
from oggstream.voice import child
from oggstream.voice.engine import EngineInfo, SpokenWord, Utterance
from oggstream.voice.workers import EngineError, Request, Worker
from patience import PATIENCE

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def info(name: str, **settings: Any) -> EngineInfo:
    return EngineInfo(name=name.lower(), factory=f"odd_engines:{name}", languages=("en",), **settings)


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    name, settings = request.param if isinstance(request.param, tuple) else (request.param, {})
    made = Worker(info(name, **settings))
    yield made
    made.close()


def engine(name: str, **settings: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("worker", [(name, settings)], indirect=True, ids=[name])


def sound_of(worker: Worker, text: str = "abc", **how: Any) -> list[bytes | SpokenWord]:
    return list(worker.speak(Utterance(text, **how)))


@engine("Good")
def test_blocks_and_words_come_in_the_order_in_which_the_engine_gives_them(worker: Worker) -> None:
    first, second, *_ = items = sound_of(worker)
    assert first == SpokenWord(0, 1, 0, 2400)
    assert isinstance(second, bytes)
    assert len(second) == 4800
    assert len(items) == 6


@engine("Good")
def test_the_process_is_used_again(worker: Worker) -> None:
    pid = worker._process.pid
    assert sound_of(worker) == sound_of(worker)
    assert [voice.id for voice in worker.voices()] == ["good"]
    worker.warm()
    assert worker._process.pid == pid


@engine("Good")
def test_what_is_cancelled_is_not_mixed_with_what_comes_next(worker: Worker) -> None:
    for _ in range(5):
        left = worker.speak(Utterance("x" * 300))
        next(left)
        left.close()  # type: ignore[attr-defined]  # a generator
    assert len(sound_of(worker)) == 6


@posix
@engine("Dying")
def test_a_process_that_dies_is_an_error_that_may_pass(worker: Worker) -> None:
    with pytest.raises(EngineError, match=r"the process of the voice dying died \(signal 9\)") as caught:
        sound_of(worker, ".")
    assert caught.value.again
    assert not worker.alive


@posix
@engine("Good")
def test_a_process_that_is_killed_while_nobody_asks_is_noticed_by_who_asks_next(worker: Worker) -> None:
    sound_of(worker)
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="died"):
        sound_of(worker)


@engine("Hanging", seconds=0.5)
def test_an_engine_that_takes_too_long_is_ended(worker: Worker) -> None:
    with pytest.raises(EngineError, match=r"took longer than it may \(0\.5 s\)") as caught:
        sound_of(worker)
    assert not caught.value.again
    assert not worker.alive


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no time of the processor")
@engine("Busy", seconds=0.9)
def test_an_engine_that_uses_too_much_of_the_processor_is_ended(worker: Worker) -> None:
    with pytest.raises(EngineError, match=r"took longer than it may \(0\.9 s\)"):
        sound_of(worker)


@engine("Hanging")
def test_an_engine_that_does_not_notice_that_it_is_cancelled_is_ended(worker: Worker) -> None:
    request = Request(worker, "speak", *Utterance("a"))
    request.send()
    answers = request.answers()
    next(answers)
    request.go_on()
    next(answers)  # from now on it hangs
    request.cancel()
    assert worker._process.wait(PATIENCE) == 1


@pytest.mark.parametrize("kind", ["speak", "more"])
def test_what_is_cancelled_while_it_waits_for_its_turn_does_not_begin(kind: str) -> None:
    sent = io.BytesIO()
    process = child._Child(info("Hanging"), io.BytesIO(), sent)
    process._engine = odd_engines.Hanging()
    process._begun = {7: iter([None])} if kind == "more" else {}
    process._cancel(7)
    process._do(kind, 7, list(Utterance("a")))
    assert not sent.getvalue()
    assert not process._begun
    process._watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
@engine("Greedy", megabytes=300)
def test_an_engine_that_wants_too_much_memory_gets_none(worker: Worker) -> None:
    with pytest.raises(EngineError, match="wants more than 300 MB"):
        sound_of(worker)
    assert worker.alive


@engine("Raising")
def test_what_an_engine_raises_is_one_line_and_the_process_goes_on(worker: Worker) -> None:
    for _ in range(2):
        with pytest.raises(EngineError, match="the voice raising failed: IndexError: list index out of range"):
            sound_of(worker)


@engine("Unloadable", extra="odd")
def test_an_engine_that_cannot_be_loaded_is_named_with_what_installs_it(worker: Worker) -> None:
    for _ in range(2):
        with pytest.raises(LibraryError, match=r"No module named 'neural'\): pip install 'oggstream\[odd\]'"):
            sound_of(worker)


@engine("Talkative")
def test_what_an_engine_prints_and_reads_disturbs_nothing(worker: Worker) -> None:
    assert len(sound_of(worker)) == 1


@engine("Looking")
def test_the_child_loads_next_to_nothing_of_its_own(worker: Worker) -> None:
    loaded, parent, _ = worker.voices()
    assert loaded.id == ""
    assert parent.id == str(os.getpid())


@engine("Looking")
def test_no_engine_phones_home(worker: Worker) -> None:
    _, _, silent = worker.voices()
    assert silent.id == "1"


@engine("Good")
def test_the_child_ends_when_the_pipe_does(worker: Worker) -> None:
    worker._to.close()
    assert worker._process.wait(10) == 0


def test_a_module_that_is_not_there_is_told() -> None:
    worker = Worker(EngineInfo(name="none", factory="no_such_module:Engine", languages=("en",), extra="none"))
    with pytest.raises(LibraryError, match="no_such_module"):
        sound_of(worker)
    worker.close()


def test_a_program_without_a_python_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(LibraryError, match="needs a Python of its own"):
        Worker(info("Good"))


def test_a_process_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(LibraryError, match="cannot be started"):
        Worker(info("Good"))
