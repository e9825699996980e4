"""``serve``: OpenAI's speech endpoint on this machine, in front of a service or of the offline voice."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from ...errors import ConfigError, OggStreamError
from ...files.access import read_whole
from ...files.toml_file import read_toml
from ...sources.wrapper import close
from ..output.result import as_json
from ..terminal.console import Console, show
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from .serve_workers import inherited, obey, open_port, shared_figures, supervise

if TYPE_CHECKING:
    from ...endpoint.server import SpeechServer
    from ...sources.source import Source
    from ..terminal.interrupts import Interrupts

KEY_VARIABLE = "OGGSTREAM_SERVE_KEY"
FILES = 8192  # open ones, where it may
MOST_BYTES = 1 << 20  # of a file of keys


def serve(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Serve until a signal comes, and end what is being said; a second signal ends the process at once.

    Raises `ConfigError` and `LibraryError`.
    """
    console.as_json = args.log_format == "json"
    _allow_files()
    with logging_to(console, args.log_level or "info"), _one_line_a_request(told=args.log_level is None):
        try:
            run_in_loop(_serve(args, console, interrupts), interrupts)
        except OggStreamError as error:
            if args.json:
                show(as_json(error, base_url=None))
            raise


def _allow_files() -> None:
    """Let this process have `FILES` open, where it may: each client takes one, and its service another one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _one_line_a_request(*, told: bool) -> Iterator[None]:
    """Where no level was named, what happens inside of a speech is not told beside its line."""
    loggers = [logging.getLogger(name) for name in ("oggstream.requests", "oggstream.speech")] if told else []
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger in loggers:
            logger.setLevel(logging.NOTSET)


async def _serve(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    from ...endpoint.server import SpeechServer

    opened = inherited()
    source = _source(args)
    server = SpeechServer(
        args.host,
        args.port,
        source=source,
        cache=args.cache,
        voices=_voice_names(args.voice_names) if args.voice_names else None,
        key=args.key or os.environ.get(KEY_VARIABLE) or None,
        keys=_keys_of(args.key_file) if args.key_file else None,
        open_to_all=args.no_key,
        origins=args.allow_origin or (),
        certificate=args.certificate,
        port_opened=opened,
        trusted_proxies=args.trusted_proxy.split(",") if args.trusted_proxy else (),
        metrics=args.metrics,
        jobs=args.jobs,
        queue=args.queue,
        rooms=_rooms(args),
    )
    try:
        if args.workers > 1 and opened is None:
            await server.check_open()
            await _serve_by_workers(args, console, _stop_at_a_signal(interrupts))
            return
        await server.start()
        gc.collect()
        gc.freeze()  # what is loaded stays: no collection looks at it again, which would hold up every stream
        stopping = _stop_at_a_signal(interrupts)
        if opened is not None:
            await obey(stopping, lambda: _drain(server, args, console, stopping))
            return
        _announce(server, args, console)
        await _drain(server, args, console, stopping)
    finally:
        await server.stop()
        await close(source)


def _stop_at_a_signal(interrupts: Interrupts) -> asyncio.Event:
    """What the next signal sets, instead of cancelling everything."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    interrupts.cancel = lambda: loop.call_soon_threadsafe(stopping.set)
    return stopping


async def _drain(server: SpeechServer, args: Namespace, console: Console, stopping: asyncio.Event) -> None:
    """Serve until ``stopping`` is set, and then take nothing new until all is said."""
    await stopping.wait()
    if speaking := len(server.under_way):
        console.note(f"{speaking} requests are answered to their end, for at most {args.drain:g} s (Ctrl-C: at once)")
    if left := await server.drain(args.drain):
        console.warn(f"{left} requests are cut off")


async def _serve_by_workers(args: Namespace, console: Console, stopping: asyncio.Event) -> None:
    """Open the port, and let workers serve on it."""
    with open_port(args.host, args.port) as opened:
        address = opened.getsockname()
        scheme = "https" if args.certificate else "http"
        host = f"[{args.host}]" if ":" in args.host else args.host
        console.note(f"listening at {scheme}://{host}:{address[1]}/v1 with {args.workers} workers (Ctrl-C stops)")
        if args.json:
            show(as_json(None, base_url=f"{scheme}://{host}:{address[1]}/v1", port=address[1], pid=os.getpid()))
        with shared_figures() if args.metrics else nullcontext():
            await supervise(opened, args.workers, console, stopping, args.drain)


def _rooms(args: Namespace) -> int:
    """How many rooms there may be. Raises `ConfigError` where several processes would each have their own."""
    from ...endpoint.live.rooms import ROOMS

    if args.workers == 1:
        return ROOMS if args.rooms is None else int(args.rooms)
    if args.rooms:
        raise ConfigError("a room is in one process: leave out --workers or --rooms")
    return 0


def _source(args: Namespace) -> Source | None:
    """Who speaks; None: the voice of this machine. The environment does not choose: a server is told what it is."""
    from ...sources.resolve_source import named

    if not args.service and not args.base_url:
        return None
    return named(args.service or "openai", **({"base_url": args.base_url} if args.base_url else {}))


def _keys_of(path: str) -> dict[str, str]:
    from ...endpoint.keys import read_keys

    try:
        return read_keys(read_whole(path, MOST_BYTES).decode().splitlines())
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the keys in {path}: {getattr(error, 'strerror', None) or error}") from error


def _voice_names(path: str) -> dict[str, str]:
    names = read_toml(path, "the names of voices")
    for name, voice in names.items():
        if not isinstance(voice, str):
            raise ConfigError(f"cannot use the names of voices in {path}: {name} is no text")
    return names


def _announce(server: SpeechServer, args: Namespace, console: Console) -> None:
    """Say where it listens and how a client gets there."""
    if server.is_open and not server.keys:
        console.warn("other machines may use this without a key")
    console.note(f"listening at {server.base_url} (Ctrl-C stops)")
    key = "KEY" if server.keys else "none"
    console.note(f"for clients: OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY={key}")
    if args.json:
        address = {"base_url": server.base_url, "host": server.host, "port": server.bound_port, "pid": os.getpid()}
        limits = {"key": bool(server.keys), "jobs": args.jobs, "queue": args.queue}
        show(as_json(None, **address, **limits))
