"""Any body that a service sends, read as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias

from ..errors import EmptyBodyError, FormatError, OggStreamError, WrongContainerError
from ..opus.items import StreamStats
from ..opus.opus_reader import OpusReader
from ..sniff import UNKNOWN, quote
from .container import Container, recognise
from .media import EVENT_STREAM
from .stated import Stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..audio.frame import PcmFrame
    from ..opus.head import OpusHead
    from ..opus.opus_reader import Item
    from .envelope import Envelope

BodyItem: TypeAlias = "Item | PcmFrame"


class _Part(Protocol):
    """What reads the samples of one container."""

    @property
    def announced(self) -> tuple[int, int] | None: ...

    @property
    def failure(self) -> FormatError | None: ...

    @property
    def complete(self) -> bool: ...

    @property
    def whole(self) -> bool: ...

    def feed(self, data: bytes) -> list[PcmFrame]: ...

    def finish(self) -> list[PcmFrame]: ...


class BodyReader:
    """Reads one body, of whatever container its first bytes show: Ogg Opus, WAV, PCM, or events around one of them.

    The items are those of `OpusReader`, or `PcmFrame` (at the body's own rate) where it holds samples. ``stats``, its
    own or those given, are kept up: ``bytes`` are those of the body as it came, ``links`` is 1 once there are samples.

    ``content_type`` and ``headers`` are the service's, ``format`` is the option (`SpeechOptions.format`), ``chosen``
    what the source asked for where it chose that ("pcm:RATE" where it knows the rate). Bare samples are believed where
    they were asked for or their rate is known, under a type that says so (audio/pcm and its like) or nothing, unless
    the content is certainly text or a file of another kind; and under the type of other sound where their content
    leaves no doubt. See `PcmReader` for what they are. ``certain``: the transport itself vouches for samples. Anything
    else goes by its content alone.

    ``container`` is "ogg", "wav", "pcm", or another name of `Container`; "" until it is known. ``announced`` are the
    channels and the rate of samples, as soon as they are known; None for Ogg Opus, where ``head`` tells.
    ``enveloped``: it comes in events. ``failure`` is what the next call raises, where the last one had items to give
    first; look at it after `finish`.
    """

    def __init__(
        self,
        stats: StreamStats | None = None,
        *,
        content_type: str = "",
        format: str = "opus",  # noqa: A002  # as the option is called
        chosen: str | None = None,
        headers: Mapping[str, str] | None = None,
        certain: bool = False,
    ) -> None:
        self.stats = stats or StreamStats()
        self.failure: OggStreamError | None = None
        self._stated = Stated(content_type, format, chosen, headers, certain=certain)
        self._container: Container | None = None
        self._first = b""  # what is not enough to tell the container by
        self._eager = False
        self._part: _Part | None = None
        self._ogg: OpusReader | None = None
        self._envelope: Envelope | None = None

    @property
    def container(self) -> str:
        """What holds the audio."""
        if self._container is Container.OTHER and self.head is not None:
            return Container.OGG.value
        return self._container.value if self._container is not None else ""

    @property
    def announced(self) -> tuple[int, int] | None:
        """Channels and rate of samples."""
        return self._part.announced if self._part is not None else None

    @property
    def head(self) -> OpusHead | None:
        """The head of the link that is being read; None for samples."""
        return self._ogg.head if self._ogg is not None else None

    @property
    def enveloped(self) -> bool:
        """Whether it comes in events."""
        return self._envelope is not None

    @property
    def told_end(self) -> bool:
        """Whether the service said in an event that nothing more comes."""
        return self._envelope is not None and self._envelope.ended

    @property
    def whole(self) -> bool:
        """Whether the container's own end has come (EOS page, length in the WAV header) and nothing behind it so far.

        Another link or file may follow, as in a chained stream.
        """
        part = self._ogg or self._part
        return part is not None and part.whole

    @property
    def ended(self) -> bool:
        """Whether the end has come in either way, though the service may leave the connection open."""
        return self.told_end or self.whole

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from the end, as far as can be told: to be looked at after `finish`."""
        part = self._ogg or self._part
        if self.failure is not None or part is None:
            return False
        if self._envelope is not None and self._envelope.open and not part.whole:
            return False
        return self.told_end or part.complete

    @property
    def eager(self) -> bool:
        """Whether packets are given before their page is complete: see `OpusReader`. Without effect on samples."""
        return self._eager

    @eager.setter
    def eager(self, eager: bool) -> None:
        self._eager = eager
        if self._ogg is not None:
            self._ogg.eager = eager

    def feed(self, data: bytes) -> list[BodyItem]:
        """Take the next bytes of the body; return what they complete.

        Raises `FormatError` for what cannot be played, `SourceError` for an error that the service reports in
        mid-stream; after one, every call raises it again. Items that came before it are returned first.
        """
        self._raise_failure()
        received = self.stats.bytes + len(data)
        try:
            return self._unwrap(data, ended=False)
        finally:
            self.stats.bytes = received

    def finish(self) -> list[BodyItem]:
        """End of the body: return what was held back.

        Raises like `feed`, and `EmptyBodyError` or `NoAudioError` if there was no audio.
        """
        self._raise_failure()
        received = self.stats.bytes
        try:
            items = self._unwrap(b"", ended=True)
        finally:
            self.stats.bytes = received
            self.stats.complete = self.complete
        return items

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure.with_traceback(None)

    def _fail(self, error: OggStreamError) -> NoReturn:
        self.failure = error
        raise error

    def _unwrap(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        envelope = self._envelope
        if envelope is None:
            return self._read(data, ended=ended)
        inner = envelope.finish() if ended else envelope.feed(data)
        if envelope.failure is None:
            return self._read(inner, ended=ended)
        items = self._read(inner, ended=False)  # a failure in there came first
        self.failure = self.failure or envelope.failure
        if not items:
            raise self.failure
        return items

    def _read(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        try:
            if self._container is None:
                return self._recognise(data, ended=ended)
            return self._pass(data, ended=ended)
        except FormatError as error:
            self._fail(error)

    def _recognise(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        self._first += data
        first = self._first
        if not first and ended:
            raise EmptyBodyError("the body is empty: audio expected; try again", offset=0)
        found = recognise(first, self._stated, ended=ended) if first else None
        if found is None:
            return []
        self._first = b""
        if found is Container.EVENTS and self._envelope is None:
            return self._open_envelope(first, ended=ended)
        self._container = found
        self._open(found, first)
        return self._pass(first, ended=ended)

    def _open_envelope(self, first: bytes, *, ended: bool) -> list[BodyItem]:
        from .envelope import Envelope

        self._envelope = Envelope(self.stats)
        if self._stated.media.name == EVENT_STREAM:
            self._stated.leave_envelope()
        items = self._unwrap(first, ended=False)
        return items + self._unwrap(b"", ended=True) if ended and self.failure is None else items

    def _open(self, found: Container, first: bytes) -> None:
        if found is Container.WAV:
            from .wav_reader import WavReader

            self._part = WavReader(self.stats, self._stated.media)
        elif found is Container.PCM:
            from .pcm_reader import PcmReader

            self._part = PcmReader(self.stats, self._stated)
        elif found in (Container.MP3, Container.AAC, Container.FLAC):
            from .compressed import compressed_reader

            self._part = compressed_reader(found, first, self.stats)
        else:
            self._ogg = OpusReader(self.stats)
            self._ogg.eager = self._eager

    def _pass(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        part = self._ogg or self._part
        assert part is not None
        try:
            items: list[BodyItem] = [*part.feed(data)]
            if self._part is not None and self._part.failure is not None:
                self.failure = self._part.failure
            elif ended:
                items += part.finish()
        except WrongContainerError as error:
            if UNKNOWN in str(error) and (refusal := _unbelieved(self._stated)):
                raise refusal from error
            raise
        return items


def _unbelieved(stated: Stated) -> WrongContainerError | None:
    """Why a body that may be samples is not taken for them."""
    name = stated.media.name
    if stated.wanted == "pcm":
        return WrongContainerError(
            f"the body may be samples, but its type is {quote(name)}: PCM is believed with audio/pcm, audio/L16 or "
            "application/octet-stream; ask the service for opus or wav (--format)",
            offset=0,
        )
    if stated.media.names_samples:
        return WrongContainerError(
            f"the body is bare samples ({quote(name)}) that nobody asked for, at an unknown rate; if you know "
            "it, ask for a format of pcm:RATE (--format)",
            offset=0,
        )
    return None
