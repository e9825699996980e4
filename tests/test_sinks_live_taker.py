"""Takers that behave oddly, and speeches that do: nobody else notices. In virtual time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

import oggstream
from oggstream.errors import OggStreamError, SourceBrokenError, UsageError
from oggstream.opus.items import AudioPacket
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_item import Flushed, LiveItem, LivePacket, SpeechBegun, SpeechEnded
from oggstream.sinks.live.taker import Taker
from opus_streams import placed, tone_packets
from scripted import ScriptedSource, pages, spoken
from warm import warm

pytestmark = pytest.mark.looptime

FIXTURES = Path(__file__).parent / "fixtures"
TONE = tone_packets(seconds=1.0)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


async def stream(count: int) -> AsyncIterator[AudioPacket]:
    for packet in placed([TONE[at % len(TONE)] for at in range(count)]):
        yield packet


def packets(items: Sequence[LiveItem]) -> list[LivePacket]:
    return [item for item in items if isinstance(item, LivePacket)]


def heard(items: Sequence[LiveItem]) -> int:
    return sum(packet.heard for packet in packets(items))


class Watching:
    """A taker like any other beside the odd ones: in the end it must have got everything."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.items: list[LiveItem] = []
        self.taker = broadcast.taker()
        self.taker.on_ready = lambda: self.items.extend(self.taker.take_all())


def complete(items: Sequence[LiveItem]) -> bool:
    """Whether every speech begins, then has its packets without a gap, and then ends or is flushed."""
    number, position = 0, 0
    for item in items:
        if isinstance(item, SpeechBegun):
            assert not number
            number, position = item.number, 0
        elif isinstance(item, LivePacket):
            assert (item.number, item.position, item.lost) == (number, position, 0)
            position += item.heard
        elif isinstance(item, SpeechEnded | Flushed):
            number = 0
    return not number


async def test_a_thousand_join_and_leave_while_it_speaks() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    sending = asyncio.create_task(broadcast.send(stream(150)))

    async def pass_by(number: int) -> int:
        await asyncio.sleep(number % 97 / 40)
        async with broadcast.taker() as taker:
            count = 0
            async for _ in taker:
                count += 1
                if count > number % 30:
                    break
        return count

    counts = await asyncio.gather(*map(pass_by, range(1000)))
    await sending
    assert min(counts) > 0
    assert broadcast.listeners == 1
    assert len(packets(watching.items)) == 150
    assert complete(watching.items)


async def test_a_taker_that_nobody_has_any_more_is_gone() -> None:
    broadcast = Broadcast()
    sending = asyncio.create_task(broadcast.send(stream(100)))
    await asyncio.sleep(0.1)
    async for _ in broadcast.taker():
        break
    waiting = broadcast.taker(now=False)
    assert waiting.take_all() == []
    del waiting
    await sending
    gc.collect()
    assert broadcast.listeners == 0


async def test_callbacks_may_leave_join_and_interrupt() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    leaving, joining, interrupting = (broadcast.taker() for _ in range(3))
    joined: list[Taker] = []
    leaving.on_ready = leaving.close
    joining.on_ready = lambda: joined.append(broadcast.taker())
    interrupting.on_ready = broadcast.abort
    await broadcast.send(stream(100))
    await asyncio.sleep(0.1)
    assert leaving.closed
    assert len(joined) == 1
    assert isinstance(watching.items[-1], Flushed)
    assert complete(watching.items)


async def test_one_that_closes_others_while_they_are_told_spares_them() -> None:
    broadcast = Broadcast()
    first, second = broadcast.taker(), broadcast.taker()
    told: list[str] = []

    def close_the_other() -> None:
        told.append("first")
        second.close()

    first.on_ready = close_the_other
    second.on_ready = lambda: told.append("second")
    await broadcast.send(stream(5))
    assert told == ["first"]


async def test_whoever_joins_in_the_moment_of_an_interruption_hears_nothing_of_it() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    sending = asyncio.create_task(broadcast.send(stream(500)))
    await asyncio.sleep(1.0)
    joined = broadcast.taker()
    broadcast.abort()
    late = broadcast.taker()
    await sending
    await broadcast.send(stream(5))
    for taker in (joined, late):
        assert [type(item) for item in taker.take_all()] == [SpeechBegun, *[LivePacket] * 5, SpeechEnded]
    assert complete(watching.items)


async def test_a_taker_is_read_on_the_event_loop_of_the_broadcast_only() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()

    async def elsewhere() -> None:
        with pytest.raises(UsageError, match="one event loop"):
            await anext(taker)

    await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    await broadcast.send(stream(5))
    assert len(packets(taker.take_all())) == 5


async def test_a_speech_without_audio_is_no_speech() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    with pytest.raises(OggStreamError):
        await oggstream.play_stream("One.", source=ScriptedSource([(0.1, b"")]), sink=broadcast)
    await broadcast.send(stream(0))
    await broadcast.send(stream(3))
    assert [type(item) for item in watching.items] == [SpeechBegun, *[LivePacket] * 3, SpeechEnded]


async def test_a_speech_that_breaks_off_ends_behind_what_came() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    body = b"".join(pages(spoken(2.0, packets_per_page=10))[:6])
    source = ScriptedSource([(0.1, body), (0.2, SourceBrokenError("cut"))])
    with pytest.raises(SourceBrokenError):
        await oggstream.play_stream("One.", source=source, sink=broadcast)
    assert complete(watching.items)
    await oggstream.play_stream("Two.", source=ScriptedSource([(0.1, spoken(1.0))]), sink=broadcast)
    assert complete(watching.items)


@pytest.mark.parametrize("name", ["generation_a.opus", "chained.opus", "stereo.opus", "restart.opus"])
@pytest.mark.parametrize("damage", [False, True])
async def test_what_is_taken_is_as_long_as_what_sounds(name: str, damage: bool) -> None:
    data = bytearray((FIXTURES / name).read_bytes())
    if damage:
        data[len(data) // 2] ^= 1
    arrivals = [(at / 20000, bytes(data[at : at + 500])) for at in range(0, len(data), 500)]
    broadcast = Broadcast()
    watching = Watching(broadcast)
    report = await oggstream.play_stream("One.", source=ScriptedSource(arrivals), sink=broadcast)
    assert complete(watching.items)
    taken, sound = heard(watching.items) / 48000, report.audio.seconds
    assert sound - 0.02 <= taken <= sound + 0.02 + report.playout.withdrawn_seconds  # what was given stays given


async def test_samples_are_taken_as_packets_of_the_same_length() -> None:
    broadcast = Broadcast()
    watching = Watching(broadcast)
    await oggstream.play(bytes(2 * 24000), rate=24000, sink=broadcast)
    assert heard(watching.items) == 48000
    assert complete(watching.items)


def test_a_broadcast_goes_on_after_a_loop_that_was_left_in_mid_speech() -> None:
    broadcast = Broadcast()

    async def leave() -> None:
        taker = broadcast.taker()
        sending = asyncio.create_task(broadcast.send(stream(500)))
        await asyncio.sleep(0.1)
        assert taker.take_all()
        del sending  # cancelled with the loop

    async def again() -> list[LiveItem]:
        taker = broadcast.taker()
        await broadcast.send(stream(5))
        return taker.take_all()

    asyncio.run(leave())
    assert len(packets(asyncio.run(again()))) == 5
