"""`voices`: what can be chosen as a voice, here and from services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from .voice.engine import VoiceInfo


async def voices(source: object = None) -> list[VoiceInfo]:
    """The voices of ``source``, anything that `play_stream` takes (``service:azure``, a client, a URL, a `Source`).

    None: the voices of this machine. Raises `UsageError` for a source that lists none, `LibraryError` where no voice is
    installed, and `ConfigError` and `SourceError` as a request for speech does. Cancelling leaves no connection behind.
    """
    if source is None:
        from .voice.listing import voices_here

        return await voices_here()
    from .sources.resolve_source import coerce
    from .sources.source import ListingSource
    from .sources.traits import traits_of
    from .sources.wrapper import close

    found, owned = coerce(source)
    try:
        if not isinstance(found, ListingSource):
            raise UsageError(f"{traits_of(found).name} lists no voices: its documentation names them")
        return await found.voices()
    finally:
        if owned:
            await close(found)
