"""Makes the source: from the user's argument, from a name, or the default."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from .. import events
from ..errors import UsageError
from ..rules import nearest
from .failover import Failover, Member
from .source import Source

OFFLINE = "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: the offline voice speaks; set one for a service's"
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_NAMED = "service:"
_NAMES = re.compile(r"[A-Za-z][\w-]*(:[\w.-]+)?( *, *[A-Za-z][\w-]*(:[\w.-]+)?)*")
_OWN = ("openai", "realtime", "offline")
_warned: set[str] = set()


def coerce(source: object) -> tuple[Source, bool]:
    """``source`` as a `Source`, and whether it was made here, so that the caller must close it.

    Takes a `Source`, an openai client, the name of a service or ``service:NAME`` (see `named`), a URL, a path, ``-``,
    an open binary file, bytes or an iterable of bytes (`ChunkSource`), a sequence of these (`FirstOf`), or None for the
    default. Raises `UsageError` for anything else.
    """
    if source is None:
        return default_source(), True
    if isinstance(source, str):
        return _from_text(source), True
    if isinstance(source, Source) and not isinstance(source, os.PathLike):  # a `Path` has an ``open`` of another kind
        return source, False
    return _made_of(source), True


def _made_of(source: object) -> Source:
    from .client_source import ClientSource, is_client

    if is_client(source) or (type(source).__module__.startswith("openai") and hasattr(source, "audio")):
        return ClientSource(source)
    if isinstance(source, os.PathLike) or _is_file(source):
        from .file_source import FileSource

        return FileSource(source)  # type: ignore[arg-type]  # has read: a file
    from .chunk_source import ChunkSource, is_chunks

    if is_chunks(source):
        return ChunkSource(source)
    if isinstance(source, Sequence):
        return FirstOf(source)
    raise UsageError(
        f"source must be the name of a service, a URL, a path, bytes, an iterable of bytes, an openai.AsyncOpenAI, "
        f"or an object with open(text, options), not {type(source).__name__}"
    )


def _is_file(source: object) -> bool:
    from inspect import iscoroutinefunction

    read = getattr(source, "read", None)
    return callable(read) and not iscoroutinefunction(read) and not hasattr(source, "iter_bytes")


class FirstOf(Failover):
    """Fail-over between several sources, each given as anything that `coerce` takes.

    See `Failover` for when the next one takes over, and for ``patience`` (seconds). `aclose` closes the sources that
    were made here, and with ``owned`` the others too. Raises `UsageError` for an empty sequence, and as `coerce` does.
    """

    def __init__(self, sources: Iterable[object], *, patience: float | None = None, owned: bool = False) -> None:
        made = [Member(source, owned=owned or ours) for source, ours in map(coerce, sources)]
        super().__init__(made, patience=patience)


def default_source(**settings: Any) -> Source:
    """`OpenAISource` if ``OPENAI_API_KEY`` or ``OPENAI_BASE_URL`` is set, else the offline voice with a warning.

    ``settings`` are those of `OpenAISource`; giving ``base_url`` or ``api_key`` chooses it too. The warning comes once
    per process. Raises `ConfigError` if the offline voice is not installed.
    """
    chosen = (settings.get(name) or os.environ.get(f"OPENAI_{name.upper()}") for name in ("api_key", "base_url"))
    if any(value and value.strip() for value in chosen):
        from .openai_source import OpenAISource

        return OpenAISource(**settings)
    from .offline_voice import OfflineVoice

    voice: Source = OfflineVoice()
    _warn_once(OFFLINE)
    return voice


def named(name: str, **settings: Any) -> Source:
    """The source called ``name``: "openai", "realtime", "offline", "offline:ENGINE", or a service that `service` knows,
    over its socket if it has one; "NAME:http" for HTTP.

    Several names with commas between them are a `FirstOf`. ``settings`` are those of `OpenAISource` or `ServiceSource`,
    ``base_url`` only for a single name. Raises `UsageError` for an unknown name.
    """
    first, *others = [part.strip() for part in name.split(",")]
    if not others:
        return _one_named(first, settings)
    if settings.pop("base_url", None) is not None:
        raise UsageError("a base URL goes with one service, not with several")
    return FirstOf([_one_named(part, settings) for part in (first, *others)], owned=True)


def _one_named(name: str, settings: dict[str, Any]) -> Source:
    source: Source
    if name == "openai":
        from .openai_source import OpenAISource

        source = OpenAISource(**settings)
    elif name == "realtime":
        from .realtime.realtime_source import RealtimeSource

        source = RealtimeSource(**settings)
    elif name.partition(":")[0] == "offline":
        from .offline_voice import OfflineVoice

        if settings.get("base_url") is not None:
            raise UsageError("the offline voice takes no base URL: it needs no service")
        source = OfflineVoice(name.partition(":")[2] or "auto")
    else:
        source = _service(name, settings)
    return source


def _service(name: str, settings: dict[str, Any]) -> Source:
    """A service over its socket, if it has one and can be reached there; ``NAME:http`` and others over HTTP."""
    from .services.table import service

    name, _, way = name.partition(":")
    if way not in ("", "http"):
        raise UsageError(f"unknown way to a service {way!r}: write {name} or {name}:http")
    described = service(name)
    if way == "http" or described.socket is None:
        from .services.service_source import ServiceSource

        return ServiceSource(described, **settings)
    from .sockets.socket_source import SocketSource

    socket = SocketSource(described, **settings)
    if not described.over_http:
        return socket
    from .services.service_source import ServiceSource
    from .sockets.or_http import SocketOrHttp

    return SocketOrHttp(socket, lambda: ServiceSource(described, **settings))


def _from_text(text: str) -> Source:
    if text.startswith(_NAMED):
        return named(text.removeprefix(_NAMED))
    if _NAMES.fullmatch(text) and not os.path.exists(text):
        return _service_named(text)
    return from_place(text)


def _service_named(text: str) -> Source:
    """The service or services of that name. Raises `UsageError` with the one that was meant, if there is none."""
    from .services.table import service_names

    known = (*_OWN, *service_names())
    for part in text.split(","):
        name = part.strip()
        if name.partition(":")[0] not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"services are {', '.join(known)}"
            raise UsageError(f"source {name!r} is neither a service nor a file here: {hint}")
    return named(text)


def from_place(text: str) -> Source:
    """What is at a URL, at a path, or at ``-``: standard input."""
    if _URL.match(text) and not text.lower().startswith("file://"):
        from .http.url_source import HttpSource

        return HttpSource(text)
    from .file_source import FileSource

    if _URL.match(text):
        from urllib.parse import unquote, urlsplit

        try:
            text = unquote(urlsplit(text).path)
        except ValueError as error:
            raise UsageError(f"{text[:100]!r} is not the URL of a local file: write file:///PATH") from error
    return FileSource(text)


def _warn_once(message: str) -> None:
    if message not in _warned:
        import logging

        _warned.add(message)
        logging.getLogger("oggstream").warning(message)
        events.emit(events.Warned, message=message)
