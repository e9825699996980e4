"""The sound of one context, which goes on over its pieces: how long it is so far, and where a piece begins in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ...sniff import mp3_seconds, mpeg_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 48000
_TELLING = 4  # bytes that tell what a sound is
_MPEG_HEADER = 4
_MOST_HEADS = 1 << 16  # bytes of header pages that are kept


class Sound(Protocol):
    """The measure of a sound."""

    @property
    def seconds(self) -> float:
        """Of all that came so far."""
        ...

    def begin_piece(self) -> None:
        """What comes from here on is another piece."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what the piece gets."""
        ...

    def split(self, data: bytes, until: float) -> tuple[bytes, bytes]:
        """What of ``data`` sounds before ``until``, in ``seconds``, and the rest, as far as it can be told apart."""
        ...


class SampleSound:
    """Samples of ``width`` bytes at ``rate`` Hz: a piece is the whole samples between its borders."""

    def __init__(self, rate: int, width: int = 2) -> None:
        self.seconds = 0.0
        self._rate = rate
        self._width = width
        self._loose = b""  # the beginning of a sample

    def begin_piece(self) -> None:
        """A sample that was begun belongs to the piece in which it ends."""

    def feed(self, data: bytes) -> bytes:
        """The whole samples."""
        data = self._loose + data if self._loose else data
        whole = len(data) // self._width * self._width
        self._loose = data[whole:]
        self.seconds += whole / self._width / self._rate
        return data[:whole]

    def split(self, data: bytes, until: float) -> tuple[bytes, bytes]:
        """At the sample."""
        samples = max(0, round((until - self.seconds) * self._rate))
        size = max(0, samples * self._width - len(self._loose))
        return data[:size], data[size:]


class CompressedSound:
    """Ogg Opus, or MP3 where a service has nothing else: what it is, its first bytes tell."""

    def __init__(self) -> None:
        self._first = b""
        self._found: OggSound | Mp3Sound | None = None

    @property
    def seconds(self) -> float:
        """Of all that came so far."""
        return 0.0 if self._found is None else self._found.seconds

    def begin_piece(self) -> None:
        """What comes from here on is another piece."""
        if self._found is not None:
            self._found.begin_piece()

    def feed(self, data: bytes) -> bytes:
        """As the sound that it is; a few bytes tell nothing yet."""
        if self._found is None:
            self._first += data
            if len(self._first) < _TELLING:
                return b""
            data, self._first = self._first, b""
            self._found = Mp3Sound() if data.startswith(b"ID3") or mpeg_frame(data) is not None else OggSound()
        return self._found.feed(data)

    def split(self, data: bytes, until: float) -> tuple[bytes, bytes]:
        """As the sound that it is."""
        return (data, b"") if self._found is None else self._found.split(data, until)


class Mp3Sound:
    """MP3: a piece is the whole frames that end in it. What is no frame, such as tags, is passed on with them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._held = b""  # the beginning of a frame

    def begin_piece(self) -> None:
        """A frame that was begun belongs to the piece in which it ends."""

    def feed(self, data: bytes) -> bytes:
        """The whole frames."""
        data = self._held + data
        whole = 0
        for whole, seconds in _mp3_frames(data):  # noqa: B007  # the last one counts
            self.seconds += seconds
        self._held = data[whole:]
        return data[:whole]

    def split(self, data: bytes, until: float) -> tuple[bytes, bytes]:
        """At the frame."""
        at, before = 0, self.seconds
        for end, seconds in _mp3_frames(self._held + data):
            before += seconds
            if before > until + seconds / 2:
                break
            at = end
        size = max(0, at - len(self._held))
        return data[:size], data[size:]


def _mp3_frames(data: bytes) -> Iterator[tuple[int, float]]:
    """The end of each whole frame in ``data``, and its seconds; with 0 seconds, how much is no frame for certain."""
    at = 0
    while at + _MPEG_HEADER <= len(data):
        frame = mpeg_frame(data[at : at + _MPEG_HEADER])
        if frame is None or frame.codec != "MP3":
            found = data.find(b"\xff", at + 1)
            at = found if found >= 0 else len(data)
            yield at, 0.0
        elif at + frame.size > len(data):
            return
        else:
            seconds = mp3_seconds(data[at : at + _MPEG_HEADER])
            at += frame.size
            yield at, seconds


class OggSound:
    """Ogg Opus. Where its stream runs on over pieces, each of them gets the pages of the headers before its own.

    A piece that begins with pages of headers is a stream of its own. The pre-skip of a stream that runs on is 0.
    """

    def __init__(self) -> None:
        from ...ogg.page import PageReader

        self.seconds = 0.0
        self._reader = PageReader()
        self._heads = b""
        self._begins = False  # a piece begins with the next bytes, and is not the first
        self._base = 0.0  # seconds before the stream at hand
        self._pre_skip = 0

    def begin_piece(self) -> None:
        """The next bytes are of another piece."""
        self._begins = self.seconds > 0

    def feed(self, data: bytes) -> bytes:
        """The bytes, after those of the headers where they are missing."""
        if not data:
            return b""
        runs_on, self._begins = self._begins, False
        for page in self._reader.feed(data):
            self._take(page)
        return self._heads + data if runs_on and not _begins_a_stream(data) else data

    def split(self, data: bytes, until: float) -> tuple[bytes, bytes]:  # noqa: ARG002  # pages stay whole
        """Pages stay whole."""
        return data, b""

    def _take(self, page: object) -> None:
        from ...ogg.page import Page

        if not isinstance(page, Page):
            return
        if page.bos and page.body.startswith(b"OpusHead") and len(page.body) >= 12:
            self._base, self._pre_skip = self.seconds, int.from_bytes(page.body[10:12], "little")
            self._heads = _rewritten(page, page.body[:10] + b"\0\0" + page.body[12:])
        elif page.granule == 0 and len(self._heads) + page.size < _MOST_HEADS:
            self._heads += _rewritten(page, page.body)
        elif page.granule > 0:
            self.seconds = self._base + max(0, page.granule - self._pre_skip) / RATE


def _begins_a_stream(data: bytes) -> bool:
    return data.startswith(b"OggS") and len(data) > 5 and bool(data[5] & 2)


def _rewritten(page: object, body: bytes) -> bytes:
    """The bytes of ``page`` with ``body``, which is as long as its own."""
    from ...ogg.page import Page
    from ...ogg.page_writer import with_body

    assert isinstance(page, Page)
    return with_body(page, body)
