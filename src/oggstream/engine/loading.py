"""Loads libopus while the request is under way, and numpy once sound has begun: 0.1 s that no first sound waits for."""

from __future__ import annotations

import functools
from importlib import import_module

from ..audio.arrays import is_numpy_loaded
from ..audio.frame import RATE
from ..threads import imported, in_thread

_LOADED_EARLY = (
    *("opus.opus_reader", "codec.frame_decoder", "body.body_reader", "audio.convert"),
    *("playout.policy", "playout.stretch", "playout.seams", "engine.output.decoding", "engine.output.ring_writer"),
)


async def load_reader() -> None:
    """Load what reads a body, in a thread if it is not there yet: 30 ms the first time."""
    await imported("oggstream.opus.opus_reader", "oggstream.body.body_reader")


async def load_codec(*, samples: bool = False) -> None:
    """Load libopus and what decodes, in a thread while the request is under way: 20 ms the first time.

    With ``samples`` also load numpy and the resampler from 24 to 48 kHz, which they pass through. Without the callback
    in C numpy is loaded as well: the one in Python could not be called while it is. Raises `LibraryError`.
    """
    for load in (_load_codec, _load_resampler) if samples else (_load_codec,):
        if not load.cache_info().currsize:
            await in_thread(load)


async def load_arrays() -> None:
    """Load numpy, in a thread: it covers late packets and stretches."""
    if not is_numpy_loaded():
        await in_thread(lambda: import_module("numpy"))


@functools.cache
def _load_codec() -> None:
    from ..codec import library
    from ..sinks.native import is_built

    for module in _LOADED_EARLY:
        import_module(f"oggstream.{module}")
    library.load()
    if not is_built():
        import_module("numpy")


@functools.cache
def _load_resampler() -> None:
    from ..audio.resample import resampler

    resampler(24000, RATE, 1)  # its filter is made once, from soxr's, which takes 10 ms to import
