"""Chooses the format of each request where the user leaves it open, and the next format after a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .opening_format import opening_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...playout.habits import Habits
    from ...sources.traits import SourceTraits

PREFERRED = ("opus", "wav", "pcm")
"""The order after the source's preferred format: Opus is small, WAV describes its samples."""
TRIAL_SECONDS = 0.3
"""How much later than the usual format a format on trial may sound."""


class FormatChoice:
    """The formats of one speech. ``wanted`` is what the user chose; only "auto" leaves a choice.

    ``refused`` are the formats that the service did not deliver in this speech, ``proven`` those that it delivered;
    ``rejected`` is a format that was tried for a sooner start, and not delivered.
    """

    def __init__(self, wanted: str, traits: SourceTraits, formats: Iterable[str], habits: Habits | None) -> None:
        known = tuple(formats)
        first = known[:1]
        self.refused: set[str] = set()
        self.proven: set[str] = set()
        self.rejected: str | None = None
        self._opening: str | None = None  # what was requested for a sooner start
        self._wanted = wanted
        self._habits = habits
        self._order = () if wanted != "auto" else (*first, *(name for name in PREFERRED if name in known[1:]))
        self._may_open_with_samples = traits.samples_known and {"opus", "pcm"} <= set(known)

    @property
    def usual(self) -> str:
        """The format for a piece; "auto" leaves the choice to the source."""
        for place, name in enumerate(self._order):
            if not self._is_refused(name):
                return "auto" if place == 0 else name
        return self._wanted

    def opening(self) -> str:
        """The format for the opening piece: samples if they have sounded sooner, or are worth a trial."""
        usual = self.usual
        if self._wanted != "auto" or not self._may_open_with_samples or usual != "auto":
            return usual
        self._opening = opening_format(self._habits)
        return self._opening

    def is_trial(self, name: str) -> bool:
        """Whether ``name`` is requested only for a sooner start."""
        return name == "pcm" == self._opening and name != self.rejected

    def other(self, name: str) -> str | None:
        """The format to request when ``name`` is refused; None if none is left."""
        given_up = {self._plain(name)}
        left = [other for other in self._order if other not in given_up | self.refused]
        return left[0] if left else None

    def refuse(self, name: str) -> bool:
        """Note that the service does not deliver ``name``; return whether that is new."""
        plain = self._plain(name)
        news = plain not in self.refused
        self.refused.add(plain)
        return news

    def prove(self, name: str) -> None:
        """Note that the service delivered ``name``."""
        self.proven.add(self._plain(name))
        self.refused.discard(self._plain(name))

    def is_proven(self, name: str) -> bool:
        """Whether the service has delivered ``name``, in this speech or before."""
        plain = self._plain(name)
        return plain in self.proven or (self._habits is not None and self._habits.has_given(plain))

    def patience(self) -> float | None:
        """Seconds that a format on trial may take to its first sound; None if nothing is known."""
        sounded = dict(self._habits.first_packet) if self._habits is not None else {}
        usual = sounded.get(self._order[0]) if self._order else None
        return None if usual is None else usual + TRIAL_SECONDS

    def _plain(self, name: str) -> str:
        return self._order[0] if name == "auto" and self._order else name

    def _is_refused(self, name: str) -> bool:
        return name in self.refused or (
            name not in self.proven and self._habits is not None and self._habits.refuses(name)
        )
