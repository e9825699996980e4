"""What is replaced in a speech comes from its options and from the user's file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from oggstream.engine.requests.saying import replacements_of
from oggstream.errors import ConfigError, UsageError
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.said import Ipa
from oggstream.sources.traits import SourceTraits
from oggstream.text.replacing.replaced_text import replaced


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "oggstream").mkdir()
    return tmp_path / "oggstream" / "words.toml"


def said(text: str, language: str | None = None, ipa: str | None = None, **options: object) -> str:
    given = PlaybackOptions(**options)  # type: ignore[arg-type]
    words = replacements_of(given, SpeechOptions(language=language), SourceTraits(ipa=ipa))
    return replaced(text, words).text if words else text


def test_the_options_go_before_the_file_and_that_of_the_language_before_that_of_all(file: Path) -> None:
    file.write_text("[words]\na = 'file'\nb = 'file'\n[de.words]\nb = 'Datei'\n")
    assert said("a b c") == "file file c"
    assert said("a b c", "de") == "file Datei c"
    assert said("a b c", "de", replace={"a": "given", "c": "given"}) == "given Datei given"


def test_phonemes_are_written_as_the_source_takes_them(file: Path) -> None:
    assert said("a b", replace={"b": Ipa("be\u02d0")}, ipa="{word}/{ipa}/") == "a b/be\u02d0/"
    assert said("a b", replace={"b": Ipa("be\u02d0", say="bee")}) == "a bee"


def test_nothing_is_replaced_without_words_and_where_the_text_does_not_matter(file: Path) -> None:
    assert replacements_of(PlaybackOptions(), SpeechOptions(), SourceTraits()) is None
    assert replacements_of(PlaybackOptions(replace={}), SpeechOptions(), SourceTraits()) is None
    given = PlaybackOptions(replace={"a": "b"})
    assert replacements_of(given, SpeechOptions(), SourceTraits(whole=True)) is None


def test_a_pattern_that_may_take_for_ever_is_refused_before_anything_is_asked(file: Path) -> None:
    file.write_text("[patterns]\n'(a+)+' = 'b'\n")
    with pytest.raises(ConfigError, match=r"line 2: .*for ever"):
        replacements_of(PlaybackOptions(), SpeechOptions(), SourceTraits())
    file.unlink()
    given = PlaybackOptions(replace={re.compile("(a+)+"): "b"})
    with pytest.raises(UsageError, match="for ever"):
        replacements_of(given, SpeechOptions(), SourceTraits())


def test_nothing_of_it_is_loaded_for_a_speech_without_words(file: Path) -> None:
    code = (
        "import sys; from oggstream.engine.requests.saying import replacements_of as r;"
        "from oggstream.options import *; from oggstream.sources.traits import SourceTraits as T;"
        "r(PlaybackOptions(), SpeechOptions(), T());"
        "print(*(name for name in sys.modules if 'replacing' in name or name == 'tomllib'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
