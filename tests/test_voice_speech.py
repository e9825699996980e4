"""One speech: an engine that fails costs a piece at most, what was heard is not repeated, and all is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oggstream.annotations import Speaker, Word
from oggstream.errors import LibraryError, TextError
from oggstream.voice import choice, speech
from oggstream.voice.engine import EngineInfo
from oggstream.voice.pools import close_all, pool_of
from oggstream.voice.registry import OWN
from oggstream.voice.speech import Notice
from oggstream.voice.synthesis import speak
from oggstream.voice.workers import EngineError

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[list[EngineInfo]]:
    infos = [
        EngineInfo(name=name.lower(), factory=f"odd_engines:{name}", languages=("en",), library=True, seconds=0.5)
        for name in request.param
    ]
    for module in (choice, speech):
        monkeypatch.setattr(module, "engines_for", lambda language, _engine="auto": infos if language == "en" else [])
    yield infos
    close_all()


def using(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("engines", [names], indirect=True, ids=["-".join(names)])


async def spoken(text: str, **how: Any) -> tuple[Any, list[str], list[str], list[Word]]:
    """The samples, the engines, the warnings and the words."""
    items = [item async for item in speak(text, format="pcm", **how)]
    pcm = b"".join(item for item in items if isinstance(item, bytes))
    return (
        np.frombuffer(pcm, np.int16),
        [item.engine for item in items if isinstance(item, Speaker)],
        [item.warning for item in items if isinstance(item, Notice)],
        [item for item in items if isinstance(item, Word)],
    )


@using("Good")
async def test_who_speaks_is_told_once(engines: list[EngineInfo]) -> None:
    sound, who, warnings, words = await spoken("abcd")
    assert len(sound) == 4 * 2400
    assert who == ["good"]
    assert warnings == []
    assert [word.text for word in words] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("name", ["opus", "wav", "pcm"])
@using("Silent")
async def test_a_text_in_which_the_engine_finds_nothing_to_say_is_refused(engines: list[EngineInfo], name: str) -> None:
    with pytest.raises(TextError, match="nothing in it"):
        [item async for item in speak("- -", format=name)]


@posix
@using("Dying", "Good")
async def test_the_next_engine_speaks_what_one_dies_of(engines: list[EngineInfo]) -> None:
    sound, who, warnings, _ = await spoken("abcd")
    assert len(sound) == 4 * 2400
    assert who == ["good"]
    [warning] = warnings
    assert warning == "the process of the voice dying died (signal 9) (good speaks instead)"


@posix
@using("DyingOnce")
async def test_a_piece_is_asked_for_again_and_what_was_heard_is_not_repeated(
    engines: list[EngineInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "NAMES", (str(tmp_path / "died"),))
    sound, who, warnings, words = await spoken("abcd", voice=str(tmp_path / "died"))
    assert list(sound[::2400]) == [0, 1, 2, 3]
    assert len(sound) == 4 * 2400
    assert (who, warnings) == (["dyingonce"], [])
    assert [word.text for word in words] == ["a", "b", "c", "d"]
    assert [word.start_sample for word in words] == [0, 4800, 9600, 14400]


@posix
@using("Dying", "Good")
async def test_the_rest_of_a_piece_that_was_heard_in_part_is_left_out(engines: list[EngineInfo]) -> None:
    sound, who, warnings, _ = await spoken("a.b.c")
    assert len(sound) == 2 * 2400
    assert who == ["dying"]
    assert warnings == ["the process of the voice dying died (signal 9) (a piece of the text is left out)"]


@using("Unloadable", "Good")
async def test_an_engine_that_cannot_be_loaded_is_told_once_and_the_next_one_speaks(
    engines: list[EngineInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "cut", lambda *_: [(0, 2), (2, 4)])
    sound, who, warnings, _ = await spoken("abcd")
    assert len(sound) == 4 * 2400
    assert who == ["good"]
    [warning] = warnings
    assert warning.endswith("No module named 'neural'): install what provides unloadable (good speaks instead)")


@using("Hanging", "Good")
async def test_an_engine_that_hangs_costs_its_piece(engines: list[EngineInfo]) -> None:
    sound, _, warnings, _ = await spoken("abcd")
    assert len(sound) == 2400
    assert "took longer than it may (0.5 s)" in warnings[0]


@using("Raising")
async def test_where_all_engines_fail_the_last_error_is_raised(engines: list[EngineInfo]) -> None:
    with pytest.raises(EngineError, match="IndexError"):
        await spoken("abcd")


@using("Good")
async def test_a_piece_that_nothing_speaks_is_left_out_with_a_warning(
    engines: list[EngineInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "cut", lambda *_: [(0, 4), (4, 9)])
    sound, _, warnings, _ = await spoken("Yes. 你好世界。")
    assert len(sound) == 4 * 2400
    assert warnings[0].startswith("nothing here speaks 'zh'")


@using("Good")
async def test_a_text_that_nothing_speaks_is_an_error_that_names_what_to_install(engines: list[EngineInfo]) -> None:
    with pytest.raises(LibraryError, match=r"nothing here speaks 'zh': pip install 'oggstream\["):
        await spoken("你好世界。")


async def test_the_voice_of_another_language_speaks_in_its_own() -> None:
    [seen] = [await spoken("hallo", voice="de+f2", engine="espeak")]
    assert seen[1:3] == (["espeak"], [])


async def test_an_unknown_voice_is_told_with_those_that_there_are() -> None:
    _, _, warnings, _ = await spoken("hello", voice="nobody", engine="espeak")
    assert warnings[0].startswith("the offline voice has no 'nobody' and speaks as 'alloy'; it has alloy, ash, ")


async def test_an_engine_that_was_named_and_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "is_installed", lambda info: info.name == "espeak")
    _, who, warnings, _ = await spoken("hello", engine="kokoro")
    assert who == ["espeak"]
    assert warnings == ["the voice kokoro is not installed, another one speaks: pip install 'oggstream[kokoro]'"]


@pytest.mark.parametrize(
    "text", ["w." * 400, "'" * 2000, "a" * 4096, "1" * 60, "\x00\x01" * 50, "😀" * 300, "a\ud83d b"]
)
async def test_odd_texts_leave_the_process_alive(text: str) -> None:
    _, _, warnings, _ = await spoken(text, engine="espeak")
    assert warnings == []
    with pool_of(OWN["espeak"]).worker() as worker:
        assert worker is not None
        assert worker.alive
