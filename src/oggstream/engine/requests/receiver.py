"""Receives the pieces of a speech, each with as many requests as `remedy_for` decides."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...errors import OggStreamError
from ...events import Event, FirstPacket, Recorder, Retrying, Transcribed, Warned, overhearing
from ...sources.source import SubstitutingSource
from ...sources.traits import formats_for, traits_of
from ..logs import log_remedy
from .format_choice import FormatChoice
from .hedging import Hedging
from .in_flight import in_flight_of
from .intake import Intake
from .mending import behind_a_word, continuation
from .remedy import ATTEMPTS, Case, Remedy, concerns_format, remedy_for

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions, SpeechOptions
    from ...opus.items import StreamStats
    from ...sources.asking import Asking
    from ...sources.context import SpeechContext
    from ...sources.source import Source
    from ..output.outlet import Outlet
    from ..output.outlets import Outlets
    from ..segment import Segment
    from .delivery import Delivery
    from .hedging import Claim
    from .script import Script

TURN_SECONDS = 0.25  # first wait for a service busy with another request of ours; doubled each time
SHOWN_TEXT = 40  # characters of a piece in a warning
CUT_SHARE = 0.5  # of a text's expected length: a shorter body without an end mark is taken to be cut off
ENDLESS = 3  # speeches without an end mark, after which a service is taken never to send one
CUT = "the body ended without its last page, far short of its text"
UNMARKED = "the body ended without a mark of its end (its last page, its length): something may be missing"


class Receiver:
    """Receives pieces into ``outlet``. ``segments`` are all pieces so far, ``changed`` is set when one progresses.

    It learns about the service: ``formats``, ``at_a_time`` (how many requests it takes, if few), ``endless`` (its
    bodies have no end mark; None: unknown). ``hedging`` sends second requests. ``refusals`` are the errors of skipped
    pieces, ``failed_attempts`` the counters of abandoned bodies.
    """

    def __init__(
        self,
        script: Script,
        *,
        source: Source,
        context: SpeechContext,
        speech: SpeechOptions,
        options: PlaybackOptions,
        outlet: Outlet | Outlets | Delivery,
        recorder: Recorder,
        segments: list[Segment],
        changed: asyncio.Event,
    ) -> None:
        self.begun: Callable[[], None] = nothing  # called with every received chunk
        self.failed_attempts: list[StreamStats] = []
        self.refusals: list[OggStreamError] = []
        self.endless: bool | None = None
        self.at_a_time: int | None = None
        self._script = script
        self._source = source
        self._context = context
        self._speech = speech
        self._options = options
        self._outlet = outlet
        self._recorder = recorder
        self._segments = segments
        self._changed = changed
        self._flight = in_flight_of(source)
        self.hedging = Hedging(options, source, speech, recorder, lambda: outlet.habits)

    @functools.cached_property
    def formats(self) -> FormatChoice:
        """The choice of formats for the pieces."""
        known = formats_for(self._source, self._speech)
        return FormatChoice(self._speech.format, traits_of(self._source), known, self._outlet.habits)

    def intake(self, segment: Segment) -> Intake:
        """The receiver of the next body of ``segment``."""
        options = self._options
        if self.formats.is_trial(segment.format) and (patience := self.formats.patience()) is not None:
            options = replace(options, first_byte_timeout=min(patience, options.first_byte_timeout))
        traits = traits_of(self._source)
        wanted = None if traits.samples_known else self._speech.format  # bare samples: who vouches for them
        early = functools.partial(self._outlet.wants_early, segment)
        return Intake(options, early, to_its_end=traits.whole, wanted=wanted, name=traits.name)

    async def receive(self, segment: Segment) -> OggStreamError | None:
        """Receive a piece, with as many requests as needed; return the error that ends the speech, or None."""
        attempts = waits = 0
        while True:
            attempts += 1
            error = await self._fetch(segment)
            if error is None:
                if self._is_cut(segment) and attempts < ATTEMPTS and self._take_up(segment):
                    self._recorder.record(Retrying, delay=0.0, reason=CUT)
                    continue
                self._note_end(segment)
                break
            ours = self._flight.others()
            if concerns_format(error):
                await self._hear_of_format(segment)
            remedy = remedy_for(error, self._case(segment, error, attempts, waits)._replace(ours=ours))
            log_remedy(segment, remedy.name, error)
            match remedy:
                case Remedy.LATER:
                    attempts, waits = attempts - 1, waits + 1
                    await self._wait_for_turn(segment, error, waits)
                case Remedy.OTHER_FORMAT:
                    self._change_format(segment, error)
                    attempts = 0
                case Remedy.AGAIN if self._take_up(segment):
                    self._recorder.record(Retrying, delay=0.0, reason=str(error))
                case Remedy.SKIP:
                    self._pass_over(segment, error, narrowed=waits > 0)
                    break
                case _:
                    self._advise(error)
                    return error
        return None

    def _is_cut(self, segment: Segment) -> bool:
        """Whether a body without an end mark is far shorter than its text."""
        if segment.intake.stats.complete or self._habits_endless >= ENDLESS or traits_of(self._source).whole:
            return False
        expected = len(segment.text) / self._outlet.characters_per_second
        return segment.received / RATE < CUT_SHARE * expected

    def _note_end(self, segment: Segment) -> None:
        """Note whether the body had an end mark; warn once if it had none, unless the service never sends one."""
        if segment.intake.stats.complete:
            self.endless = False
        elif self.endless is None:
            self.endless = True
            if self._habits_endless < ENDLESS:
                self._recorder.record(Warned, message=UNMARKED)

    @property
    def _habits_endless(self) -> int:
        """Speeches in a row whose bodies had no end mark."""
        habits = self._outlet.habits
        return habits.endless if habits is not None else 0

    async def _hear_of_format(self, segment: Segment) -> None:
        """Wait until an earlier piece with the same format shows whether the service delivers that format."""
        while not self.formats.is_proven(segment.format) and any(
            before.format == segment.format and not before.ended for before in self._segments[: segment.index]
        ):
            self._changed.clear()
            await self._changed.wait()

    def _case(self, segment: Segment, error: OggStreamError, attempts: int, waits: int) -> Case:
        """The facts about a piece that failed with ``error``."""
        return Case(
            received=bool(segment.received),
            attempts=attempts,
            waits=waits,
            elsewhere=isinstance(self._source, SubstitutingSource) and self._source.another(error),
            trial=self.formats.is_trial(segment.format),
            other_format=self.formats.other(segment.format) is not None,
            proven=self.formats.is_proven(segment.format),
            skippable=self._is_skippable(segment),
        )

    def _is_skippable(self, segment: Segment) -> bool:
        """Whether the speech can go on without this piece: there are others, and the one before it was not refused."""
        if self._options.on_refused != "skip" or traits_of(self._source).whole:
            return False
        before = self._segments[segment.index - 1] if segment.index else None
        only = len(self._segments) == 1 and self._script.exhausted
        return not only and (before is None or before.failed is None)

    async def _wait_for_turn(self, segment: Segment, error: OggStreamError, waits: int) -> None:
        """The service takes fewer requests at a time than were under way: limit them to one, and retry."""
        if self.at_a_time is None and sum(not other.ended for other in self._segments) > 1:
            self.at_a_time = self.hedging.at_a_time = 1
        delay = TURN_SECONDS * 2 ** (waits - 1)
        self._recorder.record(Retrying, delay=0.0, reason=f"{error} (while another request of ours was under way)")
        self.failed_attempts.append(segment.intake.stats)
        segment.renew(self.intake)
        await self._flight.turn(delay)

    def _change_format(self, segment: Segment, error: OggStreamError) -> None:
        """The service does not deliver the format: request the piece in the next one."""
        self.failed_attempts.append(segment.intake.stats)
        if self.formats.is_trial(segment.format):
            self.formats.rejected = segment.format  # on trial only: no warning
            segment.format = self.formats.usual
        else:
            refused = segment.format
            following = self.formats.other(refused)
            assert following is not None
            if self.formats.refuse(refused):
                message = f"{error} (asking for {following} instead)"
                self._recorder.record(Warned, message=message)
            segment.format = following
        segment.renew(self.intake)

    def _pass_over(self, segment: Segment, error: OggStreamError, *, narrowed: bool) -> None:
        """Skip a piece that the service refuses to speak. ``narrowed``: it was given a turn of its own."""
        if narrowed:  # to no avail
            self.at_a_time = self.hedging.at_a_time = None
        segment.failed = str(error)
        self.refusals.append(error)
        shown = " ".join(segment.text.split())
        shown = shown if len(shown) <= SHOWN_TEXT else f"{shown[: SHOWN_TEXT - 3]}..."
        self._recorder.record(Warned, message=f"passed over {shown!r}: {error}")

    def _take_up(self, segment: Segment) -> bool:
        """Prepare a request for the rest of a piece whose connection was lost; False if it cannot be continued."""
        stats = segment.intake.stats
        if not segment.received:
            segment.renew(self.intake)
        elif not self._continue_at_a_pause(segment):
            return False
        self.failed_attempts.append(stats)
        return True

    def _continue_at_a_pause(self, segment: Segment) -> bool:
        """Drop the audio after the last word, or pause, that is not heard yet, and continue from there."""
        if segment.kept_characters or traits_of(self._source).whole:
            return False
        loudness, earliest = self._outlet.foresee(segment)
        received = loudness[-1][0] if loudness else 0
        place = behind_a_word(segment.text, segment.intake.annotations, earliest, received) or continuation(
            segment.text, loudness, earliest, self._outlet.characters_per_second
        )
        if place is None:
            return False
        self._outlet.keep(segment, place.samples)
        segment.renew(self.intake, place.chars)
        return True

    async def _fetch(self, segment: Segment) -> OggStreamError | None:
        """Receive a piece to its end; return the source's error, once the received audio has been heard.

        An error of the sink is raised at once: nothing more can be heard.
        """

        async def read(source: Source | None, asking: Asking, claim: Claim) -> OggStreamError | None:
            intake = self._second_intake(segment) if asking.fresh else segment.intake
            with self._flight.request():
                return await self._read(segment, intake, source or self._context, claim)

        return await self.hedging.receive(segment, read)

    def _second_intake(self, segment: Segment) -> Intake:
        """The receiver of a second answer, whose wait counts from the first request on."""
        intake = self.intake(segment)
        intake.asked_at = segment.intake.asked_at
        return intake

    async def _read(
        self, segment: Segment, intake: Intake, source: Source | SpeechContext, claim: Claim
    ) -> OggStreamError | None:
        """Receive one answer for a piece, from the time on that ``claim`` calls it the one to be heard."""
        speech = self._speech if segment.format == self._speech.format else replace(self._speech, format=segment.format)
        with overhearing(functools.partial(self._note_own, segment)):
            async with (
                aclosing(intake.batches(source, segment.rest, speech)) as batches,
                aclosing(self._claimed(batches, intake, claim)) as claimed,
            ):
                while True:
                    try:
                        items = await anext(claimed, None)
                    except OggStreamError as error:
                        return error
                    if items is None:
                        return None
                    self._take(segment, intake, items)
                    await self._outlet.room(segment)

    async def _claimed(
        self, batches: AsyncGenerator[list[BodyItem], None], intake: Intake, claim: Claim
    ) -> AsyncGenerator[list[BodyItem], None]:
        """The batches of an answer that is heard; those before its sound are held until that is decided."""
        held: list[BodyItem] = []
        mine = False
        async for items in batches:
            self.begun()
            held += items
            mine = mine or claim(intake.audio_began)
            if mine:
                yield held
                held = []
        if not mine and claim(True):  # an answer without a sound
            yield held

    def _take(self, segment: Segment, intake: Intake, items: list[BodyItem]) -> None:
        if intake is not segment.intake:
            segment.answered_by(intake)
        self._outlet.expect(segment)
        had = segment.received
        self._outlet.push(segment, items)
        if segment.received and not had:
            self.formats.prove(segment.format)
            self.hedging.sounded(segment, asyncio.get_running_loop().time() - (intake.asked_at or 0.0))
            self._changed.set()

    def _note_own(
        self, segment: Segment, kind: type[Event], *, spoken: str = "", ago: float = 0.0, **_fields: object
    ) -> None:
        """Note what an event says of the piece that it is of: others may have the same text, or come at once."""
        if ago and segment.intake.asked_at is not None:  # the request may have been out before it was asked for
            segment.intake.asked_at = min(segment.intake.asked_at, asyncio.get_running_loop().time() - ago)
        if kind is FirstPacket and segment.first_packet is None:
            segment.first_packet = self._recorder.elapsed()
        elif kind is Transcribed:
            segment.spoken = segment.text[: segment.kept_characters] + spoken

    def _advise(self, error: OggStreamError) -> None:
        """Add the formats that may work to the error, if the user chose one that the service does not deliver."""
        if self._speech.format == "auto" or not concerns_format(error) or "--format" in str(error):
            return
        chosen = self._speech.format.partition(":")[0]
        others = [name for name in formats_for(self._source, self._speech) if name != chosen]
        error.args = (f"{error}; formats that may do: {', '.join(('auto', *others))} (--format)",)


def nothing() -> None:
    """Do nothing: the default of `Receiver.begun`."""
