"""PCM to Opus packets, through libopus."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from ..audio.frame import RATE
from ..errors import UsageError
from . import library

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

RATES = (8000, 12000, 16000, 24000, 48000)
APPLICATIONS = {"voip": 2048, "audio": 2049, "lowdelay": 2051}  # opus_defines.h
SAMPLE_BYTES = {"int16": 2, "float32": 4}
MAX_PACKET_BYTES = 6 * 1275 + 7  # 120 ms of the longest frames, with their lengths (RFC 6716 section 3.4)
AUTO_BITRATE = -1000

_SET_BITRATE, _SET_COMPLEXITY, _GET_LOOKAHEAD = 4002, 4010, 4027


class OpusEncoder:
    """One Opus stream of one or two channels, encoded frame by frame.

    ``rate`` is that of the PCM given (8000, 12000, 16000, 24000 or 48000), ``sample`` its format ("int16" or
    "float32", native byte order, interleaved), ``bitrate`` in bit/s (500 to 512000, None: libopus chooses),
    ``complexity`` 0 to 10, ``application`` "voip", "audio" or "lowdelay", ``frame_ms`` 2.5, 5, 10, 20, 40, 60 or (from
    libopus 1.2 on) 80, 100, 120. Raises `UsageError` for other values and `LibraryError` without libopus.
    """

    def __init__(
        self,
        rate: int = 24000,
        channels: int = 1,
        *,
        bitrate: int | None = None,
        complexity: int = 10,
        application: str = "audio",
        sample: str = "int16",
        frame_ms: float = 20,
    ) -> None:
        if rate not in RATES or channels not in (1, 2) or application not in APPLICATIONS or sample not in SAMPLE_BYTES:
            raise UsageError(f"no Opus encoder for {channels} channels of {sample} at {rate} Hz for {application}")
        self.rate = rate
        self.channels = channels
        self.frame_samples = int(rate * frame_ms / 1000)
        """Samples per channel, at ``rate``, of the PCM of one packet."""
        self.frame_bytes = self.frame_samples * channels * SAMPLE_BYTES[sample]
        self.packet_samples = self.frame_samples * RATE // rate
        """Samples per channel of one packet at 48 kHz."""
        self._api = library.api("encoder")
        self._encode = self._api.libopus_encode if sample == "int16" else self._api.libopus_encode_float
        self._pcm = ctypes.create_string_buffer(self.frame_bytes)
        self._pcm_pointer = ctypes.cast(self._pcm, self._encode.argtypes[1])
        self._packet = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._state: Any = _create(self._api, rate, channels, APPLICATIONS[application])
        self._control(_SET_BITRATE, AUTO_BITRATE if bitrate is None else bitrate)
        self._control(_SET_COMPLEXITY, complexity)
        lookahead = ctypes.c_int32()
        self._control(_GET_LOOKAHEAD, ctypes.byref(lookahead))
        self.pre_skip = lookahead.value * RATE // rate
        """Samples at 48 kHz that the decoder must drop first (RFC 7845 section 4.2): the encoder's delay."""

    def encode(self, pcm: Buffer) -> bytes:
        """One packet from ``frame_samples`` of PCM; raises `UsageError` for any other length."""
        view = memoryview(pcm).cast("B")
        if len(view) != self.frame_bytes:
            raise UsageError(f"an Opus frame here takes {self.frame_bytes} bytes of PCM, not {len(view)}")
        ctypes.memmove(self._pcm, bytes(view), self.frame_bytes)
        size = self._encode(self._state, self._pcm_pointer, self.frame_samples, self._packet, MAX_PACKET_BYTES)
        if size < 0:
            raise UsageError(f"libopus does not encode this: {library.describe_error(size)}")
        return self._packet.raw[:size]

    def _control(self, request: int, value: Any) -> None:
        argument = ctypes.c_int32(value) if isinstance(value, int) else value
        code = self._api.libopus_ctl(self._state, request, argument)
        if code:
            raise UsageError(f"libopus refuses an encoder setting ({request}): {library.describe_error(code)}")

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state:
            self._state = None
            self._api.destroy(state)


def _create(api: Any, rate: int, channels: int, application: int) -> Any:
    code = ctypes.c_int()
    state = api.libopus_create(rate, channels, application, ctypes.byref(code))
    if code.value or not state:
        raise UsageError(f"libopus makes no encoder: {library.describe_error(code.value)}")
    return state
