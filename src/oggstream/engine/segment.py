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
    from .word_estimate import WordEstimate
    from .words import PlacedWord


class PieceAnswer:
    """One answer for a piece, with the sample (48 kHz) and the character of the piece at which it begins.

    ``gaps`` are pairs: from this sample of the body on, so many samples in all are missing from its sound: packets that
    libopus refused, and the part of a hole that was too long to be concealed.
    """

    __slots__ = ("first_character", "first_sample", "gaps", "intake")

    def __init__(self, intake: Intake, first_sample: int, first_character: int) -> None:
        self.intake = intake
        self.first_sample = first_sample
        self.first_character = first_character
        self.gaps: list[tuple[int, int]] = []


class ReportedWords:
    """How many words of a piece have had their `WordStarted`."""

    __slots__ = ("_told_by", "_until", "count")

    def __init__(self) -> None:
        self.count = 0
        self._told_by: str | None = None
        self._until = 0  # the characters of the original text that they reach to

    def add(self, word: PlacedWord) -> None:
        """The next word was reported."""
        self.count += 1
        self._until = max(self._until, word.end)

    def follow(self, words: list[PlacedWord], told_by: str | None) -> None:
        """Count anew if the words are others than before: those of a service that tells them after they were heard."""
        if told_by != self._told_by:
            self._told_by = told_by
            self.count = sum(word.end <= self._until for word in words)


class Segment:
    """A piece of text, its received audio, and its place in the speech.

    ``start`` and ``stop`` are positions in the speech (samples at the ring's rate), None while unknown. ``format`` is
    the requested format. ``piece`` holds the range of characters of the original text that the segment covers.
    ``received`` counts samples at 48 kHz.
    """

    def __init__(
        self, index: int, piece: Piece, open_intake: Callable[[Segment], Intake], wanted: str = "auto"
    ) -> None:
        self.index = index
        self.piece = piece
        self.format = wanted
        self.answers = [PieceAnswer(open_intake(self), 0, 0)]
        self.queue = PacketQueue()
        self.received = 0
        self.channels = 0  # of its first audio
        self.kept_characters = 0  # characters received before the connection was lost
        self.first_packet: float | None = None  # seconds since the session's zero
        self.spoken: str | None = None  # the text that the service reports to have spoken, if it differs
        self.early_packets = 0  # packets received before their page was complete
        self._page_open = False
        self.ended = False  # nothing more will be received
        self.broken = False  # though more was expected
        self.failed: str | None = None  # why it was skipped
        self.start: int | None = None
        self.stop: int | None = None
        self.loudness: list[tuple[int, int]] = []  # per frame, running totals: samples decoded, audible ones
        self.start_reported = False  # its `SegmentStarted`
        self.reported = ReportedWords()
        self.words_told = False  # the source is to tell its words
        self.estimate: WordEstimate | None = None  # of its words, where nobody tells them
        self.estimated_as: str | None = None  # the `spoken` that it was made for
        self.origin: int | None = None  # position in the speech of the piece's first sample, even if that was cut

    @property
    def intake(self) -> Intake:
        """The receiver of the latest body."""
        return self.answers[-1].intake

    @property
    def text(self) -> str:
        """The text to be spoken."""
        return self.piece.text

    @property
    def written(self) -> str:
        """The text as it was before words of it were replaced."""
        return self.piece.text if self.piece.written is None else self.piece.written

    @property
    def rest(self) -> str:
        """The part of the text that is still to be requested."""
        return self.piece.text[self.kept_characters :]

    def renew(self, open_intake: Callable[[Segment], Intake], kept_characters: int = 0) -> None:
        """Prepare another request, for the text after its first ``kept_characters``; none of that is received."""
        self.kept_characters = kept_characters
        if not kept_characters:
            self.queue = PacketQueue()
            self.answers.clear()
        self.answers.append(PieceAnswer(open_intake(self), self.received if kept_characters else 0, kept_characters))

    def answered_by(self, intake: Intake) -> None:
        """Take ``intake`` for the receiver of the latest body."""
        self.answers[-1].intake = intake

    def push(self, items: list[BodyItem]) -> int:
        """Queue received items; return their length in samples (48 kHz)."""
        if not self.channels:
            self.channels = next(filter(None, map(_channels, items)), 0)
        samples = self.queue.extend(items)
        self.received += samples
        if self._page_open or PageBegun in map(type, items):
            self._count_early(items)
        return samples

    def note_loudness(self, samples: int, audible: int) -> None:
        """Note that ``audible`` of the next ``samples`` (48 kHz) are above the audible level."""
        before = self.loudness[-1] if self.loudness else (0, 0)
        self.loudness.append((before[0] + samples, before[1] + audible))

    def _count_early(self, items: list[BodyItem]) -> None:
        """Count the packets of a page that is still incomplete after these items."""
        settled = [at for at, item in enumerate(items) if isinstance(item, PageSettled | PageWithdrawn)]
        behind = items[settled[-1] + 1 :] if settled else items
        self._page_open = PageBegun in map(type, behind) or (self._page_open and not settled)
        if self._page_open:
            self.early_packets += sum(type(item) is AudioPacket for item in behind)


def _channels(item: BodyItem) -> int:
    """The channels of an item, 0 if it has none: a head comes before the first audio of its link."""
    if isinstance(item, OpusHead):
        return item.channels
    return item.pcm.shape[1] if isinstance(item, PcmFrame) else 0
