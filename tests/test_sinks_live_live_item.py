"""The packets that a broadcast makes itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.toc import packet_info, packet_samples
from oggstream.sinks.live.live_item import SILENT_PACKET, SILENT_SAMPLES
from opus_streams import tone_packets
from scripted import spoken


def decoded(packets: list[bytes]) -> NDArray[np.float32]:
    """What a decoder of two channels makes of them."""
    decoder = FrameDecoder()
    decoder.decode(OpusHead.simple(2, 0))
    frames = []
    for number, data in enumerate(packets):
        frames += decoder.decode(AudioPacket(data, 960 * number, packet_samples(data), 0, 0))
    return np.concatenate([frame.pcm for frame in [*frames, *decoder.finish()]])


def packets(body: bytes) -> list[bytes]:
    reader = OpusReader()
    return [item.data for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


def narrow() -> list[bytes]:
    """A service of telephones."""
    encoder = OpusEncoder(8000, 1, application="voip", bitrate=12000)
    tone = np.rint(9000 * np.sin(np.arange(8000) / 3)).astype(np.int16).tobytes()
    return [encoder.encode(tone[at : at + encoder.frame_bytes]) for at in range(0, 16000, encoder.frame_bytes)]


SPEECHES = {
    "celt": packets(spoken(0.4, channels=2)),  # its first packet builds on the state of a decoder that is new
    "celt in one channel": tone_packets(),
    "hybrid": packets(spoken(0.4)),
    "silk": narrow(),
}


@pytest.mark.parametrize("before", ["nothing", *SPEECHES])
@pytest.mark.parametrize("speech", SPEECHES)
def test_behind_silence_a_decoder_is_as_good_as_new(speech: str, before: str) -> None:
    earlier = [*SPEECHES.get(before, []), *[SILENT_PACKET] * 3]
    heard, expected = decoded([*earlier, *SPEECHES[speech]])[len(earlier) * 960 :], decoded(SPEECHES[speech])
    # Of SILK in the bandwidth of the silence a little is different, 30 dB below what is said.
    assert np.abs(heard - expected)[312:].max() < (0.01 if speech == "silk" else 1e-4)


@pytest.mark.parametrize("before", SPEECHES)
def test_silence_is_silent_whatever_came_before(before: str) -> None:
    sound = decoded([*SPEECHES[before], *[SILENT_PACKET] * 5])
    assert np.abs(sound[-3 * SILENT_SAMPLES :]).max() < 1e-4


def test_the_speeches_are_what_they_are_called() -> None:
    assert [packet_info(SPEECHES[name][0]).mode for name in ("celt", "hybrid", "silk")] == ["celt", "hybrid", "silk"]
