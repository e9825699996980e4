"""Reading WAV as it arrives: RIFF, RIFX (big endian) and RF64 (EBU Tech 3306), sizes right, open or wrong."""

from __future__ import annotations

import struct
from enum import Enum, auto
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from ..errors import FormatError, NoAudioError
from ..options import SAMPLE_RATES
from .container import WAV_MAGICS
from .samples import Framer, SampleFormat

if TYPE_CHECKING:
    from ..audio.frame import PcmFrame
    from ..opus.items import StreamStats
    from .media import MediaType

MAX_HEADER = 1 << 20
"""Bytes before the samples at most."""
MAX_CHANNELS = 255

MAX_FORMATS = 16
"""Changes of channels or rate in one body at most: each costs the resampler a new filter, 5 ms for 50 bytes."""

_LARGEST_CHUNK = 1 << 24  # behind the samples
_MAX_FORM = 1 << 10  # bytes of a "fmt " chunk
_OPEN = (
    0x7FFFF000  # from here on a size means "until the end": nobody has that much, and writers differ in what they put
)
_MARK = 16  # bytes by which a header in mid-stream is known
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_SUBFORMAT_TAIL_BIG = bytes.fromhex("000000000010800000aa00389b71")
_TAGS = {2: "ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG audio", 0x55: "MP3", 0xFF: "AAC", 0x704F: "Opus"}


class _At(Enum):
    RIFF = auto()  # the first 12 bytes
    CHUNK = auto()  # the header of a chunk
    FORM = auto()  # in "fmt "
    SIZES = auto()  # in "ds64"
    SKIP = auto()  # in another chunk
    PAD = auto()  # behind a chunk of odd length
    DATA = auto()  # in the samples


class Form(NamedTuple):
    """What a "fmt " chunk says."""

    samples: SampleFormat
    channels: int
    rate: int


