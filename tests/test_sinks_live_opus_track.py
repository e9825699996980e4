"""A broadcast as a track of aiortc: what its sender is given, and when; no connection is made here."""

from __future__ import annotations

import asyncio
import sys
from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest

import oggstream
from oggstream.codec.encoder import OpusEncoder
from oggstream.errors import LibraryError
from oggstream.sinks.live.live_item import SILENT_PACKET
from opus_streams import packets_of, placed, tone, tone_packets

pytestmark = pytest.mark.looptime
TONE = tone_packets(seconds=0.4)


@pytest.fixture(autouse=True)
def _aiortc() -> None:
    pytest.importorskip("aiortc", reason="aiortc is not installed (the extra webrtc)")


class Sent:
    """What a track gave, as aiortc's sender asks for it: the times, the packets, their timestamps."""

    def __init__(self, track: Any) -> None:
        self.track = track
        self.times: list[float] = []
        self.packets: list[bytes] = []
        self.timestamps: list[int] = []

    async def ask(self) -> None:
        packet = await self.track.recv()
        self.times.append(asyncio.get_running_loop().time())
        self.packets.append(bytes(packet))
        self.timestamps.append(packet.pts)
        assert packet.time_base == Fraction(1, 48000)

    async def ask_for(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end - 1e-3:
            await self.ask()

    @property
    def speech(self) -> list[bytes]:
        return [packet for packet in self.packets if packet != SILENT_PACKET]


async def packets(body: list[Any]) -> Any:
    for packet in body:
        yield packet


async def test_packets_pass_as_they_are_each_when_it_is_due() -> None:
    async with oggstream.Broadcast() as broadcast:
        sent = Sent(oggstream.OpusTrack(broadcast))
        await sent.ask_for(0.1)
        sending = asyncio.create_task(broadcast.send(packets(placed(TONE))))
        await sent.ask_for(0.6)
        await sending
    assert sent.speech == TONE
    assert [round(after - before, 6) for before, after in zip(sent.times, sent.times[1:], strict=False)][1:] == (
        [0.02] * (len(sent.times) - 2)
    )
    assert sent.timestamps == [960 * at for at in range(len(sent.timestamps))]


@pytest.mark.parametrize("milliseconds", [2.5, 10, 60, 120])
async def test_packets_of_other_durations_have_timestamps_without_a_gap_too(milliseconds: float) -> None:
    encoder = OpusEncoder(48000, 1, sample="float32", frame_ms=milliseconds)
    size = round(milliseconds * 48)
    body = packets_of(tone(440, 0.6), encoder)
    async with oggstream.Broadcast() as broadcast:
        sent = Sent(oggstream.OpusTrack(broadcast))
        sending = asyncio.create_task(broadcast.send(packets(placed(body, samples=size))))
        await sent.ask_for(0.8)
        await sending
    assert sent.speech == body
    lengths = [960 if packet == SILENT_PACKET else size for packet in sent.packets]
    assert sent.timestamps == [0, *accumulate(lengths)][:-1]


async def test_an_interruption_drops_what_is_not_sent() -> None:
    async with oggstream.Broadcast() as broadcast:
        sent = Sent(oggstream.OpusTrack(broadcast))
        sending = asyncio.create_task(broadcast.send(packets(placed(TONE * 20))))
        await sent.ask_for(1.0)
        before = len(sent.speech)
        broadcast.abort()
        await sent.ask_for(0.5)
        await sending
    assert before == pytest.approx(49, abs=2)
    assert len(sent.speech) == before


async def test_it_joins_when_it_is_asked_first_and_leaves_when_it_is_stopped() -> None:
    async with oggstream.Broadcast() as broadcast:
        track = oggstream.OpusTrack(broadcast)
        assert broadcast.listeners == 0
        await track.recv()
        assert broadcast.listeners == 1
        track.stop()
        track.stop()
        assert broadcast.listeners == 0
        await told_that_it_ended(track)


async def test_it_ends_with_the_broadcast() -> None:
    broadcast = oggstream.Broadcast()
    track = oggstream.OpusTrack(broadcast)
    await track.recv()
    await broadcast.aclose()
    await told_that_it_ended(track)
    assert track.readyState == "ended"


async def told_that_it_ended(track: Any) -> None:
    from aiortc.mediastreams import MediaStreamError

    with pytest.raises(MediaStreamError):
        await Sent(track).ask_for(10.0)


async def test_without_aiortc_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "oggstream.sinks.live.packet_track", raising=False)
    monkeypatch.setitem(sys.modules, "aiortc.mediastreams", None)
    with pytest.raises(LibraryError, match=r"pip install 'oggstream\[webrtc\]'"):
        oggstream.OpusTrack(oggstream.Broadcast())
