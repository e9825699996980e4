"""One speech, handed to many takers, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

import oggstream
from oggstream.errors import UsageError
from oggstream.opus.items import AudioPacket
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_item import Flushed, LiveItem, LivePacket, SpeechBegun, SpeechEnded, WordHeard
from oggstream.sinks.live.taker import Taker
from opus_streams import placed, tone_packets
from scripted import ScriptedSource, SpeechService, every, pages, spoken
from warm import warm

pytestmark = pytest.mark.looptime

TONE = tone_packets(seconds=1.0)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


def service(seconds: float = 1.0, wait: float = 0.3) -> ScriptedSource:
    """Answers every request after ``wait`` seconds with all of its audio."""
    return ScriptedSource([(wait, spoken(seconds))])


async def spoken_packets(count: int = 50, every: float = 0.0) -> AsyncIterator[AudioPacket]:
    """Packets of 20 ms, one each ``every`` seconds."""
    for packet in placed([TONE[at % len(TONE)] for at in range(count)], skip=312):
        await asyncio.sleep(every)
        yield packet


async def all_of(taker: Taker) -> list[LiveItem]:
    """What comes until the broadcast is closed."""
    return [item async for item in taker]


def packets(items: list[LiveItem]) -> list[LivePacket]:
    return [item for item in items if isinstance(item, LivePacket)]


def kinds(items: list[LiveItem]) -> list[str]:
    """The kinds of the items but words, runs of packets as one."""
    names = [type(item).__name__ for item in items if not isinstance(item, WordHeard)]
    return [name for at, name in enumerate(names) if not at or name != names[at - 1]]


async def test_every_taker_gets_the_packets_of_the_service_as_they_are() -> None:
    broadcast = Broadcast()
    takers = [broadcast.taker() for _ in range(3)]
    report = await oggstream.play_stream("One.", source=service(), sink=broadcast)
    assert report.completed
    sent = [packet async for packet in oggstream.stream_packets("One.", source=service())]
    for taker in takers:
        items = taker.take_all()
        assert kinds(items) == ["SpeechBegun", "LivePacket", "SpeechEnded"]
        got = packets(items)
        assert [(p.data, p.samples, p.trim_start, p.trim_end) for p in got] == [
            (p.data, p.samples, p.trim_start, p.trim_end) for p in sent
        ]
        assert [p.position for p in got] == [p.position for p in sent]


async def test_packets_are_the_same_objects_for_all_takers() -> None:
    broadcast = Broadcast()
    first, second = broadcast.taker(), broadcast.taker()
    await broadcast.send(spoken_packets(5))
    pairs = zip(packets(first.take_all()), packets(second.take_all()), strict=True)
    assert all(one is other for one, other in pairs)


async def test_packets_are_handed_on_the_moment_they_come() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    loop = asyncio.get_running_loop()
    speaking = asyncio.create_task(oggstream.play_stream("One.", source=service(wait=0.3), sink=broadcast))
    begun = loop.time()
    assert isinstance(await anext(taker), SpeechBegun)
    assert loop.time() - begun == pytest.approx(0.3, abs=0.001)
    await speaking


async def test_a_speech_lasts_as_long_as_it_sounds_with_nobody_listening() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    report = await oggstream.play_stream("One.", source=service(2.0, wait=0.3), sink=broadcast)
    assert 2.3 < loop.time() - begun < 2.6
    assert report.playout.stalls == 0


async def test_the_speeches_of_a_player_follow_each_other_under_their_numbers() -> None:
    broadcast = Broadcast()
    async with broadcast.taker() as taker:
        async with oggstream.Player(source=service(), sink=broadcast) as player:
            speeches = [player.say("One."), player.say("Two.")]
            for speech in speeches:
                await speech
        items = taker.take_all()
    assert kinds(items) == ["SpeechBegun", "LivePacket", "SpeechEnded"] * 2
    begun = [item for item in items if isinstance(item, SpeechBegun)]
    assert begun == [SpeechBegun(speech.number, 1) for speech in speeches]


async def test_packets_can_be_sent_without_a_player_and_are_asked_for_as_they_are_heard() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    sending = asyncio.create_task(broadcast.send(spoken_packets(500)))
    await asyncio.sleep(0.01)
    assert 2.0 < sum(p.samples for p in packets(taker.take_all())) / 48000 < 2.1
    await sending
    assert loop.time() - begun == pytest.approx(10.0, abs=0.02)
    assert taker.take_all()[-1] == SpeechEnded(1)


async def test_speeches_sent_at_once_follow_each_other() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    await asyncio.gather(broadcast.send(spoken_packets(5)), broadcast.send(spoken_packets(5)))
    assert kinds(taker.take_all()) == ["SpeechBegun", "LivePacket", "SpeechEnded"] * 2


async def test_sending_closes_the_packets_when_it_is_cancelled() -> None:
    broadcast, source = Broadcast(), service(10.0)
    sending = asyncio.create_task(broadcast.send(oggstream.stream_packets("One.", source=source)))
    await asyncio.sleep(1)
    sending.cancel()
    await asyncio.wait({sending})
    assert source.opened == source.closed == 1


async def test_what_the_packets_raise_is_raised_and_the_next_speech_is_sent() -> None:
    async def broken() -> AsyncIterator[AudioPacket]:
        async for packet in spoken_packets(3):
            yield packet
        raise ConnectionError

    broadcast = Broadcast()
    taker = broadcast.taker()
    with pytest.raises(ConnectionError):
        await broadcast.send(broken())
    await broadcast.send(spoken_packets(3))
    assert kinds(taker.take_all()) == ["SpeechBegun", "LivePacket", "SpeechEnded"] * 2


async def test_nothing_is_sent_into_the_speech_of_a_player() -> None:
    broadcast = Broadcast()
    speaking = asyncio.create_task(oggstream.play_stream("One.", source=service(), sink=broadcast))
    await asyncio.sleep(0.5)
    with pytest.raises(UsageError, match="a player is speaking"):
        await broadcast.send(spoken_packets(1))
    assert (await speaking).completed


# Slow takers.


async def test_a_slow_taker_loses_its_own_oldest_packets_and_is_told_how_many() -> None:
    broadcast = Broadcast()
    slow, quick = broadcast.taker(seconds=1.0), broadcast.taker()
    got: list[LiveItem] = []
    quick.on_ready = lambda: got.extend(quick.take_all())
    await broadcast.send(spoken_packets(500))
    assert len(packets(got)) == 500
    assert quick.lost == 0
    late = slow.take_all()
    assert kinds(late) == ["SpeechBegun", "LivePacket", "SpeechEnded"]
    assert [len(packets(late)), slow.lost] == [50, 450]
    assert [p.lost for p in packets(late)] == [450] + 49 * [0]
    assert packets(late)[1] is packets(got)[451]


async def test_a_taker_that_lost_the_end_of_a_speech_is_told_of_it_all_the_same() -> None:
    broadcast = Broadcast()
    slow = broadcast.taker(seconds=1.0)
    sending = asyncio.create_task(broadcast.send(spoken_packets(200)))
    await asyncio.sleep(0.01)
    assert kinds(slow.take_all()) == ["SpeechBegun", "LivePacket"]
    await sending
    await broadcast.send(spoken_packets(100))
    assert kinds(slow.take_all()) == ["SpeechEnded", "SpeechBegun", "LivePacket", "SpeechEnded"]


async def test_a_taker_that_reads_nothing_costs_its_bound_and_nothing_more() -> None:
    broadcast = Broadcast(seconds=2.0)
    dead = broadcast.taker()
    for _ in range(20):
        await broadcast.send(spoken_packets(100))
    assert len(broadcast._log._rows) <= 2 * 100 + 50
    assert len(packets(dead.take_all())) == 100
    assert dead.lost == 1900


async def test_words_without_sound_are_bounded_too() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    sending = asyncio.create_task(broadcast.send(spoken_packets(50)))
    await asyncio.sleep(0.1)
    for _ in range(40_000):
        broadcast.tell(oggstream.Word(text="a", start=0, end=1, start_sample=0, end_sample=1))
    await sending
    assert len(taker.take_all()) <= 1 << 15


async def test_a_callback_that_fails_closes_its_own_taker_only() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    broadcast = Broadcast()
    bad, good = broadcast.taker(), broadcast.taker()
    bad.on_ready = lambda: 1 / 0
    await broadcast.send(spoken_packets(5))
    assert [type(error) for error in told] == [ZeroDivisionError]
    assert (bad.closed, broadcast.listeners) == (True, 1)
    assert len(packets(good.take_all())) == 5


# Joining and leaving.


async def test_whoever_joins_in_the_middle_begins_80_ms_before_what_is_heard_and_drops_these() -> None:
    broadcast = Broadcast()
    sending = asyncio.create_task(broadcast.send(spoken_packets(500)))
    await asyncio.sleep(4.01)
    got = packets(broadcast.taker().take_all())
    dropped = [p for p in got if p.trim_start == p.samples]
    heard = got[len(dropped)]
    assert heard.position <= 4.01 * 48000 < heard.position + heard.samples
    assert 3840 <= sum(p.samples for p in dropped) <= 3840 + 960
    assert heard.trim_start == heard.trim_end == 0
    await sending


async def test_whoever_joins_before_anything_is_heard_gets_it_all() -> None:
    broadcast = Broadcast()
    first = broadcast.taker()
    speaking = asyncio.create_task(oggstream.play_stream("One.", source=service(wait=0.3), sink=broadcast))
    await asyncio.sleep(0.305)
    second = broadcast.taker()
    await speaking
    assert first.take_all() == second.take_all()


async def test_whoever_joins_while_the_last_packets_are_heard_gets_those() -> None:
    broadcast = Broadcast()
    speaking = asyncio.create_task(oggstream.play_stream("One.", source=service(1.0, wait=0.3), sink=broadcast))
    await asyncio.sleep(1.1)
    items = broadcast.taker().take_all()
    assert kinds(items) == ["SpeechBegun", "LivePacket", "SpeechEnded"]
    assert 0.1 < sum(p.heard for p in packets(items)) / 48000 < 0.4
    await speaking
    assert broadcast.taker().take_all() == []


async def test_a_taker_of_what_comes_next_waits_for_the_next_speech() -> None:
    broadcast = Broadcast()
    sending = asyncio.create_task(broadcast.send(spoken_packets(50)))
    await asyncio.sleep(0.5)
    taker = broadcast.taker(now=False)
    await sending
    assert taker.take_all() == []
    await broadcast.send(spoken_packets(50))
    assert packets(taker.take_all())[0].position == 0


async def test_a_taker_that_is_left_or_closed_gets_the_end_even_while_it_waits() -> None:
    broadcast = Broadcast()
    async with broadcast.taker() as taker:
        waiting = asyncio.create_task(anext(taker, None))
        await asyncio.sleep(0.1)
        taker.close()
        assert await waiting is None
    assert broadcast.listeners == 0
    assert taker.take_all() == []


async def test_closing_the_broadcast_ends_all_takers_behind_what_they_have_not_taken() -> None:
    broadcast = Broadcast()
    taking, late = asyncio.create_task(all_of(broadcast.taker())), broadcast.taker()
    await broadcast.send(spoken_packets(5))
    await broadcast.aclose()
    await broadcast.aclose()
    assert kinds(await taking) == kinds(await all_of(late)) == ["SpeechBegun", "LivePacket", "SpeechEnded"]
    assert await all_of(broadcast.taker()) == []


async def test_two_tasks_cannot_wait_for_one_taker() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    waiting = asyncio.create_task(anext(taker, None))
    await asyncio.sleep(0.1)
    with pytest.raises(UsageError, match="another task waits"):
        await anext(taker)
    taker.close()
    await waiting


async def test_a_cancelled_wait_loses_nothing() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(taker), 0.1)
    await broadcast.send(spoken_packets(1))
    assert kinds(taker.take_all()) == ["SpeechBegun", "LivePacket", "SpeechEnded"]


# Interruption.


async def test_an_interruption_drops_what_is_not_taken_and_tells_how_much_was_heard() -> None:
    broadcast = Broadcast()
    slow, quick = broadcast.taker(), broadcast.taker()
    async with oggstream.Player(source=service(5.0, wait=0.3), sink=broadcast) as player:
        speech = player.say("One.")
        await asyncio.sleep(0.5)
        taken = quick.take_all()
        await asyncio.sleep(1.0)
        heard = await player.stop()
    number = speech.number
    assert 1.0 < heard.seconds < 1.3
    rest = quick.take_all()
    assert kinds(taken + rest) == ["SpeechBegun", "LivePacket", "Flushed"]
    flushed = rest[-1]
    assert isinstance(flushed, Flushed)
    assert flushed.number == number
    assert flushed.heard == pytest.approx(heard.seconds * 48000, abs=2400)
    assert slow.take_all() == []  # it knows nothing of that speech
    assert slow.lost == quick.lost == 0


async def test_an_interruption_while_the_last_packets_are_heard_reaches_those_who_have_them() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    async with oggstream.Player(source=service(1.0), sink=broadcast) as player:
        _ = player.say("One.")
        await asyncio.sleep(0.8)
        assert kinds(taker.take_all())[-1] == "SpeechEnded"
        await player.stop()
    assert kinds(taker.take_all()) == ["Flushed"]


async def test_what_takes_the_place_of_a_speech_follows_its_interruption() -> None:
    broadcast = Broadcast()
    taking = asyncio.create_task(all_of(broadcast.taker()))
    async with oggstream.Player(source=service(5.0), sink=broadcast) as player:
        _ = player.say("One.")
        await asyncio.sleep(1)
        await player.say("Two.", interrupt=True)
    await broadcast.aclose()
    begun = ["SpeechBegun", "LivePacket"]
    assert kinds(await taking) == [*begun, "Flushed", *begun, "SpeechEnded"]


async def test_aborting_what_is_sent_ends_it() -> None:
    broadcast = Broadcast()
    taking = asyncio.create_task(all_of(broadcast.taker()))
    sending = asyncio.create_task(broadcast.send(spoken_packets(500, every=0.02)))
    await asyncio.sleep(1)
    broadcast.abort()
    broadcast.abort()
    await sending
    await broadcast.aclose()
    assert kinds(await taking) == ["SpeechBegun", "LivePacket", "Flushed"]


async def test_a_speech_that_was_heard_is_not_interrupted_by_closing() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    await broadcast.send(spoken_packets(5))
    await broadcast.aclose()
    assert not [item for item in taker.take_all() if isinstance(item, Flushed)]


async def test_while_a_player_pauses_nothing_more_is_sent() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    async with oggstream.Player(source=service(10.0), sink=broadcast) as player:
        speech = player.say("One.")
        await asyncio.sleep(1)
        player.pause()
        await asyncio.sleep(0.2)
        before = len(packets(taker.take_all()))
        await asyncio.sleep(10)
        assert len(packets(taker.take_all())) == 0
        assert before * 0.02 < 0.7 + 2.2  # what the ring holds is ahead
        player.resume()
        await speech
    assert taker.lost == 0


# Words.


async def test_words_are_told_to_all_at_the_moment_at_which_they_are_heard() -> None:
    broadcast = Broadcast()
    loop = asyncio.get_running_loop()
    heard: list[tuple[float, LiveItem]] = []
    taker = broadcast.taker()
    taker.on_ready = lambda: heard.extend((loop.time(), item) for item in taker.take_all())
    told: list[tuple[float, oggstream.WordStarted]] = []

    def note(event: oggstream.Event) -> None:
        if isinstance(event, oggstream.WordStarted):
            told.append((loop.time(), event))

    source = SpeechService(first=0.1, pauses=True)
    async with oggstream.Player(source=source, sink=broadcast, on_event=note) as player:
        speech = player.say("Here we are, all of us.")
        await speech
    words = [(at, item) for at, item in heard if isinstance(item, WordHeard)]
    expected = [WordHeard(speech.number, word.text, word.start, word.end, word.sample) for _, word in told]
    assert [word for _, word in words] == expected
    assert len(words) == 6
    assert [at for at, _ in words] == pytest.approx([at for at, _ in told], abs=1e-3)


async def test_words_of_what_is_sent_are_the_callers_to_tell() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    word = oggstream.Word(text="a", start=3, end=4, start_sample=960, end_sample=1920)
    sending = asyncio.create_task(broadcast.send(spoken_packets(5)))
    await asyncio.sleep(0.01)
    broadcast.tell(word)
    await sending
    broadcast.tell(word)
    assert [item for item in taker.take_all() if isinstance(item, WordHeard)] == [WordHeard(1, "a", 3, 4, 960)]


async def test_the_last_word_of_a_speech_is_its_own_though_the_next_one_has_begun() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    sending = asyncio.create_task(broadcast.send(spoken_packets(5)))
    await asyncio.sleep(0.01)
    broadcast.tell(oggstream.WordStarted(at=1.0, text="a", start=0, end=1, sample=0, speech=99))
    await sending
    assert kinds(taker.take_all()) == ["SpeechBegun", "LivePacket", "SpeechEnded"]


# Misuse.


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9, "x"])
async def test_bounds_that_are_none_are_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="seconds"):
        Broadcast(seconds=seconds)
    with pytest.raises(UsageError, match="seconds"):
        Broadcast().taker(seconds=seconds)


async def test_one_broadcast_serves_one_event_loop_after_the_other() -> None:
    broadcast = Broadcast()
    taker = broadcast.taker()
    await broadcast.send(spoken_packets(1))

    async def elsewhere() -> int:
        with pytest.raises(UsageError, match="one event loop"):
            broadcast.taker()
        return 1

    assert await asyncio.to_thread(lambda: asyncio.run(elsewhere())) == 1
    assert len(packets(taker.take_all())) == 1


def test_a_broadcast_outlives_its_event_loop() -> None:
    broadcast = Broadcast()
    for _ in range(2):
        taker = None

        async def main() -> int:
            taker = broadcast.taker()
            await broadcast.send(spoken_packets(1))
            return len(packets(taker.take_all()))

        assert asyncio.run(main()) == 1
    assert taker is None


async def test_pages_that_come_packet_by_packet_are_handed_on_as_they_come() -> None:
    chunks = every(0.02, pages(spoken(1.0, packets_per_page=1)))
    broadcast = Broadcast()
    taker = broadcast.taker()
    await oggstream.play_stream("One.", source=ScriptedSource(chunks), sink=broadcast)
    assert sum(p.heard for p in packets(taker.take_all())) == 48000
