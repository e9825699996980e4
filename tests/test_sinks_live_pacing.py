"""Packets in real time, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import oggstream
from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_item import FADING_PACKET, SILENT_PACKET, LiveItem, LivePacket, SpeechBegun
from oggstream.sinks.live.pacing import Paced, Pacer
from oggstream.sinks.live.shared_log import SharedLog
from oggstream.sinks.live.taker import Joining, Taker
from opus_streams import packets_of, placed, tone, tone_packets
from scripted import ScriptedSource, every, pages, spoken
from warm import warm

pytestmark = pytest.mark.looptime

FIXTURES = Path(__file__).parent / "fixtures"
TONE = tone_packets(seconds=1.0)
Timed = list[tuple[float, LiveItem]]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


async def stream(packets: list[AudioPacket]) -> AsyncIterator[AudioPacket]:
    for packet in packets:
        yield packet


async def listen(broadcast: Broadcast, got: Timed) -> None:
    """All that comes, with its time since now."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with Paced(broadcast.taker()) as paced:
        async for item in paced:
            got.append((loop.time() - begun, item))


class Listening:
    """Listens to a broadcast in a task of its own, from here to the end of the block."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.got: Timed = []
        self._broadcast = broadcast

    async def __aenter__(self) -> Timed:
        self._task = asyncio.create_task(listen(self._broadcast, self.got))
        await asyncio.sleep(0)
        return self.got

    async def __aexit__(self, *_: object) -> None:
        await self._broadcast.aclose()
        await self._task


def sent(got: Timed) -> list[tuple[float, LivePacket]]:
    return [(at, item) for at, item in got if isinstance(item, LivePacket)]


def of_speech(got: Timed) -> list[tuple[float, LivePacket]]:
    return [(at, packet) for at, packet in sent(got) if packet.number and len(packet.data) > 1]


async def test_one_packet_after_the_other_comes_in_real_time_and_silence_where_there_is_no_speech() -> None:
    broadcast = Broadcast()
    async with Listening(broadcast) as got:
        await asyncio.sleep(0.51)
        await broadcast.send(stream(placed(TONE)))
        await asyncio.sleep(0.5)
    due = 0.0
    for at, packet in sent(got):
        assert at == pytest.approx(due, abs=1e-3)
        assert packet.trim_start == packet.trim_end == 0
        due += packet.samples / 48000
    assert [packet.data for _, packet in of_speech(got)] == TONE
    silent = [packet for _, packet in sent(got) if not packet.number]
    assert {packet.data for packet in silent} == {SILENT_PACKET}
    assert len(silent) == pytest.approx(50, abs=4)


@pytest.mark.parametrize(("rate_ms", "samples"), [(2.5, 120), (10, 480), (60, 2880), (120, 5760)])
async def test_packets_of_any_length_come_when_they_are_due(rate_ms: float, samples: int) -> None:
    encoder = OpusEncoder(48000, 1, sample="float32", frame_ms=rate_ms)
    body = placed(packets_of(tone(440, 1.2), encoder), samples=samples)
    broadcast = Broadcast()
    async with Listening(broadcast) as got:
        await broadcast.send(stream(body))
    times = [at for at, _ in of_speech(got)]
    assert len(times) >= len(body) - 1
    assert np.diff(times) == pytest.approx(rate_ms / 1000, abs=1e-3)


async def test_a_speech_begins_pauses_and_goes_on_as_on_the_air() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    zero = loop.time()
    source = ScriptedSource([(0.3, spoken(2.0))])
    async with Listening(broadcast) as got, oggstream.Player(source=source, sink=broadcast) as player:
        asked = loop.time() - zero
        speech = player.say("One.")
        await asyncio.sleep(1.01)
        player.pause()
        await asyncio.sleep(1.0)
        player.resume()
        await speech
    times = np.array([at for at, _ in of_speech(got)]) - asked
    assert times[0] == pytest.approx(0.31, abs=0.02)
    gaps = np.diff(times)
    assert gaps.max() == pytest.approx(1.02, abs=0.021)
    assert np.sort(gaps)[-2] < 0.021
    assert times[int(gaps.argmax())] == pytest.approx(1.01, abs=0.021)


async def test_late_packets_are_concealed_for_60_ms_and_then_there_is_silence() -> None:
    async def late() -> AsyncIterator[AudioPacket]:
        for at, packet in enumerate(placed(TONE)):
            await asyncio.sleep(1.0 if at == 25 else 0)
            yield packet

    broadcast = Broadcast()
    async with Listening(broadcast) as got:
        sending = asyncio.create_task(broadcast.send(late()))
        await asyncio.sleep(0.2)
        broadcast.tell(oggstream.Word(text="a", start=0, end=1, start_sample=0, end_sample=1))
        await sending
        await broadcast.send(late())
    packets = [packet for _, packet in sent(got)]
    assert len([packet for packet in packets if len(packet.data) == 1]) == 6  # a word does not end the speech
    first = next(at for at, packet in enumerate(packets) if len(packet.data) == 1)
    assert [len(packet.data) for packet in packets[first - 1 : first + 4]][1:] == [1, 1, 1, 3]
    assert packets[first].data[0] == packets[first - 1].data[0] & 0xFC
    assert [packet.data for _, packet in of_speech(got)] == TONE + TONE


async def test_an_interruption_is_silence_from_the_next_packet_on() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    zero = loop.time()
    async with Listening(broadcast) as got:
        async with oggstream.Player(source=ScriptedSource([(0.3, spoken(5.0))]), sink=broadcast) as player:
            _ = player.say("One.")
            await asyncio.sleep(1.01)
            stopped = loop.time() - zero
            await player.stop()
        await asyncio.sleep(0.5)
    after = [packet.number for at, packet in sent(got) if at > stopped + 0.001]
    assert after == [0] * len(after)
    assert len(after) > 20


class Air:
    """A log that packets are put on, and what a pacer gives of it, looked at ten times a second."""

    def __init__(self) -> None:
        self.now, self.samples = 0.0, 0
        self.begun: list[float] = []  # the place in the sound at which each speech begins
        self.spoken = 0.0  # the place behind the last packet of a speech
        self._number, self._position = 0, 0
        self._log: SharedLog[LiveItem] = SharedLog(30.0)
        self._pacer = Pacer(Taker(self._log, self._log.samples, Joining(0), lambda _: False), 0.0)

    def speak(self, body: list[AudioPacket]) -> None:
        """A speech begins."""
        self._number, self._position = self._number + 1, 0
        self.go_on(body)

    def go_on(self, body: list[AudioPacket]) -> None:
        for data, _, samples, start, end in body:
            packet = LivePacket(data, samples, start, end, self._number, self._position)
            self._position += packet.heard
            self._log.append(packet, samples)

    def until(self, time: float) -> None:
        while self.now < time:
            self.now += 0.1
            for item in self._pacer.due(self.now):
                if isinstance(item, SpeechBegun):
                    self.begun.append(self.samples / 48000)
                elif isinstance(item, LivePacket):
                    self.samples += item.samples
                    self.spoken = self.samples / 48000 if len(item.data) > 3 else self.spoken


async def test_trims_do_not_add_up_over_the_pieces_of_a_speech() -> None:
    body = placed(TONE[:20], skip=312, cut=500)
    air, length = Air(), 0.0
    air.speak([])
    for _ in range(1000):
        air.go_on(body)
        length += sum(packet.samples - packet.trim_start - packet.trim_end for packet in body) / 48000
        air.until(length - 1.0)
    air.until(length + 1)
    assert air.spoken - air.begun[0] == pytest.approx(length, abs=0.04)


async def test_an_hour_of_speeches_and_pauses_does_not_drift() -> None:
    body = placed(TONE * 20, skip=312, cut=700)
    air = Air()
    times = np.arange(0.0, 3600.0, 27.77)
    for at in times:
        air.until(at)
        air.speak(body)
    assert len(air.begun) == len(times) - 1
    assert np.array(air.begun) == pytest.approx(times[:-1], abs=0.04 + 0.1)  # it looks ten times a second
    assert air.samples / 48000 == pytest.approx(air.now, abs=0.04)


async def test_a_loop_that_was_blocked_makes_up_for_a_second_and_lets_go_of_more() -> None:
    broadcast = Broadcast()
    pacer = Pacer(broadcast.taker(), 0.0)
    assert len(pacer.due(0.0)) == 1
    assert len(pacer.due(0.5)) == 25
    assert pacer.next_at == pytest.approx(0.52)
    assert len(pacer.due(100.0)) == 1
    assert pacer.next_at == pytest.approx(100.02)


async def test_packets_that_are_there_may_be_had_early_but_no_silence() -> None:
    broadcast = Broadcast()
    pacer = Pacer(broadcast.taker(), 0.0)
    assert len(pacer.due(0.0, ahead=0.3)) == 1
    sending = asyncio.create_task(broadcast.send(stream(placed(TONE[:5]))))
    await asyncio.sleep(0.01)
    early = pacer.due(0.0, ahead=0.3)
    assert [type(item).__name__ for item in early] == ["SpeechBegun", *["LivePacket"] * 5, "SpeechEnded"]
    assert pacer.due(0.11, ahead=0.3) == []
    assert pacer.next_at == pytest.approx(0.12)
    await sending


async def test_the_end_of_the_broadcast_ends_it_even_while_it_waits() -> None:
    broadcast = Broadcast()
    paced = Paced(broadcast.taker())
    await anext(paced)
    waiting = asyncio.create_task(anext(paced, None))
    await asyncio.sleep(0.005)
    paced.close()
    assert await waiting is None
    with suppress(StopAsyncIteration):
        await anext(paced)
        pytest.fail("it goes on")


@pytest.mark.parametrize(
    ("application", "bitrate"),
    [("voip", 12000), ("voip", 24000), ("audio", 24000), ("audio", 64000), ("lowdelay", 48000)],
)
async def test_who_joins_behind_silence_hears_nothing_much_louder_than_the_speech(
    application: str, bitrate: int
) -> None:
    """A decoder that begins in the middle without it makes noise of twice the level, of packets for low delay."""
    chunks = (FIXTURES / "generation_a.opus").read_bytes()
    frames = [frame async for frame in oggstream.decode_stream(_one(chunks))]
    voice = np.concatenate([frame.pcm[:, 0] for frame in frames])[: 48000 * 3]
    encoder = OpusEncoder(48000, 1, bitrate=bitrate, application=application, sample="float32")
    body = packets_of(voice.tobytes(), encoder)
    whole = np.abs(_decoded(body))
    for at in range(10, len(body) - 10, 3):
        joined = np.abs(_decoded([FADING_PACKET, *body[at : at + 8]])[960:])
        true = whole[(at - 1) * 960 : (at + 9) * 960]
        assert joined.max() < true.max() + 0.2 * whole.max()


async def _one(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


def _decoded(packets: list[bytes]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    decoder = FrameDecoder()
    frames = decoder.decode(OpusHead.simple(2, 0))
    for packet in placed(packets):
        frames += decoder.decode(packet)
    return np.concatenate([np.asarray(frame.pcm)[:, 0] for frame in frames])


async def test_packets_that_trickle_in_are_sent_as_they_come() -> None:
    chunks = every(0.02, pages(spoken(1.0, packets_per_page=1)))
    broadcast = Broadcast()
    async with Listening(broadcast) as got:
        await oggstream.play_stream("One.", source=ScriptedSource(chunks), sink=broadcast)
    times = [at for at, _ in of_speech(got)]
    assert len(times) >= 49
    assert np.diff(times).max() < 0.2


async def test_silence_before_the_middle_of_a_speech_is_one_from_which_a_decoder_fades_in() -> None:
    broadcast = Broadcast()
    sending = asyncio.create_task(broadcast.send(stream(placed(TONE))))
    await asyncio.sleep(0.2)
    (first,) = Pacer(broadcast.taker(), 0.0).due(0.0)
    assert isinstance(first, LivePacket)
    assert first.data == FADING_PACKET
    await sending
    (first,) = Pacer(broadcast.taker(), 0.0).due(0.0)
    assert isinstance(first, LivePacket)
    assert first.data == SILENT_PACKET
