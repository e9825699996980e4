"""``serve``: the offline voice for anyone, as OpenAI's speech endpoint on this machine."""

from __future__ import annotations

import asyncio
import os
from argparse import Namespace
from typing import TYPE_CHECKING

from ...errors import ConfigError, OggStreamError
from ..output.result import as_json
from ..terminal.console import Console, show
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop

if TYPE_CHECKING:
    from ...endpoint.server import SpeechServer
    from ..terminal.interrupts import Interrupts

KEY_VARIABLE = "OGGSTREAM_SERVE_KEY"


def serve(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Serve until a signal comes, which is how it always ends. Raises `ConfigError` and `LibraryError`."""
    with logging_to(console, args.log_level or "info"):
        try:
            run_in_loop(_serve(args, console), interrupts)
        except OggStreamError as error:
            if args.json:
                show(as_json(error, base_url=None))
            raise


async def _serve(args: Namespace, console: Console) -> None:
    from ...endpoint.server import SpeechServer

    key = args.key or os.environ.get(KEY_VARIABLE) or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError("the key cannot be sent in a header; choose one of ASCII letters, digits and signs")
    server = SpeechServer(
        args.host,
        args.port,
        key=key,
        open_to_all=args.no_key,
        origins=args.allow_origin or (),
        jobs=args.jobs,
        queue=args.queue,
    )
    await server.start()
    try:
        _announce(server, args, console)
        await asyncio.Event().wait()  # until it is cancelled
    finally:
        await server.stop()


def _announce(server: SpeechServer, args: Namespace, console: Console) -> None:
    """Say where it listens and how a client gets there."""
    if server.is_open and server.key is None:
        console.warn("other machines may use this without a key")
    console.note(f"listening at {server.base_url} (Ctrl-C stops)")
    key = "KEY" if server.key else "none"
    console.note(f"for clients: OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY={key}")
    if args.json:
        address = {"base_url": server.base_url, "host": server.host, "port": server.bound_port, "pid": os.getpid()}
        limits = {"key": server.key is not None, "jobs": args.jobs, "queue": args.queue}
        show(as_json(None, **address, **limits))
