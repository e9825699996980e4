"""Any body that a service sends, read as it arrives."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ..audio.frame import PcmFrame
from ..errors import FormatError, OggStreamError, QuotaError, RateLimitError, WrongContainerError
from ..opus.items import StreamStats
from ..opus.opus_reader import OpusReader
from .container import Container, recognise
from .refusals import empty, empty_file, wrong
from .stated import Stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..opus.head import OpusHead
    from ..opus.opus_reader import Item
    from .envelope import Envelope
    from .inflate import Inflater

MOST_AT_ONCE = 16 << 20
"""Bytes of memory, about, of what one call of `BodyReader.feed` makes of an event or of compressed bytes."""
STEP = 1 << 16
"""Bytes out of these that are read in one step."""

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
    else goes by its content alone. ``service``: it is the answer of a service, not a file; messages say so.

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
        service: bool = True,
    ) -> None:
        self.stats = stats or StreamStats()
        self.failure: OggStreamError | None = None
        self._service = service
        self._stated = Stated(content_type, format, chosen, headers, certain=certain)
        self._container: Container | None = None
        self._first = b""  # what is not enough to tell the container by
        self._start = b""  # of a body that may be no audio, for the message
        self._parts: deque[bytes] = deque()  # bytes that wait to be read
        self._eager = False
        self._part: _Part | None = None
        self._ogg: OpusReader | None = None
        self._inflater: Inflater | None = None
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
        if self.failure is not None or part is None or (self._inflater is not None and not self._inflater.complete):
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
            if self._inflater is not None:
                self._inflater.put(data)
            elif self._envelope is None and self._container is not None:
                return self._read(data, ended=False)
            else:
                self._push(data)
            return self._work(ended=False)
        finally:
            self.stats.bytes = received

    @property
    def pending(self) -> bool:
        """Whether there is more to be had without more bytes: `feed` gives so much at a time that memory is bounded,
        however much one event or a few compressed bytes hold. Call it with no bytes until this is false.
        """
        return self.failure is None and bool(self._parts or (self._inflater is not None and self._inflater.pending))

    def finish(self) -> list[BodyItem]:
        """End of the body: return what was held back.

        Raises like `feed`, and `EmptyBodyError` or `NoAudioError` if there was no audio.
        """
        self._raise_failure()
        received = self.stats.bytes
        try:
            return self._work(ended=True)
        finally:
            self.stats.bytes = received
            self.stats.complete = self.complete

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure.with_traceback(None)

    def _push(self, data: bytes) -> None:
        """Put the bytes that are in ``data`` to those that wait to be read."""
        if self._envelope is None:
            if data:
                self._parts.append(data)
            return
        inner = self._envelope.feed(data)
        if self._container is None and self._envelope.facts:
            self._stated.learn(self._envelope.facts)
        self._parts.extend(inner[at : at + STEP] for at in range(0, len(inner), STEP))

    def _work(self, *, ended: bool) -> list[BodyItem]:
        """Read what waits, up to a bound unless the body has ``ended``."""
        items: list[BodyItem] = []
        room = MOST_AT_ONCE
        try:
            while (room > 0 or ended) and self.failure is None and (part := self._next()) is not None:
                new = self._read(part, ended=False)
                room -= sum(map(_size, new)) if self._parts or self._inflater else 0
                items += new
            if self.failure is None and not self.pending:
                items += self._end(ended=ended)
        except OggStreamError as error:
            self.failure = error
            if not items:
                raise
        return items

    def _next(self) -> bytes | None:
        """The next bytes that wait to be read."""
        while not self._parts and self._inflater is not None and (step := self._inflater.take()):
            self._push(step)
        return self._parts.popleft() if self._parts else None

    def _end(self, *, ended: bool) -> list[BodyItem]:
        """Everything that came has been read: what ends here, and the failures of what it was wrapped in."""
        inflater, envelope = self._inflater, self._envelope
        items: list[BodyItem] = []
        if ended and envelope is not None:
            items = self._read(envelope.finish(), ended=False)
        if envelope is not None and envelope.failure is not None:
            named = envelope.is_json and not envelope.sounded and not isinstance(envelope.failure, _TOLD)
            self.failure = self.failure or (self._wrong() if named else envelope.failure)
        if inflater is not None and inflater.failure is not None:
            self.failure = self.failure or inflater.failure
        if self.failure is not None and not items:
            raise self.failure
        return items + self._read(b"", ended=True) if ended and self.failure is None else items

    def _read(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        if self._container is None:
            return self._recognise(data, ended=ended)
        try:
            return self._pass(data, ended=ended)
        except FormatError as error:
            self.failure = error
            raise

    def _recognise(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        self._first += data
        first = self._first
        if not first:
            if not ended:
                return []
            if self._envelope is not None and self._envelope.is_json:
                raise self._wrong()
            raise empty(events=self._envelope is not None) if self._service else empty_file()
        found = recognise(first, self._stated, ended=ended)
        if found is None:
            return []
        self._first = b""
        if self._unwrap(found, first):
            return self._work(ended=ended)
        self._container = found
        self._open(found, first)
        return self._pass(first, ended=ended)

    def _unwrap(self, found: Container, first: bytes) -> bool:
        """Begin with the bytes in what was ``found``, if it is a wrapping."""
        rest = b"".join([first, *self._parts])
        if found is Container.COMPRESSED and self._inflater is None and self._envelope is None:
            from .inflate import Inflater

            self.stats.warn("the body is compressed, though it was asked for as it is")
            self._inflater = Inflater()
            self._parts.clear()
            self._inflater.put(rest)
            return True
        if found in (Container.EVENTS, Container.JSON) and self._envelope is None:
            from .envelope import Envelope

            self._start = first[:_FIRST]
            self._envelope = Envelope(self.stats, is_json=found is Container.JSON)
            self._stated.leave_envelope()
            self._parts.clear()
            self._push(rest)
            return True
        return False

    def _open(self, found: Container, first: bytes) -> None:
        advice = self._stated.advice if self._service else _OF_A_FILE
        if found is Container.WAV:
            from .wav_reader import WavReader

            self._part = WavReader(self.stats, self._stated.media, advice)
        elif found is Container.PCM:
            from .pcm_reader import PcmReader

            self._part = PcmReader(self.stats, self._stated)
        elif found in (Container.MP3, Container.AAC, Container.FLAC):
            from .compressed import compressed_reader

            self._part = compressed_reader(found, first, self.stats, advice, service=self._service)
        else:
            self._ogg = OpusReader(self.stats)
            self._ogg.eager = self._eager

    def _pass(self, data: bytes, *, ended: bool) -> list[BodyItem]:
        part = self._ogg or self._part
        assert part is not None
        if self._ogg is not None and self._envelope is None and len(self._start) < _FIRST:
            self._start += data[: _FIRST - len(self._start)]
        try:
            items: list[BodyItem] = [*part.feed(data)]
            if self._part is not None and self._part.failure is not None:
                self.failure = self._part.failure
            elif ended:
                items += part.finish()
        except WrongContainerError as error:
            if self._ogg is None or self.stats.pages or (self._envelope is not None and not self._envelope.is_json):
                raise
            raise self._wrong() from error
        return items

    def _wrong(self) -> WrongContainerError:
        return wrong(self._start, self._stated, service=self._service)


_OF_A_FILE = "convert the file to Ogg Opus or WAV"
_FIRST = 4096  # bytes kept to say what a body is that is no audio
_TOLD = (QuotaError, RateLimitError)  # that the service says in words


def _size(item: BodyItem) -> int:
    """About how much memory an item takes."""
    return item.pcm.nbytes + 200 if isinstance(item, PcmFrame) else 250
