"""The sinks of one speech, or of several that follow each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .sink import Sink


class FollowingSink(NamedTuple):
    """A sink beside the leading one. A speech holds its ``turn`` until the sink has all of its samples."""

    sink: Sink
    turn: asyncio.Lock


class SinkList:
    """One sink or more. The first one leads: its clock is that of the speech, and its errors end that."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.leader = sinks[0]
        self.followers = [FollowingSink(sink, asyncio.Lock()) for sink in sinks[1:]]

    def __iter__(self) -> Iterator[Sink]:
        return iter([self.leader, *(following.sink for following in self.followers)])
