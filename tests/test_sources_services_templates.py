from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.sources.services.templates import MissingField, field_names, fill, fill_text


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{voice}", "coral"),
        ("a{voice}b{speed}", "acoralb1.5"),
        ("{model|voice}", "coral"),
        ("{{voice}}", "{voice}"),
        ("{{{voice}}}", "{coral}"),
        ("", ""),
        ("{whole}", "1"),
    ],
)
def test_fields_are_filled_in(template: str, filled: str) -> None:
    assert fill_text(template, {"voice": "coral", "speed": 1.5, "whole": 1.0, "model": None}) == filled


def test_value_is_encoded_and_the_text_around_it_is_not() -> None:
    assert fill_text("<a>{voice}</a>", {"voice": "<b>"}, lambda value: value.replace("<", "&lt;")) == "<a>&lt;b></a>"


def test_what_is_filled_in_is_no_template() -> None:
    assert fill_text("{text}", {"text": "{key} {{ {0.__class__}", "key": "secret"}) == "{key} {{ {0.__class__}"


@given(st.text(), st.text())
def test_any_value_arrives_as_it_is(value: str, other: str) -> None:
    fields = {"text": value, "voice": other}
    assert fill_text("{text}{voice}", fields) == value + other
    assert fill({"a": ["{text}"]}, fields) == {"a": [value]}


@pytest.mark.parametrize("fields", [{}, {"voice": None}])
def test_missing_value_is_told_by_its_names(fields: dict[str, Any]) -> None:
    with pytest.raises(MissingField) as caught:
        fill_text("x{model|voice}", fields)
    assert caught.value.names == ("model", "voice")


def test_tables_keep_kinds_and_lose_what_has_no_value() -> None:
    template = {"n": "{n}", "t": "{n}x", "gone": "{no}", "deep": {"gone": "{no}"}, "list": ["{no}", "{n}"], "own": 3}
    assert fill(template, {"n": 2.0}) == {"n": 2.0, "t": "2x", "list": [2.0], "own": 3}
    assert fill({}, {}) == {}
    assert fill({"gone": "{no}"}, {}) is None
    assert fill({"b": True, "e": {}}, {}) == {"b": True, "e": {}}


@pytest.mark.parametrize(
    "template",
    [
        "{",
        "}",
        "a{b",
        "{}",
        "{0}",
        "{a.b}",
        "{a[0]}",
        "{a!r}",
        "{a:>9}",
        "{A}",
        "{a|}",
        "{ a }",
        "{a b}",
        "{__class__}",
    ],
)
def test_nothing_else_stands_in_braces(template: str) -> None:
    with pytest.raises(UsageError, match="is no field"):
        field_names({"x": [template]})


def test_names_of_all_fields_are_found() -> None:
    assert field_names({"a": "{x}{y|z}", "b": ["{{no}}", 3, {"c": "{w}"}]}) == {"x", "y", "z", "w"}
