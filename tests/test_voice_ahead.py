"""The process of the engine that will probably speak is started first thing."""

from __future__ import annotations

import pytest

from oggstream.voice.ahead import begin
from oggstream.voice.pools import close_all, pool_of
from oggstream.voice.registry import OWN


def test_it_starts_one_process_and_the_speech_uses_it() -> None:
    close_all()
    begin(text="Hello.")
    begin("espeak", language="de")
    [worker] = pool_of(OWN["espeak"])._idle
    assert worker.alive


@pytest.mark.parametrize("engine", ["nobody", ""])
def test_it_never_fails(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(engine)
    monkeypatch.setattr("oggstream.voice.choice.is_installed", lambda info: False)
    begin()
