"""A pattern finds in a text that grows what it finds in all of it, as soon as no more text can change that."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.text.replacing.growing_pattern import LONGEST_MATCH, GrowingPattern


def seen(pattern: str, text: str, *, final: bool = False) -> str | None:
    """The match in brackets, what is held back with three dots."""
    place = GrowingPattern(re.compile(pattern)).find(text, 0, final=final)
    if place is None:
        return None
    return f"[{place[1][0]}]" if place[1] else f"{text[place[0] :]}..."


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\b(\d+)kg\b", "a 5", "5..."),
        (r"\b(\d+)kg\b", "a 5k", "5k..."),
        (r"\b(\d+)kg\b", "a 5kg", "5kg..."),
        (r"\b(\d+)kg\b", "a 5kg ", "[5kg]"),
        (r"\b(\d+)kg\b", "a 5kgs", None),
        (r"\b(\d+)kg\b", "a 5 k", None),
        (r"kg(?!s)", "5kg", "kg..."),
        (r"kg(?!s)", "5kg.", "[kg]"),
        (r"kg(?! per m)", "kg per k", "[kg]"),
        (r"kg(?! per m)", "kg per ", "kg per ..."),
        (r"kg(?= per)", "kg pe", "kg pe..."),
        (r"(?<=\$)\d+", "$", None),
        (r"(?<=\$)\d+", "$5", "5..."),
        (r"(?<=\$)\d+", "$5 ", "[5]"),
        (r'".*?"', '"abc" and', '["abc"]'),
        (r'".*"', '"abc" and', '"abc" and...'),
        (r'".*"', '"abc" and\n', '["abc"]'),
        (r"(['\"]).*?\1", "'abc' and", "['abc']"),
        (r"(ab|cd)\1", "ab d", None),
        (r"(ab|cd)\1", "aba", "aba..."),
        ("New York|New", "New Yo", "New Yo..."),
        ("New York|New", "New Ya", "[New]"),
        ("a{2,3}", "aa", "aa..."),
        ("a{2,3}", "aaa", "[aaa]"),
        ("ab?", "xa", "a..."),
        ("end$", "the end", "end..."),
        ("end$", "the end\n", "end\n..."),
        ("end$", "the end of", None),
        ("^the", "the end", "[the]"),
        (r"a\Bs", "xa", "a..."),
        ("(?>ab+)c", "abb", "abb..."),
        ("ab++c", "abbx", None),
        ("(a)?(?(1)b|c)", "a", "a..."),
        ("(?i:hvac)", "HV", "HV..."),
        ("(?P<n>[0-9]+)%", "7%", "[7%]"),
    ],
)
def test_text_is_held_back_only_while_it_may_become_a_match(pattern: str, text: str, expected: str | None) -> None:
    assert seen(pattern, text) == expected


def test_at_the_end_of_the_text_everything_is_decided() -> None:
    assert seen(r"\d+kg\b", "5kg", final=True) == "[5kg]"
    assert seen("end$", "the end", final=True) == "[end]"
    assert seen("foo(?=bar)", "foo", final=True) is None


def test_what_might_match_without_end_is_held_back_no_longer_than_a_match_may_be() -> None:
    pattern = GrowingPattern(re.compile(r"<[^>]*>"))
    text = "<" + "x" * (LONGEST_MATCH - 2)
    assert pattern.find(text, 0, final=False) == (0, None)
    assert pattern.find(text + "x", 0, final=False) is None
    assert pattern.find(f"{text}xxx>", 0, final=True) is None


def test_a_match_of_nothing_is_none() -> None:
    assert seen("x*", "abc") is None
    assert seen("x*", "abxc") == "[x]"


def test_flags_of_the_pattern_hold() -> None:
    pattern = GrowingPattern(re.compile("new # a comment\n[ ] york", re.IGNORECASE | re.VERBOSE))
    assert pattern.find("in New Yo", 0, final=False) == (3, None)


PATTERNS = [
    r"\b(\d+)kg\b",
    r"a+b|ab",
    r"(a|b)(?!c)",
    r"(?<=a)b+",
    r"a.*?c",
    r"a.*c",
    r"(a|b)\1",
    r"\bab\b|\Bc",
    r"a(?=b|\b)",
    r"(?:ab)+c?",
    r"^a|c$",
    r"(?m:^b|c$)",
    r"[^ ]+ c",
    r"(?>a+)b|c{2}",
    r"(a)?b(?(1)a|c)",
    r"(?:a(?=.b))+?.",
    r"5 ?k(?:g|m)?\b",
]


def matches(pattern: re.Pattern[str], portions: list[str]) -> list[tuple[int, int]]:
    """Where the pattern matches in a text that comes in portions."""
    growing = GrowingPattern(pattern)
    text, at, found = "", 0, []
    for portion in [*portions, None]:
        text += portion or ""
        while (place := growing.find(text, at, final=portion is None)) and place[1]:
            at = place[1].end()
            found.append(place[1].span())
        at = place[0] if place else len(text)
    return found


@given(st.sampled_from(PATTERNS), st.text("abc k5g\n", max_size=30), st.data())
def test_the_portions_make_no_difference(pattern: str, text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    portions = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    compiled = re.compile(pattern)
    expected = [match.span() for match in compiled.finditer(text) if match[0]]
    assert matches(compiled, portions) == matches(compiled, list(text)) == expected


def test_a_pattern_that_looks_back_further_than_is_kept_is_refused() -> None:
    with pytest.raises(UsageError, match="looks back by more than 200"):
        GrowingPattern(re.compile("(?<=a{300})b"))
