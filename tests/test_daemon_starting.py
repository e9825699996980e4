"""Starting a daemon for the next call."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from oggstream.daemon.starting import start_daemon


@pytest.mark.skipif(sys.platform == "win32", reason="there it is the only way")
def test_where_spawning_knows_no_session_another_module_starts_it_without_the_callers_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError("setsid")

    started: list[dict[str, Any]] = []
    monkeypatch.setattr(os, "posix_spawn", refuse)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: started.append({"command": command, **options}))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-caller")
    start_daemon()
    (daemon,) = started
    assert daemon["command"][-2:] == ["daemon", "--quiet"]
    assert daemon["start_new_session"]
    assert "OPENAI_API_KEY" not in daemon["env"]
