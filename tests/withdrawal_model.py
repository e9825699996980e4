"""The protocol between a ring's writer and its reader, as atomic steps, and a search through all their interleavings.

The steps are those of ``oggstream_read`` and ``oggstream_withdraw`` in ``sinks/callback.c``, named as in
`oggstream.audio.block`. A sample is the number of the write that stored it, so that a stale one is detected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

SIZE = 12  # samples of the ring


class ViolationError(AssertionError):
    """A sequence of steps after which one side has been misled."""


@dataclass(frozen=True)
class State:
    """All memory, and where each side is: the name of its next step, and what it has loaded."""

    blocks: tuple[int, ...]  # sizes still to be asked for
    positions: tuple[int, ...]  # withdrawals still to be made
    written: int = 8
    marked: bool = False
    read: int = 0
    guard: int = 0
    playing: bool = True  # where it is not, it begins after the first withdrawal and writing
    samples: tuple[int, ...] = (1,) * 8 + (0,) * (SIZE - 8)
    truth: tuple[int, ...] = (1,) * 8  # by position: the latest write
    taken: tuple[int, ...] = ()  # by position: what the reader got
    reader: tuple[str, dict[str, int]] = field(default=("guard", {}), hash=False)
    writer: tuple[str, dict[str, int]] = field(default=("mark", {}), hash=False)

    def key(self) -> tuple[Any, ...]:
        """Equal for equal states."""
        sides = [(name, tuple(sorted(held.items()))) for name, held in (self.reader, self.writer)]
        return (
            *(getattr(self, name) for name in self.__dataclass_fields__ if name not in {"reader", "writer"}),
            *sides,
        )


# The reader.


def read_step(state: State, *, hasty: bool = False) -> State | None:
    """The next atomic step of the reader; None when it has asked for all its blocks.

    ``hasty`` looks at what was written before it looks whether sound has begun.
    """
    if not state.blocks:
        return None
    step, held = state.reader
    match step:
        case "guard":
            guard = max(state.guard, state.blocks[0])
            after = replace(state, guard=guard, reader=("look" if hasty else "begun", {}))
        case "begun":
            after = replace(state, reader=("take" if hasty else "look", {**held, "playing": state.playing}))
        case "look":
            held = {**held, "written": state.written}
            after = replace(state, marked=False, reader=("begun" if hasty else "take", held))
        case "take":
            after = replace(state, reader=("copy", {"count": _count(state, held), "copied": 0}))
        case _:
            after = _copy(state, held)
    return after


def _count(state: State, held: dict[str, int]) -> int:
    """How many samples the reader takes, from what it has loaded: no access."""
    fill = (held["written"] - state.read) * held["playing"]
    if fill < 0:
        raise ViolationError(f"a block begins at {state.read}, behind what was written: {held['written']}")
    return min(fill, state.blocks[0])


def _copy(state: State, held: dict[str, int]) -> State:
    """Copy one sample, for the writer may write meanwhile, or publish the position."""
    if held["copied"] == held["count"]:
        return replace(state, read=state.read + held["count"], blocks=state.blocks[1:], reader=("guard", {}))
    sample = state.samples[(state.read + held["copied"]) % SIZE]
    return replace(state, taken=(*state.taken, sample), reader=("copy", held | {"copied": held["copied"] + 1}))


# The writer.


def write_step(state: State, *, careless: bool = False) -> State | None:
    """The next atomic step of the writer, or None: withdraw, then write anew what there is room for.

    ``careless`` replaces without looking for the mark.
    """
    if not state.positions:
        return None
    step, held = state.writer
    match step:
        case "mark":
            after = replace(state, marked=True, writer=("read", {"written": state.written}))
        case "read":
            after = replace(state, writer=("bound", held | {"read": state.read}))
        case "bound":
            kept = min(held["written"], max(state.positions[0], held["read"] + state.guard * state.playing))
            after = replace(state, writer=("replace", held | {"kept": kept}))
        case "replace" if careless or (state.marked and state.written == held["written"]):
            kept = held["kept"]
            after = replace(state, written=kept, marked=False, truth=state.truth[:kept], writer=("room", {}))
        case "replace":
            after = replace(state, writer=("mark", {}))
        case "room":
            end = state.read + SIZE - 2  # two samples are kept behind the reader, as for `PcmRing.rewind`
            if not state.playing:
                end = state.written + 1  # less than was withdrawn
            after = replace(state, writer=("write", {"at": state.written, "end": end}))
        case "begin":
            after = replace(state, playing=True, positions=state.positions[1:], writer=("mark", {}))
        case _:
            after = _write(state, held)
    return after


def _write(state: State, held: dict[str, int]) -> State:
    """Write one sample, or publish all of them."""
    at, number = held["at"], len(state.positions) + 1
    if at >= held["end"]:
        written = max(state.written, held["end"])
        return replace(state, written=written, writer=("begin", {}))
    samples = (*state.samples[: at % SIZE], number, *state.samples[at % SIZE + 1 :])
    return replace(state, samples=samples, truth=(*state.truth[:at], number), writer=("write", held | {"at": at + 1}))


def search(start: State, *, careless: bool = False, hasty: bool = False) -> int:
    """Go through every interleaving from ``start``; return how many states there are. Raises `ViolationError`."""
    seen, waiting = set(), [start]
    while waiting:
        state = waiting.pop()
        if state.key() in seen:
            continue
        seen.add(state.key())
        following = [*_following(state, careless=careless, hasty=hasty)]
        if not following and state.taken != state.truth[: len(state.taken)]:
            raise ViolationError(f"the reader got {state.taken} of {state.truth}")
        waiting += following
    return len(seen)


def _following(state: State, *, careless: bool, hasty: bool) -> Iterator[State]:
    for after in (read_step(state, hasty=hasty), write_step(state, careless=careless)):
        if after is not None:
            yield after
