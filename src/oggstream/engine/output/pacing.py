"""Applies the playout policy to the ring: when playback starts, its rate, and when it resumes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ...playout.policy import Policy
    from .ring_writer import RingWriter

CHARACTERS_PER_SECOND = 13.6  # English speech at normal speed
SAFE_SECONDS = 0.1  # decoded before playback starts, if so much is there; the rest is decoded meanwhile


class Pacing:
    """Reports events to the policy, and starts the ring when it says so. ``again``: seconds until the next question.

    ``learnt`` returns the habits of the service; it is called once, with the first audio or before. ``at_once`` is for
    a sink that takes samples as fast as they come: playback never waits. ``on_start`` is called when playback begins.
    """

    def __init__(
        self,
        options: PlaybackOptions,
        learnt: Callable[[], Habits | None],
        clock: Callable[[], float],
        *,
        speed: float,
        at_once: bool,
        on_start: Callable[[], object],
    ) -> None:
        self.again = 1.0
        self.at_once = at_once
        self._options = options
        self._learnt = learnt
        self._on_start = on_start
        self._clock = clock
        self.usual_rate = CHARACTERS_PER_SECOND * speed  # characters per second of an unknown voice
        self._expected = 0  # characters requested before the policy was made
        self._more = False
        self._may_play = False
        self._stalled = False

    @functools.cached_property
    def habits(self) -> Habits | None:
        """The known habits of the service, None if there are none."""
        return self._learnt()

    @functools.cached_property
    def policy(self) -> Policy:
        """The playout policy."""
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
        """The speed of the voice, an estimate until it is known."""
        if not self._made or self.habits is None:
            return self.usual_rate
        return self.habits.characters_per_second(self.usual_rate)

    def forget(self) -> None:
        """Drop the references to ``learnt`` and ``on_start``."""
        self._learnt = self._on_start = _unknown

    def get_ready(self) -> None:
        """Make the policy, which takes a millisecond."""
        self.policy  # noqa: B018

    @property
    def _made(self) -> bool:
        """Whether the policy is made: it needs the habits from a file, and the request goes out first."""
        return "policy" in vars(self)

    def expect(self, characters: int, *, more: bool) -> None:
        """Note that so many characters were requested; ``more`` may follow."""
        self._expected += characters
        self._more = more
        if self._made:
            self.policy.expect(characters)
            self.policy.more_text = more

    def arrived(self, seconds: float) -> None:
        """Note that so many more seconds can be played without a gap."""
        if seconds > 0:
            self.policy.arrived(self._clock(), seconds)

    def joined(self) -> None:
        """Note that the next arrival answers another request."""
        self.policy.joined(self._clock())

    def ended(self) -> None:
        """Note that nothing more will arrive."""
        self.policy.ended(self._clock())

    def decide(self, writer: RingWriter, buffered: float) -> None:
        """Ask the policy, with ``buffered`` seconds received and not played yet."""
        now = self._clock()
        self._note_stall(writer, now)
        decision = self.policy.decide(now, buffered, writer.played_seconds)
        self.again = decision.again
        self._may_play = decision.play or self.at_once
        writer.speed = 1.0 if self.at_once else decision.speed

    def release(self, writer: RingWriter, *, waiting: bool) -> None:
        """Start or resume the ring if the policy allows; ``waiting``: more was received than is decoded.

        Playback starts once the ring cannot run dry while the rest is being decoded.
        """
        ring = writer.ring
        if not self._may_play or ring.length is not None:
            return
        if ring.playing:
            if self._stalled:
                ring.resume_fill = 1
        elif ring.fill and (not waiting or ring.fill >= SAFE_SECONDS * ring.rate or not ring.space):
            self.policy.started(self._clock())
            self._on_start()
            ring.begin()

    def _note_stall(self, writer: RingWriter, now: float) -> None:
        ring = writer.ring
        if ring.stalled and not self._stalled:
            self._stalled = True
            self.policy.stalled(now)
        elif self._stalled and not ring.stalled:
            self._stalled = False
            ring.resume_fill = ring.capacity  # after the next stall, not before the policy resumes
            self.policy.resumed(now)


def _unknown() -> Habits | None:
    return None
