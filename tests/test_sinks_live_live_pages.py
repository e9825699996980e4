"""Endless Ogg Opus for many listeners, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

import oggstream
from oggstream.audio.frame import PcmFrame
from oggstream.ogg.page import Page, PageReader
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole, Item
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.tags import OpusTags
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_pages import LivePages, PageListener
from opus_streams import placed, tone_packets
from scripted import ScriptedSource, spoken
from warm import warm

pytestmark = pytest.mark.looptime

TONE, STEREO = tone_packets(seconds=1.0), tone_packets(seconds=1.0, channels=2)
Timed = list[tuple[float, bytes]]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


async def stream(packets: list[bytes]) -> AsyncIterator[AudioPacket]:
    for packet in placed(packets, skip=312):
        yield packet


async def _listen(listener: PageListener, got: Timed) -> None:
    loop = asyncio.get_running_loop()
    async with listener:
        async for pages in listener:
            got.append((loop.time(), pages))


class Listening:
    """Listens in a task of its own, from here to the end of the block, and ends the broadcast there."""

    def __init__(self, broadcast: Broadcast, *listeners: PageListener) -> None:
        self._broadcast, self._listeners = broadcast, listeners

    async def __aenter__(self) -> list[Timed]:
        got: list[Timed] = [[] for _ in self._listeners]
        self._tasks = [asyncio.create_task(_listen(*pair)) for pair in zip(self._listeners, got, strict=True)]
        await asyncio.sleep(0)
        return got

    async def __aexit__(self, *_: object) -> None:
        await self._broadcast.aclose()
        await asyncio.gather(*self._tasks)


def body_of(got: Timed) -> bytes:
    return b"".join(pages for _, pages in got)


def pages_of(body: bytes) -> list[Page]:
    found = PageReader().feed(body)
    assert all(isinstance(part, Page) for part in found)
    return [part for part in found if isinstance(part, Page)]


def items_of(body: bytes) -> list[Item]:
    reader = OpusReader()
    items = [*reader.feed(body), *reader.finish()]
    assert not [item for item in items if isinstance(item, Hole)]
    return items


async def sound_of(body: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    frames: list[PcmFrame] = [frame async for frame in oggstream.decode_stream(chunks())]
    return np.concatenate([np.asarray(frame.pcm) for frame in frames])


def loud(sound: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> tuple[float, float]:
    """Seconds at which the first and the last audible sample lie."""
    at = np.flatnonzero(np.abs(sound).max(axis=1) > 0.01)
    return float(at[0] / 48000), float(at[-1] / 48000)


async def test_one_link_goes_on_over_speeches_and_pauses() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast, ["TITLE=Kitchen"])
    async with Listening(broadcast, pages.listener()) as (got,):
        await asyncio.sleep(1.0)
        await broadcast.send(stream(TONE))
        await asyncio.sleep(1.0)
        await broadcast.send(stream(TONE))
        await asyncio.sleep(0.5)
    head, tags, *_ = items_of(body_of(got))
    assert isinstance(head, OpusHead)
    assert (head.channels, head.pre_skip) == (2, 3840)
    assert isinstance(tags, OpusTags)
    assert tags.comments == ("TITLE=Kitchen",)
    found = pages_of(body_of(got))
    assert [page.number for page in found] == list(range(len(found)))
    assert {page.serial for page in found} == {1}
    assert not any(page.eos for page in found)
    spans = np.diff([page.granule for page in found[1:]])
    assert spans.min() > 0
    assert spans.max() <= 9600
    sound = await sound_of(body_of(got))
    assert len(sound) / 48000 == pytest.approx(4.7 - 0.08, abs=0.3)
    first, last = loud(sound)
    assert first == pytest.approx(1.2 - 0.08, abs=0.05)  # it begins with a page of silence
    assert last == pytest.approx(4.2 - 0.08, abs=0.05)


async def test_a_page_comes_at_once_and_then_no_later_than_its_sound() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with Listening(broadcast, LivePages(broadcast).listener()) as (got,):
        await asyncio.sleep(1.1)
        await broadcast.send(stream(TONE))
        await asyncio.sleep(1.0)
    assert got[0][0] == begun
    begins = pages_of(got[0][1])[-1].granule / 48000
    for at, pages in got[1:]:
        assert at - begun <= begins + 0.02 + 1e-6  # it looks so often
        begins = pages_of(pages)[-1].granule / 48000


async def test_the_first_page_of_a_speech_leaves_with_its_first_packet() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    async with Listening(broadcast, LivePages(broadcast).listener()) as (got,):
        await asyncio.sleep(1.1)
        begun = loop.time()
        sending = asyncio.create_task(broadcast.send(stream(TONE[:1])))
        await asyncio.sleep(0.5)
        await sending
    first = next(at for at, pages in got if TONE[0] in pages)
    assert first - begun <= 0.02 + 1e-6


async def test_whoever_joins_gets_the_head_and_the_page_at_hand_of_what_all_get() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast)
    async with Listening(broadcast, pages.listener()) as (first,):
        await asyncio.sleep(0.5)
        sending = asyncio.create_task(broadcast.send(stream(TONE * 5)))
        await asyncio.sleep(2.5)
        joined = asyncio.get_running_loop().time()
        second: Timed = []
        listening = asyncio.create_task(_listen(pages.listener(), second))
        await sending
    await listening
    assert second[0][0] == joined
    head, tags, *rest = pages_of(body_of(second))
    assert [page.number for page in (head, tags)] == [0, 1]
    assert [bytes(page.body) for page in rest] == [bytes(page.body) for page in pages_of(body_of(first))[-len(rest) :]]
    begins, _ = loud(await sound_of(body_of(second)))
    assert begins == 0.0
    assert 0.1 < rest[0].granule / 48000 - (joined - first[0][0]) < 0.6


async def test_whoever_joins_a_speech_in_the_middle_hears_it_as_all_do_once_80_ms_are_dropped() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast)
    async with Listening(broadcast, pages.listener()) as (first,):
        sending = asyncio.create_task(broadcast.send(stream(TONE * 3)))
        await asyncio.sleep(1.0)
        second: Timed = []
        listening = asyncio.create_task(_listen(pages.listener(), second))
        await sending
    await listening
    whole, joined = await sound_of(body_of(first)), await sound_of(body_of(second))
    same = whole[-len(joined) :]
    assert np.abs(joined - same)[:9600].max() < 0.3 * np.abs(same).max()
    assert np.abs(joined - same)[9600:].max() < 0.01


async def test_mono_and_stereo_speeches_share_the_link() -> None:
    broadcast = Broadcast()
    async with Listening(broadcast, LivePages(broadcast).listener()) as (got,):
        await broadcast.send(stream(TONE))
        await asyncio.sleep(0.5)
        await broadcast.send(stream(STEREO))
        await asyncio.sleep(0.5)
    assert len([item for item in items_of(body_of(got)) if isinstance(item, OpusHead)]) == 1
    sound = await sound_of(body_of(got))
    mono, stereo = sound[: 48000 // 2], sound[round(1.9 * 48000) : round(2.4 * 48000)]
    assert np.array_equal(mono[:, 0], mono[:, 1])
    assert np.abs(stereo[:, 0] - stereo[:, 1]).max() > 0.1


async def test_an_interruption_is_silence_after_what_was_sent_ahead() -> None:
    broadcast = Broadcast()
    async with Listening(broadcast, LivePages(broadcast).listener()) as (got,):
        async with oggstream.Player(source=ScriptedSource([(0.3, spoken(5.0))]), sink=broadcast) as player:
            _ = player.say("One.")
            await asyncio.sleep(1.3)
            await player.stop()
        await asyncio.sleep(1.0)
    begins, ends = loud(await sound_of(body_of(got)))
    assert 1.0 <= ends - begins <= 1.0 + 0.3 + 0.05


async def test_a_slow_listener_passes_over_whole_pages_and_others_do_not_notice() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast)
    quick, slow = pages.listener(), pages.listener(seconds=1.0)
    async with Listening(broadcast, quick) as (got,):
        await asyncio.sleep(10.0)
        assert slow.lost == 0  # it has not looked yet
        late = slow.take_all()
        assert len(late) == 5
        assert slow.lost == pytest.approx(46, abs=1)
        assert pages_of(late[0])[0].number == 0
        slow.close()
    assert len(pages_of(body_of(got))) == pytest.approx(53, abs=1)
    assert quick.lost == 0


async def test_a_thousand_listen_for_a_while_and_who_stays_misses_nothing() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast)

    async def pass_by(number: int) -> bytes:
        await asyncio.sleep(number % 97 / 60)
        async with pages.listener() as listener:
            return await anext(listener)

    async with Listening(broadcast, pages.listener()) as (got,):
        sending = asyncio.create_task(broadcast.send(stream(TONE)))
        firsts = await asyncio.gather(*map(pass_by, range(1000)))
        await sending
        assert pages.listeners == 1
    assert all(OpusHead.parse(bytes(pages_of(first)[0].body)) for first in firsts)
    found = pages_of(body_of(got))
    assert [page.number for page in found] == list(range(len(found)))


async def test_nothing_is_made_while_nobody_listens_and_the_link_goes_on_for_the_next() -> None:
    broadcast = Broadcast()
    pages = LivePages(broadcast)
    first = pages.listener()
    await asyncio.sleep(1.0)
    before = pages_of(b"".join(first.take_all()))
    first.close()
    await asyncio.sleep(1.0)
    assert (pages.listeners, broadcast.listeners) == (0, 0)
    second = pages.listener()
    assert broadcast.listeners == 1
    head, _, page, *_ = pages_of(second.take_all()[0])
    assert (head.number, page.number) == (0, before[-1].number + 1)
    assert page.granule == before[-1].granule + 9600
    pages.close()
    pages.close()
    assert broadcast.listeners == 0
    assert [item async for item in pages.listener()] == []


async def test_the_sound_of_the_pages_is_as_long_as_the_time() -> None:
    broadcast = Broadcast()
    listener = LivePages(broadcast).listener()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.sleep(60.01)
    granule = pages_of(listener.take_all()[-1])[-1].granule
    assert granule / 48000 - 0.2 == pytest.approx(loop.time() - begun, abs=0.21)
    await broadcast.aclose()
    listener.close()
