"""One piece of text on its way from the service to the ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..audio.frame import PcmFrame
from ..opus.head import OpusHead
from ..opus.items import AudioPacket, PageBegun, PageSettled, PageWithdrawn
from .packet_queue import PacketQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..body.body_reader import BodyItem
    from ..text.piece import Piece
    from .requests.intake import Intake


class Answer:
    """One answer for a piece: from which sample (48 kHz) and character of the piece on.

    ``gaps`` say from which sample of the body on how many are left out of its sound: packets that libopus refused, and
    what of a hole was too long to be concealed.
    """

    __slots__ = ("first_character", "first_sample", "gaps", "intake")

    def __init__(self, intake: Intake, first_sample: int, first_character: int) -> None:
        self.intake = intake
        self.first_sample = first_sample
        self.first_character = first_character
        self.gaps: list[tuple[int, int]] = []


class Segment:
    """A piece of text, what was received for it, and where in the speech it lies.

    ``start`` and ``stop`` are positions in the speech (samples at the ring's rate), None while they are not known.
    ``format`` is what it is asked for in. ``piece`` says which characters of the original text it stands for.
    ``received`` counts samples at 48 kHz.
    """

    def __init__(
        self, index: int, piece: Piece, open_intake: Callable[[Segment], Intake], wanted: str = "auto"
    ) -> None:
        self.index = index
        self.piece = piece
        self.format = wanted
        self.answers = [Answer(open_intake(self), 0, 0)]
        self.queue = PacketQueue()
        self.received = 0
        self.channels = 0  # of the first audio
        self.taken_up = 0  # characters that were received before the connection was lost
        self.first_packet: float | None = None  # seconds since the session's zero
        self.spoken: str | None = None  # what the service says that it spoke, if it is not the text
        self.early_packets = 0  # that came before their page was complete
        self._page_open = False
        self.ended = False  # nothing more will come
        self.broken = False  # though more was expected
        self.failed: str | None = None  # why it was passed over
        self.start: int | None = None
        self.stop: int | None = None
        self.loudness: list[tuple[int, int]] = []  # samples decoded, and how many of these can be heard, per frame
        self.told_start = False  # the event
        self.told_words = 0  # events
        self.origin: int | None = None  # of the speech: where the first sample of the piece lies, or would lie

    @property
    def intake(self) -> Intake:
        """What receives the latest body."""
        return self.answers[-1].intake

    @property
    def text(self) -> str:
        """What is to be spoken."""
        return self.piece.text

    @property
    def rest(self) -> str:
        """The part of the text that is to be asked for."""
        return self.piece.text[self.taken_up :]

    def renew(self, open_intake: Callable[[Segment], Intake], taken_up: int = 0) -> None:
        """Ask again, for what comes behind the first characters ``taken_up``: nothing was received of that."""
        self.taken_up = taken_up
        if not taken_up:
            self.queue = PacketQueue()
            self.answers.clear()
        self.answers.append(Answer(open_intake(self), self.received if taken_up else 0, taken_up))

    def push(self, items: list[BodyItem]) -> int:
        """Queue what was received; return how many samples (48 kHz) it sounds."""
        if not self.channels:
            self.channels = next(filter(None, map(_channels, items)), 0)
        samples = self.queue.extend(items)
        self.received += samples
        if self._page_open or PageBegun in map(type, items):
            self._count_early(items)
        return samples

    def note_loudness(self, samples: int, audible: int) -> None:
        """Of the next ``samples`` (48 kHz), ``audible`` can be heard."""
        before = self.loudness[-1] if self.loudness else (0, 0)
        self.loudness.append((before[0] + samples, before[1] + audible))

    def _count_early(self, items: list[BodyItem]) -> None:
        """Count the packets of a page that is still not complete behind these items."""
        settled = [at for at, item in enumerate(items) if isinstance(item, PageSettled | PageWithdrawn)]
        behind = items[settled[-1] + 1 :] if settled else items
        self._page_open = PageBegun in map(type, behind) or (self._page_open and not settled)
        if self._page_open:
            self.early_packets += sum(type(item) is AudioPacket for item in behind)


def _channels(item: BodyItem) -> int:
    """Those that an item tells of, 0 for none: a head comes before its link's first audio."""
    if isinstance(item, OpusHead):
        return item.channels
    return item.pcm.shape[1] if isinstance(item, PcmFrame) else 0
