"""Tests of the line editor's own parts; what it does on a terminal is tested with ``say`` and ``chat``."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from oggstream.cli.terminal import keyboard as module
from oggstream.cli.terminal.keyboard import HISTORY, Keyboard


def keyboard(*, interrupts: bool = True) -> Keyboard:
    return Keyboard(edits=True, make_room=lambda: None, on_interrupt=lambda: interrupts)


def test_before_it_is_on_the_terminal_it_shows_nothing_and_knows_nothing() -> None:
    keys = keyboard()
    assert (keys.active, keys.typed, keys.show("x")) == (False, "", False)
    keys.erase()
    keys.draw()


def test_where_nothing_is_to_be_interrupted_the_program_is() -> None:
    keyboard().interrupt()
    with pytest.raises(KeyboardInterrupt):
        keyboard(interrupts=False).interrupt()


def test_the_history_is_private_and_begins_anew_when_it_is_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "oggstream" / HISTORY
    history = module._history()
    history.append_string("One.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(module._history().load_history_strings()) == ["One."]
    path.write_bytes(b"+x\n" * module.MOST_HISTORY)
    assert list(module._history().load_history_strings()) == []


def test_where_it_cannot_be_kept_it_is_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    history = module._history()
    history.append_string("One.")
    assert history.get_strings() == ["One."]
