from __future__ import annotations

import asyncio
import itertools
import json
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
import pytest

import oggstream
from icecast import PASSWORD, TAKEN, answering, running_icecast
from oggstream.engine import loading
from oggstream.events import Event, Warned
from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.options import PlaybackOptions
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.tags import OpusTags
from oggstream.sinks.radio import mount_feed
from oggstream.sinks.radio.mount import Refusal
from oggstream.sinks.radio.source_client import SourceClient
from patience import PATIENCE
from scripted import ScriptedSource, SpeechService, spoken
from stand_ins import until

OPTIONS = PlaybackOptions(history=None)
URL = "icecast://source:hackme@127.0.0.1:8000/radio.opus"


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


class Sent(NamedTuple):
    at: float
    data: bytes


class Air:
    """Stands in for the connections: what was sent, and when. Connecting fails with each of ``failures`` first."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.connected: list[float] = []
        self.failures: list[OSError | Refusal] = []
        self.broken = False

    async def connect(self, *_: object) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.connected.append(asyncio.get_running_loop().time())
        self.broken = False
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, data: bytes) -> None:
        if self.broken:
            raise ConnectionResetError
        if data:
            self.sent.append(Sent(asyncio.get_running_loop().time(), data))

    def items(self) -> list[Any]:
        reader = OpusReader()
        return [*reader.feed(b"".join(sent.data for sent in self.sent)), *reader.finish()]


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch) -> Air:
    air = Air()
    monkeypatch.setattr(SourceClient, "connected", air.connect)
    return air


def of_kind(items: list[Any], kind: type) -> list[Any]:
    return [item for item in items if isinstance(item, kind)]


@pytest.mark.looptime
async def test_the_services_packets_go_out_as_they_are_between_silence(air: Air) -> None:
    body = spoken(1.0)
    reader = OpusReader()
    own = [packet.data for packet in of_kind([*reader.feed(body), *reader.finish()], AudioPacket)]
    async with oggstream.IcecastSink(URL) as sink:
        await sink.prepare()
        await asyncio.sleep(1.0)
        report = await oggstream.play_stream("Hi.", source=ScriptedSource([(0, body)]), sink=sink, options=OPTIONS)
        await asyncio.sleep(1.0)
    assert report.sink == "icecast"
    sent = [packet.data for packet in of_kind(air.items(), AudioPacket)]
    at = sent.index(own[1])
    assert sent[at : at + len(own) - 2] == own[1:-1]
    assert len(set(sent[: at - 1])) == 1
    assert len(sent[at - 1]) > 0


async def talk(air: Air, seconds: float) -> None:
    """Speeches and pauses of any length, each third one with another title."""
    chance, service, time = random.Random(3), SpeechService(rate=4, first=0.2), asyncio.get_running_loop().time
    sink = oggstream.IcecastSink(URL)
    async with sink, oggstream.Player(source=service, sink=sink, options=OPTIONS) as player:
        number = 0
        while time() < seconds:
            number += 1
            sink.title = f"Speech {number // 3}"
            await player.say("Word and word again. " * chance.randint(1, 5))
            await asyncio.sleep(chance.uniform(0, 5))


async def blocked(air: Air, loop: VirtualLoop, seconds: float) -> float:
    """How many seconds of sound are missing after a program ran, and then did not run for so long."""
    async with oggstream.IcecastSink(URL) as sink:
        await sink.prepare()
        await asyncio.sleep(1.0)
        loop._jumping.now += seconds
        await asyncio.sleep(0.3)
        samples = sum(packet.samples for packet in of_kind(air.items(), AudioPacket))
        missing: float = loop.time() - air.connected[0] - samples / 48000
        return missing


def test_what_a_blocked_program_missed_is_made_up_for(air: Air) -> None:
    loop = VirtualLoop()
    assert loop.run_until_complete(blocked(air, loop, 8.0)) < 0.25
    loop.close()


def test_the_stream_is_as_long_as_time_goes_by_whatever_is_said(air: Air) -> None:
    loop = VirtualLoop()
    loop.run_until_complete(talk(air, 60))
    loop.close()
    (began,) = air.connected
    reader, samples, leads = OpusReader(), 0, []
    for sent in air.sent:
        items = reader.feed(sent.data)
        assert not of_kind(items, oggstream.Hole)
        samples += sum(packet.samples for packet in of_kind(items, AudioPacket))
        leads.append(samples / 48000 - (sent.at - began))
    assert max(leads[5:-1]) - min(leads[5:-1]) < 0.04
    assert max(after.at - before.at for before, after in itertools.pairwise(air.sent)) < 0.25


@pytest.mark.looptime
async def test_another_title_begins_a_link_with_the_next_speech(air: Air) -> None:
    service = SpeechService(first=0.1)
    async with oggstream.IcecastSink(URL, name="Talk") as sink, oggstream.Player(source=service, sink=sink) as player:
        await player.say("One.")
        await player.say("Two, under the same title.")
        sink.title = "News"
        await asyncio.sleep(1.0)
        await player.say("Three.")
    items = air.items()
    assert [tags.get("TITLE") for tags in of_kind(items, OpusTags)] == ["Talk", "News"]
    heads = of_kind(items, OpusHead)
    assert [(head.channels, head.pre_skip, head.serial) for head in heads] == [(2, 3840, 1), (2, 0, 2)]
    assert not of_kind(items, oggstream.Hole)


@pytest.mark.looptime
async def test_a_mount_that_is_lost_is_asked_for_again_and_the_speech_is_told(air: Air) -> None:
    events: list[Event] = []
    sink = oggstream.IcecastSink(URL)
    player = oggstream.Player(source=SpeechService(first=0.1), sink=sink, on_event=events.append, options=OPTIONS)
    async with sink, player:
        speech = player.say("Word and word again, so it goes on and on. " * 8)
        await asyncio.sleep(2.0)
        air.failures = [ConnectionRefusedError(111, "x"), ConnectionRefusedError(111, "x"), Refusal("in use (403)")]
        air.broken = True
        report = await speech
    assert report.completed
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "Icecast dropped 127.0.0.1:8000/radio.opus: it is asked to take it again",
        "Icecast does not take 127.0.0.1:8000/radio.opus again: connection refused",
        "Icecast does not take 127.0.0.1:8000/radio.opus again: in use (403)",
        "Icecast took 127.0.0.1:8000/radio.opus again after 7.5 s",
    ]
    assert len(air.connected) == 2
    assert [head.serial for head in of_kind(air.items(), OpusHead)] == [1, 2]


@pytest.mark.looptime
async def test_a_server_that_drops_each_connection_is_asked_ever_more_seldom(air: Air) -> None:
    async with oggstream.IcecastSink(URL) as sink:
        await sink.prepare()
        for _ in range(1200):
            air.broken = True
            await asyncio.sleep(0.1)
    gaps = [after - before for before, after in itertools.pairwise(air.connected)]
    assert gaps[0] < 1.5
    assert gaps[-1] > mount_feed.LONGEST_PAUSE
    assert len(air.connected) < 10


@pytest.mark.looptime
async def test_closing_does_not_wait_for_a_server_that_is_away(air: Air) -> None:
    async with oggstream.IcecastSink(URL) as sink:
        await sink.prepare()
        air.failures = [ConnectionRefusedError(111, "x")] * 100
        air.broken = True
        await asyncio.sleep(60)
        before = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() == before


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            b"HTTP/1.0 401 Authentication Required\r\n\r\nYou need to authenticate",
            "the user or the password is wrong (401)",
        ),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nMountpoint in use", "another source is on it (403)"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "the server knows no such mount (404)"),
        (b"220 smtp.example.org ESMTP\r\n\r\n", "it does not speak as Icecast does"),
    ],
)
async def test_a_refusal_is_one_line(answer: bytes, why: str) -> None:
    async with answering(answer) as (url, requests), oggstream.IcecastSink(url) as sink:
        with pytest.raises(oggstream.DeviceError) as raised:
            await sink.prepare()
        assert str(raised.value) == f"Icecast does not take {url.rpartition('@')[2]}: {why}"
        assert len(requests) == 1


async def test_a_server_that_is_not_there_is_one_line(unused_tcp_port: int) -> None:
    async with oggstream.IcecastSink(f"icecast://source:hackme@127.0.0.1:{unused_tcp_port}/a") as sink:
        with pytest.raises(oggstream.DeviceError, match=r"^Icecast does not take 127.0.0.1:\d+/a: connection refused$"):
            await sink.prepare()


async def test_an_old_server_is_asked_in_the_old_way() -> None:
    async with answering(b"HTTP/1.0 405 Nope\r\n\r\n", TAKEN) as (url, requests), oggstream.IcecastSink(url) as sink:
        await sink.prepare()
    assert [request.split()[0] for request in requests] == [b"PUT", b"SOURCE"]


def test_what_would_be_another_header_is_refused() -> None:
    with pytest.raises(oggstream.UsageError, match="one line of text"):
        oggstream.IcecastSink(URL, name="a\r\nIce-Public: 1")


@asynccontextmanager
async def listening(port: int, mount: str = "/radio.opus") -> AsyncIterator[aiohttp.StreamReader]:
    """What a listener gets, as soon as Icecast has begun to give it out."""
    async with aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE):
        while True:
            async with client.get(f"http://127.0.0.1:{port}{mount}") as response:
                if response.status == 200:
                    yield response.content
                    return
            await asyncio.sleep(0.05)


async def first_items(content: aiohttp.StreamReader, samples: int) -> list[Any]:
    """The items of a listener's stream, until they have so many samples."""
    reader = OpusReader()
    items: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while sum(packet.samples for packet in of_kind(items, AudioPacket)) < samples:
            items += reader.feed(await content.readany())
    return items


