"""Fail-over between several sources: each takes over when those before it fail."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from .. import errors, events
from ..errors import OggStreamError
from .asking import asking
from .context import SpeechContext
from .health import FailureKind, Health
from .hurry import hurrying
from .traits import SourceTraits, formats_for, traits_of
from .wrapper import BegunStream, close, warm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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
Contexts: TypeAlias = "dict[Member, SpeechContext]"
_FAULTS = (errors.SourceError, errors.FormatError, errors.ConfigError, errors.LibraryError)


class Member:
    """One of the sources; ``label`` is its unique name among them. ``owned``: `Failover.aclose` closes it."""

    def __init__(self, source: Source, *, owned: bool) -> None:
        self.source = source
        self.owned = owned
        self.label = self.name
        self.health = Health()

    @property
    def name(self) -> str:
        """Its name in the report."""
        return traits_of(self.source).name

    @property
    def fit(self) -> bool:
        """Whether it may be used now."""
        return self.health.fit(_now())

    def options(self, options: SpeechOptions) -> SpeechOptions:
        """``options``, without the format if this source does not have it: another format is better than nothing."""
        known = formats_for(self.source, options)
        if options.format == "auto" or not known or options.wire_format in known:
            return options
        return replace(options, format="auto")

    def failed(self, error: OggStreamError, *, answered: bool = False) -> None:
        """Note that it failed with ``error``; ``answered``: after the start of its answer."""
        if not isinstance(error, _FAULTS):
            self.health.left()
        elif isinstance(error, _LASTING):
            self.health.failed(FailureKind.LASTING, _now())
        elif answered or isinstance(error, (errors.SourceTimeoutError, errors.FormatError)):
            self.health.failed(FailureKind.BROKEN, _now())
        else:
            self.health.failed(FailureKind.PASSING, _now())


class Failover:
    """Several sources: a text goes to the first one, and to the next one when that fails.

    A source with a standby gets one attempt, without pauses for retries, and is given up when it takes longer than its
    earlier answers suggest (or than ``patience`` seconds, if given). One that fails twice in a row, or lastingly, or in
    the middle of its sound, rests for a while, and is then tried with one piece. `Warned` reports why the next source
    took over. The last source is used as if it were alone. `aclose` closes the owned members.

    The name in its traits is that of the source that answered last. When all fail, the last error is raised, with the
    others as notes.
    """

    def __init__(self, members: list[Member], *, patience: float | None = None) -> None:
        self._members = members
        if not self._members:
            raise errors.UsageError("an empty sequence of sources: give at least one")
        self._label()
        self._patience = patience
        self._left: Member | None = None
        self._answered = self._members[0]

    @property
    def traits(self) -> SourceTraits:
        """The traits of the source that would be used now; the longest text is one that all sources take."""
        limits = [limit for member in self._members if (limit := traits_of(member.source).longest_text) is not None]
        return replace(
            traits_of(self._preferred.source),
            name=self._answered.name,
            longest_text=min(limits, default=None),
            whole=traits_of(self._members[0].source).whole,
            ipa=self._ipa(),
            keeps_context=any(traits_of(member.source).keeps_context for member in self._members),
        )

    def _ipa(self) -> str | Callable[[SpeechOptions], str | None] | None:
        """How all of the sources are given phonemes; None if they differ."""
        ways = [traits_of(member.source).ipa for member in self._members]
        return ways[0] if all(way == ways[0] for way in ways) else None

    def _label(self) -> None:
        """Number the members that share a name."""
        names = [member.name for member in self._members]
        for number, member in enumerate(self._members, 1):
            if names.count(member.name) > 1:
                member.label = f"{member.name} #{number}"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Request ``text`` from one source after the other. Raises the last one's error."""
        return self._open(text, options, {}, self._usable())

    def spare(self) -> Source:
        """The sources behind the one that would be asked now; this very chain if there is none."""
        behind = self._usable()[1:]
        return _Behind(self, behind) if behind else self

    def _usable(self) -> list[Member]:
        return [member for member in self._members if member.fit] or self._members

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:
        """A context for one speech: each source that keeps contexts gets one of its own."""
        return self._context(options)

    @asynccontextmanager
    async def _context(self, options: SpeechOptions) -> AsyncIterator[Source]:
        async with AsyncExitStack() as stack:
            contexts = {member: SpeechContext(member.source, member.options(options)) for member in self._members}
            for context in contexts.values():
                await stack.enter_async_context(context)
            yield _FailoverContext(self, contexts)

    @asynccontextmanager
    async def _open(
        self, text: str, options: SpeechOptions, contexts: Contexts, members: list[Member]
    ) -> AsyncIterator[ByteStream]:
        async with AsyncExitStack() as stack:
            member, stream = await self._first(stack, text, options, contexts, members)
            before, self._answered = self._answered, member
            try:
                yield stream
            except asyncio.CancelledError:
                if asking().lost and self._answered is member:
                    self._answered = before  # it is heard instead
                raise
            except OggStreamError as error:
                member.failed(error, answered=True)
                if self.another(error):
                    events.emit(events.Warned, message=f"{member.label}: {error} (the next source takes over)")
                    events.emit(events.FailedOver, source=member.label)
                raise
            member.health.delivered()

    async def _first(
        self, stack: AsyncExitStack, text: str, options: SpeechOptions, contexts: Contexts, members: list[Member]
    ) -> tuple[Member, BegunStream]:
        reasons: list[str] = []
        for member in members:
            alone = member is members[-1]
            try:
                stream = await self._ask(stack, member, text, options, contexts, alone=alone)
            except OggStreamError as error:
                member.failed(error)
                if alone or asking().hedged:  # then the next one has been asked already
                    for reason in reasons:
                        error.add_note(reason)
                    raise
                reasons.append(f"{member.label}: {error}")
                events.emit(events.Warned, message=f"{reasons[-1]} (trying the next source)")
                events.emit(events.FailedOver, source=member.label)
            else:
                stream.substitute = member is not members[0]
                return member, stream
        raise AssertionError("the last one returns or raises")

    async def _ask(
        self,
        stack: AsyncExitStack,
        member: Member,
        text: str,
        options: SpeechOptions,
        contexts: Contexts,
        *,
        alone: bool,
    ) -> BegunStream:
        """The body of ``member``, with its first chunk received; ``alone``: there is no standby."""
        began = _now()
        patience = None if alone else self._patience or member.health.patience(len(text))
        member.health.asked()
        try:
            async with AsyncExitStack() as attempt:
                with hurrying(not alone):
                    opening = contexts.get(member, member.source).open(text, member.options(options))
                    stream, first = await _begun(attempt, opening, patience)
                await stack.enter_async_context(attempt.pop_all())
        except BaseException as error:
            member.health.left()
            if isinstance(error, asyncio.CancelledError) and not asking().lost:
                self._left = member
            raise
        member.health.answered(_now() - began, len(text))
        return BegunStream(stream, first)

    def another(self, error: OggStreamError) -> bool:
        """Whether a retry after ``error`` would go to another source, and so is worth while."""
        left, self._left = self._left, None
        if isinstance(error, errors.SourceTimeoutError) and left is not None:
            left.failed(error)  # the caller's patience was shorter
        return (
            isinstance(error, _FAULTS)
            and any(not member.fit for member in self._members)
            and any(member.fit for member in self._members)
        )

    @property
    def _preferred(self) -> Member:
        return next((member for member in self._members if member.fit), self._members[0])

    async def warm(self) -> None:
        """Prepare the source that would be used now, if it can be prepared."""
        await warm(self._preferred.source)

    async def aclose(self) -> None:
        """Close the owned sources; the caller closes its own."""
        for member in self._members:
            if member.owned:
                await close(member.source)


