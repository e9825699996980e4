"""The parts of a speech that the caller passes, or that are made here and closed again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .sources.wrapper import close

if TYPE_CHECKING:
    from .engine.caption_file import CaptionFile
    from .engine.listening import Listener
    from .events import OnEvent
    from .history import History
    from .options import PlaybackOptions
    from .sinks.sink_list import SinkList
    from .sources.phrases.phrase_cache import PhraseCache
    from .sources.source import Source
    from .types import CacheLike, SinkLike


def borrow(stack: AsyncExitStack, part_and_owned: tuple[Any, bool]) -> Any:
    """The part; if it is owned, ``stack`` closes it."""
    part, owned = part_and_owned
    if owned:
        stack.push_async_callback(close, part)
    return part


def borrow_sinks(stack: AsyncExitStack, sink: SinkLike, options: PlaybackOptions) -> SinkList:
    """The sinks that ``sink`` means; ``stack`` closes those that were made here."""
    from .sinks.resolve_sink import coerce_sinks
    from .sinks.sink_list import SinkList

    return SinkList([borrow(stack, made) for made in coerce_sinks(sink, options)])


def cache_named(value: CacheLike) -> PhraseCache | None:
    """The cache of phrases that ``cache=`` means; None for none. Raises `UsageError` for what is none."""
    if value is None:
        return None
    from .sources.phrases.phrase_cache import cache_of

    return cache_of(value)


async def use(stack: AsyncExitStack, cache: PhraseCache | None) -> None:
    """Let go of the connections of ``cache`` with ``stack``, unless others use them."""
    if cache is not None:
        await stack.enter_async_context(cache.used())


def cached(source: Source, cache: PhraseCache | None) -> Source:
    """``source``, its phrases looked up in ``cache``."""
    if cache is None:
        return source
    from .sources.phrases.cached_source import CachedSource

    return CachedSource(source, cache)


def listener_of(on_event: OnEvent | None) -> Listener | None:
    """What hands events to ``on_event``; None for None. Raises `UsageError` for what cannot be called."""
    if on_event is None:
        return None
    if not callable(on_event):
        raise UsageError(f"on_event must be a function of an event, not {type(on_event).__name__}")
    from .engine.listening import Listener

    return Listener(on_event)


def captions_of(stack: AsyncExitStack, options: PlaybackOptions) -> CaptionFile | None:
    """The captions that the options name, which ``stack`` closes; None for none. Raises `OutputError`."""
    if options.captions is None:
        return None
    from .engine.caption_file import CaptionFile

    captions = CaptionFile(options.captions)
    stack.callback(captions.close)
    return captions


def history_of(options: PlaybackOptions) -> History | None:
    """The history that the options name; None for none."""
    history: Any = options.history
    if history is None or hasattr(history, "get"):
        return history  # type: ignore[no-any-return]
    from .history import named

    return named(history)
