"""What can be said on the command line.

One parser is made, that of the command in use: a parser costs about a millisecond, and `say` is in a hurry.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, NoReturn

from ..errors import UsageError
from .terminal.console import show

RATES = (8000, 12000, 16000, 24000, 48000)

_OPTIONS: dict[str, dict[str, Any]] = {
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
    "--save": {"metavar": "PATH", "help": "also keep the bytes as they came"},
    "--connect-timeout": {"metavar": "S", "default": 5.0, "help": "seconds for a connection (5)"},
    "--first-byte-timeout": {"metavar": "S", "default": 60.0, "help": "longest silence before audio (60)"},
    "--stall-timeout": {"metavar": "S", "default": 10.0, "help": "longest silence after audio began (10)"},
    "--requests": {"metavar": "N", "default": 2, "help": "requests at a time; 1 for a server that takes one (2)"},
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
    "--json": {"action": "store_true", "help": "the report as one JSON object on standard output"},
    "--quiet": {"action": "store_true", "help": "nothing but errors on standard error"},
    "--log-level": {
        "choices": ("debug", "info", "warning", "error", "critical"),
        "help": "what to log; debug shows tracebacks (warning)",
    },
}
_SPEECH = ("--voice", "--model", "--instructions", "--speed", "--service", "--base-url", "--format")
_SOUND = ("--device", "--latency", "--lead-in", "--sink", "--save")
_PATIENCE = ("--connect-timeout", "--first-byte-timeout", "--stall-timeout", "--requests", "--history")
_TALK = ("--json", "--quiet", "--log-level")

_SAY = """\
Standard input is spoken as it arrives: the sound begins while a model is still writing.
Lines that are typed are spoken one by one. A further line waits for its turn, one that begins
with ! interrupts, an empty one stops what is being said, and Ctrl-D ends after the rest.
Ctrl-C stops the sound at once. --json gives one object; that of several lines has their
reports in "speeches".

examples:
  oggstream say "Hello there."
  some-model | oggstream
  oggstream say --voice coral --instructions "Whisper." "Hello there."
  oggstream say --sink wav:hello.wav --save hello.opus "Hello there."
  fortune | oggstream say --json --sink null
  oggstream say -- --dashes first"""

_CHAT = """\
Asks through the openai package (OPENAI_API_KEY, OPENAI_BASE_URL, or --chat-base-url) and writes
the answer to standard output as it is spoken. A line that is typed meanwhile interrupts it and is
the next question, an empty one only stops it; the model is told what was heard of its answer. It
ends with the answer, or once a line was typed with Ctrl-D. Without QUESTION it waits for one.
--json gives the report with "question" and "answer"; several are in "speeches".

examples:
  oggstream chat "Why is the sky blue?"
  oggstream chat
  oggstream chat --chat-base-url http://localhost:11434/v1 --chat-model llama3.2 "A story, please."
  echo "What is an ogg?" | oggstream chat --voice coral --system "You are a sailor.\""""

_PLAY = """\
examples:
  oggstream play speech.opus
  oggstream play https://example.org/live.opus --gain track
  curl -s https://example.org/speech.opus | oggstream play -"""

_DECODE = """\
examples:
  oggstream decode speech.opus speech.wav
  oggstream decode speech.opus speech.wav --rate 16000 --channels 1
  curl -s https://example.org/speech.opus | oggstream decode - - | aplay"""

_INSPECT = """\
examples:
  oggstream inspect speech.opus
  oggstream inspect - --json < speech.opus | jq .links"""

_RECORD = """\
Writes NAME.ogg (or another container's ending), the bytes as they came, and NAME.arrivals.jsonl, when they came.
Several requests give NAME-1, NAME-2, and so on. No key gets into the files. Nothing is played unless --sink or
--device says where.

examples:
  oggstream record "Hello there." hello
  oggstream record --sink device --voice coral "Hello there." hello
  oggstream replay hello"""

_REPLAY = """\
With --sink null time is virtual: it takes no longer than the machine needs, and gives the same figures every time.
Otherwise a server on this machine sends the captures over HTTP, in real time. What earlier speeches have taught is not
used, unless --history names the file.

examples:
  oggstream replay hello
  oggstream replay --sink null --json captures/*.ogg | jq .summary
  oggstream replay --sink null --network lte.down --repeat 20 --seed 1 --report lte.html hello"""

