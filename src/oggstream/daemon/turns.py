"""Whose speech sounds, and who waits: the order of several clients. Knows no socket and no process."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
QUEUE, INTERRUPT, MIX = "queue", "interrupt", "mix"


class Change(NamedTuple, Generic[K]):
    """What follows: who may sound now, and who is to be silenced."""

    granted: list[K]
    silenced: list[K]


class Turns(Generic[K]):
    """One holder at a time; the others wait in the order in which they asked. Those that mix wait for nobody.

    Holds a key for each client that sounds or waits, and forgets it when it leaves.
    """

    def __init__(self) -> None:
        self.holder: K | None = None
        self.waiting: deque[K] = deque()
        self.mixing: set[K] = set()

    def ask(self, key: K, way: str = QUEUE) -> Change[K]:
        """``key`` wants to sound. It may ask again when it has left."""
        if way == MIX:
            self.mixing.add(key)
            return Change([key], [])
        silenced = [] if way != INTERRUPT else self._others()
        if way == INTERRUPT or self.holder is None:
            self.waiting.clear()
            self.holder = key
            return Change([key], silenced)
        self.waiting.append(key)
        return Change([], [])

    def leave(self, key: K) -> Change[K]:
        """``key`` sounds no more, or waits no more. May be called for one that never asked."""
        self.mixing.discard(key)
        if key in self.waiting:
            self.waiting.remove(key)
        if self.holder != key:
            return Change([], [])
        self.holder = self.waiting.popleft() if self.waiting else None
        return Change([] if self.holder is None else [self.holder], [])

    def _others(self) -> list[K]:
        held = [] if self.holder is None else [self.holder]
        others = [*held, *self.waiting, *self.mixing]
        self.mixing.clear()
        return others
