"""What is known of one request to the endpoint: for its line in the log, its figures and its span."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events import Event


@dataclass(slots=True)
class Record:
    """``owner``: the name of the key that was shown; ``client``: the address behind trusted proxies, if there are any.
    The rest is of a speech: who spoke as what, ``first``: seconds to its first sound, ``outcomes``: what the cache made
    of its pieces, ``events``: how often what happened, by name.
    """

    owner: str | None = None
    client: str | None = None
    source: str = ""
    format: str = ""
    characters: int = 0
    first: float | None = None
    outcomes: Sequence[str] = ()
    events: Counter[str] = field(default_factory=Counter)

    def note(self, event: Event) -> None:
        """Count an event of the speech."""
        self.events[type(event).__name__] += 1

    @property
    def fields(self) -> dict[str, Any]:
        """What is known, without text and keys."""
        found: dict[str, Any] = {"key": self.owner}
        if self.format:
            found |= {"source": self.source, "format": self.format, "characters": self.characters}
            found |= {"first_audio": None if self.first is None else round(self.first, 4)}
            found |= {"cache": self.outcomes[0] if self.outcomes else None}
            found |= {"hedges": self.events["Hedged"], "failovers": self.events["FailedOver"]}
        return found

    def __str__(self) -> str:
        """The same for a line; empty where nothing is known."""
        if not self.format:
            return ""
        first = "no sound" if self.first is None else f"first sound after {self.first:.3f} s"
        told = [f"{self.format} from {self.source}, {self.characters} characters, {first}", *self.outcomes[:1]]
        told += [f"{self.events[name]} {word}" for name, word in _WORDS.items() if self.events[name]]
        return ": " + ", ".join(told)


_WORDS = {"Hedged": "hedged", "FailedOver": "failed over"}
