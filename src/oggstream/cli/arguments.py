"""The parsers of the command line: one per command.

One parser is made, that of the command in use: a parser costs about a millisecond, and `say` is in a hurry.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any, NoReturn

from ..errors import UsageError
from . import presets
from .help_texts import EXAMPLES, OVERVIEW
from .options import HIDDEN, OF_COMMANDS, add_options, takes_value
from .terminal.console import show


class _Formatter(RawDescriptionHelpFormatter):
    """Knows the width of the terminal without ``shutil``, whose import takes 5 ms; argparse makes one per option."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{"width": _width(), **settings})


def _width() -> int:
    """Columns for help texts: those of COLUMNS, else of the terminal, less two, as `shutil.get_terminal_size`."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns) - 2
    try:
        return (os.get_terminal_size(1).columns or 80) - 2
    except OSError:  # no terminal
        return 78


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
    if argv[:1] in (["-V"], ["--version"]) or argv == ["version"]:
        from .. import __version__

        show(f"oggstream {__version__}")
        raise SystemExit(0)
    if argv[:1] in (["-h"], ["--help"]) or argv == ["help"]:
        show(OVERVIEW)
        raise SystemExit(0)
    if argv[:1] == ["help"] and len(argv) == 2 and argv[1] in _PARSERS:
        argv = [argv[1], "--help"]
    options, words = _split_at_dashes(argv)
    command = "say"
    at = _first_word(options)
    if at is not None and options[at] in _PARSERS:
        command = options.pop(at)
    elif at is not None:
        _refuse_misspelt(options[at:])
    if not {"-h", "--help"} & set(options):  # help is there to mend what a file says
        options = presets.words((*OF_COMMANDS[command], *HIDDEN.get(command, ())), options) + options
    args = _PARSERS[command](options, words)
    args.command = command
    return args


def _refuse_misspelt(words: list[str]) -> None:
    """Raise `UsageError` for a word that is nearly a command, and stands alone or before a file or an option."""
    word = words[0]
    alone = len(words) == 1 or words[1].startswith("-") or os.path.lexists(words[1])
    if not 4 <= len(word) <= 12 or not alone:
        return
    from difflib import get_close_matches

    commands = [command for command in (*_PARSERS, "help", "version") if len(command) > 3]
    if word not in commands and (near := get_close_matches(word, commands, 1, 0.8)):
        raise UsageError(f"{word!r} is no command: did you mean {near[0]!r}? `oggstream say {word}` speaks it")


def _split_at_dashes(argv: list[str]) -> tuple[list[str], list[str]]:
    """What stands before ``--``, and the words behind it, which are never options."""
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
        at += 2 if takes_value(argv[at]) else 1
    return None


def _say(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("say", "Speaks TEXT, or standard input as it arrives.")
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what to say; none, or `-`: standard input")
    add_options(parser, "say")
    args = parser.parse_intermixed_args(options)
    args.text += words
    args.gain, args.channels = "none", None
    return _checked(args, parser)


def _chat(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("chat", "Asks a chat model, and speaks the answer while it is written.")
    parser.add_argument("question", nargs="*", metavar="QUESTION", help="what to ask; none: standard input")
    add_options(parser, "chat")
    args = parser.parse_intermixed_args(options)
    args.question += words
    args.gain, args.channels = "none", None
    for name, used in {"--sink wav:-": "wav:-" in args.sink, "--save -": args.save == "-"}.items():
        if used:
            parser.error(f"{name} and the answer both write to standard output")
    return _checked(args, parser)


def _play(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("play", "Plays Ogg Opus and WAV; with the extra `codec` MP3, AAC, FLAC, M4A, WebM and more.")
    parser.add_argument("input", metavar="PATH|URL|-", help="a file, a URL, or `-` for standard input")
    add_options(parser, "play")
    return _checked(_parse_with_words(parser, options, words), parser)


def _decode(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("decode", "Decodes to WAV: Ogg Opus, exact to the sample, and whatever else `play` takes.")
    parser.add_argument("input", metavar="IN", help="a file, or `-` for standard input")
    parser.add_argument("output", metavar="OUT.wav", help="a file, or `-` for standard output")
    add_options(parser, "decode")
    args = _parse_with_words(parser, options, words)
    if args.json and args.output == "-":
        parser.error("decode to `-` and --json both write to standard output")
    return args


def _inspect(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("inspect", "Says what is in an Ogg file, and what is wrong with it.")
    parser.add_argument("input", metavar="IN", help="a file, or `-` for standard input")
    add_options(parser, "inspect")
    return _parse_with_words(parser, options, words)


def _record(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("record", "Speaks TEXT to a capture, which `replay` plays again as it came.")
    parser.add_argument("text", metavar="TEXT", help="what to say; `-`: standard input")
    parser.add_argument("name", metavar="NAME", help="of the capture: a path without ending")
    add_options(parser, "record")
    args = _parse_with_words(parser, options, words)
    args.text = [args.text]
    args.gain, args.channels = "none", None
    return _checked(args, parser)


def _replay(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("replay", "Plays captures as they arrived, and reports their latency.")
    parser.add_argument("captures", metavar="CAPTURE", nargs="*", help="the NAME of a capture, or either of its files")
    add_options(parser, "replay")
    args = _checked(parser.parse_intermixed_args(options), parser)
    args.captures += words
    if not args.captures:
        parser.error("name a capture")
    if args.save is not None and len(args.captures) * args.repeat > 1:
        parser.error("--save keeps the bytes of one replay: give one capture")
    return args


def _devices(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("devices", "Lists the output devices.")
    add_options(parser, "devices")
    return _parse_with_words(parser, options, words)


def _voices(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("voices", "Lists the voices of this machine, or of a service; --play lets one be heard.")
    add_options(parser, "voices")
    return _parse_with_words(parser, options, words)


def _serve(options: list[str], words: list[str]) -> Namespace:
    parser = _parser(
        "serve",
        "Is OpenAI's speech endpoint, in front of a service or the offline voice, until Ctrl-C.",
    )
    add_options(parser, "serve")
    return _parse_with_words(parser, options, words)


def _daemon(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("daemon", "Stays, and keeps libraries and device warm: speech begins at once.")
    add_options(parser, "daemon")
    args = _parse_with_words(parser, options, words)
    if args.status and args.stop:
        parser.error("--status and --stop: one of them")
    return args


def _stop(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("stop", "Silences all that speaks by the daemon.")
    add_options(parser, "stop")
    return _parse_with_words(parser, options, words)


def _doctor(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("doctor", "Checks what speaking needs, and says what to do about what is missing.")
    add_options(parser, "doctor")
    return _parse_with_words(parser, options, words)


def _completion(options: list[str], words: list[str]) -> Namespace:
    parser = _parser("completion", "Prints the script with which a shell completes commands and options.")
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
    add_options(parser, "completion")
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
    "voices": _voices,
    "serve": _serve,
    "doctor": _doctor,
    "completion": _completion,
    "daemon": _daemon,
    "stop": _stop,
}


def _parser(command: str, description: str) -> Parser:
    parser = Parser(
        prog=f"oggstream {command}",
        description=description,
        epilog=EXAMPLES[command],
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    return parser


def _parse_with_words(parser: Parser, options: list[str], words: list[str]) -> Namespace:
    return parser.parse_args([*options, "--", *words] if words else options)


def _checked(args: Namespace, parser: Parser) -> Namespace:
    """Refuse what excludes itself, before anything is loaded or opened."""
    if args.device is not None and args.sink and "device" not in args.sink:
        parser.error(f"--device goes with --sink device, not with --sink {_shown(args.sink)}")
    if len(args.sink) > len(set(args.sink)):
        parser.error(f"--sink {_shown([max(args.sink, key=args.sink.count)])} is given twice")
    if getattr(args, "interrupt", False) and args.mix:
        parser.error("--interrupt and --mix: one of them")
    if getattr(args, "output", None) is not None and (args.device is not None or args.sink):
        parser.error("-o writes a file instead of playing: it goes with neither --device nor --sink")
    if args.save is not None and args.command in ("say", "chat", "record"):
        _check_ending(args.save, args.format, parser)
    to_stdout = [name for name, used in _stdout_users(args).items() if used]
    if len(to_stdout) > 1:
        parser.error(f"{' and '.join(to_stdout)} both write to standard output")
    return args


_OGG = dict.fromkeys((".opus", ".ogg", ".oga"), "opus")
_ENDINGS = {**_OGG, **{f".{name}": name for name in ("wav", "pcm", "mp3", "flac", "m4a", "aac", "webm")}}


def _shown(sinks: list[str]) -> str:
    from ..sinks.resolve_sink import without_user

    return ", ".join(map(without_user, sinks))


def _check_ending(path: str, asked: str, parser: Parser) -> None:
    """Refuse a file whose name says another format than the bytes have that it is to keep as they come."""
    coming = "opus" if asked == "auto" else asked.partition(":")[0]
    named = _ENDINGS.get(os.path.splitext(path)[1].lower(), coming)
    if named != coming:
        parser.error(
            f"--save keeps the bytes as they come, and they are {coming}, not {named}: -o {path} converts them"
        )


def _stdout_users(args: Namespace) -> dict[str, bool]:
    return {"--sink wav:-": "wav:-" in args.sink, "--save -": args.save == "-", "--json": args.json}
