"""``doctor``: finds what is missing or wrong on this machine, and names the command that fixes it."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ...errors import ConfigError
from ..checks.device_check import check_callback, check_device
from ..checks.finding import FAIL, OK, Finding
from ..checks.library_check import check_libopus, check_packages, check_portaudio, check_python, check_voice
from ..checks.service_check import check_certificates, check_endpoint, check_key
from ..output.result import as_json
from ..terminal.console import Console, is_terminal, show, show_lines, struck, write_quietly
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop

if TYPE_CHECKING:
    from ..terminal.interrupts import Interrupts


class Check(NamedTuple):
    """``look`` is given the arguments, and at most ``limit`` seconds."""

    name: str
    look: Callable[[Namespace], Awaitable[list[Finding]]]
    limit: float


CHECKS = (  # those of what others build on come first
    Check("python", check_python, 5.0),
    Check("packages", check_packages, 10.0),
    Check("libopus", check_libopus, 10.0),
    Check("portaudio", check_portaudio, 15.0),
    Check("callback", check_callback, 5.0),
    Check("device", check_device, 15.0),
    Check("voice", check_voice, 15.0),
    Check("key", check_key, 5.0),
    Check("certificates", check_certificates, 10.0),
    Check("endpoint", check_endpoint, 30.0),
)


def doctor(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Show what each check finds. Raises `ConfigError` if something that is needed does not work."""
    with logging_to(console, args.log_level):
        run_in_loop(_examine(args, console), interrupts)


async def _examine(args: Namespace, console: Console) -> None:
    found: list[Finding] = []
    async for finding in examine(args, console):
        found.append(finding)
        if not args.json:
            show_lines(_lines(finding))
    error = _verdict(found)
    if args.json:
        show(as_json(error, checks=[finding._asdict() for finding in found]))
    if error is not None:
        raise error
    console.note(_praise(found))


async def examine(args: Namespace, console: Console) -> AsyncIterator[Finding]:
    """Make the checks one after another and tell what they find, without any credential in it."""
    for check in CHECKS:
        with _progress(f"checking {check.name} ...", args, console):
            findings = await _findings(check, args)
        for finding in findings:
            yield finding._replace(says=struck(finding.says))


@contextmanager
def _progress(text: str, args: Namespace, console: Console) -> Iterator[None]:
    """Show ``text`` on a terminal for as long as the block takes."""
    if not args.quiet and is_terminal(sys.stderr):
        write_quietly(sys.stderr, text)
        console.before = lambda: write_quietly(sys.stderr, f"\r{' ' * len(text)}\r")
    try:
        yield
    finally:
        console.clear()
        console.before = None


async def _findings(check: Check, args: Namespace) -> list[Finding]:
    """What a check finds; one that hangs or breaks is a finding too."""
    try:
        async with asyncio.timeout(check.limit):
            return await check.look(args)
    except TimeoutError:
        says = f"{check.name}: no result within {check.limit:g} s"
        return [Finding(check.name, FAIL, says, "try again; if it stays so, restart this machine's sound and network")]
    except Exception as error:  # noqa: BLE001  # the next check may say why
        return [Finding(check.name, FAIL, f"{check.name}: unexpected {type(error).__name__}: {error}")]


def _verdict(found: list[Finding]) -> ConfigError | None:
    names = [finding.name for finding in found if finding.level == FAIL]
    if not names:
        return None
    return ConfigError(f"not all that is needed works: {', '.join(names)}; do what is said beside it")


def _praise(found: list[Finding]) -> str:
    """What to say where nothing failed; without an output, speech cannot be heard."""
    if any(finding.name == "device" and finding.level != OK for finding in found):
        return "speech cannot be heard here, for there is no output device; all else that is needed works"
    return "all that is needed works"


def _lines(finding: Finding) -> list[str]:
    lines = [f"{finding.level:4}  {finding.says}"]
    if finding.mend is not None:
        lines.append(f"      -> {finding.mend}")
    return lines
