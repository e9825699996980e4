"""Several sources, of which the next one takes over for what cannot be had from those before it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from .. import errors, events
from ..errors import OggStreamError
from .health import Failure, Health
from .hurry import hurrying
from .traits import formats_of, source_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..annotations import Annotation
    from ..options import SpeechOptions
    from .source import ByteStream, Source

_LASTING = (
    errors.AuthenticationError,
    errors.AccessError,
    errors.NotFoundError,
    errors.QuotaError,
    errors.ConfigError,
    errors.LibraryError,
    errors.WrongContainerError,
)
_FAULTS = (errors.SourceError, errors.FormatError, errors.ConfigError, errors.LibraryError)


class Member:
    """One of the sources, ``label`` what it is called among them. ``owned``: it is closed with the rest."""

    def __init__(self, source: Source, *, owned: bool) -> None:
        self.source = source
        self.owned = owned
        self.label = self.name
        self.health = Health()

    @property
    def name(self) -> str:
        """What the report calls it."""
        return source_name(self.source)

    @property
    def fit(self) -> bool:
        """Whether it may be asked now."""
        return self.health.fit(_now())

    def options(self, options: SpeechOptions) -> SpeechOptions:
        """``options`` without a format that it does not have: what it has is better than nothing."""
        known = formats_of(self.source, options)
        if options.format == "auto" or not known or options.format in known:
            return options
        from dataclasses import replace

        return replace(options, format="auto")

    def failed(self, error: OggStreamError, *, answered: bool = False) -> None:
        """It failed with ``error``; ``answered``: after it had begun to answer."""
        if not isinstance(error, _FAULTS):
            self.health.left()
        elif isinstance(error, _LASTING):
            self.health.failed(Failure.LASTING, _now())
        elif answered or isinstance(error, (errors.SourceTimeoutError, errors.FormatError)):
            self.health.failed(Failure.BROKEN, _now())
        else:
            self.health.failed(Failure.PASSING, _now())


class Taken:
    """The body that a source gives, its first chunk there already."""

    def __init__(self, stream: ByteStream, first: bytes | Annotation) -> None:
        self.content_type = stream.content_type
        self.request_id = stream.request_id
        self._stream = stream
        self._first: bytes | Annotation | None = first

    def __getattr__(self, name: str) -> object:
        """What else the body tells of itself: its URL, its headers, the format that was asked for."""
        return getattr(self._stream, name)

    def __aiter__(self) -> Taken:
        return self

    async def __anext__(self) -> bytes | Annotation:
        first, self._first = self._first, None
        return await anext(self._stream) if first is None else first


class Failover:
    """Several sources: a text is asked of the first, and what cannot be had there of the next.

    A source that another one stands by for is asked once, without the pauses between retries, and waited for no longer
    than its own answers so far explain (``patience``, in seconds, if given). One that fails twice in a row, or
    lastingly, or in the middle of its sound, is not asked for a while, and then tried with one piece. Why the next one
    was asked is told by `Warned`. The last source is asked as if it were alone. `aclose` closes the
    members that are owned.

    ``name`` is that of the source that answered last. When all fail, the last one's error is raised, with the reasons
    of the others as notes.
    """

    def __init__(self, members: list[Member], *, patience: float | None = None) -> None:
        self._members = members
        if not self._members:
            raise errors.UsageError("an empty sequence of sources: give at least one")
        self._label()
        self._patience = patience
        self._left: Member | None = None
        self.name = self._members[0].name
        limits = (getattr(member.source, "longest_text", None) for member in self._members)
        self.longest_text: int | None = min((limit for limit in limits if limit is not None), default=None)
        self.whole = bool(getattr(self._members[0].source, "whole", False))

    def _label(self) -> None:
        """Number those that have a name in common."""
        names = [member.name for member in self._members]
        for number, member in enumerate(self._members, 1):
            if names.count(member.name) > 1:
                member.label = f"{member.name} #{number}"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask one after another for ``text``. Raises what the last one raises."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        async with AsyncExitStack() as stack:
            member, stream = await self._first(stack, text, options)
            self.name = member.name
            try:
                yield stream
            except OggStreamError as error:
                member.failed(error, answered=True)
                if self.another(error):
                    events.emit(events.Warned, message=f"{member.label}: {error} (the next source takes over)")
                raise
            member.health.delivered()

    async def _first(self, stack: AsyncExitStack, text: str, options: SpeechOptions) -> tuple[Member, ByteStream]:
        reasons: list[str] = []
        members = [member for member in self._members if member.fit] or self._members
        for member in members:
            alone = member is members[-1]
            try:
                return member, await self._ask(stack, member, text, options, alone=alone)
            except OggStreamError as error:
                member.failed(error)
                if alone:
                    for reason in reasons:
                        error.add_note(reason)
                    raise
                reasons.append(f"{member.label}: {error}")
                events.emit(events.Warned, message=f"{reasons[-1]} (trying the next source)")
        raise AssertionError("the last one returns or raises")

    async def _ask(
        self, stack: AsyncExitStack, member: Member, text: str, options: SpeechOptions, *, alone: bool
    ) -> Taken:
        """The body of ``member``, its first chunk there; ``alone``: no other source stands by."""
        began = _now()
        patience = None if alone else self._patience or member.health.patience(len(text))
        member.health.asked()
        try:
            async with AsyncExitStack() as attempt:
                with hurrying(not alone):
                    opening = member.source.open(text, member.options(options))
                    stream, first = await _begun(attempt, opening, patience)
                await stack.enter_async_context(attempt.pop_all())
        except BaseException as error:
            member.health.left()
            if isinstance(error, asyncio.CancelledError):
                self._left = member
            raise
        member.health.answered(_now() - began, len(text))
        return Taken(stream, first)

    def another(self, error: OggStreamError) -> bool:
        """Whether what failed with ``error`` would now be asked of another source, so that it is worth asking again."""
        left, self._left = self._left, None
        if isinstance(error, errors.SourceTimeoutError) and left is not None:
            left.failed(error)  # the caller's patience was shorter
        return (
            isinstance(error, _FAULTS)
            and any(not member.fit for member in self._members)
            and any(member.fit for member in self._members)
        )

    def identity(self, options: SpeechOptions) -> str | None:
        """That of the source that would be asked now."""
        identity = getattr(self._preferred.source, "identity", None)
        return None if identity is None else str(identity(options))

    def formats_for(self, options: SpeechOptions) -> tuple[str, ...]:
        """Those of the source that would be asked now. The others give what they can."""
        return formats_of(self._preferred.source, options)

    @property
    def _preferred(self) -> Member:
        return next((member for member in self._members if member.fit), self._members[0])

    async def warm(self) -> None:
        """Prepare the source that would be asked now, if it can be prepared."""
        await _call(self._preferred.source, "warm")

    async def aclose(self) -> None:
        """Close the sources that were made here; those that the caller made are the caller's."""
        for member in self._members:
            if member.owned:
                await _call(member.source, "aclose")


async def _begun(
    stack: AsyncExitStack, opening: AbstractAsyncContextManager[ByteStream], patience: float | None
) -> tuple[ByteStream, bytes | Annotation]:
    """The body and its first chunk. Raises `SourceTimeoutError` behind ``patience`` seconds, `EmptyBodyError`."""
    limit = asyncio.timeout(patience)
    try:
        async with limit:
            stream = await stack.enter_async_context(opening)
            first = await anext(stream, None)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise errors.SourceTimeoutError(f"no sound within {patience:.1f} s") from error
    if first is None:
        raise errors.EmptyBodyError("the body is empty: audio expected; try again", offset=0)
    return stream, first


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _call(source: object, name: str) -> None:
    method = getattr(source, name, None)
    if method is not None:
        await method()
