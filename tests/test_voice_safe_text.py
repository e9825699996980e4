"""Texts that make espeak-ng overflow its buffers are changed before they reach it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from oggstream.voice.safe_text import LONGEST_WORD, MOST_APOSTROPHES, MOST_DOTTED, safe_text

FATAL = [
    "w." * 192,
    "w. " * 192,
    "'s" * 68,
    "s'" * 220,
    "\u2019s" * 68,
    "a.m. p.m. " * 48,
    "\u0436." * 67,
    "\u0436\u0307" * 67,
    "é." * 400,
    "ing's" * 100,
]
SPEAK = """
import sys
from oggstream.voice.espeak import EspeakVoice, load
voice = load()
for text in sys.stdin.buffer.read().decode().split("\\0"):
    while text:
        text = text[voice.speak_clause(text, EspeakVoice(wpm=450), lambda _: True):]
"""


def test_runs_of_dotted_letters_and_apostrophes_do_not_end_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPEAK], input="\0".join(FATAL).encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@given(st.text(st.sampled_from("ab.'\u2019 \n\x00\x01é\u0436\u0307"), max_size=300))
def test_every_character_keeps_its_place_and_only_spaces_are_put_in(text: str) -> None:
    safe = safe_text(text)
    assert len(safe) == len(text)
    assert all(new in (old, " ") for old, new in zip(text, safe, strict=True))
    assert all(len(word) <= LONGEST_WORD for word in safe.split())
    assert all(word.count("'") <= MOST_APOSTROPHES for word in safe.split())
    assert safe_text(safe) == safe


@pytest.mark.parametrize(
    "text",
    ["It's 5 p.m. in the U.S.A., e.g. at O'Neil's.", "rock'n'roll's", "don't can't won't it's he's she's", "1.2.3.4.5"],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


def test_a_long_text_takes_time_in_proportion() -> None:
    assert len(safe_text("w." * 500_000)) == 1_000_000
    assert " " in safe_text("w." * (MOST_DOTTED + 1))
