"""The user's own words: what is said for what is written, in ``words.toml`` in the user's folder.

Tables: ``[words]`` (a word or phrase, and what is said for it: a text, or ``{ipa = "...", say = "..."}``) and
``[patterns]`` (a regular expression, and the same); ``[de.words]``, ``[de.patterns]`` for texts in one language.
Without a file nothing is read, and no TOML reader loaded.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

from ..errors import ConfigError, UsageError
from ..said import Ipa, check_rule
from .access import read_whole
from .places import settings_folder
from .toml_file import MOST_BYTES, read_toml

Words = dict["str | re.Pattern[str]", "str | Ipa"]

_KINDS = ("words", "patterns")
_TAG = re.compile("[a-z]{2,3}(?:-[a-z0-9]{1,8})*")


def words_path() -> str:
    """The file; it need not be there."""
    return os.path.join(settings_folder(), "words.toml")


def read_words(language: str | None) -> Words:
    """What is said in a text in ``language`` (BCP 47; None: what holds for all). Raises `ConfigError`."""
    path = words_path()
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return {}
    tables = _tables(path, found.st_mtime_ns, found.st_size)
    tag = (language or "").lower().replace("_", "-")
    chosen = [words for name, words in tables if not name or tag == name or tag.startswith(f"{name}-")]
    return {key: said for words in chosen for key, said in words.items()}


@lru_cache(maxsize=2)
def _tables(path: str, changed: int, size: int) -> list[tuple[str, Words]]:  # noqa: ARG001  # what the file was then
    """The words of each language, the general ones ("") first, then the longer tags behind the shorter."""
    found: dict[str, Words] = {}
    for name, table in read_toml(path, "the words").items():
        tag = "" if name in _KINDS else name.lower().replace("_", "-")
        if tag and not _TAG.fullmatch(tag):
            raise _wrong(
                path, name, f"there is no table {name!r}: use [words], [patterns], or [de.words] for a language"
            )
        for kind, entries in ({name: table} if not tag else _table(path, name, table)).items():
            if kind not in _KINDS:
                raise _wrong(path, kind, f"{name} has words and patterns, not {kind!r}")
            found.setdefault(tag, {}).update(_entries(path, kind, _table(path, kind, entries)))
    return sorted(found.items())


def _table(path: str, name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise _wrong(path, name, f"{name!r} stands outside a table: put [words] above it")
    return table


def _entries(path: str, kind: str, entries: dict[str, Any]) -> Words:
    return dict(_entry(path, kind, key, value) for key, value in entries.items())


def _entry(path: str, kind: str, key: str, value: Any) -> tuple[str | re.Pattern[str], str | Ipa]:
    try:
        written = re.compile(key) if kind == "patterns" else key
        said = Ipa(**value) if isinstance(value, dict) else value
        check_rule(kind, written, said)
        if kind == "patterns":
            from ..text.replacing.growing_pattern import GrowingPattern

            GrowingPattern(re.compile(key))
    except (re.error, UsageError, RecursionError, OverflowError) as error:
        raise _wrong(path, key, str(error)) from error
    except TypeError as error:
        raise _wrong(path, key, f'{key!r} is a text, or {{ipa = "...", say = "..."}}') from error
    return written, said


def _wrong(path: str, key: str, why: str) -> ConfigError:
    """The error for an entry, with its line: the first in which its key stands before an equals sign or in brackets."""
    text = read_whole(path, MOST_BYTES).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if key in (line if line.lstrip().startswith("[") else line.partition("=")[0]):
            return ConfigError(f"{path}, line {number}: {why}")
    return ConfigError(f"{path}: {why}")
