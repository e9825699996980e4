"""From what was received for one piece of text after the other to one unbroken signal in a ring's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...audio.convert import Converter
from ...audio.frame import RATE, PcmFrame
from ...codec.frame_decoder import FrameDecoder
from ...playout.seams import Joiner, faded_tail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...body.body_reader import BodyItem
    from ...codec.frame_decoder import DecoderState
    from ...options import PlaybackOptions
    from ..segment import Segment

AUDIBLE = 10 ** (-50 / 20)  # -50 dBFS


class Sound(NamedTuple):
    """Samples in the ring's format; ``concealed``: made up in place of what is lost."""

    pcm: NDArray[np.float32]
    concealed: bool


class Saved(NamedTuple):
    """A place in a segment to come back to."""

    decoder: DecoderState
    samples: int
    lost: int
    first_audible: int | None
    frames: int
    gaps: int


class SpeechDecoder:
    """Decodes segments, one after the other, to float32 of ``channels`` at ``rate``.

    Each has its own pre-skip, trims and gain; where one ends the next goes on with the following sample, unless the
    options ask for a pause. ``samples`` (48 kHz) were decoded so far, ``lost`` of them made up; ``first_audible`` is
    the first one above -50 dBFS.
    """

    def __init__(self, channels: int, rate: int, options: PlaybackOptions) -> None:
        self.channels = channels
        self.rate = rate
        self.samples = 0
        self.lost = 0
        self.first_audible: int | None = None
        self._unnoted: list[PcmFrame] = []
        self._rest = 0  # of a sample at 48 kHz, in parts of the frames' rate
        self._options = options
        self._converter = Converter(channels, rate, via=options.channels)
        self._joiner = None if options.pause is None else Joiner(rate, options.pause)
        self._segment: Segment | None = None
        self._decoder: FrameDecoder | None = None

    @property
    def transparent(self) -> bool:
        """What goes in comes out at once: nothing is held back that could not be taken back."""
        return self.rate == RATE and self._joiner is None

    def begin(self, segment: Segment) -> None:
        """Go on with ``segment``; what its first packet needs is made now if its head is known."""
        if segment is not self._segment:
            self._segment = segment
            self._decoder = FrameDecoder(gain=self._options.gain, stats=segment.intake.stats, soft_clip=True)
            if segment.intake.head is not None:
                self._decoder.expect(segment.intake.head)

    def decode(self, item: BodyItem) -> list[Sound]:
        """What ``item`` sounds like. `note` is to be called once that is in the ring."""
        assert self._decoder is not None
        return self._convert(self._decoder.decode(item))

    def note(self) -> None:
        """Count what was decoded, and how loud it is: the first packet does not wait for this."""
        frames, self._unnoted = self._unnoted, []
        for frame in frames:
            self._note(frame)

    def end_piece(self) -> list[Sound]:
        """The rest of the segment. As with `decode`, `note` is to follow."""
        assert self._decoder is not None
        sounds = self._convert(self._decoder.finish())
        sounds += self._join(self._converter.finish())
        if self._joiner is not None:
            sounds += [Sound(pcm, concealed=False) for pcm in self._joiner.end_piece()]
        return sounds

    def finish(self) -> list[Sound]:
        """What is left when no segment follows."""
        return [] if self._joiner is None else [Sound(pcm, concealed=False) for pcm in self._joiner.finish()]

    def tail(self, seconds: float) -> NDArray[np.float32] | None:
        """How the sound would go on if the next packet did not come, faded out; None if that cannot be told."""
        frame = None if self._decoder is None else self._decoder.tail(round(seconds * RATE))
        if frame is None:
            return None
        import numpy as np

        converter = Converter(self.channels, self.rate, via=self._options.channels)
        parts = converter.convert(frame) + converter.finish()
        return faded_tail(np.concatenate(parts), self.rate) if parts else None

    def save(self) -> Saved:
        """Everything that `restore` needs to come back to this place in the segment."""
        assert self._decoder is not None
        assert self._segment is not None
        return Saved(
            self._decoder.save(),
            self.samples,
            self.lost,
            self.first_audible,
            len(self._segment.loudness),
            len(self._segment.answers[-1].gaps),
        )

    def restore(self, saved: Saved) -> None:
        """Come back to a place in this segment."""
        assert self._decoder is not None
        assert self._segment is not None
        self._decoder.restore(saved.decoder)
        self.samples, self.lost, self.first_audible = saved.samples, saved.lost, saved.first_audible
        del self._segment.loudness[saved.frames :]
        del self._segment.answers[-1].gaps[saved.gaps :]

    def foresee(self, segment: Segment) -> list[tuple[int, int]]:
        """`Segment.loudness`, as it will be once all that was received for it is decoded."""
        return foreseen(segment, self._decoder if segment is self._segment else None, self._options.gain)

    def forget(self, segment: Segment, samples: int) -> None:
        """The last ``samples`` (48 kHz) that were decoded of this segment were taken back."""
        self.samples -= samples
        kept = (segment.loudness[-1][0] if segment.loudness else 0) - samples
        while segment.loudness and segment.loudness[-1][0] > kept:
            segment.loudness.pop()

    def _convert(self, frames: list[PcmFrame]) -> list[Sound]:
        sounds = []
        for frame in frames:
            sounds += self._join(self._converter.convert(frame), concealed=frame.concealed)
        self._unnoted += frames
        return sounds

    def _join(self, parts: list[NDArray[np.float32]], *, concealed: bool = False) -> list[Sound]:
        if self._joiner is not None:
            parts = [out for part in parts for out in self._joiner.feed(part)]
        return [Sound(part, concealed) for part in parts]

    def _note(self, frame: PcmFrame) -> None:
        """Count the frame, and note how loud it is."""
        assert self._segment is not None
        self._note_gap(frame)
        samples, loud = _loudness(frame)
        samples, self._rest = divmod(len(frame.pcm) * RATE + self._rest, frame.rate)
        if loud is not None and self.first_audible is None:
            self.first_audible = self.samples + loud
        self.samples += samples
        if frame.concealed:
            self.lost += samples
        self._segment.note_loudness(samples, 0 if loud is None else samples)

    def _note_gap(self, frame: PcmFrame) -> None:
        """Note where the frames go on after something that the stream counts and the sound does not have."""
        assert self._decoder is not None
        assert self._segment is not None
        gaps, left_out = self._segment.answers[-1].gaps, self._decoder.left_out
        if left_out != (gaps[-1][1] if gaps else 0) and not frame.concealed:
            gaps.append((frame.position + left_out, left_out))

    def origin(self, start: int) -> int:
        """Where in the speech the first sample of the piece lies, or would lie, whose sound begins at ``start``."""
        return start if self._joiner is None else self._joiner.origin


def foreseen(segment: Segment, decoder: FrameDecoder | None, gain: str) -> list[tuple[int, int]]:
    """What the loudness of ``segment`` will be; ``decoder``: that which has decoded a part of it, if any has."""
    decoder = decoder or FrameDecoder(gain=gain)
    state = decoder.save()
    loudness = list(segment.loudness)
    total, audible = loudness[-1] if loudness else (0, 0)
    for item in segment.queue:
        for frame in decoder.decode(item):
            samples, loud = _loudness(frame)
            total, audible = total + samples, audible + samples * (loud is not None)
            loudness.append((total, audible))
    decoder.restore(state)
    return loudness


def _loudness(frame: PcmFrame) -> tuple[int, int | None]:
    """Samples at 48 kHz of a frame, and which is the first one that can be heard."""
    loud = (abs(frame.pcm) > AUDIBLE).any(axis=1)
    ratio = RATE / frame.rate
    return round(len(frame.pcm) * ratio), round(int(loud.argmax()) * ratio) if loud.any() else None
