"""Which voice of a source speaks for a name that a client asks for: its own, a mapped one, or the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..rules import nearest
from ..voice.names import NAMES


class Choice(NamedTuple):
    """The voice that speaks (None: the usual one of the source), and whether the name that was asked for is known."""

    voice: str | None
    known: bool = True


class VoiceNames:
    """The names of a source's voices.

    ``known``: those that the source lists; empty: it lists none, and any name is passed on to it. ``mapped``: names of
    clients to names of voices, a table of one's own. ``takes_openai``: the source knows OpenAI's names itself.
    """

    def __init__(
        self, known: Sequence[str] = (), mapped: Mapping[str, str] | None = None, *, takes_openai: bool = False
    ) -> None:
        self._mapped = {name.lower(): voice for name, voice in (mapped or {}).items()}
        own = (*NAMES, *known) if takes_openai else known
        self._own = {name.lower(): name for name in reversed(own)}
        self._known = tuple(known)

    @property
    def all(self) -> list[str]:
        """What may be asked for: the source's own names first, then OpenAI's and those of the table."""
        return list(dict.fromkeys((*self._known, *NAMES, *self._mapped)))

    def choose(self, name: str | None) -> Choice:
        """The voice for ``name``; None asks for the usual one."""
        if name is None:
            return Choice(None)
        asked = name.lower()
        if asked in self._mapped:
            return Choice(self._mapped[asked])
        if asked in self._own:
            return Choice(self._own[asked])
        if asked in NAMES:  # one that no client means literally at another service: each has a voice of its own
            return Choice(self._known[NAMES.index(asked) % len(self._known)] if self._known else None)
        if not self._known and not self._own:
            return Choice(name)
        near = nearest(asked, tuple(self._own))
        return Choice(self._own[near] if near else None, known=False)
