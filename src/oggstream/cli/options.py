"""The options of the command line: what each takes, and its line of help."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from ..errors import UsageError

RATES = (8000, 12000, 16000, 24000, 48000)

OPTIONS: dict[str, dict[str, Any]] = {
    "--voice": {"help": "name of the voice"},
    "--model": {"help": "speech model"},
    "--instructions": {"metavar": "TEXT", "help": "how to speak, for models that take it"},
    "--speed": {"type": float, "metavar": "X", "help": "0.25 to 4; 1 is normal"},
    "--base-url": {"metavar": "URL", "help": "an OpenAI-compatible endpoint, such as http://localhost:8880/v1"},
    "--service": {
        "metavar": "NAME",
        "help": "speech service, such as deepgram; A,B: B where A fails (docs/services.md)",
    },
    "--format": {
        "metavar": "FORMAT",
        "default": "auto",
        "help": "what to ask the service for: auto, opus, pcm, wav; pcm:RATE[:CHANNELS] or pcm:f32:RATE[:CHANNELS] "
        "also says what the samples are",
    },
    "--device": {"metavar": "NAME|INDEX", "help": "output device, see `devices`"},
    "--latency": {"metavar": "S", "help": "seconds that the device runs ahead (0.02, or what it can hold)"},
    "--lead-in": {"metavar": "S", "help": "silence before the speech, for Bluetooth that clips the first word (0)"},
    "--sink": {"metavar": "SINK", "help": "device, null (silent, in real time) or wav:PATH"},
    "--save": {"metavar": "PATH", "help": "also keep the bytes as they came; of Opus, several bodies as one stream"},
    "--pause": {"metavar": "S", "help": "silence between two pieces of the text (as the service sends it)"},
    "--patience": {"metavar": "S", "help": "longest wait for the end of a sentence while little is left to hear (0.7)"},
    "--speakable": {
        "action": BooleanOptionalAction,
        "help": "leave out Markdown, code and addresses, or not (yes for standard input, no for TEXT)",
    },
    "--ahead": {"metavar": "S", "help": "most seconds of speech that are requested and not heard yet (15)"},
    "--on-refused": {
        "choices": ("skip", "stop"),
        "help": "what to do where the service refuses a piece of the text (skip, with a warning)",
    },
    "--connect-timeout": {"metavar": "S", "default": 5.0, "help": "seconds for a connection (5)"},
    "--first-byte-timeout": {"metavar": "S", "default": 60.0, "help": "longest silence before audio (60)"},
    "--stall-timeout": {"metavar": "S", "default": 10.0, "help": "longest silence after audio began (10)"},
    "--requests": {"metavar": "N", "default": 2, "help": "requests at a time; 1 for a server that takes one (2)"},
    "--hedge": {
        "metavar": "SHARE",
        "default": 0.0,
        "help": "share of extra requests allowed, such as 0.05: asks again where the first sound is late (0)",
    },
    "--history": {"metavar": "PATH|none", "help": "where the behaviour of services is remembered"},
    "--chat-model": {"metavar": "MODEL", "help": "chat model (gpt-6-luna)"},
    "--chat-base-url": {"metavar": "URL", "help": "where it is, such as http://localhost:11434/v1 (OPENAI_BASE_URL)"},
    "--system": {"metavar": "TEXT", "help": "what the model is told first; '' for nothing (to answer as one speaks)"},
    "--rate": {"type": int, "choices": RATES, "default": 48000, "help": "samples per second (48000)"},
    "--float": {"action": "store_true", "help": "32-bit float instead of 16-bit samples"},
    "--channels": {"metavar": "N", "help": "mix to this many channels"},
    "--gain": {"choices": ("none", "track", "album"), "default": "none", "help": "loudness tag to apply (R128)"},
    "--host": {"default": "127.0.0.1", "help": "address to listen on (127.0.0.1: this machine only)"},
    "--port": {"metavar": "N", "default": 8880, "help": "port to listen on; 0 is any free one (8880)"},
    "--key": {"help": "key that clients must send; better in OGGSTREAM_SERVE_KEY, which no process list shows"},
    "--no-key": {"action": "store_true", "help": "let other machines use it without a key"},
    "--allow-origin": {
        "metavar": "ORIGIN",
        "action": "append",
        "help": "let web pages of ORIGIN (https://example.org) use it; may be given several times",
    },
    "--jobs": {"metavar": "N", "default": 128, "help": "speeches at once (128)"},
    "--queue": {"metavar": "N", "default": 128, "help": "speeches that wait for their turn; more are refused (128)"},
    "--network": {
        "metavar": "FILE",
        "help": "pass the arrivals through a Mahimahi trace, or lines of `seconds Mbit/s`",
    },
    "--repeat": {"metavar": "N", "default": 1, "help": "replay all captures N times, learning from round to round (1)"},
    "--seed": {"metavar": "S", "help": "enter the network at random moments that follow from S, not at its beginning"},
    "--report": {"metavar": "FILE.html", "help": "draw arrivals, playout and the spread of start delays on one page"},
    "--packets": {"action": "store_true", "help": "list all pages with their packets, too"},
    "--json": {"action": "store_true", "help": "the report as one JSON object on standard output"},
    "--quiet": {"action": "store_true", "help": "nothing but errors on standard error"},
    "--log-level": {
        "choices": ("debug", "info", "warning", "error", "critical"),
        "help": "what to log; debug shows tracebacks (warning)",
    },
}
SPEECH = ("--voice", "--model", "--instructions", "--speed", "--service", "--base-url", "--format")
TEXT = ("--pause", "--patience", "--speakable", "--ahead", "--on-refused")
SOUND = ("--device", "--latency", "--lead-in", "--sink", "--save")
PATIENCE = ("--connect-timeout", "--first-byte-timeout", "--stall-timeout", "--requests", "--hedge", "--history")
TALK = ("--json", "--quiet", "--log-level")
_SHORT = {"--quiet": "-q"}


def add_options(parser: ArgumentParser, names: Iterable[str], *, hidden: bool = False) -> None:
    """Let ``parser`` take these options; ``hidden`` ones are not in its help."""
    for name in names:
        option = dict(OPTIONS[name])
        if kind := _KINDS.get(name):
            option["type"] = kind
        if hidden:
            option["help"] = SUPPRESS
        parser.add_argument(*filter(None, (_SHORT.get(name), name)), **option)


def takes_value(name: str) -> bool:
    """Whether ``name`` is an option whose value is the next argument."""
    return name in OPTIONS and OPTIONS[name].get("action", "append") == "append"


def _seconds(text: str) -> float:
    value = float(text)
    if not (isfinite(value) and value > 0):
        raise ValueError
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


_share.__name__ = "share from 0 to 1"
_seconds.__name__ = "number of seconds"  # argparse: "invalid number of seconds value"


def _seconds_or_none(text: str) -> float:
    value = float(text)
    if not (isfinite(value) and value >= 0):
        raise ValueError
    return value


_seconds_or_none.__name__ = _seconds.__name__


def _integer(name: str, least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    convert.__name__ = name
    return convert


def _format(text: str) -> str:
    from ..options import AudioFormat

    try:
        AudioFormat.parse(text)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error
    return text


_KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(
        ("--connect-timeout", "--first-byte-timeout", "--stall-timeout", "--latency", "--lead-in", "--ahead"), _seconds
    ),
    **dict.fromkeys(("--pause", "--patience"), _seconds_or_none),
    "--format": _format,
    "--hedge": _share,
    "--requests": _integer("number of requests", 1, 16),
    "--channels": _integer("number of channels", 1, 255),
    "--repeat": _integer("number of rounds", 1, 10_000),
    "--seed": _integer("seed", 0, 1 << 64),
    "--port": _integer("port", 0, 65535),
    "--jobs": _integer("number of jobs", 1, 1000),
    "--queue": _integer("length of a queue", 0, 100_000),
}
