"""Bare samples: no header says what they are, only the service does, and their content must not contradict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EmptyBodyError, NoAudioError
from ..sniff import quote
from .evidence import LONGEST_WINDOW, WINDOW, is_doubled, plain_form, silence
from .samples import FLOAT32, PCM16, PCM16_BIG, Framer, SampleFormat

if TYPE_CHECKING:
    from ..audio.frame import PcmFrame
    from ..opus.items import StreamStats
    from .stated import Stated

USUAL_RATE = 24000
"""Hz, of speech services that do not say another."""
_NAMES = {PCM16: "16-bit integers", PCM16_BIG: "big-endian 16-bit integers", FLOAT32: "32-bit floats"}
_OPTION = {PCM16: "pcm", FLOAT32: "pcm:f32"}


class PcmReader:
    """Samples of the rate, channels and form that are stated; 24 kHz, mono, 16-bit integers where nobody says.

    Little endian, as every speech service sends them: also with the type audio/L16, for which RFC 2586 demands big
    endian. What the content plainly shows goes before all that (another byte order, floats, each sample twice), with a
    warning; it is looked at behind the first silence, which is passed on at once.
    """

    failure = None
    whole = False  # nothing tells

    def __init__(self, stats: StreamStats, stated: Stated) -> None:
        facts = stated.samples
        self._stats = stats
        self._form = facts.form or PCM16
        self._channels = facts.channels
        self._rate = facts.rate or USUAL_RATE
        self._disputed = stated.media.linear16
        self._framer = Framer(self._form, self._channels or 1, self._rate)
        self._begun = False
        judged = not stated.certain and self._form in _NAMES
        self._waiting: bytes | None = b"" if judged else None  # until it is known what they are
        self._warn(stated)

    def _warn(self, stated: Stated) -> None:
        if not (stated.certain or stated.may_be_samples):
            self._stats.warn(f"the body's type is {quote(stated.media.name)}, but it is bare samples by its content")
        for contradiction in stated.samples.contradictions:
            self._stats.warn(contradiction)
        if stated.samples.rate is None:
            nonsense = "the media type has a sample rate that makes no sense" if stated.media.has_rate else ""
            self._stats.warn(
                f"{nonsense or 'nobody says the sample rate'}: taken as {USUAL_RATE} Hz; "
                "a format of pcm:RATE makes that certain (--format)"
            )

    @property
    def announced(self) -> tuple[int, int] | None:
        """Channels and rate; None until it is certain how many channels there are."""
        if self._waiting is not None and self._channels is None and not self._begun:
            return None
        return self._framer.channels, self._framer.rate

    @property
    def complete(self) -> bool:
        """Whether it ends with a whole sample."""
        return not self._framer.loose

    def feed(self, data: bytes) -> list[PcmFrame]:
        """The frames that ``data`` completes."""
        if self._waiting is None:
            return self._frames(data)
        return self._judge(self._waiting + data, ended=False)

    def finish(self) -> list[PcmFrame]:
        """What waited. Raises `EmptyBodyError` or `NoAudioError` if there was not one sample."""
        frames = [] if self._waiting is None else self._judge(self._waiting, ended=True)
        loose = self._framer.loose
        if not self._begun:
            if not loose:
                raise EmptyBodyError("the body is empty: PCM expected; try again", offset=0)
            raise NoAudioError(f"no audio: a body of {loose} bytes is less than a sample; try again", offset=0)
        if loose:
            self._stats.warn(f"the body ends in the middle of a sample: its last {loose} bytes are left out")
        return frames

    def _frames(self, data: bytes) -> list[PcmFrame]:
        frames = self._framer.feed(data)
        if frames and not self._begun:
            self._begun = True
            self._stats.links += 1
        return frames

    def _judge(self, data: bytes, *, ended: bool) -> list[PcmFrame]:
        """Pass silence on, until there is enough to tell by."""
        quiet = silence(data)
        window = data[quiet : quiet + LONGEST_WINDOW]
        enough = ended or len(window) >= WINDOW
        form = (plain_form(window[:WINDOW], disputed=self._disputed) if enough else None) or self._form
        doubled = self._channels is None and is_doubled(window[: len(window) & -8], form.width)
        if not enough or (doubled is None and len(window) < LONGEST_WINDOW and not ended):
            self._waiting = data[quiet:]
            return self._frames(data[:quiet])
        self._waiting = None
        self._become(form, 2 if doubled else self._framer.channels)
        return self._frames(data)

    def _become(self, form: SampleFormat, channels: int) -> None:
        """Go on with what the content shows."""
        before = self._framer
        if form != self._form and not (self._disputed and form == PCM16_BIG):
            self._guess(f"the samples are {_NAMES[form]} by their content", form, channels)
        if channels != before.channels:
            self._guess("each sample comes twice: taken as two channels", form, channels)
        if (form, channels) != (self._form, before.channels):
            self._framer = Framer(form, channels, self._rate, before.position)

    def _guess(self, what: str, form: SampleFormat, channels: int) -> None:
        number = f":{channels}" if channels > 1 else ""
        advice = f"; a format of {_OPTION[form]}:{self._rate}{number} says so (--format)" if form in _OPTION else ""
        self._stats.warn(what + advice)
