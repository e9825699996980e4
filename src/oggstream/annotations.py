"""What a stream tells of its sound between its bytes: typed items, which keep their place down to the converter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Base of all that a stream may give beside bytes.

    Positions are samples at 48 kHz from the first sample of the stream that is heard: pre-skip and trims do not count,
    lost packets do. An annotation may come before its sound, between it, or after it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Annotation):
    """A word and when it is spoken.

    ``start`` and ``end`` are the characters of it in the text that was given to ``open``; ``start_sample`` and
    ``end_sample`` say where it sounds. ``text`` is the word, as the service writes it. ``told_by`` says who knows:
    "service", or "voice" for a voice on this machine.
    """

    text: str
    start: int
    end: int
    start_sample: int
    end_sample: int
    told_by: str = "service"
