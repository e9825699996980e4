"""The user's file of words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from oggstream.errors import ConfigError
from oggstream.files.words_file import read_words, words_path
from oggstream.said import Ipa

FULL = r"""
[words]
HVAC = "H vac"
"New York" = { ipa = "njuː jɔːk", say = "the city" }

[patterns]
'(\d+)kg' = '\1 kilos'

[de.words]
HVAC = "Ha Vau"

[de-AT.words]
"Jänner" = "Jenner"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "oggstream").mkdir()
    return tmp_path / "oggstream" / "words.toml"


def test_without_a_file_there_are_no_words(file: Path) -> None:
    assert Path(words_path()) == file
    assert read_words(None) == {}


def test_words_and_patterns_are_read_and_read_again_when_they_change(file: Path) -> None:
    file.write_text(FULL, encoding="utf-8")
    pattern = re.compile(r"(\d+)kg")
    assert read_words(None) == {"HVAC": "H vac", "New York": Ipa("njuː jɔːk", "the city"), pattern: r"\1 kilos"}
    file.write_text("[words]\nGIF = 'jif'\n")
    assert read_words(None) == {"GIF": "jif"}


def test_words_of_a_language_hold_in_it_and_go_before_those_of_all(file: Path) -> None:
    file.write_text(FULL, encoding="utf-8")
    assert read_words("en")["HVAC"] == "H vac"
    assert read_words("de")["HVAC"] == read_words("DE_ch")["HVAC"] == "Ha Vau"
    assert "Jänner" not in read_words("de")
    assert read_words("de-AT")["Jänner"] == "Jenner"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[words]\nHVAC = "H vac\n', 2, "TOML"),
        ('HVAC = "H vac"', 1, "there is no table 'HVAC'"),
        ('\nwords = "H vac"', 2, "outside a table"),
        ("[words]\na = 'b'\nHVAC = 5", 3, "must say a str for 'HVAC', not int"),
        ("[words]\nHVAC = { sounds = 'x' }", 2, "is a text, or {ipa"),
        ("[words]\nHVAC = { ipa = '/x/' }", 2, "without slashes"),
        ("[patterns]\n'a' = 'b'\n'(a' = 'b'", 3, "unterminated"),
        ("[patterns]\n'(a)' = '\\2'", 2, "invalid group reference"),
        ("[de]\nHVAC = 'H'", 2, "de has words and patterns"),
        ("[de.sounds]\nHVAC = 'H'", 1, "de has words and patterns"),
    ],
)
def test_a_broken_file_is_one_error_with_the_line(file: Path, text: str, line: int, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        read_words(None)
    assert re.search(rf"line {line}\b", str(refused.value))
    assert str(file) in str(refused.value)


def test_nothing_of_a_reader_is_loaded_without_a_file(file: Path) -> None:
    code = (
        "import sys; from oggstream.files.words_file import read_words; read_words('de');"
        "print(*({'tomllib', 'oggstream.text'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