_SERVE = """\
examples:
  oggstream serve
  OGGSTREAM_SERVE_KEY=... oggstream serve --host 0.0.0.0 --port 8000
  curl -s http://127.0.0.1:8880/v1/audio/speech --json '{"input": "Hello."}' | oggstream play -"""

_DOCTOR = """\
examples:
  oggstream doctor
  OPENAI_BASE_URL=http://localhost:8880/v1 oggstream doctor --json"""

_DEVICES = """\
examples:
  oggstream devices
  oggstream say --device 3 "Hello there.\""""


class Parser(ArgumentParser):
    """Fails with `UsageError`, and shows its help as results are shown."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`: it becomes one line, as every failure."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def print_help(self, file: Any = None) -> None:  # noqa: ARG002  # always standard output
        """Show the help. Raises `OutputError`."""
        show(self.format_help().rstrip())


def parse(argv: list[str]) -> Namespace:
    """The command and its options; ``command`` names it. Raises `UsageError`, and SystemExit after a help text."""
    if argv[:1] == ["--version"]:
        from .. import __version__

        show(f"oggstream {__version__}")
        raise SystemExit(0)
    if argv[:1] in (["-h"], ["--help"]):
        from .overview import OVERVIEW

        show(OVERVIEW)
        raise SystemExit(0)
    options, words = _split_at_dashes(argv)
    command = "say"
    at = _first_word(options)
    if at is not None and options[at] in _PARSERS:
        command = options.pop(at)
    args = _PARSERS[command](options, words)
    args.command = command
    return args


def _split_at_dashes(argv: list[str]) -> tuple[list[str], list[str]]:
    """What stands before ``--``, and the words behind it, which are no options whatever they look like."""
    if "--" not in argv:
        return list(argv), []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _first_word(argv: list[str]) -> int | None:
    """Where the first word stands that is neither an option nor an option's value."""
    at = 0
    while at < len(argv):
        if argv[at] == "-" or not argv[at].startswith("-"):
            return at
        takes_value = argv[at] in _OPTIONS and "action" not in _OPTIONS[argv[at]]
        at += 2 if takes_value else 1
    return None


