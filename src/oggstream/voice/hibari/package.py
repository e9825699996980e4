"""The package hibari-tts as far as it is used: its files, and its phonemizer without the rest.

Importing ``hibari`` itself would import its downloader and, at the first voice, onnxruntime, which writes below the
user's home and resolves a telemetry host as soon as it is imported. Its subpackage ``g2p`` needs neither.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import LibraryError

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "pip install 'oggstream[voice]'"
MODEL_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
"""Of the model in hibari-tts 0.2.1, for which the silence at its beginning was measured."""

_NAME = "oggstream_hibari_g2p"


def assets() -> Path:
    """The folder of its model and dictionaries. Raises `LibraryError` if it is not installed."""
    spec = find_spec("hibari")
    for place in spec.submodule_search_locations or () if spec is not None else ():
        if (Path(place) / "assets").is_dir():
            return Path(place) / "assets"
    raise LibraryError(f"the voice hibari is not installed: {INSTALL}")


def phonemizer(folder: Path) -> ModuleType:
    """Its module ``g2p``. Raises `LibraryError` if it cannot be imported."""
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    place = folder.parent / "g2p"
    spec = spec_from_file_location(_NAME, place / "__init__.py", submodule_search_locations=[str(place)])
    if spec is None or spec.loader is None:
        raise unusable("it has no phonemizer")
    module = sys.modules[_NAME] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[_NAME]
        raise unusable(f"{type(error).__name__}: {error}") from error
    return module


def unusable(reason: str) -> LibraryError:
    """The error for a package that is damaged, or not the one that is known here."""
    return LibraryError(f"hibari-tts cannot be used ({reason}): {INSTALL} --force-reinstall")
