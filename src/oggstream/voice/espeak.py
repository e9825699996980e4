"""espeak-ng through ctypes: text to 16-bit PCM, clause by clause.

The library keeps its state in globals, so there is one `Espeak` per process and one lock around it. The lock is held
for one clause at a time (a few ms), so that several speeches take turns. Nothing in here waits for a consumer: who
needs to, waits between clauses.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from ..errors import LibraryError
from . import espeak_library as library
from .safe_text import safe_text

MIN_WPM, NORMAL_WPM, EVEN_WPM, SONIC_WPM = 80, 175, 250, 450
"""Words per minute: espeak-ng's slowest (lower values change nothing), its usual, up to which its durations follow
evenly, and from which it shortens finished sound instead."""

BUFFER_MS = 160  # espeak-ng takes 60 at least; each buffer is a turn, and made in half a millisecond
LOCK_POLL_SECONDS = 0.02  # a hundred threads may be waiting

# From speak_lib.h.
_SYNCHRONOUS, _DONT_EXIT, _UTF8, _BY_CHARACTER = 2, 0x8000, 1, 1
_RATE, _PITCH = 1, 3
_EVENT_LIST_END, _EVENT_WORD, _EVENT_CLAUSE_END = 0, 1, 5
_GO_ON, _STOP = 0, 1

LONGEST_CLAUSE = 2000
"""Characters of the rest of a text that espeak-ng is given for one clause: it ends each after some hundred."""


class ClauseWord(NamedTuple):
    """A word of a clause: its first character, how many it has, and the sample of the clause at which it begins."""

    start: int
    length: int
    sample: int


class EspeakVoice(NamedTuple):
    """How to speak: the names of language and variant files (no variant: ""), pitch 0-99 (50 usual), words a minute."""

    language: str = "gmw/en-US"
    variant: str = ""
    pitch: int = 50
    wpm: int = NORMAL_WPM


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class _Clause:
    """What the callback needs to know of the clause being spoken, and what it found out."""

    __slots__ = ("consumed", "error", "length", "take", "words")

    def __init__(self, length: int, take: Callable[[bytes], bool], words: list[ClauseWord] | None) -> None:
        self.length = length
        self.take = take
        self.words = words
        self.consumed: int | None = None  # characters; set when the clause has ended or was stopped
        self.error: BaseException | None = None


class Espeak:
    """The loaded library. Its methods may be called from any thread; `load` makes the one there is."""

    def __init__(self, found: library.Found) -> None:
        self._library = found.library
        self.path = found.path
        """The path or name that the library was loaded from."""
        self._lock = Lock()
        self._voice: EspeakVoice | None = None
        self._clause: _Clause | None = None
        self._declare()
        data = None if found.data is None else library.short_path(found.data).encode()
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, BUFFER_MS, data, _DONT_EXIT)
        """Samples per second of the PCM."""
        where = ctypes.c_char_p()
        self.version: str = self._library.espeak_Info(ctypes.byref(where)).decode()
        # Without its data it may say that all is well, having looked elsewhere.
        if self.rate <= 0 or (data is not None and where.value != data):
            raise LibraryError(f"espeak-ng did not find its data, install it anew with {library.install_hint()}")
        if hasattr(self._library, "espeak_ng_SetRandSeed"):  # from 1.52 on; before it, breathy voices differ by run
            self._library.espeak_ng_SetRandSeed(1)
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak_clause(
        self,
        text: str,
        voice: EspeakVoice,
        take: Callable[[bytes], bool],
        stopped: Callable[[], bool] = lambda: False,
        words: list[ClauseWord] | None = None,
    ) -> int:
        """Speak the first clause of ``text``; returns how many of its characters that were.

        ``take`` gets the PCM (16 bits, native order, mono) in pieces of up to `BUFFER_MS` and returns whether to go on;
        it must not block. ``stopped`` is asked while other speeches have their turn. Stopped either way, it returns
        ``len(text)``. What ``take`` raises is raised here. Each word is added to ``words`` before its samples are
        taken. Raises `LibraryError` when espeak-ng fails.
        """
        while not self._lock.acquire(timeout=LOCK_POLL_SECONDS):
            if stopped():
                return len(text)
        try:
            self._set(voice)
            return self._speak(text[:LONGEST_CLAUSE], _Clause(len(text), take, words))
        finally:
            self._lock.release()

    def _speak(self, text: str, clause: _Clause) -> int:
        data = safe_text(text).encode("utf-8", "replace")
        self._clause = clause
        code = self._library.espeak_Synth(data, len(data) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        self._clause = None
        if clause.error is not None:
            raise clause.error
        if clause.consumed is not None:
            return max(1, clause.consumed)  # a clause of nothing would be asked for again for ever
        if code:
            raise LibraryError(f"espeak-ng failed with code {code}")
        return len(text)

    def _receive(self, samples: int | None, count: int, events: Any) -> int:
        """Called by espeak-ng, which ends a buffer where a clause ends: stopping there loses nothing of the next."""
        clause = self._clause
        if clause is None:
            return _STOP
        try:
            if clause.words is not None:
                clause.words += _words(events)
            if samples and count > 0 and not clause.take(ctypes.string_at(samples, 2 * count)):
                clause.consumed = clause.length
                return _STOP
        except BaseException as error:  # noqa: BLE001 - ctypes would print it and go on
            clause.error = error
            return _STOP
        clause.consumed = _clause_end(events)
        return _GO_ON if clause.consumed is None else _STOP

    def _set(self, voice: EspeakVoice) -> None:
        if voice == self._voice:
            return
        self._voice = None
        name = f"{voice.language}+{voice.variant}" if voice.variant else voice.language
        # By the name of its file: any other name makes espeak-ng read all of them first, which takes 200 ms.
        if self._library.espeak_SetVoiceByName(name.encode()):
            raise LibraryError(f"espeak-ng has no voice {name}, install it anew with {library.install_hint()}")
        self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        self._library.espeak_SetParameter(_RATE, voice.wpm, 0)
        self._voice = voice

    def _declare(self) -> None:
        call = self._library
        call.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
        call.espeak_Info.argtypes = (ctypes.POINTER(ctypes.c_char_p),)
        call.espeak_Info.restype = ctypes.c_char_p
        call.espeak_SetSynthCallback.argtypes = (_Callback,)
        call.espeak_SetSynthCallback.restype = None
        call.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
        call.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
        call.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        )


_load_lock = Lock()


def load() -> Espeak:
    """The espeak-ng of this process, loaded at the first call (about 15 ms). Raises `LibraryError`."""
    with _load_lock:
        return _only_one()


@cache
def _only_one() -> Espeak:
    return Espeak(library.find())


def _events(events: Any) -> Iterator[_Event]:
    index = 0
    while events[index].type != _EVENT_LIST_END:
        yield events[index]
        index += 1


def _words(events: Any) -> Iterator[ClauseWord]:
    """The words that begin in the samples of these ``events``; espeak-ng counts characters from 1."""
    for event in _events(events):
        if event.type == _EVENT_WORD:
            yield ClauseWord(event.text_position - 1, event.length, event.sample)


def _clause_end(events: Any) -> int | None:
    """The position in the text at which a clause ended, in characters, if one of ``events`` says so."""
    for event in _events(events):
        if event.type == _EVENT_CLAUSE_END:
            return int(event.text_position)
    return None
