"""How the arguments of a command want a speech asked for, and played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..options import PlaybackOptions

if TYPE_CHECKING:
    from argparse import Namespace

_DEVICE = ("latency", "lead_in")
_TEXT = ("pause", "patience", "speakable", "ahead", "on_refused")
_PLAYBACK = (
    "first_byte_timeout",
    "stall_timeout",
    "requests",
    "hedge",
    "volume",
    "captions",
    "gain",
    "channels",
    *_TEXT,
    *_DEVICE,
)
"""The options that are fields of `PlaybackOptions`."""


def text_in(words: list[str]) -> str | None:
    """The text that stands in the arguments; None where standard input is meant."""
    if not words or words == ["-"]:
        return None
    # Bytes that were no text in the terminal's encoding came as lone surrogates; no service takes those.
    return " ".join(words).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def device_settings(args: Namespace) -> dict[str, Any]:
    """How ``args`` want a `DeviceSink`."""
    return {name: value for name in _DEVICE if (value := getattr(args, name, None)) is not None}


def playback_options(args: Namespace) -> PlaybackOptions:
    """How ``args`` want it played."""
    given = {name: value for name in _PLAYBACK if (value := getattr(args, name, None)) is not None}
    return PlaybackOptions(history={None: "default", "none": None}.get(args.history, args.history), **given)


def speech_options(args: Namespace) -> dict[str, Any]:
    """What ``args`` want asked of the service."""
    names = ("voice", "model", "instructions", "speed", "format", "language")
    return {name: value for name in names if (value := getattr(args, name)) is not None}
