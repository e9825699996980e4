"""`RecordingSource`: writes a capture of every answer of a source."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from ... import events
from ...errors import OggStreamError, OutputError
from ...files import access
from ..http.redaction import Secrets, is_secret_name, shown_url
from ..traits import stream_traits_of
from ..wrapper import SourceWrapper, StreamWrapper
from .capture import ARRIVALS, Capture, save

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ...options import SpeechOptions
    from ..source import ByteStream, Source

_HEADERS = frozenset(  # of an answer: those that explain how it arrived; any other might be a secret
    {
        "age",
        "cf-ray",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "openai-model",
        "openai-processing-ms",
        "openai-version",
        "server",
        "transfer-encoding",
        "via",
        "x-envoy-upstream-service-time",
        "x-request-id",
    }
)
_OPTIONS = ("voice", "model", "instructions", "speed")


class RecordingSource(SourceWrapper):
    """Records a capture of each answer of ``source``: ``name``, or ``name-1``, ``name-2`` and so on for several.

    A capture is written when its answer ends, even if it broke off; an answer without a byte leaves none. It contains
    no credential. ``names`` are the captures so far. Passes on the source's errors, and raises `OutputError`, for an
    unwritable place before the request is sent.
    """

    def __init__(self, source: Source, name: str | os.PathLike[str]) -> None:
        super().__init__(source)
        self._place = os.fspath(name).removesuffix(ARRIVALS)
        self._requests = 0
        self._saved: dict[int, tuple[Capture, str]] = {}  # by number of the request; with the body's path

    @property
    def names(self) -> list[str]:
        """The captures written so far, in the order of their requests."""
        return [self._saved[number][0].name for number in sorted(self._saved)]

    def spare(self) -> None:
        """Nowhere: an answer that is broken off because another one came first is none to record."""

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Open ``source``, and record its stream."""
        check_place(self._place)
        clock = _Clock()
        opening = source.open(text, options)
        with events.overhearing(clock.note):
            stream = await opening.__aenter__()
        self._requests += 1
        number = self._requests
        recorded = _Recorded(stream, clock, _facts(stream, text, options))
        try:
            yield recorded
        except BaseException as error:
            with suppress(OutputError):  # the first error is the one to report
                self._keep(number, recorded)
            if not await opening.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await opening.__aexit__(None, None, None)
            self._keep(number, recorded)

    def _keep(self, number: int, recorded: _Recorded) -> None:
        if not recorded.arrivals:
            return
        if self._requests > 1 and 1 in self._saved and self._saved[1][0].name == self._place:
            self._rename_first()
        name = self._place if self._requests == 1 else f"{self._place}-{number}"
        capture = recorded.capture(name)
        self._saved[number] = (capture, save(capture))

    def _rename_first(self) -> None:
        """Number the first capture too, now that there is a second one."""
        capture, path = self._saved[1]
        renamed = capture._replace(name=f"{self._place}-1")
        try:
            access.rename(path, f"{renamed.name}{os.path.splitext(path)[1]}")
            access.rename(capture.name + ARRIVALS, renamed.name + ARRIVALS)
        except OSError as error:
            raise OutputError(f"cannot write {renamed.name}: {access.reason(error)}") from error
        self._saved[1] = (renamed, f"{renamed.name}{os.path.splitext(path)[1]}")


class _Clock:
    """Seconds since the last request was sent, or since the source was opened if it sends none."""

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._zero = self._time()

    def note(self, kind: type[events.Event], **_fields: object) -> None:
        """Restart the clock at a `RequestSent` event."""
        if kind is events.RequestSent:
            self._zero = self._time()

    def now(self) -> float:
        """Seconds since zero."""
        return max(0.0, self._time() - self._zero)


class _Recorded(StreamWrapper):
    """A stream that records its chunks and their times as they pass."""

    def __init__(self, stream: ByteStream, clock: _Clock, facts: dict[str, Any]) -> None:
        super().__init__(stream)
        self.arrivals: list[tuple[float, int]] = []
        self._clock = clock
        self._body: list[bytes] = []
        self._facts = {**facts, "answered": clock.now()}

    async def __anext__(self) -> bytes | Annotation:
        try:
            chunk = await super().__anext__()
        except StopAsyncIteration:
            self._facts["ended"] = self._clock.now()
            raise
        except OggStreamError as error:
            self._facts["ended"] = self._clock.now()
            self._facts["broken"] = _secrets(self._stream).strike(str(error))
            raise
        if chunk and isinstance(chunk, bytes):
            self.arrivals.append((self._clock.now(), len(chunk)))
            self._body.append(chunk)
        return chunk

    def capture(self, name: str) -> Capture:
        """The chunks so far, as a capture of that name."""
        facts: dict[str, Any] = {k: round(v, 6) if isinstance(v, float) else v for k, v in self._facts.items()}
        return Capture(name, b"".join(self._body), self.arrivals, **facts)


def check_place(name: str) -> None:
    """Raise `OutputError` if no capture of that name can be written."""
    folder = os.path.dirname(name) or "."
    if not os.path.basename(name):
        raise OutputError(f"{name!r} names no capture: give a name for its files")
    if not os.path.isdir(folder):
        raise OutputError(f"cannot write {name}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {name}: no permission to write into {folder}")


def _facts(stream: ByteStream, text: str, options: SpeechOptions) -> dict[str, Any]:
    """The header of a capture, without credentials."""
    from datetime import UTC, datetime

    secrets = _secrets(stream)
    traits = stream_traits_of(stream)
    given = traits.headers or {"Content-Type": stream.content_type}
    return {
        "url": secrets.strike(shown_url(traits.url)) if traits.url else None,
        "status": traits.status,
        "headers": {name: secrets.strike(value) for name, value in given.items() if name.lower() in _HEADERS},
        "request": _without_credentials(_fields(stream, text, options), secrets),
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _fields(stream: ByteStream, text: str, options: SpeechOptions) -> dict[str, Any]:
    """The JSON that was sent, or the options of a request that was not JSON."""
    request = stream_traits_of(stream).request
    if request is not None and request.body:
        try:
            fields = json.loads(request.body)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return fields
    chosen = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    return {"input": text, **chosen} if text else chosen


def _secrets(stream: ByteStream) -> Secrets:
    """The secrets of the source, of the request's headers, and of the environment."""
    traits = stream_traits_of(stream)
    secrets = Secrets.of_environment().include(traits.secrets)
    secrets.add_headers(traits.request.headers if traits.request is not None else {})
    return secrets


def _without_credentials(value: Any, secrets: Secrets) -> Any:
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if not is_secret_name(name)}
        return {secrets.strike(name): _without_credentials(item, secrets) for name, item in kept.items()}
    if isinstance(value, list):
        return [_without_credentials(item, secrets) for item in value]
    return secrets.strike(value) if isinstance(value, str) else value