def _say(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("say", "Speaks TEXT, or standard input as it arrives.", _SAY)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what to say; none, or `-`: standard input")
    _add(parser, _SPEECH + _SOUND + _PATIENCE + _TALK)
    args = parser.parse_intermixed_args(options)
    args.text += words
    args.gain, args.channels = "none", None
    return _checked(args, parser)


def _chat(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("chat", "Asks a chat model, and speaks the answer while it is written.", _CHAT)
    parser.add_argument("question", nargs="*", metavar="QUESTION", help="what to ask; none: standard input")
    _add(parser, ("--chat-model", "--chat-base-url", "--system", *_SPEECH, *_SOUND, *_PATIENCE, *_TALK))
    args = parser.parse_intermixed_args(options)
    args.question += words
    args.gain, args.channels = "none", None
    for name, used in {"--sink wav:-": args.sink == "wav:-", "--save -": args.save == "-"}.items():
        if used:
            parser.error(f"{name} and the answer both write to standard output")
    return _checked(args, parser)


def _play(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("play", "Plays any Ogg Opus stream.", _PLAY)
    parser.add_argument("input", metavar="PATH|URL|-", help="a file, a URL, or `-` for standard input")
    _add(parser, ("--gain", "--channels", *_SOUND, *_PATIENCE, *_TALK))
    _add(parser, _SPEECH, hidden=True)  # common to all that plays; here there is nothing to ask for
    return _checked(_parse_with_words(parser, options, words), parser)


def _decode(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("decode", "Decodes Ogg Opus to 16-bit WAV at 48 kHz.", _DECODE)
    parser.add_argument("input", metavar="IN", help="a file, or `-` for standard input")
    parser.add_argument("output", metavar="OUT.wav", help="a file, or `-` for standard output")
    _add(parser, ("--rate", "--float", "--channels", "--gain", *_TALK))
    args = _parse_with_words(parser, options, words)
    if args.json and args.output == "-":
        parser.error("decode to `-` and --json both write to standard output")
    return args


def _inspect(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("inspect", "Says what is in an Ogg file, and what is wrong with it.", _INSPECT)
    parser.add_argument("input", metavar="IN", help="a file, or `-` for standard input")
    _add(parser, _TALK)
    return _parse_with_words(parser, options, words)


def _record(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("record", "Speaks TEXT to a capture, which `replay` plays again as it came.", _RECORD)
    parser.add_argument("text", metavar="TEXT", help="what to say; `-`: standard input")
    parser.add_argument("name", metavar="NAME", help="of the capture: a path without ending")
    _add(parser, _SPEECH + _SOUND + _PATIENCE + _TALK)
    args = _parse_with_words(parser, options, words)
    args.text = [args.text]
    args.gain, args.channels = "none", None
    return _checked(args, parser)


def _replay(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("replay", "Plays captures as they arrived, and reports their latency.", _REPLAY)
    parser.add_argument("captures", metavar="CAPTURE", nargs="*", help="the NAME of a capture, or either of its files")
    _add(parser, ("--network", "--repeat", "--seed", "--report", "--device", "--sink", *_PATIENCE, *_TALK))
    _add(parser, (*_SPEECH, "--save"), hidden=True)  # common to all that plays; here there is nothing to ask for
    args = _checked(parser.parse_intermixed_args(options), parser)
    args.captures += words
    if not args.captures:
        parser.error("name a capture")
    if args.save is not None and len(args.captures) * args.repeat > 1:
        parser.error("--save keeps the bytes of one replay: give one capture")
    return args


def _devices(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("devices", "Lists the output devices.", _DEVICES)
    _add(parser, _TALK)
    return _parse_with_words(parser, options, words)


def _serve(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("serve", "Serves the offline voice as OpenAI's /v1/audio/speech, until Ctrl-C.", _SERVE)
    _add(parser, ("--host", "--port", "--key", "--no-key", "--allow-origin", "--jobs", "--queue", *_TALK))
    return _parse_with_words(parser, options, words)


def _doctor(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("doctor", "Checks what speaking needs, and says what to do about what is missing.", _DOCTOR)
    _add(parser, ("--base-url", "--device", "--connect-timeout", *_TALK))
    return _parse_with_words(parser, options, words)


_PARSERS: dict[str, Callable[[list[str], list[str]], Namespace]] = {
    "say": _say,
    "chat": _chat,
    "play": _play,
    "decode": _decode,
    "inspect": _inspect,
    "record": _record,
    "replay": _replay,
    "devices": _devices,
    "serve": _serve,
    "doctor": _doctor,
}


def _parser(command: str, description: str, examples: str) -> Parser:
    return Parser(
        prog=f"oggstream {command}",
        description=description,
        epilog=examples,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add(parser: Parser, names: Iterable[str], *, hidden: bool = False) -> None:
    for name in names:
        option = dict(_OPTIONS[name])
        if kind := _KINDS.get(name):
            option["type"] = kind
        if hidden:
            option["help"] = SUPPRESS
        parser.add_argument(name, **option)


def _parse_with_words(parser: Parser, options: list[str], words: list[str]) -> Namespace:
    return parser.parse_args([*options, "--", *words] if words else options)


def _checked(args: Namespace, parser: Parser) -> Namespace:
    """Refuse what excludes itself, before anything is loaded or opened."""
    if args.device is not None and args.sink not in (None, "device"):
        parser.error(f"--device goes with --sink device, not with --sink {args.sink}")
    to_stdout = [name for name, used in _stdout_users(args).items() if used]
    if len(to_stdout) > 1:
        parser.error(f"{' and '.join(to_stdout)} both write to standard output")
    return args


def _stdout_users(args: Namespace) -> dict[str, bool]:
    return {"--sink wav:-": args.sink == "wav:-", "--save -": args.save == "-", "--json": args.json}


def _seconds(text: str) -> float:
    value = float(text)
    if not (isfinite(value) and value > 0):
        raise ValueError
    return value


_seconds.__name__ = "number of seconds"  # argparse: "invalid number of seconds value"


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
        ("--connect-timeout", "--first-byte-timeout", "--stall-timeout", "--latency", "--lead-in"), _seconds
    ),
    "--format": _format,
    "--requests": _integer("number of requests", 1, 16),
    "--channels": _integer("number of channels", 1, 255),
    "--repeat": _integer("number of rounds", 1, 10_000),
    "--seed": _integer("seed", 0, 1 << 64),
    "--port": _integer("port", 0, 65535),
    "--jobs": _integer("number of jobs", 1, 1000),
    "--queue": _integer("length of a queue", 0, 100_000),
}
