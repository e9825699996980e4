"""OpenAI's voices and speeds as espeak-ng speaks them."""

from __future__ import annotations

import hashlib

import pytest

from oggstream.errors import UsageError
from oggstream.voice.choice import primary
from oggstream.voice.espeak import load
from oggstream.voice.espeak_voices import LANGUAGE_FILES, VOICES, espeak_voice, pace_of
from oggstream.voice.registry import OWN

NAMES = [
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "onyx",
    "nova",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
]
TEXT = "The quick brown fox jumps over the lazy dog. It was a nice day, and everybody was happy."


def spoken(voice: str, wpm: int = 175) -> bytes:
    rest, pcm = TEXT, b""

    def take(piece: bytes) -> bool:
        nonlocal pcm
        pcm += piece
        return True

    while rest:
        rest = rest[load().speak_clause(rest, VOICES[voice]._replace(wpm=wpm), take) :]
    return pcm


def test_there_is_a_voice_for_each_of_openais_names() -> None:
    assert sorted(VOICES) == sorted(NAMES)


def test_all_voices_speak_and_no_two_sound_alike() -> None:
    recordings = {name: spoken(name) for name in NAMES}
    assert all(len(pcm) > 3 * 2 * load().rate for pcm in recordings.values())
    assert len({hashlib.sha256(pcm).digest() for pcm in recordings.values()}) == len(NAMES)
    assert len(set(VOICES.values())) == len(NAMES)


def test_an_unknown_voice_speaks_as_the_usual_one() -> None:
    assert espeak_voice("nobody") == espeak_voice()


@pytest.mark.parametrize(
    ("name", "language", "file", "variant"),
    [
        ("coral", "en", "gmw/en-US", "f2"),
        ("coral", "de", "gmw/de", "f2"),
        ("coral", "de-AT", "gmw/de", "f2"),
        ("alloy", "pt-BR", "roa/pt-BR", ""),
        ("alloy", "zh-Hant-TW", "sit/cmn", ""),
        ("alloy", "xx", "gmw/en-US", ""),
        ("fr", "en", "roa/fr", ""),
        ("FR+f3", "en", "roa/fr", "f3"),
    ],
)
def test_the_language_chooses_the_file_and_the_name_the_variant(
    name: str, language: str, file: str, variant: str
) -> None:
    voice = espeak_voice(name, language)
    assert (voice.language, voice.variant) == (file, variant)


def test_every_language_has_a_file_that_espeak_ng_has() -> None:
    spoken_by = load()
    for tag, file in LANGUAGE_FILES.items():
        assert spoken_by.speak_clause("1", espeak_voice(tag), lambda _: True), file


def test_the_table_of_engines_lists_the_languages() -> None:
    listed = set(OWN["espeak"].languages)
    assert {primary(tag) for tag in LANGUAGE_FILES} == listed


@pytest.mark.parametrize("speed", [0.25, 0.3, 0.4, 0.45, 0.46, 0.5, 0.75, 1.5, 2, 2.5, 2.6, 3, 4])
def test_the_duration_is_within_5_percent_of_the_inverse_of_the_speed(speed: float) -> None:
    pace = pace_of(speed)
    factor = len(spoken("alloy", pace.wpm)) * pace.stretch / len(spoken("alloy"))
    assert factor * speed == pytest.approx(1, abs=0.05)


def test_espeak_ng_does_what_it_does_evenly_and_stretching_the_rest() -> None:
    assert pace_of(1) == (175, 1.0)
    assert pace_of(0.46) == (80, 1.0)
    assert pace_of(4) == (700, 1.0)
    assert pace_of(0.25) == (80, 80 / 43.75)
    assert pace_of(2) == (250, 250 / 350)


@pytest.mark.parametrize("speed", [0.24, 4.01, 0, -1, float("nan"), float("inf")])
def test_a_speed_outside_the_range_is_refused(speed: float) -> None:
    with pytest.raises(UsageError, match=r"outside 0\.25 to 4"):
        pace_of(speed)
