"""Bodies in codecs that nobody asked for: decoded with PyAV where it is installed, refused otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..audio.frame import RATE, PcmFrame
from ..errors import WrongContainerError
from ..sniff import describe
from .container import Container
from .samples import limited

if TYPE_CHECKING:
    from ..opus.items import StreamStats

_DECODERS = {Container.MP3: "mp3float", Container.AAC: "aac"}
_TAG_HEADER = 10  # bytes of an ID3v2 tag before its content
_PATIENCE = 1 << 16  # bytes without a frame, after which nothing is expected any more


def compressed_reader(
    container: Container, first: bytes, stats: StreamStats, advice: str, *, service: bool = True
) -> CompressedReader:
    """A reader for MP3 or AAC (ADTS) that begins with ``first``, if PyAV, of the extra ``codec``, can be imported.

    That takes 0.2 s once. ``service``: the body is a service's, not a file's. Raises `WrongContainerError`, which names
    the options that help.
    """
    codec = _open(_DECODERS[container]) if container in _DECODERS else None
    if codec is not None:
        what = "the service sent" if service else "the file is"
        stats.warn(f"{what} {container.name}, which starts later than opus; {advice}")
        return CompressedReader(codec, describe(first), stats, advice)
    extra = ", or install oggstream[codec], which can decode it" if container in _DECODERS else ""
    raise _refusal(describe(first), advice + extra)


def _refusal(found: str, advice: str) -> WrongContainerError:
    return WrongContainerError(f"the body is {found} from byte 0 on; {advice}", offset=0)


def _open(decoder: str) -> Any:
    """A decoder of FFmpeg's; None without PyAV, or with one that lacks it."""
    try:
        import av

        return av.CodecContext.create(decoder, "r")
    except Exception:  # noqa: BLE001  # ImportError, or whatever PyAV's build raises
        return None


class CompressedReader:
    """Frames of a stream that FFmpeg's decoder takes apart, as soon as they are complete."""

    failure = None
    complete = True  # no frame says that it is the last
    whole = False

    def __init__(self, codec: Any, found: str, stats: StreamStats, advice: str) -> None:
        self.announced: tuple[int, int] | None = None
        self._codec = codec
        self._found = found
        self._advice = advice
        self._stats = stats
        self._seconds = 0.0  # given
        self._fed = 0
        self._start = b""  # until it is known how long the tag is
        self._tag: int | None = None  # bytes of it that are still to come

    def feed(self, data: bytes) -> list[PcmFrame]:
        """The frames that ``data`` completes. Raises `WrongContainerError` if the first 64 KB hold none."""
        data = self._without_tag(data)
        frames = self._decode(data) if data else []  # no bytes would mean the end
        if self.announced is None and self._fed > _PATIENCE:
            raise _refusal(f"damaged {self._found}", self._advice)
        return frames

    def finish(self) -> list[PcmFrame]:
        """What the decoder held back. Raises `WrongContainerError` if it never gave anything."""
        frames = self._decode(b"") + self._frames(None) if self._fed else []
        if self.announced is None:
            raise _refusal(f"damaged {self._found}", self._advice)
        return frames

    def _without_tag(self, data: bytes) -> bytes:
        """Leave out an ID3v2 tag (its section 3.1), whose pictures may be as large as they like."""
        if self._tag is None:
            self._start += data
            if len(self._start) < _TAG_HEADER:
                return b""
            data, self._tag = self._start, 0
            if data.startswith(b"ID3"):
                self._tag = _TAG_HEADER + sum((data[6 + i] & 127) << 7 * (3 - i) for i in range(4))
        skipped = min(self._tag, len(data))
        self._tag -= skipped
        return data[skipped:]

    def _decode(self, data: bytes) -> list[PcmFrame]:
        self._fed += len(data)
        try:
            packets = self._codec.parse(data)
        except Exception:  # noqa: BLE001  # as in _frames
            self._stats.bad_packets += 1
            return []
        return [frame for packet in packets for frame in self._frames(packet)]

    def _frames(self, packet: Any) -> list[PcmFrame]:
        try:
            return [self._frame(frame) for frame in self._codec.decode(packet)]
        except Exception:  # noqa: BLE001  # PyAV raises errors of FFmpeg's, ValueError and others for damage
            self._stats.bad_packets += 1
            return []

    def _frame(self, frame: Any) -> PcmFrame:
        pcm = limited(frame.to_ndarray().T)  # these decoders give planes of floats, of any size where there is damage
        if self.announced is None:
            self.announced = (pcm.shape[1], frame.sample_rate)
            self._stats.links += 1
        made = PcmFrame(pcm, round(self._seconds * RATE), frame.sample_rate)
        self._seconds += len(pcm) / frame.sample_rate
        return made
