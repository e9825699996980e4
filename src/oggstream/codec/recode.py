"""Packets of Opus, whatever a body holds: those of Ogg Opus as they are, sound that came as samples encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..audio.convert import Converter
from ..audio.frame import RATE, PcmFrame
from ..opus.items import AudioPacket

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..opus.opus_reader import Item
    from .encoder import OpusEncoder

FRAME = RATE // 50


class PacketMaker:
    """The items of one body after the other to `AudioPacket`, their positions counted over all of them.

    Raises `LibraryError` without libopus, which samples need.
    """

    def __init__(self) -> None:
        self._body: int | None = None
        self._before = 0  # samples of the bodies before
        self._end = 0  # and up to now
        self._recoder: _SampleEncoder | None = None

    @property
    def begun_at(self) -> int:
        """The position at which the body at hand begins."""
        return self._before

    def take(self, body: int, item: Item | PcmFrame) -> list[AudioPacket]:
        """The packets that ``item`` of the body of that number completes."""
        packets = []
        if body != self._body:
            packets = self.finish()
            self._body, self._before = body, self._end
        if type(item) is PcmFrame:
            if self._recoder is None:
                self._recoder = _SampleEncoder(min(item.pcm.shape[1], 2))
            packets += self._placed(self._recoder.encode(item))
        elif type(item) is AudioPacket:
            packets += self._placed([item])
        return packets

    def finish(self) -> list[AudioPacket]:
        """What is left of samples that fill no packet."""
        recoder, self._recoder = self._recoder, None
        return self._placed(recoder.finish()) if recoder is not None else []

    def _placed(self, packets: list[AudioPacket]) -> list[AudioPacket]:
        placed = packets
        if self._before:
            placed = [packet._replace(position=self._before + packet.position) for packet in packets]
        if placed:
            last = placed[-1]
            self._end = last.position + last.samples - last.trim_start - last.trim_end
        return placed


class _SampleEncoder:
    """Samples of one body to packets of 20 ms."""

    def __init__(self, channels: int) -> None:
        from .encoder import OpusEncoder

        self._encoder: OpusEncoder = OpusEncoder(RATE, channels, sample="float32")
        self._converter = Converter(channels, RATE)
        self._held: list[NDArray[np.float32]] = []
        self._count = 0  # samples in _held
        self._skip = self._encoder.pre_skip  # of these still to be trimmed
        self._position = 0
        self._given = 0  # samples of sound that came in

    def encode(self, frame: PcmFrame) -> list[AudioPacket]:
        return self._take(self._converter.convert(frame))

    def finish(self) -> list[AudioPacket]:
        """The last packets: the encoder is behind by its pre-skip."""
        import numpy as np

        packets = self._take(self._converter.finish())
        total = self._given
        missing = total - self._position
        if missing <= 0:
            return packets
        padding = -(-(missing + self._skip) // FRAME) * FRAME - self._count
        packets += self._cut([np.zeros((padding, self._encoder.channels), np.float32)])
        last = packets[-1]
        packets[-1] = last._replace(trim_end=last.position + last.samples - last.trim_start - total)
        return packets

    def _take(self, parts: list[NDArray[np.float32]]) -> list[AudioPacket]:
        self._given += sum(map(len, parts))
        return self._cut(parts)

    def _cut(self, parts: list[NDArray[np.float32]]) -> list[AudioPacket]:
        import numpy as np

        self._held += parts
        self._count += sum(map(len, parts))
        if self._count < FRAME:
            return []
        pcm = np.concatenate(self._held)
        whole = len(pcm) // FRAME * FRAME
        self._held, self._count = [pcm[whole:]], len(pcm) - whole
        return [self._packet(pcm[at : at + FRAME]) for at in range(0, whole, FRAME)]

    def _packet(self, pcm: NDArray[np.float32]) -> AudioPacket:
        skipped = min(self._skip, FRAME)
        packet = AudioPacket(self._encoder.encode(pcm), self._position, FRAME, skipped, 0)
        self._skip -= skipped
        self._position += FRAME - skipped
        return packet
