"""OpenAI's names of voices: every engine takes them, each in its own way."""

from __future__ import annotations

NAMES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse"),
    *("marin", "cedar"),
)
DEFAULT_VOICE = "alloy"
