"""The exceptions of oggstream: one hierarchy; each message is one line that says what to do.

Foreign exceptions (aiohttp's, sounddevice's, OSError) are translated once, at the edge where they appear, with the
original as ``__cause__``. ``asyncio.CancelledError`` is never wrapped. No message contains a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import PlaybackReport


class OggStreamError(Exception):
    """Base class of all exceptions of oggstream.

    ``report`` is the report of the playback before the failure, ``unspoken`` the text that was not spoken, and
    ``request_id`` the service's own identifier of the failed request; each is None if it does not apply.
    """

    report: PlaybackReport | None = None
    unspoken: str | None = None

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class UsageError(OggStreamError):
    """An invalid argument: an unknown option value, or options that exclude each other."""


class TextError(UsageError):
    """The text is empty, or longer than the service takes."""


class ConfigError(OggStreamError):
    """A required setting is missing or unusable: no key where one is needed, no offline voice, an unusable URL."""


class LibraryError(OggStreamError):
    """A native library (libopus, espeak-ng) is missing; the message names the command that installs it."""


class SourceError(OggStreamError):
    """The service could not be reached, refused, or broke off. ``status`` is the HTTP status, if there was one."""

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
    """HTTP 429: too many requests; try again later."""


class QuotaError(SourceError):
    """No credit left (HTTP 429 with ``insufficient_quota``, or HTTP 402); trying again does not help."""


class RequestRefusedError(SourceError):
    """Any other 4xx: the service refused the request."""


class ServerError(SourceError):
    """HTTP 5xx: the service failed."""


class FormatError(OggStreamError):
    """The body is not valid. ``offset`` is the byte at which that was found, None if unknown."""

    def __init__(self, message: str, *, offset: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.offset = offset


class EmptyBodyError(FormatError):
    """The body has no bytes."""


class WrongContainerError(FormatError):
    """The body is not Ogg Opus but another format (MP3, WAV, JSON, Ogg Vorbis, ...), which the message names."""


class NoAudioError(FormatError):
    """The body is Ogg Opus without playable audio."""


class CaptureError(OggStreamError):
    """A capture cannot be used: a file is missing or damaged, the two disagree, or a newer version wrote them."""


class DeviceError(OggStreamError):
    """The output device failed: no PortAudio, no device, unknown, busy, gone, or without the rate or channels."""


class OutputError(OggStreamError):
    """Writing to a file or pipe failed: not writable, disk full."""
