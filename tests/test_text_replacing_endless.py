"""Patterns that might take for ever are refused by their form."""

from __future__ import annotations

import re

import pytest

from oggstream.errors import UsageError
from oggstream.text.replacing.growing_pattern import GrowingPattern


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|ab|b)*c",
        "(a?)*b",
        r"(?:\w+\s?)*!",
        "(x+x+)+y",
        "((ab)*)*c",
        "(a*){5,}b",
        "(?:a{1,3}){9}",
        "(?=(a+)+b)a",
        r"(,\d+,?)*x",
        r"(?:[a,]+,)*x",
    ],
)
def test_repeating_what_is_repeated_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="for ever"):
        GrowingPattern(re.compile(pattern))


@pytest.mark.parametrize("pattern", [".*.*.*x", r"\w+\S*\w+!", r"(a.*)b.*(c.*)d", r"\s*[ \n]*\s*x"])
def test_the_same_characters_again_and_again_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="3 times in a row"):
        GrowingPattern(re.compile(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\w+)\s+(\w+)\s*,\s*(\w+)",
        r"\w+ \w+ \w+ \w+",
        r'"(.*?)" and "(.*?)"',
        r"\d+(?:\.\d+)+",
        r"\d{1,3}(?:,\d{3})+",
        r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}\d+",
        "(?:foo|bar)+",
        "(?:a++b?+)*c",
        "(?>a+)+",
        r"https?://\S+",
        r"[\w.]+@[\w.]+",
        r'"[^"]*"',
    ],
)
def test_repeated_parts_that_can_be_told_apart_are_taken(pattern: str) -> None:
    GrowingPattern(re.compile(pattern))
