"""Phrases that many processes share, in Redis (or Valkey): those that are kept, and those that one of them makes.

A phrase that is being made has a claim, which names its maker, and each maker a tape (a Redis Stream) of numbered
entries. The maker renews both; they vanish with it. All times are the server's own. Where the server does not answer
within `PATIENCE_SECONDS`, or refuses, all goes on as if there were none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from ...errors import LibraryError, UsageError
from ..http.redaction import Secrets
from .absence import Absence
from .stores import LONGEST

PATIENCE_SECONDS = 1.0
"""For the server to answer, where this process is not busy itself: `BEATS` waits, each as long as it takes."""
BEATS = 20
CLAIM_SECONDS = 5.0
"""Without a sign of its maker for so long, a phrase that is being made is made by another one."""
KEPT_SECONDS = 10.0
"""So long a tape that has ended stays: the phrase itself is kept by then."""
ENTRIES = 100
"""Of a tape, that are read at a time."""
PREFIX = "oggstream:"
_REFUSED = object()
_THERE_ALREADY = "equal or smaller"  # what XADD says of an entry that came before its connection was lost

Entry = dict[bytes, bytes]

log = logging.getLogger(__name__)


class RedisStore:
    """A `PhraseStore` at ``url`` ("redis://host:6379/0"), whose server decides how much it keeps (``maxmemory``).

    Raises `LibraryError` without the package redis, `UsageError` for a URL that is none.
    """

    def __init__(self, url: str) -> None:
        try:
            redis: Any = import_module("redis.asyncio")
        except ImportError as error:
            raise LibraryError("a cache in Redis needs its client: pip install 'oggstream[redis]'") from error
        secrets = Secrets()
        secrets.add_url(url)
        shown = _without_key(url)
        settings = {"socket_connect_timeout": PATIENCE_SECONDS, "protocol": 2, "retry": _once_more()}
        self._open: Callable[[], Any] = lambda: redis.Redis.from_url(url, **settings)
        try:
            self._open()
        except ValueError as error:
            raise UsageError(f"the cache {shown!r} is no URL of Redis: {secrets.shown(str(error))}") from error
        self._answer_errors: tuple[type[Exception], ...] = (import_module("redis.exceptions").ResponseError,)
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}
        self._absence = Absence(f"the cache at {shown}", secrets, log)

    async def warm(self) -> None:
        """Open a connection, and tell now what is in the way."""
        await self._asked(lambda client: client.ping())

    async def get(self, key: str) -> bytes | None:
        """What is there."""
        data = await self._asked(lambda client: client.get(f"{PREFIX}phrase:{key}"))
        return data if isinstance(data, bytes) else None

    async def put(self, key: str, data: bytes) -> None:
        """Keep it."""
        if len(data) <= LONGEST:
            await self._asked(lambda client: client.set(f"{PREFIX}phrase:{key}", data))

    async def remove(self, key: str) -> None:
        """Forget it."""
        await self._asked(lambda client: client.delete(f"{PREFIX}phrase:{key}"))

    async def aclose(self) -> None:
        """Close the connections of the running loop; what is asked for later opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            with suppress(Exception):
                await client.aclose()

    async def claim(self, key: str, name: str) -> str | None:
        """Who makes the phrase now: ``name`` if nobody else did; None: the server is away."""
        milliseconds = round(1000 * CLAIM_SECONDS)

        async def claimed(client: Any) -> Any:
            for _ in range(3):  # a claim may end between the two
                if await client.set(f"{PREFIX}claim:{key}", name, nx=True, px=milliseconds):
                    return name.encode()
                if holder := await client.get(f"{PREFIX}claim:{key}"):
                    return holder
            return None

        holder = await self._asked(claimed)
        return holder.decode("ascii", "replace") if isinstance(holder, bytes) else None

    async def renew(self, key: str, name: str, seconds: float) -> None:
        """The tape of ``name`` holds for so long from now, and its claim, unless another one has it by now.

        0 seconds: the claim is given up, and the tape stays for `KEPT_SECONDS`.
        """

        async def renewed(client: Any) -> None:
            await client.pexpire(f"{PREFIX}tape:{name}", round(1000 * (seconds or KEPT_SECONDS)))
            if await client.get(f"{PREFIX}claim:{key}") == name.encode():
                await client.pexpire(f"{PREFIX}claim:{key}", round(1000 * seconds))

        await self._asked(renewed)

    async def lives(self, key: str, name: str) -> bool:
        """Whether ``name`` makes the phrase, or has just made it."""

        async def found(client: Any) -> bool:
            left = await client.pttl(f"{PREFIX}tape:{name}")
            return bool(left > 0) or await client.get(f"{PREFIX}claim:{key}") == name.encode()

        return bool(await self._asked(found, away=False))

    async def append(self, name: str, first: int, entries: Sequence[dict[str, Any]]) -> bool:
        """Add entries to the tape of ``name``, numbered from ``first`` (1 or more) on; whether they are there now.

        Twice is as once.
        """

        async def added(client: Any) -> bool:
            tape = f"{PREFIX}tape:{name}"
            async with client.pipeline(transaction=False) as pipe:
                for number, entry in enumerate(entries, first):
                    pipe.xadd(tape, entry, id=f"{number}-0")
                pipe.pexpire(tape, round(1000 * CLAIM_SECONDS))
                answers = await pipe.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, Exception) and _THERE_ALREADY not in str(answer):
                    raise answer
            return True

        return bool(await self._asked(added))

    async def entries(self, name: str, after: int) -> list[Entry] | None:
        """The entries of a tape behind the one of that number, waited for a moment.

        None: the server is away, or the next one is lost.
        """
        tape = f"{PREFIX}tape:{name}"
        wait = round(500 * PATIENCE_SECONDS)
        found = await self._asked(
            lambda client: client.xread({tape: f"{after}-0"}, block=wait, count=ENTRIES), _REFUSED
        )
        if found is _REFUSED:
            return None
        rows = found[0][1] if found else []
        numbers = [number.partition(b"-")[0] for number, _ in rows]
        if numbers != [b"%d" % number for number in range(after + 1, after + 1 + len(rows))]:
            return None
        return [fields for _, fields in rows]

    async def _asked(self, ask: Callable[[Any], Awaitable[Any]], away: Any = None) -> Any:
        """What the server answers; ``away`` where it does not, or refuses."""
        if self._absence.lasts:
            return away
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._open()
        try:
            answer = await _patiently(ask(self._clients[loop]))
        except self._answer_errors as error:
            self._absence.refused(error)
            return away
        except Exception as error:  # noqa: BLE001  # redis's own, the network's, of its packages
            self._absence.begins(error)
            return away
        self._absence.ends()
        return answer


async def _patiently(answer: Awaitable[Any]) -> Any:
    """Wait for an answer. Raises `TimeoutError`, but not because the event loop had no time to look at it."""
    asking = asyncio.ensure_future(answer)
    try:
        for _ in range(BEATS):
            if (await asyncio.wait((asking,), timeout=PATIENCE_SECONDS / BEATS))[0]:
                return asking.result()
        raise TimeoutError
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.wait((asking,))


def _once_more() -> Any:
    """One attempt more, at once: a server that was restarted has closed the connections that were kept."""
    return import_module("redis.asyncio.retry").Retry(import_module("redis.backoff").NoBackoff(), 1)


def _without_key(url: str) -> str:
    """``url`` without its user part and its query."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
