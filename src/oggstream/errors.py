"""Every error that oggstream raises on purpose: one tree, one line each, saying what to do.

Foreign exceptions (aiohttp's, sounddevice's, OSError) are translated once, at the edge where they appear, with the
original as ``__cause__``. ``asyncio.CancelledError`` is never wrapped. No message ever holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import PlaybackReport


class OggStreamError(Exception):
    """Base of all errors raised on purpose.

    ``report`` is the report of what was played before the failure, ``unspoken`` the text that was not spoken, and
    ``request_id`` the service's own identifier of the failed request; each is None where it does not apply.
    """

    report: PlaybackReport | None = None
    unspoken: str | None = None

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class UsageError(OggStreamError):
    """An argument that cannot be meant: an unknown option value, a combination that excludes itself."""


class TextError(UsageError):
    """The text is empty, or longer than the service takes."""


class ConfigError(OggStreamError):
    """Something that must be configured is not: no key where one is needed, no offline voice, an unusable URL."""


class LibraryError(OggStreamError):
    """A native library (libopus, espeak-ng) is missing; the message names the command that installs it."""


class SourceError(OggStreamError):
    """The service could not be reached, refused, or broke off. ``status`` is the HTTP status, where there was one."""

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status


class SourceConnectionError(SourceError):
    """No connection: refused, name not found, TLS or proxy failure."""


class SourceTimeoutError(SourceError):
    """No byte came for ``first_byte_timeout`` before audio, or for ``stall_timeout`` after it began."""


class SourceBrokenError(SourceError):
    """The connection was cut in the middle of the body."""


class AuthenticationError(SourceError):
    """HTTP 401: the key is missing or wrong."""


class AccessError(SourceError):
    """HTTP 403: the key may not do this."""


class NotFoundError(SourceError):
    """HTTP 404: no such model, or no such URL."""


class RateLimitError(SourceError):
    """HTTP 429: too many requests; worth trying again later."""


class QuotaError(SourceError):
    """No credit left, as HTTP 429 with ``insufficient_quota`` or HTTP 402 say; trying again does not help."""


class RequestRefusedError(SourceError):
    """Any other 4xx: the service does not like the request."""


class ServerError(SourceError):
    """HTTP 5xx: the service failed."""


class FormatError(OggStreamError):
    """The body is not what it should be. ``offset`` is the byte where that was seen, where it is known."""

    def __init__(self, message: str, *, offset: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.offset = offset


class EmptyBodyError(FormatError):
    """The body has no bytes."""


class WrongContainerError(FormatError):
    """The body is something else than Ogg Opus (MP3, WAV, JSON, Ogg Vorbis, ...), named in the message."""


class NoAudioError(FormatError):
    """Ogg Opus, but without audio that can be played."""


class CaptureError(OggStreamError):
    """A capture cannot be used: a half is missing or damaged, they disagree, or a newer version wrote it."""


class DeviceError(OggStreamError):
    """The output device: no PortAudio, no device, an unknown one, busy, gone, or without the rate or channels."""


class OutputError(OggStreamError):
    """A file or pipe that is written to failed: not writable, disk full."""
