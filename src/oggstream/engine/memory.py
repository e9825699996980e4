"""The habits of a service, kept between speeches: read before the first request, written after the last."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..playout.habits import Habits
from ..sources.traits import traits_of
from .requests.opening_format import REFUSED

if TYPE_CHECKING:
    from ..history import History
    from ..options import SpeechOptions
    from ..sources.source import Source
    from ..sources.traits import SourceTraits
    from .requests.requester import Requester

CONTAINER_FORMATS = {"ogg": "opus", "pcm": "pcm", "wav": "wav"}
"""The name of each container as a request format."""


def key_of(traits: SourceTraits, speech: SpeechOptions) -> str | None:
    """The key in the history of a source with ``traits``; None for one that is not kept there."""
    identity = traits.identity_for(speech)
    return None if identity is None else f"{identity}|{speech.speed or 1.0:g}"


class Memory:
    """The `Habits` in ``history`` of the service behind ``source``; empty if either is missing."""

    def __init__(self, history: History | None, source: Source, speech: SpeechOptions) -> None:
        self._history = history
        self._source = source
        self._speech = speech

    @functools.cached_property
    def habits(self) -> Habits | None:
        """What was known before this speech. The first access reads a file: half a millisecond."""
        self._read_as = self._key
        return None if self._read_as is None or self._history is None else self._history.get(self._read_as)

    @property
    def _key(self) -> str | None:
        return None if self._history is None else key_of(traits_of(self._source), self._speech)

    def keep(self, requester: Requester, learnt: Habits | None = None, wait: float | None = None) -> None:
        """Store what a speech taught. ``learnt``: from its arrivals; ``wait``: seconds to its first sound.

        A speech that is incomplete, or that another service has taken over, stores nothing but its second requests:
        their budget holds over time.
        """
        before = self.habits or Habits()
        key = self._read_as
        if key is None or self._history is None:
            return
        hedging = requester.receiver.hedging
        habits = before
        if requester.complete and requester.segments and key == self._key:
            habits = _with_requests(learnt or before, requester)
            if learnt is not None:
                habits = _with_opening(habits, requester, wait)
        elif not hedging.sent:
            return
        habits = habits._replace(lateness=hedging.lateness)
        if habits != before:
            self._history.put(key, habits.joined(before, self._history.get(key)))


def _with_requests(habits: Habits, requester: Requester) -> Habits:
    """``habits`` with the formats delivered and refused, and with the number of requests that the service took."""
    proven = requester.receiver.formats.proven
    for name in requester.receiver.formats.refused if proven else ():  # else it was not the format
        habits = habits.with_refused(name)
    for name in proven:
        habits = habits.with_given(name)
    if requester.receiver.endless is not None:
        habits = habits._replace(endless=habits.endless + 1 if requester.receiver.endless else 0)
    if requester.receiver.at_a_time is not None:
        habits = habits._replace(requests=requester.receiver.at_a_time)
    return habits


def _with_opening(habits: Habits, requester: Requester, wait: float | None) -> Habits:
    """``habits`` with the time to the first sound in the format of the opening piece, and the rate of the link."""
    opening = requester.segments[0]
    if opening.intake.link.rate:
        habits = habits.with_link(opening.intake.link.rate)
    if requester.receiver.formats.rejected is not None:
        habits = habits.with_first_packet(requester.receiver.formats.rejected, REFUSED)
    if wait is not None and opening.intake.container in CONTAINER_FORMATS:
        habits = habits.with_first_packet(CONTAINER_FORMATS[opening.intake.container], wait)
    return habits
