"""Which engine speaks: by the language that was named, the script, and the common words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oggstream.errors import LibraryError, UsageError
from oggstream.voice import choice
from oggstream.voice.choice import (
    advice_for,
    engines_for,
    language_of,
    language_of_piece,
    primary,
    why_not,
    with_lacking,
)
from oggstream.voice.engine import EngineInfo


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(*names: str, here: dict[str, tuple[str, ...]] | None = None) -> None:
        monkeypatch.setattr(choice, "is_installed", lambda info: info.name in names)
        places = here or {}
        monkeypatch.setattr(choice, "languages_here", lambda info: places.get(info.name, info.languages))

    return install


def names(found: list[EngineInfo]) -> list[str]:
    return [info.name for info in found]


def test_english_goes_to_hibari_and_other_languages_to_who_speaks_them(installed: Callable[..., None]) -> None:
    installed("hibari", "espeak", "piper", here={"piper": ("de-DE",)})
    assert names(engines_for("en")) == ["hibari", "espeak"]
    assert names(engines_for("en-GB")) == ["hibari", "espeak"]
    assert names(engines_for("de")) == ["piper", "espeak"]
    assert names(engines_for("zh")) == ["espeak"]
    assert names(engines_for("bo")) == []


def test_an_engine_that_is_named_goes_first_if_it_speaks_the_language(installed: Callable[..., None]) -> None:
    installed("hibari", "espeak")
    assert names(engines_for("en", "espeak")) == ["espeak", "hibari"]
    assert names(engines_for("fr", "hibari")) == ["espeak"]
    assert why_not("espeak", "fr") == why_not("auto", "bo") == []
    assert "has nothing for 'fr'" in why_not("hibari", "fr")[0]
    assert "pip install 'oggstream[piper]'" in why_not("piper", "fr")[0]


def test_an_unknown_engine_is_refused(installed: Callable[..., None]) -> None:
    installed("espeak")
    with pytest.raises(UsageError, match="no engine 'nobody'"):
        engines_for("en", "nobody")


def test_what_to_install_is_named(installed: Callable[..., None]) -> None:
    installed()
    assert advice_for("en").startswith("nothing here speaks 'en': pip install 'oggstream[voice]' (hibari); or ")
    assert "oggstream[voice]" not in advice_for("th")
    assert "oggstream[espeak]" in advice_for("th")


def test_an_engine_that_lacks_only_a_voice_is_named_beside_the_library_that_is_missing(
    installed: Callable[..., None],
) -> None:
    missing = LibraryError("espeak-ng was not found: install it")
    installed("piper", here={"piper": ("de-DE",)})
    assert str(with_lacking(missing, "fr")) == f"no voice of piper for 'fr' is here (docs/voices.md), and {missing}"
    assert advice_for("fr").endswith("; no voice of piper for 'fr' is here (docs/voices.md)")
    assert with_lacking(missing, "de") is missing
    installed("piper", "kokoro", here={"piper": (), "kokoro": ()})
    assert str(with_lacking(missing, "en")).startswith("no voice of piper or kokoro for 'en' is here ")
    assert str(with_lacking(missing, "de")).startswith("no voice of piper for 'de' is here ")
    installed()
    assert with_lacking(missing, "en") is missing


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the time?", "en"),
        ("Das ist nicht wahr, und ich bin müde.", "de"),
        ("你好，世界", "zh"),
        ("こんにちは", "ja"),
        ("안녕하세요", "ko"),
        ("مرحبا بالعالم", "ar"),
        ("สวัสดีครับ", "th"),
        ("Привет, мир", "ru"),
        ("Γειά σου Κόσμε", "el"),
        ("שלום עולם", "he"),
        ("नमस्ते दुनिया", "hi"),
        ("123 !?", "en"),
    ],
)
def test_letters_and_words_tell_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_the_language_that_is_named_holds_where_the_script_allows_it() -> None:
    assert language_of("OK.", "de") == "de"
    assert language_of("Привіт", "uk") == "uk"
    assert language_of("日本", "ja") == "ja"
    assert language_of("你好", "en") == "zh"
    assert language_of("Привет", "en-US") == "ru"
    assert language_of("The word 你好 means hello", "en") == "en"


def test_a_piece_in_another_script_has_its_own_language_and_others_that_of_the_whole() -> None:
    assert language_of_piece("Yes. ", "zh") == "en"
    assert language_of_piece("OK, super.", "de") == "de"
    assert language_of_piece("你好。", "de") == "zh"
    assert language_of_piece("123.", "zh") == "zh"


def test_tags_are_compared_by_their_language() -> None:
    assert [primary(tag) for tag in ("pt-BR", "zh_Hant", "cmn", "nb", "EN", "iw")] == [
        "pt",
        "zh",
        "zh",
        "no",
        "en",
        "he",
    ]