class _FailoverContext:
    """The sources of a `Failover` within one speech."""

    def __init__(self, failover: Failover, contexts: Contexts) -> None:
        self._failover = failover
        self._contexts = contexts

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        failover = self._failover
        return failover._open(text, options, self._contexts, failover._usable())  # noqa: SLF001  # a part of it

    async def finish(self) -> None:
        for context in self._contexts.values():
            await context.finish(0)


class _Behind:
    """The sources of a `Failover` that stand behind the first one."""

    def __init__(self, failover: Failover, members: list[Member]) -> None:
        self._failover = failover
        self._members = members

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        return self._failover._open(text, options, {}, self._members)  # noqa: SLF001  # a part of it


async def _begun(
    stack: AsyncExitStack, opening: AbstractAsyncContextManager[ByteStream], patience: float | None
) -> tuple[ByteStream, bytes | Annotation]:
    """Wait for the body's first chunk. Raises `SourceTimeoutError` after ``patience`` seconds, and `EmptyBodyError`."""
    limit = asyncio.timeout(patience)
    request = asking()
    try:
        async with limit:
            request.patience = limit
            stream = await stack.enter_async_context(opening)
            first = await anext(stream, None)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise errors.SourceTimeoutError(f"no sound within {patience:.1f} s") from error
    finally:
        request.patience = None
    if first is None:
        raise errors.EmptyBodyError("the body is empty: audio expected; try again", offset=0)
    return stream, first


def _now() -> float:
    """Seconds on the running loop's clock, which may be virtual; without a loop, on the clock that loops use."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()
