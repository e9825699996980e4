"""What can be chosen: how the speech should be (`SpeechOptions`), and how it is played (`PlaybackOptions`)."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import UsageError

FORMATS = ("auto", "opus", "pcm", "wav")
GAINS = ("none", "track", "album")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """What to ask the service for. None leaves the choice to the source.

    ``voice`` is a name or, for a custom voice, ``{"id": ...}``; ``speed`` is 0.25 to 4 (1 is normal). Raises
    `UsageError` for a speed or format outside its range.
    """

    voice: str | dict[str, str] | None = None
    model: str | None = None
    instructions: str | None = None
    speed: float | None = None
    format: str = "auto"

    def __post_init__(self) -> None:
        if self.speed is not None and not 0.25 <= self.speed <= 4:
            raise UsageError(f"speed {self.speed:g} is outside 0.25 to 4")
        if self.format not in FORMATS:
            raise UsageError(f"unknown format {self.format!r}: use one of {', '.join(FORMATS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackOptions:
    """Buffering and playout. Times in seconds.

    ``start_buffer``: audio needed before the first sound; an ended stream starts at once. ``resume_buffer``: the same
    after a stall. ``ring_seconds``: decoded audio held for the audio thread. ``queue_bytes``: packets received but not
    yet decoded; a service that sends more is read no further until there is room. ``first_byte_timeout``: longest
    silence of the service before its audio; ``stall_timeout``: the same after audio began. ``gain``: the R128 tag that
    is applied on top of the stream's own gain, "none", "track" or "album". ``channels``: 1 to 255, to which the stream
    is mixed before the sink gets it; None: as they come. Raises `UsageError` for a negative time, a ring shorter than
    the buffer that must fit into it, or another gain or number of channels.
    """

    start_buffer: float = 0.1
    resume_buffer: float = 0.2
    ring_seconds: float = 2.0
    queue_bytes: int = 16 << 20
    first_byte_timeout: float = 60.0
    stall_timeout: float = 10.0
    gain: str = "none"
    channels: int | None = None

    def __post_init__(self) -> None:
        for name in ("start_buffer", "resume_buffer", "first_byte_timeout", "stall_timeout"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must not be negative")
        if self.ring_seconds < max(0.1, self.resume_buffer):
            raise UsageError("ring_seconds must be at least 0.1 and hold resume_buffer")
        if self.gain not in GAINS:
            raise UsageError(f"unknown gain {self.gain!r}: use one of {', '.join(GAINS)}")
        if self.channels is not None and not 1 <= self.channels <= 255:
            raise UsageError(f"{self.channels} channels: use 1 to 255")
