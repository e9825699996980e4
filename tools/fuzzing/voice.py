"""Searches for texts that crash espeak-ng, in a child process: ``python -m tools.fuzzing.voice --help``."""

from __future__ import annotations

import argparse
import base64
import ctypes
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oggstream.voice.espeak import Espeak

LONGEST = 4096
SPOKEN = 50
"""One text of so many is spoken; the others are only converted to phonemes, which is a hundred times as fast."""

_SCRIPTS = (
    *((0x20, 0x7F), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x400), (0x400, 0x530), (0x530, 0x600), (0x600, 0x700)),
    *((0x900, 0xE00), (0xE00, 0x1000), (0x1E00, 0x2000), (0x2000, 0x2100), (0x3040, 0x3100), (0x4E00, 0x9FFF)),
    *((0xAC00, 0xD7A4), (0xFF00, 0xFFF0), (0x1F300, 0x1FA00)),
)
_MARKS = ".'\u2019-_,;:!?()[]{}<>/\\|&%$#@*+=~^\"`\u00b4\u0301\u0323\u200d\ufe0f \n\t"
_WORDS = (
    "it's",
    "don't",
    "a.m.",
    "U.S.A.",
    "www.",
    "1,000.50",
    "3rd",
    "http://a.b/c",
    "e-mail",
    "O'Neil's",
    "s'",
    "ing's",
)
_MARKUP = (
    *(
        "<speak>",
        "</speak>",
        '<break time="9s"/>',
        '<prosody rate="x">',
        "<sub alias='",
        "&#1234;",
        "&amp;",
        "<mark name='",
    ),
    *("[[", "]]", "[[h@l'oU]]", "[[_^_ru]]", "\x01" + "50P", "<audio src='"),
)


def make_text(chance: random.Random) -> str:
    """A text of up to `LONGEST` characters of one of the kinds."""
    return chance.choice(_KINDS)(chance)[:LONGEST]


def _anything(chance: random.Random) -> str:
    return "".join(_letter(chance) for _ in range(chance.randrange(1, LONGEST)))


def _runs(chance: random.Random) -> str:
    """A few characters, many times, with others between the runs."""
    text = ""
    for _ in range(chance.randrange(1, 6)):
        unit = "".join(_part(chance) for _ in range(chance.randrange(1, 5)))
        text += unit * chance.choice((20, 50, 67, 68, 100, 192, 400)) + _part(chance)
    return text


def _mixed(chance: random.Random) -> str:
    return "".join(_part(chance) for _ in range(chance.randrange(1, 2000)))


def _one_script(chance: random.Random) -> str:
    first, end = chance.choice(_SCRIPTS)
    pool = [chr(chance.randrange(first, end)) for _ in range(chance.randrange(1, 9))] + list(
        chance.choices(_MARKS, k=2)
    )
    return "".join(chance.choices(pool, k=chance.randrange(1, LONGEST)))


_KINDS: tuple[Callable[[random.Random], str], ...] = (_anything, _runs, _runs, _mixed, _one_script)


def _letter(chance: random.Random) -> str:
    if chance.random() < 0.5:
        first, end = chance.choice(_SCRIPTS)
        return chr(chance.randrange(first, end))
    return chr(chance.randrange(0x110000))


def _part(chance: random.Random) -> str:
    kind = chance.randrange(5)
    if kind == 0:
        return _letter(chance)
    if kind == 1:
        return chance.choice(_MARKS)
    if kind == 2:
        return chance.choice(_WORDS)
    if kind == 3:
        return chance.choice(_MARKUP)
    return chance.choice("abcdefghijklmnopqrstuvwxyzs's0123456789")


class Speaker:
    """A child process that speaks one text after the other; with ``raw``, without `safe_text`."""

    def __init__(self, *, raw: bool) -> None:
        self._command = [sys.executable, "-m", "tools.fuzzing.voice", "--child", *(["--raw"] if raw else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def survives(self, text: str) -> bool:
        """Speak ``text``; return whether the child is still alive."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(base64.b64encode(text.encode("utf-8", "surrogatepass")) + b"\n")
            self._process.stdin.flush()
            if self._process.stdout.readline():
                return True
        self.close()
        return False

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _speak_all(*, raw: bool) -> None:
    """The child: a line in, a line out."""
    from oggstream.voice import espeak
    from oggstream.voice.espeak_voices import VOICES

    if raw:
        setattr(espeak, "safe_text", lambda text: text)  # noqa: B010  # it is not exported
    voice = espeak.load()
    manners = [manner._replace(wpm=espeak.SONIC_WPM) for manner in VOICES.values()]
    for number, line in enumerate(sys.stdin.buffer):
        text = base64.b64decode(line).decode("utf-8", "surrogatepass")
        manner = manners[number % len(manners)]
        if number % SPOKEN:
            voice.speak_clause("a", manner, lambda _: False)
            _translate(voice, text)
        else:
            while text:
                text = text[voice.speak_clause(text, manner, lambda _: True) :]
        print("spoken", flush=True)


def _translate(voice: Espeak, text: str) -> None:
    """Convert text to phonemes, clause by clause, without the synthesis, which takes most of the time."""
    from oggstream.voice import espeak

    safe_text: Callable[[str], str] = vars(espeak)["safe_text"]
    call = voice._library.espeak_TextToPhonemes  # noqa: SLF001  # nobody else needs it
    call.restype = ctypes.c_char_p
    data = ctypes.create_string_buffer(safe_text(text).encode("utf-8", "replace"))
    rest = ctypes.c_void_p(ctypes.addressof(data))
    while rest.value:
        call(ctypes.byref(rest), 1, 0)


def main() -> int:
    """Run as the arguments say; return 1 if any text crashed a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="time of the search (default: 60)")
    parser.add_argument("--texts", type=int, default=1 << 30, help="most texts to try")
    parser.add_argument("--seed", type=int, default=0, help="of the texts")
    parser.add_argument("--raw", action="store_true", help="pass the texts to espeak-ng unchanged")
    parser.add_argument("--artifacts", type=Path, default=Path(), help="folder for findings (default: here)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _speak_all(raw=options.raw)
        return 0
    return _search(options)


def _search(options: argparse.Namespace) -> int:
    chance = random.Random(options.seed)  # noqa: S311  # no secret
    speaker = Speaker(raw=options.raw)
    tried = killed = 0
    deadline = time.monotonic() + options.seconds
    while tried < options.texts and time.monotonic() < deadline:
        text = make_text(chance)
        tried += 1
        if not speaker.survives(text):
            killed += 1
            file = options.artifacts / f"voice-{options.seed}-{tried}.txt"
            file.write_text(text, "utf-8", "surrogatepass")
            print(f"text {tried} ended the child: {file}", flush=True)
    speaker.close()
    print(f"{tried} texts, {killed} of them ended the child")
    return int(killed > 0)


if __name__ == "__main__":
    sys.exit(main())
