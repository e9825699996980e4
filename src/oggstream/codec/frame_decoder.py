"""From the reader's items to frames of sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..audio.arrays import as_view, is_numpy_loaded
from ..audio.frame import RATE, PcmFrame
from ..errors import UsageError
from ..opus.head import OpusHead
from ..opus.items import AudioPacket, Hole, NextBody, PageBegun, PageSettled, PageWithdrawn, StreamStats
from ..opus.tags import OpusTags
from .link_decoder import GAINS, RATES, LinkDecoder, demixing_matrix, tags_gain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..opus.items import Item

_MARKS = (PageBegun, PageSettled, PageWithdrawn, NextBody)


class DecoderState(NamedTuple):
    """All that a `FrameDecoder` was at one moment: its own fields, and the memory of libopus if there was a link."""

    fields: dict[str, Any]
    memory: bytes | None


class FrameDecoder:
    """Items of the reader to `PcmFrame`: float32 in WAV order, trimmed, gaps made up, each with its own memory.

    ``rate`` is 8000, 12000, 16000, 24000 or 48000 Hz; ``gain`` "none", "track" or "album" (R128 tags, on top of the
    output gain that is always applied). ``soft_clip``: what goes beyond full scale is bent back as libopus does for 16
    bits; otherwise it stays. ``views``: until numpy is loaded, frames hold views of memory instead of arrays
    (`oggstream.audio.arrays`). Packets that libopus refuses are counted in ``stats.bad_packets`` and skipped; their
    time is left out. Raises `UsageError` for other arguments.
    """

    def __init__(
        self,
        rate: int = RATE,
        gain: str = "none",
        stats: StreamStats | None = None,
        *,
        soft_clip: bool = False,
        views: bool = False,
    ) -> None:
        if rate not in RATES or gain not in GAINS:
            raise UsageError(f"no decoding to {rate} Hz with gain {gain!r}: {RATES} Hz, {GAINS}")
        self._rate = rate
        self._ratio = RATE // rate
        self._gain = gain
        self._soft_clip = soft_clip
        self._views = views
        self._stats = stats or StreamStats()
        self._head: OpusHead | None = None
        self._link: LinkDecoder | None = None
        self._samples: Any = None  # numpy's view of the link's buffer, once there is numpy
        self._matrix: Any = None
        self._hole: Hole | None = None  # waits for the packet after it, which may carry FEC
        self._bad_packets = 0  # those that libopus refused
        self._refused = 0  # samples at 48 kHz of these
        self._omitted = 0  # of holes that were too long to be made up as a whole
        self._end: int | None = None  # position behind the latest frame, None where nothing is to be made up
        self._expected: OpusHead | None = None  # of the link that is ready, though it has not begun

    @property
    def left_out(self) -> int:
        """Samples at 48 kHz, up to here, that the stream counts and the frames do not: refused packets, long holes."""
        return self._refused + self._omitted

    def expect(self, head: OpusHead) -> None:
        """Get ready for the link of ``head`` before it begins, which takes a quarter of a millisecond.

        Not to be called in the middle of another link. Raises `FormatError` or `LibraryError` as `LinkDecoder` does.
        """
        self._begin_link(head)
        self._expected = head

    def decode(self, item: Item | PcmFrame) -> list[PcmFrame]:
        """The frames that ``item`` completes; one that is PCM already is its own.

        Marks of pages give nothing: what they ask for is the caller's to do, with `save` and `restore`. Raises
        `FormatError` or `LibraryError` as `LinkDecoder` does.
        """
        if isinstance(item, AudioPacket):
            if self._hole is None:
                return self._decode_packet(item)
            return self._fill_hole(item.data) + self._decode_packet(item)
        if isinstance(item, _MARKS):
            return []
        frames = self._fill_hole(None)
        if isinstance(item, PcmFrame):
            self._end = None
            frames.append(item)
        elif isinstance(item, OpusHead):
            if item is not self._expected:
                self._begin_link(item)
            self._expected = None
        elif isinstance(item, OpusTags):
            self._apply_tags(item)
        else:
            self._hole = item
        return frames

    def finish(self) -> list[PcmFrame]:
        """The frames of a hole that nothing came after; to be called after the last item."""
        return self._fill_hole(None)

    def save(self) -> DecoderState:
        """The complete state, for `restore`; which may be used again and again; some 20 KB a channel."""
        return DecoderState(vars(self).copy(), None if self._link is None else self._link.save())

    def restore(self, state: DecoderState) -> None:
        """Be again what `save` found. Packets refused since then are no longer counted in ``stats``."""
        self._stats.bad_packets -= self._bad_packets - state.fields["_bad_packets"]
        vars(self).update(state.fields)
        if self._link is not None and state.memory is not None:
            self._link.restore(state.memory)

    def tail(self, samples: int) -> PcmFrame | None:
        """What would be made up if the next ``samples`` (48 kHz, a multiple of 120, at most 5760) were lost.

        The decoder stays as it is. None before the first packet of a link, and behind sound that came as PCM.
        """
        if self._link is None or self._end is None:
            return None
        count = self._link.foresee(samples // self._ratio)
        return PcmFrame(self._take(0, count), self._end, self._rate, concealed=True)

    def _begin_link(self, head: OpusHead) -> None:
        self._head = self._link = self._end = self._samples = (
            None  # nothing of the link before is left if this one is refused
        )
        self._link = LinkDecoder(head, self._rate)
        self._head = head
        if not self._views:
            self._get_array()
        self._matrix = demixing_matrix(head)

    def _get_array(self) -> None:
        import numpy as np

        assert self._link is not None
        self._samples = np.frombuffer(self._link.buffer, np.float32).reshape(-1, self._link.channels)

    def _apply_tags(self, tags: OpusTags) -> None:
        if self._link is not None and self._head is not None and self._gain != "none":
            self._link.set_gain(self._head.output_gain + tags_gain(tags, self._gain))

    def _decode_packet(self, packet: AudioPacket) -> list[PcmFrame]:
        assert self._link is not None
        data, position, samples, trim_start, trim_end = packet
        count = end = self._link.decode(data)
        if self._soft_clip and self._matrix is None:
            self._link.soft_clip(count)
        if not count:
            self._stats.bad_packets += 1
            self._bad_packets += 1
            self._refused += samples - trim_start - trim_end
            return []
        if trim_start or trim_end:
            # At lower rates trims shrink with everything else (RFC 7845 section 4.2).
            trim_start //= self._ratio
            end -= trim_end // self._ratio
            end = max(end, trim_start)
        position -= self._refused
        self._end = position + (end - trim_start) * self._ratio
        return [PcmFrame(self._take(trim_start, end), position, self._rate)] if end > trim_start else []

    def _fill_hole(self, following: bytes | None) -> list[PcmFrame]:
        hole, self._hole = self._hole, None
        if hole is None or self._link is None:
            return []
        frames = []
        position = hole.position - self._refused
        for count in self._link.fill(hole.samples // self._ratio, following):
            if self._soft_clip and self._matrix is None:
                self._link.soft_clip(count)
            frames.append(PcmFrame(self._take(0, count), position, self._rate, concealed=True))
            position += count * self._ratio
        self._end = position
        self._omitted += hole.omitted
        return frames

    def _take(self, start: int, end: int) -> NDArray[np.float32]:
        if self._samples is None:
            if self._matrix is None and not is_numpy_loaded():
                return self._view(start, end)
            self._get_array()
        pcm: NDArray[np.float32] = self._samples[start:end]
        if self._matrix is None:
            return pcm.copy()
        mixed: NDArray[np.float32] = pcm @ self._matrix
        return mixed

    def _view(self, start: int, end: int) -> NDArray[np.float32]:
        assert self._link is not None
        size = self._link.frame_bytes
        return as_view(bytes(self._link.buffer[start * size : end * size]), self._link.channels)
