"""Loads numpy and libopus, which takes 0.1 s, while the request is under way."""

from __future__ import annotations

import functools
from importlib import import_module

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
    """Load numpy and libopus, in a thread while the request is under way: 0.1 s the first time.

    With ``samples`` also load the resampler from 24 to 48 kHz. Raises `LibraryError`.
    """
    for load in (_load_codec, _load_resampler) if samples else (_load_codec,):
        if not load.cache_info().currsize:
            await in_thread(load)


@functools.cache
def _load_codec() -> None:
    from ..codec import library

    for module in _LOADED_EARLY:
        import_module(f"oggstream.{module}")
    import_module("numpy")
    library.load()


@functools.cache
def _load_resampler() -> None:
    from ..audio.resample import resampler

    resampler(24000, RATE, 1)  # its filter is made once, from soxr's, which takes 10 ms to import
