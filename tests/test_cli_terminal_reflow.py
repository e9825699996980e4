"""A terminal that gets narrower wraps what it shows: the line editor finds its rows again."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output.vt100 import Vt100_Output

from oggstream.cli.terminal import keyboard as module
from oggstream.cli.terminal.keyboard import Keyboard
from oggstream.cli.terminal.reflow import moved, reflows


def cells(*rows: str) -> dict[int, dict[int, Any]]:
    return {
        number: {at: SimpleNamespace(char=letter, width=1) for at, letter in enumerate(row)}
        for number, row in enumerate(rows)
    }


@pytest.mark.parametrize(
    ("rows", "cursor", "columns", "expected"),
    [
        (["a" * 90, "b" * 80], (80, 1), 100, (80, 1)),
        (["a" * 90, "b" * 80], (80, 1), 50, (30, 3)),
        (["a" * 90, "b" * 80], (10, 1), 30, (10, 3)),
        (["a" * 50 + " " * 40, "b"], (1, 1), 50, (1, 1)),
        (["", "b"], (0, 1), 50, (0, 1)),
        ([], (0, 0), 50, (0, 0)),
    ],
)
def test_the_cursor_is_as_far_down_as_the_rows_above_it_take(
    rows: list[str], cursor: tuple[int, int], columns: int, expected: tuple[int, int]
) -> None:
    assert moved(cells(*rows), Point(*cursor), columns) == expected


def test_a_letter_of_two_columns_counts_for_two() -> None:
    row = {at: SimpleNamespace(char="\u3042", width=2) for at in range(0, 60, 2)}
    assert moved({0: row}, Point(0, 1), 30).y == 2


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        ({"TMUX": "x"}, True),
        ({"STY": "x", "TMUX": "x"}, True),
        ({"STY": "x"}, False),
        ({"XTERM_VERSION": "XTerm(370)"}, False),
    ],
)
def test_terminals_that_only_cut_off_are_known(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool
) -> None:
    for name in ("TMUX", "STY", "XTERM_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert reflows() is expected


@pytest.mark.parametrize(("reflowing", "up"), [(True, 3), (False, 1)])
def test_the_editor_erases_from_where_its_first_row_is_now(
    monkeypatch: pytest.MonkeyPatch, reflowing: bool, up: int
) -> None:
    written, sizes = io.StringIO(), [Size(rows=24, columns=100)]
    monkeypatch.setattr(module, "_output", lambda: Vt100_Output(written, lambda: sizes[-1], enable_cpr=False))
    monkeypatch.setattr(module, "reflows", lambda: reflowing)
    monkeypatch.setattr(Buffer, "load_history_if_not_yet_loaded", lambda _: None)
    keys = Keyboard(edits=True, make_room=lambda: None, on_interrupt=lambda: True)
    keys.show("a" * 90)
    with create_app_session(input=DummyInput()):
        app = module._application(keys)
        app.current_buffer.insert_text("b" * 78)
        with set_app(app):
            app.renderer.render(app, app.layout)
            sizes.append(Size(rows=24, columns=50))
            written.truncate(0)
            app._on_resize()
    assert re.search(r"\x1b\[(\d*)A", written.getvalue())[1] == ("" if up == 1 else str(up))  # type: ignore[index]
