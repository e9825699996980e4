"""espeak-ng itself: clauses, stopping, and what a callback may do."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from threading import Thread
from typing import Any

import pytest

from oggstream.errors import LibraryError
from oggstream.voice import espeak
from oggstream.voice.espeak import Espeak, EspeakVoice, load
from oggstream.voice.espeak_library import Found

TEXT = "Hello there, Mr. Smith. How are you? I am fine.\n\nAnd this is a new paragraph"


@pytest.fixture(scope="module")
def voice() -> Espeak:
    return load()


def speak(voice: Espeak, text: str, how: EspeakVoice = EspeakVoice()) -> tuple[list[str], list[int]]:  # noqa: B008
    """The clauses of a text, and how many samples each has."""
    clauses, lengths = [], []
    while text:
        pcm: list[bytes] = []
        consumed = voice.speak_clause(text, how, lambda piece, pcm=pcm: pcm.append(piece) or True)  # type: ignore[misc]
        clauses.append(text[:consumed])
        lengths.append(sum(map(len, pcm)) // 2)
        text = text[consumed:]
    return clauses, lengths


def test_the_library_is_loaded_once(voice: Espeak) -> None:
    assert load() is voice
    assert voice.rate == 22050
    assert voice.version


def test_a_text_is_spoken_clause_by_clause_and_nothing_is_left_out(voice: Espeak) -> None:
    clauses, lengths = speak(voice, TEXT)
    assert "".join(clauses) == TEXT
    assert len(clauses) >= 4
    assert clauses[-1].strip() == "And this is a new paragraph"
    assert all(length > voice.rate // 10 for length in lengths)


def test_clauses_have_together_the_length_of_the_whole(voice: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    _, lengths = speak(voice, TEXT)
    monkeypatch.setattr(espeak, "_clause_end", lambda _: None)  # so that espeak-ng goes on by itself
    _, whole = speak(voice, TEXT)
    assert len(whole) == 1
    assert abs(sum(lengths) - whole[0]) < voice.rate * 0.02


@pytest.mark.parametrize("text", ["   ", "...", "\n", "a", "😀", "\u0301", "\ud800", "\x00", "\x01", "你好 world", "-"])
def test_odd_texts_come_to_an_end(voice: Espeak, text: str) -> None:
    clauses, _ = speak(voice, text)
    assert "".join(clauses) == text


def test_control_characters_neither_end_the_text_nor_command_anything(voice: Espeak) -> None:
    _, plain = speak(voice, "one two three four")
    _, odd = speak(voice, "one two\x00three\x01four")
    assert abs(sum(odd) - sum(plain)) < voice.rate * 0.1


def test_markup_is_read_aloud_not_obeyed(voice: Espeak) -> None:
    _, marked = speak(voice, '<audio src="x"/> word')
    _, plain = speak(voice, "word")
    assert sum(marked) > 2 * sum(plain)


def test_stopping_ends_the_clause_with_the_next_piece_and_the_library_goes_on_working(voice: Espeak) -> None:
    pieces: list[bytes] = []

    def take(pcm: bytes) -> bool:
        pieces.append(pcm)
        return len(pieces) < 2

    assert voice.speak_clause(TEXT, EspeakVoice(), take) == len(TEXT)
    assert len(pieces) == 2
    assert "".join(speak(voice, TEXT)[0]) == TEXT


def test_what_the_taker_raises_arrives_at_the_caller(voice: Espeak) -> None:
    def take(pcm: bytes) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        voice.speak_clause(TEXT, EspeakVoice(), take)
    assert "".join(speak(voice, TEXT)[0]) == TEXT


def test_who_waits_for_the_library_can_give_up(voice: Espeak) -> None:
    asked: list[int] = []
    taken: list[bytes] = []

    def take(pcm: bytes) -> bool:
        taken.append(pcm)
        return True

    def give_up() -> bool:
        asked.append(1)
        return True

    with voice._lock:
        thread = Thread(target=lambda: voice.speak_clause(TEXT, EspeakVoice(), take, give_up))
        thread.start()
        thread.join(5)
    assert not thread.is_alive()
    assert asked == [1]
    assert taken == []


def test_a_voice_that_is_not_there_is_an_error_and_the_next_one_speaks(voice: Espeak) -> None:
    with pytest.raises(LibraryError, match="no voice gmw/en-XX"):
        speak(voice, TEXT, EspeakVoice("gmw/en-XX"))
    assert "".join(speak(voice, TEXT)[0]) == TEXT


def test_a_slower_voice_takes_longer_at_once(voice: Espeak) -> None:
    _, usual = speak(voice, TEXT)
    _, slow = speak(voice, TEXT, EspeakVoice(wpm=espeak.MIN_WPM))
    assert sum(slow) > 1.9 * sum(usual)


class FakeLibrary:
    """An espeak-ng that answers as it is told."""

    def __init__(self, *, rate: int = 22050, where: bytes = b"/data", code: int = 0) -> None:
        self.called: list[str] = []
        self.callback: Any = None
        self.espeak_Synth: Any

        class Call:
            """A function that carries argtypes."""

            def __init__(self, answer: Any) -> None:
                self.answer = answer

            def __call__(self, *arguments: Any) -> Any:
                return self.answer(*arguments)

        def info(pointer: Any) -> bytes:
            pointer._obj.value = where
            return b"0.0"

        self.espeak_Initialize = Call(lambda *_: rate)
        self.espeak_Info = Call(info)
        self.espeak_SetSynthCallback = Call(lambda callback: setattr(self, "callback", callback))
        self.espeak_SetVoiceByName = Call(lambda _: 0)
        self.espeak_SetParameter = Call(lambda *_: 0)
        self.espeak_Synth = Call(lambda *_: code)


def test_a_library_that_looked_for_its_data_elsewhere_is_refused() -> None:
    with pytest.raises(LibraryError, match="did not find its data"):
        Espeak(Found(FakeLibrary(where=b"/usr/share"), "/data", "x"))


def test_a_library_that_does_not_start_is_refused() -> None:
    with pytest.raises(LibraryError, match="did not find its data"):
        Espeak(Found(FakeLibrary(rate=-1), None, "x"))


def test_a_failure_of_the_library_is_an_error_with_its_code() -> None:
    voice = Espeak(Found(FakeLibrary(code=-1), "/data", "x"))
    with pytest.raises(LibraryError, match="code -1"):
        voice.speak_clause("Hello.", EspeakVoice(), lambda _: True)


def test_being_stopped_is_no_failure_whatever_the_library_calls_it() -> None:
    library = FakeLibrary()
    voice = Espeak(Found(library, "/data", "x"))
    samples = ctypes.create_string_buffer(8)

    def synthesize(*_: object) -> int:
        assert library.callback(ctypes.addressof(samples), 4, ctypes.pointer(espeak._Event())) == 1
        return -1

    library.espeak_Synth = synthesize
    assert voice.speak_clause("Hello.", EspeakVoice(), lambda _: False) == 6


def test_a_library_that_ends_without_a_clause_end_has_spoken_all() -> None:
    assert Espeak(Found(FakeLibrary(), "/data", "x")).speak_clause("Hello.", EspeakVoice(), lambda _: True) == 6


def test_a_callback_out_of_turn_is_told_to_stop() -> None:
    library = FakeLibrary()
    Espeak(Found(library, "/data", "x"))
    assert library.callback(None, 0, ctypes.POINTER(espeak._Event)()) == 1


FRESH_PROGRAM = """
import hashlib
from oggstream.voice.espeak import EspeakVoice, load
voice, digest, text = load(), hashlib.sha256(), "Hello there, how are you?"
while text:
    text = text[voice.speak_clause(text, EspeakVoice(), lambda pcm: digest.update(pcm) or True):]
print(digest.hexdigest())
"""


def test_a_fresh_process_speaks_the_same_samples_every_time() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    runs = [
        subprocess.run([sys.executable, "-c", FRESH_PROGRAM], capture_output=True, check=True, env=environment).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
