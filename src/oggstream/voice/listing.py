"""The voices that there are on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LibraryError, OggStreamError
from ..threads import in_thread
from .choice import AUTO, advice_for, with_lacking
from .pools import pool_of
from .registry import all_engines, engine_info, is_installed, languages_here

if TYPE_CHECKING:
    from .engine import VoiceInfo


async def voices_here(engine: str = AUTO) -> list[VoiceInfo]:
    """The voices of one engine, or of all that are installed, the preferred engine first.

    An engine that cannot be loaded is left out, unless it is the only one. Raises `LibraryError`, and `UsageError` for
    an unknown engine.
    """
    return await in_thread(lambda: _voices(engine))


def _voices(engine: str) -> list[VoiceInfo]:
    infos = all_engines() if engine == AUTO else [engine_info(engine)]
    found: list[VoiceInfo] = []
    failure: OggStreamError | None = None
    for info in infos:
        if engine == AUTO and not (is_installed(info) and languages_here(info)):
            continue
        try:
            with pool_of(info).worker() as worker:
                found += worker.voices()
        except OggStreamError as error:
            failure = error
    if not found:
        if failure is not None:
            raise with_lacking(failure, "en") if engine == AUTO else failure
        raise LibraryError(advice_for("en"))
    return found
