"""The libopus decoder of one link, with buffers allocated once; needs no numpy."""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from ..audio.layout import WAV_ORDER
from ..errors import FormatError, UsageError
from ..opus.toc import MAX_SAMPLES
from . import multistream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..opus.head import OpusHead
    from ..opus.tags import OpusTags

RATES = (8000, 12000, 16000, 24000, 48000)
MAX_CONCEALED_SECONDS = 2

GAINS = ("none", "track", "album")

_SET_GAIN = 4034  # opus_defines.h
_HIGH_BYTE = 1 if sys.byteorder == "little" else 0
_CLIPPED_BEFORE_NUMPY = 1 << 18  # samples that take about as long to round in Python as numpy takes to import


class LinkDecoder:
    """Packets of one link to float32 PCM in `buffer`.

    ``rate`` is 8000, 12000, 16000, 24000 or 48000 Hz; ``gain`` is added to the head's output gain, which is always
    applied (both in 1/256 dB). Family 1 comes in WAV order; family 3 as its coded channels, which the caller multiplies
    by the demixing matrix. Raises `UsageError` for another rate, `FormatError` for a head that libopus refuses and
    `LibraryError` without libopus.
    """

    def __init__(self, head: OpusHead, rate: int = 48000, gain: int = 0) -> None:
        self._state: Any = None
        if rate not in RATES:
            raise UsageError(f"Opus does not decode to {rate} Hz: use one of {', '.join(map(str, RATES))}")
        self.rate = rate
        self.channels = len(_mapping(head))
        """Channels of the PCM in `buffer`."""
        self._functions, self._state, size = _open(head, rate)
        if not self._state:
            raise FormatError(f"libopus has no decoder for {self.channels} channels in {head.streams} streams")
        # Neither ctypes.cast nor a type for each array: they make cycles, and what hangs on them, megabytes per link,
        # would wait for the garbage collector.
        address = self._state if isinstance(self._state, int) else ctypes.addressof(self._state.contents)
        self._handle = ctypes.c_void_p(address)
        self._memory = memoryview(_block(size).from_address(address)).cast("B")
        self._copy: ctypes.Array[ctypes.c_char] | None = None  # where `foresee` puts one of the state
        self._room = MAX_SAMPLES * rate // 48000
        self._output(self._functions.decode_float32, ctypes.c_float)
        self._soft_clip = multistream.soft_clip()
        self._bent = bytearray(4 * self.channels)  # how each channel is bent where the next packet begins
        self._bending = ctypes.c_void_p(ctypes.addressof(ctypes.c_float.from_buffer(self._bent)))
        self.set_gain(head.output_gain + gain)

    def _output(self, decode: Any, sample: type[ctypes.c_float | ctypes.c_int16]) -> None:
        pcm = bytearray(self._room * self.channels * ctypes.sizeof(sample))
        self.buffer = memoryview(pcm)
        """The interleaved samples of the latest call, from its start. The next call overwrites them."""
        self.frame_bytes = self.channels * ctypes.sizeof(sample)
        """Bytes of one sample of all channels."""
        self._decode = decode
        self._pcm = ctypes.c_void_p(ctypes.addressof(sample.from_buffer(pcm)))

    def set_gain(self, gain: int) -> None:
        """Apply ``gain`` (1/256 dB) from the next packet on, instead of what was; bounded to libopus's 16 bits."""
        bounded = ctypes.c_int32(max(-32768, min(32767, gain)))
        self._functions.ctl(self._state, _SET_GAIN, bounded)

    def decode(self, data: bytes) -> int:
        """Decode a packet; returns samples per channel now in `buffer`, 0 if libopus refuses it."""
        if not data:  # libopus would take it for a loss, and fill all the room
            return 0
        count: int = self._decode(self._handle, data, len(data), self._pcm, self._room, 0)
        return count if count > 0 else 0  # noqa: FURB136  # a call of max() for every packet can be measured

    def soft_clip(self, samples: int) -> None:
        """Bend what goes beyond full scale in the first ``samples`` of float32 in `buffer`, as libopus does for int16.

        Cutting it off would be heard as crackling. All else stays as it is, to the bit. Takes a microsecond. To be
        called once for all that is decoded, in order.
        """
        self._soft_clip(self._pcm, samples, self.channels, self._bending)

    def conceal(self, samples: int) -> int:
        """Make up ``samples`` (at `rate`, a multiple of 2.5 ms, at most 120 ms) that were lost."""
        count: int = self._decode(self._handle, None, 0, self._pcm, samples, 0)
        return max(count, 0)

    def foresee(self, samples: int) -> int:
        """What `conceal` would make up next; the decoder stays as it is, for a copy of its state does it."""
        if self._copy is None:
            self._copy = _block(len(self._memory))()
        memoryview(self._copy).cast("B")[:] = self._memory
        handle = ctypes.c_void_p(ctypes.addressof(self._copy))
        count: int = self._decode(handle, None, 0, self._pcm, samples, 0)
        return max(count, 0)

    def decode_fec(self, following: bytes, samples: int) -> int:
        """Make up ``samples`` before the packet ``following``, from the copy of its predecessor that it may carry.

        What the copy does not cover is concealed; everything, where there is none (CELT never has one).
        """
        count: int = self._decode(self._handle, following, len(following), self._pcm, samples, 1) if following else 0
        return count if count > 0 else self.conceal(samples)

    def fill(self, samples: int, following: bytes | None) -> Iterator[int]:
        """Make up a gap of ``samples`` (at `rate`), at most two seconds, part by part.

        Yields how many samples of each part are in `buffer`. ``following`` is the packet after the gap, if known.
        """
        step = self.rate // 400
        left = min(samples, MAX_CONCEALED_SECONDS * self.rate)
        while left > 0:
            part = left % self._room or self._room  # the odd part first, so that the last one has room for FEC
            asked = -(-part // step) * step
            last = part == left
            count = self.decode_fec(following, asked) if last and following else self.conceal(asked)
            if not count:
                return
            yield min(part, count)
            left -= part

    def save(self) -> bytes:
        """The decoder's state, which may be copied (opus.h), for `restore`."""
        return self._memory.tobytes() + self._bent

    def restore(self, state: bytes) -> None:
        """Go back to a state that `save` gave."""
        size = len(self._memory)
        self._memory[:] = state[:size]
        self._bent[:] = state[size:]

    def __del__(self) -> None:
        if self._state:
            self._functions.destroy(self._state)
            self._state = None


class Int16LinkDecoder(LinkDecoder):
    """The same to int16 (native byte order): the float decode rounded, and clipped at full scale.

    libopus bends whole half-waves that go beyond full scale ("soft clip") before it rounds, and leaves all others as
    they are. Where it did so a sample near full scale is left; packets with such samples are decoded again to float.
    Looking for them takes 1.5 us a packet; converting all of them would take 240 us in Python or an import of numpy.
    """

    def __init__(self, head: OpusHead, rate: int = 48000, gain: int = 0) -> None:
        super().__init__(head, rate, gain)
        self._float_buffer = self.buffer.cast("f")
        self._float_pcm = self._pcm
        self._output(self._functions.decode_int16, ctypes.c_int16)
        self._before = memoryview(bytearray(len(self._memory)))  # the state before the packet
        self._clipped = 0  # samples of packets decoded again

    def decode(self, data: bytes) -> int:
        """Decode a packet; returns samples per channel now in `buffer`, 0 if libopus refuses it."""
        if self._clipped > _CLIPPED_BEFORE_NUMPY:  # a loud stream: decoding only once is cheaper from here on
            return self._decode_float(data)
        self._before[:] = self._memory
        count = super().decode(data)
        loudness = self.buffer[: count * self.frame_bytes].tobytes()[_HIGH_BYTE::2]
        if 0x7F in loudness or 0x80 in loudness:
            self._decode_again(data, count * self.channels)
        return count

    def _decode_again(self, data: bytes, values: int) -> None:
        self._memory[:] = self._before
        self._functions.decode_float32(self._handle, data, len(data), self._float_pcm, self._room, 0)
        self._clipped += values
        self.buffer.cast("h")[:values] = _rounded(self._float_buffer[:values])

    def _decode_float(self, data: bytes) -> int:
        if not data:
            return 0
        count: int = self._functions.decode_float32(self._handle, data, len(data), self._float_pcm, self._room, 0)
        count = max(count, 0)
        values = count * self.channels
        self.buffer[: 2 * values] = round_int16(self._float_buffer[:values])
        return count


def tags_gain(tags: OpusTags, gain: str) -> int:
    """What ``gain`` ("none", "track" or "album") adds to the output gain (1/256 dB); 0 where the tags do not say."""
    if gain == "none":
        return 0
    return (tags.track_gain if gain == "track" else tags.album_gain) or 0


def demixing_matrix(head: OpusHead) -> NDArray[np.float32] | None:
    """The matrix of family 3, of shape (coded channels, channels), for ``coded @ matrix``; None for other families."""
    if head.demixing is None:
        return None
    import numpy as np

    # RFC 8486 section 3.2: Q15 little-endian, column after column; a column is what one coded channel gives.
    columns = np.frombuffer(head.demixing, "<i2").reshape(head.streams + head.coupled, head.channels)
    return columns.astype(np.float32) / np.float32(32768)


def round_int16(samples: Any) -> memoryview:
    """Float samples (any shape) as the bytes of int16: times 32768, rounded half to even, clipped. Needs numpy."""
    import numpy as np

    scaled = np.asarray(samples, np.float32) * np.float32(32768)
    rounded = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
    return memoryview(rounded.tobytes())


def _rounded(samples: Iterable[float]) -> memoryview:
    """The same in Python, as a view of int16."""
    return memoryview(array("h", [max(-32768, min(32767, round(value * 32768))) for value in samples]))


@cache
def _block(size: int) -> type[ctypes.Array[ctypes.c_char]]:
    return ctypes.c_char * size


def _mapping(head: OpusHead) -> bytes:
    """Which decoded channel each output channel is."""
    if head.demixing is not None:
        return bytes(range(head.streams + head.coupled))
    if head.mapping_family == 1 and head.channels in WAV_ORDER:
        return bytes(head.mapping[channel] for channel in WAV_ORDER[head.channels])
    return head.mapping


def _open(head: OpusHead, rate: int) -> tuple[multistream.Functions, Any, int]:
    if head.mapping_family == 0:  # Debian's multistream decoder asks for the CPU's type with every packet
        return multistream.plain(), *multistream.create_plain(rate, head.channels)
    functions = multistream.multistream()
    return functions, *multistream.create_multistream(rate, head.streams, head.coupled, _mapping(head))
