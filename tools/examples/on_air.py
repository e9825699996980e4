"""What a broadcast says as frames of sound, for places that take no Opus packets: rooms of LiveKit, pipelines."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

import oggstream
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.sinks.live.live_item import Flushed, LivePacket, SpeechBegun

RATE = 48000


def sixteen_bits(frame: oggstream.PcmFrame) -> bytes:
    """The frame's samples in 16 bits, interleaved."""
    return np.clip(np.rint(frame.pcm * 32768), -32768, 32767).astype(np.int16).tobytes()


async def sound(broadcast: oggstream.Broadcast) -> AsyncGenerator[bytes | None, None]:
    """Frames of 16 bits, mono at 48 kHz, of one speech after the other, from what is heard now on.

    They come up to 2 s before they are heard. After an interruption comes None: what was not heard by then is to be
    dropped. It ends with the broadcast.
    """
    decoder = FrameDecoder()
    async with broadcast.taker() as taker:
        async for item in taker:
            if isinstance(item, SpeechBegun):
                decoder = FrameDecoder(soft_clip=True)
                decoder.decode(oggstream.OpusHead.simple(1, 0))
            elif isinstance(item, LivePacket):
                packet = oggstream.AudioPacket(item.data, item.position, item.samples, item.trim_start, item.trim_end)
                for frame in decoder.decode(packet):
                    yield sixteen_bits(frame)
            elif isinstance(item, Flushed):
                yield None