class WavReader:
    """Samples of a WAV body, in frames, as soon as they arrive.

    Integers of 8 to 32 bits, floats of 32 and 64, A-law and mu-law, up to 255 channels in WAV order. The sizes in the
    header are not trusted: 0 and the largest ones mean until the end; what follows the samples without being a chunk
    is taken as more of them; and where a whole new WAV file follows, as from services that send one for each sentence,
    it is played on. Raises `FormatError` for what cannot be played, or sets ``failure`` where frames came before that.
    """

    def __init__(self, stats: StreamStats, media: MediaType, advice: str = "") -> None:
        self.announced: tuple[int, int] | None = None
        self.failure: FormatError | None = None
        self._stats = stats
        self._advice = advice or "ask the service for opus or pcm"
        self._said = media.rate
        self._samples = 0  # given, in all
        self._formats = 0  # changes of it
        self._at = _At.RIFF
        self._buffer = bytearray()
        self._offset = 0  # in the body, of the buffer's first byte
        self._header = 0  # bytes of headers since the last samples
        self._left: int | None = 0  # bytes of the chunk that are still to come; None: until the end
        self._odd = False  # the chunk has a byte of padding
        self._order = "<"
        self._long_size: int | None = None  # of the samples, by "ds64"
        self._form: Form | None = None
        self._framer: Framer | None = None

    @property
    def complete(self) -> bool:
        """Whether no sample is missing that a header promises."""
        return self._at is not _At.DATA or not self._left

    @property
    def whole(self) -> bool:
        """Whether all samples that a header promises are there, and nothing follows so far."""
        return self._samples > 0 and self._at in (_At.CHUNK, _At.PAD) and not self._buffer

    def feed(self, data: bytes) -> list[PcmFrame]:
        """The frames that ``data`` completes."""
        self._buffer += data
        return self._read(ended=False)

    def finish(self) -> list[PcmFrame]:
        """What waited. Raises `NoAudioError` if there was not one sample."""
        frames = self._read(ended=True)
        framer = self._framer
        if framer is None or not self._samples:
            raise NoAudioError("no audio: the WAV body ends before its first sample; try again", offset=self._offset)
        if framer.loose:
            self._stats.warn(f"the body ends in the middle of a sample: its last {framer.loose} bytes are left out")
        if self._at is _At.DATA and self._left:
            self._stats.warn(f"the WAV header promises {self._left} bytes more than came")
        return frames

    def _read(self, *, ended: bool) -> list[PcmFrame]:
        if self.failure is not None:
            raise self.failure
        frames: list[PcmFrame] = []
        try:
            while self._step(frames, ended=ended):
                pass
        except FormatError as error:
            if not frames:
                raise
            self.failure = error  # what came before it is good
        return frames

    def _step(self, frames: list[PcmFrame], *, ended: bool) -> bool:
        """Do what can be done next; False if that needs more bytes."""
        match self._at:
            case _At.RIFF:
                return self._begin()
            case _At.CHUNK:
                return self._open_chunk()
            case _At.FORM | _At.SIZES:
                return self._read_chunk()
            case _At.SKIP:
                return self._skip()
            case _At.PAD:
                return self._skip_padding()
            case _At.DATA:
                return self._read_samples(frames, ended=ended)

    def _begin(self) -> bool:
        if len(self._buffer) < 12:
            return False
        self._order = ">" if self._buffer.startswith(b"RIFX") else "<"
        self._form = None
        self._long_size = None
        self._take(12)
        self._at = _At.CHUNK
        return True

    def _open_chunk(self) -> bool:
        if len(self._buffer) < 8:
            return False
        name, size = bytes(self._buffer[:4]), int.from_bytes(self._buffer[4:8], self._endian)
        if self._framer is not None and self._form is not None and not _is_chunk(name, size):
            self._stats.warn(f"more samples than the WAV header promises, from byte {self._offset} on")
            self._at, self._left = _At.DATA, None
            return True
        if name in WAV_MAGICS and self._framer is not None:
            self._at = _At.RIFF
            return True
        self._take(8)
        self._left, self._odd = size, bool(size & 1)
        if name == b"data":
            self._open_data(size)
        elif name == b"fmt ":
            self._check(16 <= size <= _MAX_FORM, f'a "fmt " chunk of {size} bytes')
            self._at = _At.FORM
        elif name == b"ds64":
            self._check(16 <= size <= _MAX_FORM, f'a "ds64" chunk of {size} bytes')
            self._at = _At.SIZES
        else:
            self._at = _At.SKIP
        return True

    def _read_chunk(self) -> bool:
        size = self._left or 0
        if len(self._buffer) < size:
            return False
        content = self._take(size)
        if self._at is _At.FORM:
            self._form = self._parse_form(content)
            self._announce(self._form)
        else:
            self._long_size = int.from_bytes(content[8:16], self._endian)
        self._at = _At.PAD if self._odd else _At.CHUNK
        return True

    def _announce(self, form: Form) -> None:
        if self._framer is not None and (self._framer.channels, self._framer.rate) != form[1:]:
            self._formats += 1
            self._check(self._formats < MAX_FORMATS, f"{MAX_FORMATS} changes of format")
        if self.announced is None and self._said not in (None, form.rate):
            self._stats.warn(f"the media type says {self._said} Hz, the WAV header {form.rate} Hz, which is believed")
        self.announced = self.announced or (form.channels, form.rate)

    def _skip(self) -> bool:
        left = self._left or 0
        self._left = left - len(self._take(min(left, len(self._buffer))))
        if not self._left:
            self._at = _At.PAD if self._odd else _At.CHUNK
        return not self._left

    def _skip_padding(self) -> bool:
        """Some writers leave the padding out: then a name follows at once."""
        if not self._buffer:
            return False
        if not self._buffer[0]:
            self._take(1)
        self._at = _At.CHUNK
        return True

    def _open_data(self, size: int) -> None:
        form = self._form
        if form is None:
            self._refuse('samples before the "fmt " chunk that describes them')
        if size == 0xFFFFFFFF and self._long_size:
            size = self._long_size
            self._odd = bool(size & 1)
        self._left = None if size == 0 or (size >= _OPEN and size != self._long_size) else size
        position = self._framer.position if self._framer is not None else 0
        if self._framer is not None and self._framer.loose:
            self._stats.warn(f"samples that end in the middle of one, before byte {self._offset}")
        self._framer = Framer(form.samples, form.channels, form.rate, position)
        self._header = 0
        self._at = _At.DATA

    def _read_samples(self, frames: list[PcmFrame], *, ended: bool) -> bool:
        count = self._before_header(ended=ended) if self._left is None else min(len(self._buffer), self._left)
        assert self._framer is not None
        if count:
            new = self._framer.feed(self._take(count, header=False))
            self._stats.links += bool(new and not self._samples)
            self._samples += sum(len(frame.pcm) for frame in new)
            frames += new
        if self._left is not None:
            self._left -= count
            if not self._left:
                self._at = _At.PAD if self._odd else _At.CHUNK
                return True
        elif self._at is _At.RIFF:
            return True
        return False

    def _before_header(self, *, ended: bool) -> int:
        """How many bytes come before a new WAV header; a last few that may be the start of one wait."""
        at = 0
        while (at := self._buffer.find(b"RI", at)) >= 0:
            mark = self._buffer[at : at + _MARK]
            if not _may_begin_file(mark):
                at += 1
            elif len(mark) == _MARK:
                self._at = _At.RIFF
                return at
            else:
                return len(self._buffer) if ended else at
        return len(self._buffer) - (self._buffer.endswith(b"R") and not ended)

    def _parse_form(self, content: bytes) -> Form:
        tag, channels, rate, _, align, bits = struct.unpack_from(self._order + "HHIIHH", content)
        if tag == 0xFFFE:
            tail = content[26:40]
            self._check(
                tail in (_SUBFORMAT_TAIL, _SUBFORMAT_TAIL_BIG), "an extensible format without a known subformat"
            )
            tag = int.from_bytes(content[24:26], self._endian)
        self._check(1 <= channels <= MAX_CHANNELS, f"{channels} channels")
        self._check(rate in SAMPLE_RATES, f"a sample rate of {rate} Hz")
        width = align // channels if align and not align % channels else -(-bits // 8)
        kinds = {(1, w): "int" for w in (1, 2, 3, 4)} | {
            (3, 4): "float",
            (3, 8): "float",
            (6, 1): "alaw",
            (7, 1): "ulaw",
        }
        kind = kinds.get((tag, width))
        name = {1: "integers", 3: "floats", 6: "A-law", 7: "mu-law"}.get(tag) or _TAGS.get(tag, f"format {tag:#06x}")
        if kind is None or bits > 8 * width:
            self._refuse(f"{name} of {bits} bits" if tag in (1, 3, 6, 7) else name)
        return Form(SampleFormat(kind, width, self._order), channels, rate)  # type: ignore[arg-type]

    @property
    def _endian(self) -> Literal["little", "big"]:
        return "big" if self._order == ">" else "little"

    def _take(self, count: int, *, header: bool = True) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._offset += count
        if header:
            self._header += count
            if self._framer is None:
                self._check(self._header <= MAX_HEADER, f"no samples in {MAX_HEADER} bytes")
        return taken

    def _check(self, right: bool, problem: str) -> None:
        if not right:
            self._refuse(problem)

    def _refuse(self, problem: str) -> NoReturn:
        message = f"WAV that cannot be played: {problem}, at byte {self._offset}; {self._advice}"
        raise FormatError(message, offset=self._offset)


def _is_chunk(name: bytes, size: int) -> bool:
    """Whether what follows the samples is a chunk, and not more samples than were promised."""
    return (size <= _LARGEST_CHUNK or name == b"data" or name in WAV_MAGICS) and all(
        32 <= letter < 127 for letter in name
    )


def _may_begin_file(mark: bytes | bytearray) -> bool:
    """Whether this is ``RIFF????WAVEfmt``, as far as it goes."""
    return b"RIFF".startswith(mark[:4]) and b"WAVEfmt ".startswith(mark[8:])
