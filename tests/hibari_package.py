"""For the tests of the voice hibari, which need the package hibari-tts."""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec

import pytest

from oggstream.voice.hibari.engine import HibariEngine, one_thread
from oggstream.voice.hibari.network import Network
from oggstream.voice.hibari.onnx_weights import read_tensors
from oggstream.voice.hibari.package import assets

needs_hibari = pytest.mark.skipif(find_spec("hibari") is None, reason="hibari-tts is not installed")

SENTENCE = "The quick brown fox jumps over the lazy dog, while seventeen curious owls watch from the old barn."


@cache
def network() -> Network:
    """The network of the package."""
    one_thread()
    return Network(read_tensors((assets() / "hibari.onnx").read_bytes()))


@cache
def engine() -> HibariEngine:
    """A loaded engine that has spoken once."""
    made = HibariEngine()
    made.load()
    made.warm()
    tables_written()
    return made


def tables_written() -> None:
    """Wait until the dictionaries are kept."""
    for thread in threading.enumerate():
        if thread.name == "oggstream-hibari-tables":
            thread.join()
