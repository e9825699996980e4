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
    "--language": {"metavar": "TAG", "help": "language of the text, such as de or pt-BR (told from the text)"},
    "--base-url": {"metavar": "URL", "help": "an OpenAI-compatible endpoint, such as http://localhost:8880/v1"},
    "--service": {
        "metavar": "NAME",
        "help": "speech service, such as deepgram, or offline:espeak; A,B: B where A fails (docs/services.md)",
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
    "--volume": {"metavar": "X", "help": "0 to 1 (1)"},
    "--sink": {
        "metavar": "SINK",
        "action": "append",
        "default": [],
        "help": "device, null (silent, in real time), wav:PATH or icecast://USER:PASSWORD@HOST:PORT/MOUNT; "
        "may be given several times",
    },
    "--output": {
        "metavar": "FILE",
        "help": "write a file instead of playing, as fast as the service: .opus, .ogg, .wav, .mp3, .flac",
    },
    "--save": {"metavar": "PATH", "help": "also keep the bytes as they came; of Opus, several bodies as one stream"},
    "--captions": {"metavar": "FILE", "help": "write the words as they are heard: .vtt, .srt or .json"},
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
    "--play": {"metavar": "ID", "help": "let this voice say a sentence"},
    "--host": {"default": "127.0.0.1", "help": "address to listen on (127.0.0.1: this machine only)"},
    "--port": {"metavar": "N", "default": 8880, "help": "port to listen on; 0 is any free one (8880)"},
    "--key": {"help": "key that clients must send; better in OGGSTREAM_SERVE_KEY, which no process list shows"},
    "--key-file": {"metavar": "FILE", "help": "several keys, a line each: NAME: KEY, or a key alone"},
    "--certificate": {"metavar": "FILE", "help": "serve HTTPS with this certificate and its key (PEM)"},
    "--cache": {"metavar": "WHERE", "help": "where phrases are kept: DIR, redis://HOST/0, memory or none (none)"},
    "--voice-names": {
        "metavar": "FILE.toml",
        "help": 'which voice a client\'s name means, a line each: alloy = "af_heart"',
    },
    "--no-key": {"action": "store_true", "help": "let other machines use it without a key"},
    "--allow-origin": {
        "metavar": "ORIGIN",
        "action": "append",
        "help": "let web pages of ORIGIN (https://example.org) use it; may be given several times",
    },
    "--trusted-proxy": {
        "metavar": "ADDRESS[,NETWORK...]",
        "help": "proxies that are believed who their clients are (X-Forwarded-For, Forwarded)",
    },
    "--metrics": {"action": "store_true", "help": "tell figures to Prometheus at /metrics"},
    "--log-format": {
        "choices": ("text", "json"),
        "default": "text",
        "help": "what a line on standard error is: text, or a JSON object (text)",
    },
    "--workers": {"metavar": "N", "default": 1, "help": "processes that share the port, each with its own --jobs (1)"},
    "--jobs": {"metavar": "N", "default": 128, "help": "speeches at once (128)"},
    "--queue": {"metavar": "N", "default": 128, "help": "speeches that wait for their turn; more are refused (128)"},
    "--drain": {
        "metavar": "S",
        "default": 25.0,
        "help": "seconds that speeches have to end after Ctrl-C or SIGTERM, before they are cut off (25)",
    },
    "--rooms": {
        "metavar": "N",
        "help": "rooms at once whose listeners all hear what is said in them, at /live/NAME (32; 0: none)",
    },
    "--idle": {"metavar": "S", "default": 1800.0, "help": "seconds without a client, after which it ends (1800)"},
    "--status": {"action": "store_true", "help": "tell of the one that runs"},
    "--stop": {"action": "store_true", "help": "end the one that runs, after what it speaks"},
    "--interrupt": {"action": "store_true", "help": "with a daemon: silence what other calls speak, wait for nothing"},
    "--mix": {"action": "store_true", "help": "with a daemon: sound at the same time as other calls, wait for nothing"},
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
SPEECH = ("--voice", "--model", "--instructions", "--speed", "--language", "--service", "--base-url", "--format")
TEXT = ("--pause", "--patience", "--speakable", "--ahead", "--on-refused")
SOUND = ("--device", "--latency", "--lead-in", "--volume", "--sink", "--save")
PATIENCE = ("--connect-timeout", "--first-byte-timeout", "--stall-timeout", "--requests", "--hedge", "--history")
TALK = ("--json", "--quiet", "--log-level")
COMPANY = ("--interrupt", "--mix")
ALL_SPEECH = (*SPEECH, *TEXT, *SOUND, "--captions", *PATIENCE, *TALK)
CHAT = ("--chat-model", "--chat-base-url", "--system")
KEYS = ("--key", "--key-file", "--no-key", "--certificate", "--allow-origin")
ENDPOINT = (
    "--service",
    "--base-url",
    "--cache",
    "--voice-names",
    "--host",
    "--port",
    *KEYS,
    "--trusted-proxy",
    "--metrics",
    "--log-format",
    "--workers",
    "--jobs",
    "--queue",
    "--rooms",
    "--drain",
)
OF_COMMANDS: dict[str, tuple[str, ...]] = {
    "say": ("--output", *ALL_SPEECH, *COMPANY),
    "chat": (*CHAT, *ALL_SPEECH, *COMPANY),
    "play": ("--output", "--gain", "--channels", *SOUND, *COMPANY, *PATIENCE, *TALK),
    "decode": ("--rate", "--float", "--channels", "--gain", *TALK),
    "inspect": ("--packets", *TALK),
    "record": ALL_SPEECH,
    "replay": ("--network", "--repeat", "--seed", "--report", "--device", "--sink", *PATIENCE, *TALK),
    "devices": TALK,
    "voices": ("--service", "--base-url", "--play", "--device", "--sink", *TALK),
    "serve": (*ENDPOINT, *TALK),
    "doctor": ("--base-url", "--device", "--connect-timeout", *TALK),
    "daemon": ("--idle", "--status", "--stop", *TALK),
    "stop": TALK,
    "completion": TALK,
}
"""The options of each command, in the order of its help."""
HIDDEN = {
    "play": SPEECH,
    "voices": ("--history", "--latency", "--lead-in", "--volume"),
    "replay": (*SPEECH, "--volume", "--save"),
}
"""Options that all that plays takes in common, where there is nothing to ask for."""
_ONCE = {
    "--output",
    "--captions",
    "--save",
    "--json",
    "--network",
    "--report",
    "--key",
    "--allow-origin",
    "--packets",
    "--play",
    "--status",
    "--stop",
}
PRESET = tuple(name for name in OPTIONS if name not in _ONCE)
"""Options that may be set in a file: all but those of a single run."""
_SHORT = {"--output": "-o", "--quiet": "-q"}


def add_options(parser: ArgumentParser, command: str) -> None:
    """Let ``parser`` take the options of ``command``."""
    _add(parser, OF_COMMANDS[command], hidden=False)
    _add(parser, HIDDEN.get(command, ()), hidden=True)


def _add(parser: ArgumentParser, names: Iterable[str], *, hidden: bool) -> None:
    for name in names:
        option = dict(OPTIONS[name])
        if kind := _KINDS.get(name):
            option["type"] = kind
        if hidden:
            option["help"] = SUPPRESS
        parser.add_argument(*filter(None, (_SHORT.get(name), name)), **option)


def is_switch(name: str) -> bool:
    """Whether an option has no value."""
    return "action" in OPTIONS[name] and OPTIONS[name]["action"] != "append"


def check_value(name: str, value: Any) -> Any:
    """``value`` of a file, if the option takes it. Raises `ValueError`, which says what it takes."""
    if is_switch(name) or isinstance(value, bool):
        if is_switch(name) and isinstance(value, bool):
            return value
        raise ValueError("it takes true or false" if is_switch(name) else "it takes no true or false")
    if isinstance(value, list) and OPTIONS[name].get("action") == "append":
        return [check_value(name, each) for each in value]
    if not isinstance(value, str | int | float):
        raise ValueError("it takes a text or a number")  # noqa: TRY004  # one kind of error for one kind of mistake
    option, kind = OPTIONS[name], _KINDS.get(name) or OPTIONS[name].get("type", str)
    try:
        converted = kind(str(value))
    except (ValueError, ArgumentTypeError) as error:
        said = str(error) if name == "--format" else f"it takes a {_NAMES.get(kind, kind.__name__)}"
        raise ValueError(said) from None
    if converted not in option.get("choices", (converted,)):
        raise ValueError(f"it takes {', '.join(map(str, option['choices']))}")
    return value


_NAMES: dict[Any, str] = {float: "number", int: "whole number"}


def takes_value(name: str) -> bool:
    """Whether ``name`` is an option whose value is the next argument."""
    return name == "-o" or (name in OPTIONS and not is_switch(name))


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


def _volume(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


_volume.__name__ = "volume (0 to 1)"


def _integer(name: str, least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    convert.__name__ = name
    return convert


def _format(text: str) -> str:
    if text == OPTIONS["--format"]["default"]:  # which argparse asks about as well
        return text
    from ..options import AudioFormat

    try:
        AudioFormat.parse(text)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error
    return text


def _captions(path: str) -> str:
    from ..options import PlaybackOptions

    try:
        PlaybackOptions(captions=path)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error
    return path


_KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(
        (
            "--connect-timeout",
            "--first-byte-timeout",
            "--stall-timeout",
            "--latency",
            "--lead-in",
            "--ahead",
            "--idle",
            "--drain",
        ),
        _seconds,
    ),
    **dict.fromkeys(("--pause", "--patience"), _seconds_or_none),
    "--format": _format,
    "--captions": _captions,
    "--hedge": _share,
    "--volume": _volume,
    "--requests": _integer("number of requests", 1, 16),
    "--channels": _integer("number of channels", 1, 255),
    "--repeat": _integer("number of rounds", 1, 10_000),
    "--seed": _integer("seed", 0, 1 << 64),
    "--port": _integer("port", 0, 65535),
    "--jobs": _integer("number of jobs", 1, 1000),
    "--workers": _integer("number of workers", 1, 256),
    "--rooms": _integer("number of rooms", 0, 1000),
    "--queue": _integer("length of a queue", 0, 100_000),
}
