"""The decoders of libopus: the plain one, and that for several streams in a packet, which opuslib does not declare.

The latter (RFC 7845 section 5.1.1) serves families 1, 2, 255 and the reserved ones. It serves family 3 up to the coded
channels: the demixing is a plain matrix product, and libopus's own projection decoder takes no more channels than are
coded.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

from . import library


class Functions(NamedTuple):
    """The C functions of one kind of decoder.

    ``decode_*`` take the state and the PCM as `ctypes.c_void_p` objects: their argument types are not declared, which
    saves half of the time of a call (0.34 us instead of 0.88). ``ctl`` and ``destroy`` take the state as it was made.
    """

    decode_int16: Any
    decode_float32: Any
    ctl: Any
    destroy: Any


def plain() -> Functions:
    """Those for one stream of one or two channels."""
    api = library.api("decoder")
    return Functions(_undeclared("opus_decode"), _undeclared("opus_decode_float"), api.libopus_ctl, api.destroy)


def multistream() -> Functions:
    """Those for several streams."""
    opus = library.load()
    opus.opus_multistream_decoder_create.argtypes = (
        *(ctypes.c_int32, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        *(ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)),
    )
    opus.opus_multistream_decoder_create.restype = ctypes.c_void_p
    opus.opus_multistream_decoder_ctl.argtypes = (ctypes.c_void_p, ctypes.c_int)  # the variable ones stay undeclared
    opus.opus_multistream_decoder_destroy.argtypes = (ctypes.c_void_p,)
    opus.opus_multistream_decoder_destroy.restype = None
    return Functions(
        _undeclared("opus_multistream_decode"),
        _undeclared("opus_multistream_decode_float"),
        opus.opus_multistream_decoder_ctl,
        opus.opus_multistream_decoder_destroy,
    )


def soft_clip() -> Any:
    """``opus_pcm_soft_clip`` (float PCM, samples per channel, channels, a float of memory for each channel)."""
    clip = _undeclared("opus_pcm_soft_clip")
    clip.restype = None
    return clip


@cache
def _undeclared(name: str) -> Any:
    """A function object of its own, whatever others have declared; it returns an int."""
    return library.load()[name]


def create_plain(rate: int, channels: int) -> tuple[Any, int]:
    """A new decoder state and its size in bytes; the state is null where libopus refuses."""
    api = library.api("decoder")
    code = ctypes.c_int()
    return api.libopus_create(rate, channels, ctypes.byref(code)), api.libopus_get_size(channels)


def create_multistream(rate: int, streams: int, coupled: int, mapping: bytes) -> tuple[Any, int]:
    """The same for a channel per entry of ``mapping``, ``coupled`` of the ``streams`` being stereo."""
    opus = library.load()
    code = ctypes.c_int()
    channels = len(mapping)
    create = opus.opus_multistream_decoder_create
    state = create(rate, channels, streams, coupled, mapping, ctypes.byref(code))
    return state, opus.opus_multistream_decoder_get_size(streams, coupled)
