"""Imports what a speech needs in a thread, so that the first one does not hold up the event loop."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from .threads import imported

if TYPE_CHECKING:
    from .types import SourceLike

_SPEAKING = (
    *("oggstream.speaking", "oggstream.history", "oggstream.text.piece"),
    *("oggstream.engine.word_estimate", "oggstream.text.word_weights", "oggstream.text.told_text"),
)
_SAMPLES = ("numpy", "soxr", "oggstream.engine.item_stream", "oggstream.shortcuts", "oggstream.player")
_STOPPING = (
    "oggstream.engine.heard",
    "oggstream.report",
    "oggstream.text.charmap",
)  # 20 ms that no interruption waits for
_DEVICE = ("sounddevice", "oggstream.sinks.device_sink")
_HTTP = (
    *("aiohttp", "oggstream.sources.http.client", "oggstream.sources.http.sender", "oggstream.sources.http.exchange"),
    "oggstream.sources.http.faults",
)
_TABLE = ("json", "oggstream.sources.services.table", "oggstream.sources.services.templates", "tomllib")
_OFFLINE = (
    *("oggstream.sources.offline_voice", "oggstream.voice.synthesis", "oggstream.voice.pools", "oggstream.history"),
    *("oggstream.codec.encoder", "oggstream.opus.opus_writer", *_TABLE),
)
_SERVICE = ("oggstream.sources.services.service_source", "oggstream.history", *_TABLE, *_HTTP)
_BY_NAME = {
    "openai": ("oggstream.sources.openai_source", "oggstream.history", *_HTTP),
    "realtime": ("oggstream.sources.realtime.realtime_source", *_HTTP),
    "offline": _OFFLINE,
    "http": ("oggstream.sources.http.url_source", *_HTTP),
    "https": ("oggstream.sources.http.url_source", *_HTTP),
    "file": ("oggstream.sources.file_source",),
}


async def preload(source: SourceLike = None) -> None:
    """Import and load in a thread what a speech from ``source`` needs, 0.5 s of work that the first one then saves.

    Call it when your program starts: the event loop goes on meanwhile. Nothing is asked of a service, and no device is
    opened. What is missing is said by the speech that needs it, and not here. Cancelling it does no harm.
    """
    from .engine.loading import load_codec
    from .errors import OggStreamError

    await imported(*_SPEAKING, *_modules_of(source))
    with suppress(OggStreamError):
        await load_codec(samples=True)
    for name in (*_STOPPING, *_SAMPLES, *_DEVICE):
        with suppress(ImportError, OSError):  # sounddevice's, without PortAudio
            await imported(name)


async def prepared(source: SourceLike) -> None:
    """Return when everything is imported that is needed to ask ``source``."""
    await imported(*_SPEAKING, *(_modules_of(source) if source is None or isinstance(source, str) else ()))


def _modules_of(source: SourceLike) -> tuple[str, ...]:
    """What a source that is made from ``source`` needs: a superset, where that is not clear yet."""
    if source is None:
        known = any(os.environ.get(name, "").strip() for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
        return _BY_NAME["openai"] if known else (*_SERVICE, *_OFFLINE)
    if not isinstance(source, str):
        return ("oggstream.sources.chunk_source", "oggstream.sources.client_source")
    name = source.removeprefix("service:").partition(":")[0]
    return _BY_NAME.get("file" if "." in name or os.sep in name else name, _SERVICE)