async def test_a_real_icecast_hands_it_on_with_its_name_and_titles(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_icecast(tmp_path) as server:
        sink = oggstream.IcecastSink(server.url(), name="Talk", description="All day")
        async with sink, oggstream.Player(source=SpeechService(first=0), sink=sink, options=OPTIONS) as player:
            sink.title = "News"
            speech = player.say("It is a fine day, and there is nothing else to be told of it.")
            await sink.prepare()
            await asyncio.sleep(0.6)
            async with listening(server.port) as content, aiohttp.ClientSession() as client:
                items = await first_items(content, 48000)
                async with client.get(f"http://127.0.0.1:{server.port}/status-json.xsl") as response:
                    shown = json.loads(await response.text())["icestats"]["source"]
            await player.stop()
            assert (await speech).stopped
        again = oggstream.IcecastSink(server.url())  # the mount is free at once
        async with again:
            await again.prepare()
        wrong = server.url().replace("hackme", "other")
        async with oggstream.IcecastSink(wrong) as refused:
            with pytest.raises(oggstream.DeviceError, match=r"password is wrong \(401\)"):
                await refused.prepare()
    assert [tags.get("TITLE") for tags in of_kind(items, OpusTags)][-1] == "News"
    assert not of_kind(items, oggstream.Hole)
    assert (shown["server_name"], shown["server_description"]) == ("Talk", "All day")
    assert PASSWORD not in caplog.text


async def test_a_real_icecast_that_is_killed_and_comes_back_has_the_mount_again(tmp_path: Path) -> None:
    events: list[Event] = []
    with running_icecast(tmp_path) as server:
        sink = oggstream.IcecastSink(server.url())
        player = oggstream.Player(source=SpeechService(first=0), sink=sink, options=OPTIONS, on_event=events.append)
        async with sink, player:
            await sink.prepare()
            speech = player.say("Word and word again, and there is no end to it, for it goes on and on. " * 9)
            async with listening(server.port) as content:
                await first_items(content, 9600)
            server.end()
            await asyncio.sleep(0.2)
            server.begin()
            await until(lambda: any("again after" in event.message for event in events if isinstance(event, Warned)))
            async with listening(server.port) as content:
                await first_items(content, 9600)
            await player.stop()
            await speech
