"""Decodes the received items of successive pieces of text to one continuous signal in a ring's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...audio.arrays import first_above, is_numpy_loaded, is_view
from ...audio.convert import Converter
from ...audio.frame import RATE, PcmFrame
from ...codec.frame_decoder import FrameDecoder
from ...playout.seams import Joiner, faded_tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ...body.body_reader import BodyItem
    from ...codec.frame_decoder import DecoderState
    from ...options import PlaybackOptions
    from ..segment import Segment

AUDIBLE = 10 ** (-50 / 20)  # -50 dBFS
STEP_SECONDS = 0.02  # of sound whose loudness is measured together: a packet of most services


class Sound(NamedTuple):
    """Samples in the ring's format; ``concealed``: synthesised in place of lost ones."""

    pcm: NDArray[np.float32]
    concealed: bool


class Saved(NamedTuple):
    """The state of the decoder at a place in a segment."""

    decoder: DecoderState
    samples: int
    lost: int
    first_audible: int | None
    frames: int
    gaps: int


class SpeechDecoder:
    """Decodes segments, one after the other, to float32 of ``channels`` at ``rate``.

    Each has its own pre-skip, trims and gain; the next one follows at the very next sample, unless the options ask for
    a pause. ``samples`` (48 kHz) were decoded so far, ``lost`` of them concealed; ``first_audible`` is the first one
    above -50 dBFS.
    """

    def __init__(self, channels: int, rate: int, options: PlaybackOptions) -> None:
        self.channels = channels
        self.rate = rate
        self.samples = 0
        self.lost = 0
        self.first_audible: int | None = None
        self._unnoted: list[PcmFrame] = []
        self._rest = 0  # fraction of a sample at 48 kHz, as a numerator over the frames' rate
        self._options = options
        self._converter = Converter(channels, rate, via=options.channels)
        self._joiner = None if options.pause is None else Joiner(rate, options.pause)
        self._segment: Segment | None = None
        self._decoder: FrameDecoder | None = None

    @property
    def transparent(self) -> bool:
        """Whether all input is output at once, so that it can be withdrawn."""
        return self.rate == RATE and self._joiner is None

    def begin(self, segment: Segment) -> None:
        """Continue with ``segment``; if its head is known, prepare for its first packet now."""
        if segment is not self._segment:
            self._segment = segment
            self._decoder = FrameDecoder(
                gain=self._options.gain,
                stats=segment.intake.stats,
                soft_clip=True,
                views=self._joiner is None and self._options.volume == 1,
            )
            if segment.intake.head is not None:
                self._decoder.expect(segment.intake.head)

    def decode(self, item: BodyItem) -> list[Sound]:
        """Decode ``item``. Call `note` once the sound is in the ring."""
        assert self._decoder is not None
        return self._convert(self._decoder.decode(item))

    def note(self) -> None:
        """Count the decoded samples and measure their loudness: done late, so that the first packet does not wait."""
        frames, self._unnoted = self._unnoted, []
        for frame in frames:
            self._note(frame)

    def end_piece(self) -> list[Sound]:
        """Decode the rest of the segment. Call `note` afterwards, as for `decode`."""
        assert self._decoder is not None
        sounds = self._convert(self._decoder.finish())
        sounds += self._join(self._converter.finish())
        if self._joiner is not None:
            sounds += [Sound(pcm, concealed=False) for pcm in self._joiner.end_piece()]
        return sounds

    def finish(self) -> list[Sound]:
        """The remaining sound when no segment follows."""
        return [] if self._joiner is None else [Sound(pcm, concealed=False) for pcm in self._joiner.finish()]

    def tail(self, seconds: float) -> NDArray[np.float32] | None:
        """Concealment in case that the next packet is late, faded out; None if it cannot be made (yet)."""
        frame = None if self._decoder is None or not is_numpy_loaded() else self._decoder.tail(round(seconds * RATE))
        if frame is None:
            return None
        import numpy as np

        converter = Converter(self.channels, self.rate, via=self._options.channels)
        parts = converter.convert(frame) + converter.finish()
        return faded_tail(np.concatenate(parts), self.rate) if parts else None

    def save(self) -> Saved:
        """The state for `restore` to return to this place in the segment."""
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
        """Return to a saved place in this segment."""
        assert self._decoder is not None
        assert self._segment is not None
        self._decoder.restore(saved.decoder)
        self.samples, self.lost, self.first_audible = saved.samples, saved.lost, saved.first_audible
        del self._segment.loudness[saved.frames :]
        del self._segment.answers[-1].gaps[saved.gaps :]

    def foresee(self, segment: Segment) -> list[tuple[int, int]]:
        """`Segment.loudness` as it will be once all received items are decoded."""
        return foreseen(segment, self._decoder if segment is self._segment else None, self._options.gain)

    def forget(self, segment: Segment, samples: int) -> None:
        """Note that the last ``samples`` (48 kHz) decoded of this segment were withdrawn."""
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
        """Count the samples of the frame, and measure its loudness."""
        assert self._segment is not None
        self._note_gap(frame)
        for pcm in _steps(frame):
            loud = _first_audible(pcm)
            samples, self._rest = divmod(len(pcm) * RATE + self._rest, frame.rate)
            if loud is not None and self.first_audible is None:
                self.first_audible = self.samples + loud * RATE // frame.rate
            self.samples += samples
            if frame.concealed:
                self.lost += samples
            self._segment.note_loudness(samples, 0 if loud is None else samples)

    def _note_gap(self, frame: PcmFrame) -> None:
        """Note where the frames continue after samples that the stream counts but the sound lacks."""
        assert self._decoder is not None
        assert self._segment is not None
        gaps, left_out = self._segment.answers[-1].gaps, self._decoder.left_out
        if left_out != (gaps[-1][1] if gaps else 0) and not frame.concealed:
            gaps.append((frame.position + left_out, left_out))

    def origin(self, start: int) -> int:
        """The position in the speech of the first sample, even if cut, of the piece whose sound begins at ``start``."""
        return start if self._joiner is None else self._joiner.origin


def foreseen(segment: Segment, decoder: FrameDecoder | None, gain: str) -> list[tuple[int, int]]:
    """The loudness of ``segment`` once it is decoded; ``decoder``: the one that has decoded a part of it, if any."""
    decoder = decoder or FrameDecoder(gain=gain)
    state = decoder.save()
    loudness = list(segment.loudness)
    total, audible = loudness[-1] if loudness else (0, 0)
    for item in segment.queue:
        for frame in decoder.decode(item):
            for pcm in _steps(frame):
                samples = round(len(pcm) * RATE / frame.rate)
                total, audible = total + samples, audible + samples * (_first_audible(pcm) is not None)
                loudness.append((total, audible))
    decoder.restore(state)
    return loudness


def _steps(frame: PcmFrame) -> Iterator[NDArray[np.float32]]:
    """The samples of a frame, cut into steps of `STEP_SECONDS`: services send samples in frames of any length."""
    step = max(1, round(STEP_SECONDS * frame.rate))
    return (frame.pcm[at : at + step] for at in range(0, len(frame.pcm), step))


def _first_audible(pcm: NDArray[np.float32]) -> int | None:
    """The first sample that can be heard."""
    if is_view(pcm):
        return first_above(pcm, AUDIBLE)
    loud = (abs(pcm) > AUDIBLE).any(axis=1)
    return int(loud.argmax()) if loud.any() else None
