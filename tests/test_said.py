"""What is said for what is written is checked when it is given."""

from __future__ import annotations

import re
from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.options import PlaybackOptions
from oggstream.said import Ipa


def test_words_phrases_and_patterns_are_taken() -> None:
    rules: dict[Any, Any] = {
        "HVAC": "H vac",
        "New York": Ipa("njuː jɔːk"),
        re.compile(r"(\d+)kg"): r"\1 kilos",
        "x": "",
    }
    assert PlaybackOptions(replace=rules).replace == rules
    assert hash(PlaybackOptions(replace=rules)) == hash(PlaybackOptions())


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["HVAC"], "mapping"),
        ({1: "one"}, "str and compiled patterns"),
        ({b"a": "one"}, "str and compiled patterns"),
        ({re.compile(b"a"): "one"}, "str and compiled patterns"),
        ({"": "nothing"}, "1 to 200 characters"),
        ({" ": "nothing"}, "1 to 200 characters"),
        ({"x" * 201: "long"}, "1 to 200 characters"),
        ({"\ud800": "half"}, "1 to 200 characters"),
        ({"HVAC": 5}, "must say a str for 'HVAC', not int"),
        ({"HVAC": "x" * 1001}, "up to 1000 characters"),
        ({"HVAC": "a\x00b"}, "none of them a control"),
        ({"HVAC": "\ud800"}, "none of them a control"),
        ({re.compile("(a)"): r"\2"}, "invalid group reference"),
        ({re.compile("(a)"): r"\g<b>"}, "unknown group name"),
        ({"HVAC": Ipa("")}, "nothing to say"),
        ({"HVAC": Ipa("a", say=" ")}, "nothing to say"),
        ({"HVAC": Ipa("/a/")}, "without slashes"),
        ({"HVAC": Ipa('a"/><break/>')}, "without slashes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(rules: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        PlaybackOptions(replace=rules)
    assert str(refused.value).startswith("replace ")
