"""Annotations: typed items about the sound that a stream gives between its bytes, placed to the sample."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Base class of the items that a stream may give beside bytes.

    Positions are samples at 48 kHz from the first sample of the stream that is played: pre-skip and trims do not
    count, lost packets do. An annotation may come before, during or after its sound.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Annotation):
    """A word and when it is spoken.

    ``start`` and ``end`` are its characters in the text that was passed to ``open``; ``start_sample`` and
    ``end_sample`` its place in the sound. ``text`` is the word as the service writes it. ``told_by`` is the origin of
    the times: "service", or "voice" for a voice on this machine.
    """

    text: str
    start: int
    end: int
    start_sample: int
    end_sample: int
    told_by: str = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker(Annotation):
    """Who speaks from here on: the name of an engine of voices on this machine, and whether it tells `Word`."""

    engine: str
    tells_words: bool = True
