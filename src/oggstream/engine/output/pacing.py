"""What the playout policy decides, done to the ring: when sound begins, how fast it goes, when it goes on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...events import Recorder, Started

if TYPE_CHECKING:
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ...playout.policy import Policy
    from .ring_writer import RingWriter

CHARACTERS_PER_SECOND = 13.6  # English speech at normal speed
SAFE_SECONDS = 0.1  # decoded before sound begins, if so much is there: the rest is decoded meanwhile


class Pacing:
    """Tells the policy what happens, and lets the ring go when it says so. ``again``: seconds until the next look.

    ``learnt`` gives what is known of the service; it is called once, with the first audio or before. ``at_once`` is
    for a sink that takes whatever it gets: nothing is ever waited for.
    """

    def __init__(
        self,
        options: PlaybackOptions,
        learnt: Callable[[], Habits | None],
        recorder: Recorder,
        clock: Callable[[], float],
        *,
        speed: float,
        at_once: bool,
    ) -> None:
        self.again = 1.0
        self.at_once = at_once
        self._options = options
        self._learnt = learnt
        self._recorder = recorder
        self._clock = clock
        self.usual_rate = CHARACTERS_PER_SECOND * speed  # characters a second, of a voice that is not known
        self._expected = 0  # characters that were asked for before there was a policy
        self._more = False
        self._may_play = False
        self._stalled = False

    @functools.cached_property
    def habits(self) -> Habits | None:
        """What is known of the service."""
        return self._learnt()

    @functools.cached_property
    def policy(self) -> Policy:
        """The rule."""
        from ...playout.policy import Policy

        options = self._options
        policy = Policy(
            self.habits,
            start_buffer=options.start_buffer,
            resume_buffer=options.resume_buffer,
            slowest=options.slowest,
        )
        policy.expect(self._expected)
        policy.more_text = self._more
        return policy

    @property
    def characters_per_second(self) -> float:
        """How fast the voice speaks, as far as that is known."""
        if not self._made or self.habits is None:
            return self.usual_rate
        return self.habits.characters_per_second(self.usual_rate)

    def forget(self) -> None:
        """Let go of who knows what was learnt."""
        self._learnt = _unknown

    def get_ready(self) -> None:
        """Make the policy, which takes a millisecond."""
        self.policy  # noqa: B018

    @property
    def _made(self) -> bool:
        """Whether there is a policy: what it knows is read from a file, and the request goes first."""
        return "policy" in vars(self)

    def expect(self, characters: int, *, more: bool) -> None:
        """So many characters were asked for; ``more`` may follow."""
        self._expected += characters
        self._more = more
        if self._made:
            self.policy.expect(characters)
            self.policy.more_text = more

    def arrived(self, seconds: float) -> None:
        """So many seconds more can be played without a gap in what was received."""
        if seconds > 0:
            self.policy.arrived(self._clock(), seconds)

    def joined(self) -> None:
        """What arrives next answers another request."""
        self.policy.joined(self._clock())

    def ended(self) -> None:
        """Nothing more will arrive."""
        self.policy.ended(self._clock())

    def decide(self, writer: RingWriter, buffered: float) -> None:
        """Ask the policy, with ``buffered`` seconds received and not played."""
        now = self._clock()
        self._note_stall(writer, now)
        decision = self.policy.decide(now, buffered, writer.played_seconds)
        self.again = decision.again
        self._may_play = decision.play or self.at_once
        writer.speed = 1.0 if self.at_once else decision.speed

    def release(self, writer: RingWriter, *, waiting: bool) -> None:
        """Let the ring begin or go on if it may; ``waiting``: more was received than is decoded.

        Sound begins once it could not run dry while the rest is being decoded.
        """
        ring = writer.ring
        if not self._may_play or ring.length is not None:
            return
        if ring.playing:
            if self._stalled:
                ring.resume_fill = 1
        elif ring.fill and (not waiting or ring.fill >= SAFE_SECONDS * ring.rate or not ring.space):
            self.policy.started(self._clock())
            self._recorder.record(Started)
            ring.begin()

    def _note_stall(self, writer: RingWriter, now: float) -> None:
        ring = writer.ring
        if ring.stalled and not self._stalled:
            self._stalled = True
            self.policy.stalled(now)
        elif self._stalled and not ring.stalled:
            self._stalled = False
            ring.resume_fill = ring.capacity  # after the next stall, not before it is let go on
            self.policy.resumed(now)


def _unknown() -> Habits | None:
    return None
