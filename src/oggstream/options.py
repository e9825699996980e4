"""The options of a speech (`SpeechOptions`) and of its playback (`PlaybackOptions`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

from .errors import UsageError
from .rules import Rule, check_all, check_names, kind, language_tag, number, one_of
from .said import Ipa, check_said

Gain = Literal["none", "track", "album"]
OnRefused = Literal["skip", "stop"]

CAPTIONS = (".vtt", ".srt", ".json")
"""The endings of files of captions."""
FORMATS = ("auto", "opus", "pcm", "wav")
SAMPLE_RATES = range(2000, 384_001)
"""Accepted sample rates of bare samples, in Hz."""
SAMPLE_CHANNELS = range(1, 9)
"""Accepted numbers of channels of bare samples."""
GAINS = ("none", "track", "album")
LOUDEST = 4.0
"""The highest volume: 12 dB."""
SLOWEST = 0.87
"""The lowest playback rate at which stretched speech still sounds natural."""


FormatName = Literal["auto", "opus", "wav", "pcm"]


class AudioFormat(NamedTuple):
    """A parsed format option.

    ``name`` is one of `FORMATS`, the format to request. The rest describes bare samples: ``rate`` in Hz and
    ``channels``, None if the option leaves them open, and ``floats``: 32-bit floats instead of 16-bit integers.
    """

    name: str
    rate: int | None = None
    channels: int | None = None
    floats: bool = False

    @classmethod
    def parse(cls, text: str) -> AudioFormat:
        """Read ``auto``, ``opus``, ``wav``, ``pcm``, ``pcm:RATE[:CHANNELS]`` or ``pcm:f32:RATE[:CHANNELS]``.

        Raises `UsageError` for anything else.
        """
        if text in FORMATS:
            return cls(text)
        if not isinstance(text, str):
            raise UsageError(f"format must be a str, such as {FORMATS[0]!r}, not {type(text).__name__}")
        name, *fields = str(text).split(":")
        if name not in FORMATS or not fields:
            raise UsageError(f"unknown format {text!r}: use {', '.join(FORMATS)}, {_BARE}")
        floats = fields[0] == "f32"
        numbers = [int(field) if _is_number(field) else -1 for field in fields[floats:]]
        rate, channels = (*numbers, None)[:2] if 1 <= len(numbers) <= 2 else (-1, None)
        if name != "pcm" or rate not in SAMPLE_RATES or channels not in (None, *SAMPLE_CHANNELS):
            limits = f"RATE is {SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]} Hz, CHANNELS {SAMPLE_CHANNELS[0]} to "
            raise UsageError(f"unknown format {text!r}: use {_BARE}; {limits}{SAMPLE_CHANNELS[-1]}")
        return cls(name, rate, channels, floats)


_BARE = "pcm:RATE[:CHANNELS] or pcm:f32:RATE[:CHANNELS]"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """The options of a request to the service. None leaves the choice to the source.

    ``voice`` is a name or, for a custom voice, ``{"id": ...}``; ``speed`` is 0.25 to 4 (1 is normal). ``format`` is
    "auto", "opus", "wav" or "pcm"; "pcm:RATE[:CHANNELS]" and "pcm:f32:RATE[:CHANNELS]" request pcm and describe its
    samples (RATE in Hz; mono if CHANNELS is left out; 16-bit integers, or 32-bit floats with f32; little endian),
    which overrides what the service states. ``language`` is that of the text, a BCP 47 tag ("de", "pt-BR"), for sources
    that would otherwise have to tell it from the text. Raises `UsageError` for a value outside its range.
    """

    voice: str | dict[str, str] | None = None
    model: str | None = None
    instructions: str | None = None
    speed: float | None = None
    format: FormatName | str = "auto"
    language: str | None = None

    def __post_init__(self) -> None:
        check_all(self, _SPEECH_RULES)
        AudioFormat.parse(self.format)

    @property
    def wire_format(self) -> str:
        """``format`` as services know it: without the description of the samples."""
        return self.format.partition(":")[0]


class SpeechKeywords(TypedDict, total=False):
    """The fields of `SpeechOptions` as keywords, for type checkers."""

    voice: str | dict[str, str] | None
    model: str | None
    instructions: str | None
    speed: float | None
    format: FormatName | str
    language: str | None


def speech_options(
    function: str, given: Mapping[str, Any], own: tuple[str, ...], base: SpeechOptions | None = None
) -> SpeechOptions:
    """The `SpeechOptions` of the keywords that ``function`` was ``given``; what is not given is as in ``base``.

    ``own`` are the other keywords of ``function``. Raises `TypeError` for a keyword that is none of these, with the one
    that was meant, and `UsageError` for a wrong value.
    """
    from dataclasses import replace

    fields = SpeechOptions.__dataclass_fields__
    if not given.keys() <= fields.keys():
        check_names(function, given, (*own, *fields), _ELSEWHERE)
    return replace(base, **given) if base is not None else SpeechOptions(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackOptions:
    """Buffering and playout. Times in seconds.

    Start and resumption, by default as soon as the arrivals allow:

    - ``start_buffer``: audio needed before the first sound, None: decided from the arrivals and the ``history``; an
      ended stream starts at once. ``resume_buffer``: the same after a stall.
    - ``slowest``: how far playback may be slowed down to avoid a stall, 0.5 to 1; 1 is not at all.
    - ``conceal``: cover a late packet by up to 60 ms of concealment before the stall.
    - ``early``: play packets before their page is complete while little is buffered.
    - ``history``: file that stores the behaviour of services; "default": in the user's cache folder; None: no file.

    Text that grows or is long:

    - ``on_refused``: what to do with a piece that the service refuses: "skip" it with a warning, or "stop"; two in a
      row end the speech in any case.
    - ``ahead``: the most unheard speech, in seconds, that is requested; ``requests``: how many at a time.
    - ``pause``: silence between two pieces of text; None: as the service sends it.
    - ``patience``: how long to wait for the end of a sentence while little is left to be heard.
    - ``speakable``: leave out what is not meant to be spoken (Markdown, code fences, addresses of links); None: in text
      that grows, such as a model's, but not in a ``str``.
    - ``replace``: what is said for what is written: words, phrases and compiled patterns, each with a text (for a
      pattern, with its groups as in `re.sub`) or an `Ipa`. A word or phrase is replaced in whole words and as it is
      written, upper and lower case; the longest one that fits, then the patterns in their order, and nothing twice.
      A match of a pattern has at most 200 characters. This goes before the user's own ``words.toml``.

    Limits: ``ring_seconds``: decoded audio held for the audio thread. ``queue_bytes``: packets received but not yet
    decoded; a service that sends more is read no further until there is room. ``first_byte_timeout``: longest silence
    of the service before its audio; ``stall_timeout``: the same after audio began.

    ``hedge``: share of extra requests allowed, 0 to 1, over time. A piece whose first sound is later than the
    ``history`` explains, and would be heard late, is asked for twice, and what sounds first is heard.

    The device, if the sink is made here: ``latency``: how far ahead of the converter it runs, None: as little as its
    host API supports. ``lead_in``: silence before the first speech, for Bluetooth, which swallows the first word.
    ``idle_close``: time without a speech after which the device is closed until the next one; None: never.

    Sound: ``volume``: a linear gain, 0 to 4 (1: as it comes; above 1 peaks are rounded off). ``gain``: the R128 tag
    that is applied on top of the stream's own gain, "none", "track" or "album". ``channels``:
    1 to 255, the channels to which the stream is mixed for the sink; None: unchanged.

    ``captions``: a file to which the words are written as they are heard, with what is said around them, in cues of two
    lines; its ending is .vtt, .srt or .json. It is valid at any moment. Times count from the call, or the first `say`
    of a `Player`; where the sound itself goes to a file, they are places in it.

    Raises `UsageError` for a value outside its range, or a ring shorter than the buffer that must fit into it.
    """

    start_buffer: float | None = None
    resume_buffer: float | None = None
    slowest: float = SLOWEST
    conceal: bool = True
    early: bool = True
    history: str | os.PathLike[str] | None = "default"
    ahead: float = 15.0
    requests: int = 2
    pause: float | None = None
    patience: float = 0.7
    speakable: bool | None = None
    replace: Mapping[str | re.Pattern[str], str | Ipa] | None = field(default=None, hash=False)
    on_refused: OnRefused = "skip"
    ring_seconds: float = 2.0
    queue_bytes: int = 16 << 20
    first_byte_timeout: float = 60.0
    stall_timeout: float = 10.0
    hedge: float = 0.0
    latency: float | None = None
    lead_in: float = 0.0
    idle_close: float | None = 20.0
    volume: float = 1.0
    gain: Gain = "none"
    channels: int | None = None
    captions: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        check_all(self, _PLAYBACK_RULES)
        if self.ahead <= 0:
            raise UsageError("ahead must be positive")
        if self.ring_seconds < max(0.1, self.resume_buffer or 0):
            raise UsageError("ring_seconds must be at least 0.1 and hold resume_buffer")


def checked(options: PlaybackOptions | None) -> PlaybackOptions:
    """``options``, or the defaults. Raises `UsageError` for anything else."""
    kind("a PlaybackOptions", PlaybackOptions)("options", options)
    return options or PlaybackOptions()


_ENDLESS = float("inf")
_TEXT = kind("a str", str)
_SECONDS, _SECONDS_OR_NONE = number(0, _ENDLESS, none=False), number(0, _ENDLESS)
_PATH = kind("the name of a file", str, bytes, os.PathLike)
_SWITCH, _SWITCH_OR_NONE = kind("True or False", bool, none=False), kind("True, False", bool)


def _captions(name: str, value: Any) -> None:
    """A path with an ending that says the format, or None."""
    _PATH(name, value)
    if value is not None and os.path.splitext(os.fsdecode(value))[1].lower() not in CAPTIONS:
        raise UsageError(f"{name} {os.fsdecode(value)!r} has no ending that says its format: use {', '.join(CAPTIONS)}")


_SPEECH_RULES: dict[str, Rule] = {
    "voice": kind("the name of a voice, {'id': ...}", str, dict),
    "model": _TEXT,
    "instructions": _TEXT,
    "speed": number(0.25, 4),
    "language": language_tag,
}
_PLAYBACK_RULES: dict[str, Rule] = {
    **dict.fromkeys(("start_buffer", "resume_buffer", "pause", "latency", "idle_close"), _SECONDS_OR_NONE),
    **dict.fromkeys(("patience", "first_byte_timeout", "stall_timeout", "lead_in"), _SECONDS),
    **dict.fromkeys(("ahead", "ring_seconds"), _SECONDS),
    **dict.fromkeys(("conceal", "early"), _SWITCH),
    "speakable": _SWITCH_OR_NONE,
    "replace": check_said,
    "slowest": number(0.5, 1, none=False),
    "hedge": number(0, 1, none=False),
    "requests": number(1, _ENDLESS, whole=True, none=False),
    "queue_bytes": number(0, _ENDLESS, whole=True, none=False),
    "on_refused": one_of("skip", "stop"),
    "volume": number(0, LOUDEST, none=False),
    "gain": one_of(*GAINS),
    "channels": number(1, 255, whole=True),
    "captions": _captions,
}
_ELSEWHERE = {
    name: f"; it is one of PlaybackOptions: options=PlaybackOptions({name}=...)"
    for name in PlaybackOptions.__dataclass_fields__
}
