"""hibari's phonemizer with its dictionaries in a file that is mapped: ready at once, instead of after a second."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from ...files.places import cache_folder
from .package import phonemizer, unusable
from .script import Script
from .spelling import Spelling
from .tables import Table, open_tables, write_tables

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_DICTIONARIES = {"gold": "lexicon_us_gold.json.gz", "silver": "lexicon_us_silver.json.gz", "tagger": "tagger.json.gz"}

Dictionaries = Mapping[str, "Table | Mapping[str, Any]"]


class Pronunciation:
    """English text to phonemes. Raises `LibraryError` for a package that is damaged or unknown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = os.path.join(cache_folder(), "voices", "hibari.tables")
        self._unwritten: Mapping[str, Mapping[str, Any]] | None = None
        try:
            self._module = phonemizer(folder)
            self._phonemizer = _assembled(self._module, self._dictionaries(), Spelling(folder), folder)
            titles = frozenset(self._module.normalize.__globals__["TITLES"])
            self.script = Script(self._phonemes, _load(folder / "vocab.json"), titles)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise unusable(f"{type(error).__name__}: {error}") from error

    def keep(self) -> None:
        """Begin to write the file of dictionaries, if there was none: a second's work, once, in a thread of its own.

        Python waits for the thread at its end. A disk that is full or read-only does not matter.
        """
        unwritten, self._unwritten = self._unwritten, None
        if unwritten is not None:
            Thread(target=self._write, args=(unwritten,), name="oggstream-hibari-tables").start()

    def _write(self, dictionaries: Mapping[str, Mapping[str, Any]]) -> None:
        with suppress(OSError):
            write_tables(self._file, self._identity(), dictionaries)

    def _dictionaries(self) -> Dictionaries:
        tables = open_tables(self._file, self._identity())
        if tables is not None:
            return tables
        self._unwritten = _read_dictionaries(self._folder)
        return self._unwritten

    def _identity(self) -> str:
        """Changes with the files of the package."""
        stats = [os.stat(self._folder / name) for name in _DICTIONARIES.values()]
        return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)

    def _phonemes(self, sentence: str) -> tuple[str, list[str]]:
        normalized = self._module.normalize(sentence)
        words = [""]
        for token in self._phonemizer.phonemize_tokens(self._phonemizer.tokenize(normalized)):
            words[-1] += token.phonemes or ""
            if token.whitespace:
                words.append("")
        return normalized, words if normalized else []


def _assembled(module: ModuleType, dictionaries: Dictionaries, spelling: Spelling, folder: Path) -> Any:
    """`G2P` without its constructor, which reads all dictionaries."""
    made = module.G2P.__new__(module.G2P)
    made.lexicon = module.Lexicon(dictionaries["gold"], dictionaries["silver"])
    made.tokenizer = module.Tokenizer(_load(folder / "tokenizer_exceptions.json"))
    tags = dictionaries["words"].get("tags")
    made.tagger = module.Tagger({"tagdict": dictionaries["tags"], "tags": tags, "weights": dictionaries["weights"]})
    made.tagger.vocab = dictionaries["words"]
    made.unk, made.british = "", False
    vars(made)["_oov"] = spelling
    return made


def _read_dictionaries(folder: Path) -> dict[str, Mapping[str, Any]]:
    files = {name: _load(folder / file) for name, file in _DICTIONARIES.items()}
    tagger = files.pop("tagger")
    return {
        **files,
        "tags": tagger["tagdict"],
        "weights": tagger["weights"],
        "words": dict.fromkeys(tagger["vocab"], 1) | {"tags": tagger["tags"]},
    }


def _load(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
