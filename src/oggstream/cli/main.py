"""Runs a command and turns its outcome into an exit status."""

from __future__ import annotations

import gc
from argparse import Namespace
from contextlib import ExitStack

from ..errors import OggStreamError, OutputError, TextError, UsageError
from .ahead import dial_ahead, hang_up
from .arguments import parse
from .terminal.console import (
    Console,
    ReportedError,
    own_standard_error,
    tolerate_any_text,
    tolerate_closed_output,
)
from .terminal.interrupts import INTERRUPTED, Interrupts

DONE, FAILED, USAGE = 0, 1, 2


def run(argv: list[str], interrupts: Interrupts) -> int:
    """Parse ``argv``, run its command, and return the exit status. Raises nothing."""
    gc.disable()  # until the request is out: a collection during imports costs a tenth of their time and frees nothing
    tolerate_any_text()
    console = Console()
    with ExitStack() as terminal:  # until all is told: an error comes while PortAudio is being loaded, too
        return _run(argv, console, interrupts, terminal)


def _run(argv: list[str], console: Console, interrupts: Interrupts, terminal: ExitStack) -> int:
    args = Namespace(log_level=None)
    try:
        args = parse(argv)
        console.quiet = args.quiet
        console.warnings = args.log_level not in ("error", "critical")
        if args.command not in ("daemon", "stop"):
            terminal.enter_context(own_standard_error())
        _command(args, console, interrupts)
    except SystemExit:  # how argparse ends after --help
        return DONE
    except ReportedError:
        return FAILED
    except KeyboardInterrupt:
        console.interrupted()
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last line of defence: a person is told, in one line
        return INTERRUPTED if interrupts.happened else _failed(error, args, console)
    finally:
        hang_up()
        gc.enable()
    return DONE


def _command(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    interrupts.check()
    if args.command not in ("say", "play", "record", "chat"):
        gc.enable()
    dial_ahead(args)
    if args.command in ("daemon", "stop"):
        from .commands.daemon import daemon, stop

        interrupts.release()
        daemon(args, console, run) if args.command == "daemon" else stop(console)
        return
    _sounding_command(args, console, interrupts)


def _sounding_command(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    # Each command loads only what it needs: `decode` no asyncio, `say` no WAV writer.
    match args.command:
        case "say" | "play":
            from .commands.say import speak

            speak(args, console, interrupts)
        case "chat":
            from .commands.chat import chat

            chat(args, console, interrupts)
        case "record":
            from .commands.record import record

            record(args, console, interrupts)
        case "replay":
            from .commands.replay import replay

            replay(args, console, interrupts)
        case _:
            _silent_command(args, console, interrupts)


def _silent_command(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    match args.command:
        case "decode":
            from .commands.decode import decode

            interrupts.release()
            decode(args, console)
        case "inspect":
            from .commands.inspect import inspect

            interrupts.release()
            inspect(args)
        case "completion":
            from .commands.completion import completion

            interrupts.release()
            completion(args)
        case "devices":
            from .commands.devices import devices

            interrupts.release()
            devices(args, console)
        case "voices":
            from .commands.voices import voices

            voices(args, console, interrupts)
        case "serve":
            from .commands.serve import serve

            serve(args, console, interrupts)
        case "doctor":
            from .commands.doctor import doctor

            doctor(args, console, interrupts)


def _failed(error: Exception, args: Namespace, console: Console) -> int:
    if _reader_gone(error):
        # It has what it wanted, as with `| head`.
        tolerate_closed_output()
        return DONE
    if isinstance(error, OutputError):
        tolerate_closed_output()
    if args.log_level == "debug":
        from traceback import format_exception

        console.block("".join(format_exception(error)))
    console.error(_sentence(error, args))
    return USAGE if isinstance(error, UsageError) and not isinstance(error, TextError) else FAILED


def _sentence(error: Exception, args: Namespace) -> str:
    if isinstance(error, OggStreamError):
        request = f" (request {error.request_id})" if error.request_id else ""
        return f"{error}{request}"
    hint = "" if args.log_level == "debug" else "; --log-level debug shows where"
    return f"unexpected {type(error).__name__}: {error}{hint}"


def _reader_gone(error: BaseException) -> bool:
    """Whether the reader of a pipe that we write to has closed it."""
    return isinstance(error, BrokenPipeError) or (
        isinstance(error, OutputError) and isinstance(error.__cause__, BrokenPipeError)
    )
