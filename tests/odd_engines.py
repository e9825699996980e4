"""Engines that fail in every way an engine can, for the child process of a test."""

from __future__ import annotations

import os
import signal
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

from oggstream.voice.engine import SpokenWord, Utterance, VoiceInfo

BLOCK = array("h", [1000] * 2400)


class Good:
    """Says 0.1 s for each character, and what it was asked."""

    rate = 24000

    def load(self) -> None: ...

    def warm(self) -> None: ...

    def voices(self) -> list[VoiceInfo]:
        return [VoiceInfo("good", ("en",), "says 1000", "good")]

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        for at in range(len(wanted.text)):
            yield SpokenWord(at, at + 1, at * 2400, at * 2400 + 2400)
            yield BLOCK


class Silent(Good):
    """Finds nothing in the text that it could say."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        return iter(())


class Dying(Good):
    """Kills its process behind as many blocks as the text has dots."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        for _ in range(wanted.text.count(".")):
            yield BLOCK
        os.kill(os.getpid(), signal.SIGKILL)


class DyingOnce(Good):
    """Kills its first process in the middle, as the file that the voice names tells."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        for number in range(4):
            if number == 2 and not Path(wanted.voice).exists():
                Path(wanted.voice).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield SpokenWord(number, number + 1, number * 2400, number * 2400 + 2400)
            yield array("h", [number] * 2400)


class Spelling(Good):
    """Says each character by its number, and dies of an exclamation mark."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        for at, letter in enumerate(wanted.text):
            if letter == "!":
                os.kill(os.getpid(), signal.SIGKILL)
            yield SpokenWord(at, at + 1, at * 2400, at * 2400 + 2400)
            yield array("h", [ord(letter)] * 2400)


class Hanging(Good):
    """Never gives a second block, and tells a word when it begins to hang."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        yield BLOCK
        yield SpokenWord(0, 1, 0, 1)
        time.sleep(60)


class Busy(Good):
    """Never gives a second block, and works at it."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        yield BLOCK
        while True:
            pass


class Greedy(Good):
    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        yield array("h", bytearray(3 << 30))


class Raising(Good):
    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        raise IndexError("list index\nout of range")
        yield


class Unloadable(Good):
    def load(self) -> None:
        raise ImportError("No module named 'neural'")


class Talkative(Good):
    """Prints, and reads standard input, as some libraries do."""

    def speak(self, wanted: Utterance) -> Iterator[array[int] | SpokenWord]:
        sys.stdout.write("loading the model ...\n")
        sys.stdout.flush()
        os.write(1, b"native\n")
        assert sys.stdin.read() == ""
        yield BLOCK


class Looking(Good):
    """Its voices are what it can see of its process."""

    def voices(self) -> list[VoiceInfo]:
        loaded = [name for name in ("aiohttp", "numpy", "asyncio", "subprocess", "site") if name in sys.modules]
        return [
            VoiceInfo(",".join(loaded)),
            VoiceInfo(str(os.getppid())),
            VoiceInfo(os.environ.get("ORT_DISABLE_TELEMETRY", "")),
        ]
