"""The example of a Discord bot, with discord.py if installed, otherwise with a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import oggstream
import stand_ins
from oggstream.codec.encoder import OpusEncoder
from oggstream.errors import SourceBrokenError
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from scripted import ScriptedSource, ScriptedStream, spoken
from stand_ins import until

SOUND = spoken(0.5, packets_per_page=1)


def packets(body: bytes) -> list[bytes]:
    reader = OpusReader()
    return [item.data for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


@pytest.fixture
def bot() -> Iterator[Any]:
    with stand_ins.example("discord_bot", "discord", stand_ins.discord) as bot:
        yield bot


@pytest.fixture
async def broadcast() -> AsyncIterator[oggstream.Broadcast]:
    async with oggstream.Broadcast() as broadcast:
        yield broadcast


async def say(broadcast: oggstream.Broadcast, source: Any, **options: Any) -> None:
    await oggstream.play_stream("Hello.", source=source, sink=broadcast, **options)


def told(audio: Any, bot: Any) -> list[bytes]:
    """What discord.py would read, without the silence between."""
    return [packet for packet in iter(audio.read, b"") if packet != bot.SILENCE]


async def test_packets_are_handed_on_as_they_are(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    assert audio.is_opus()
    assert audio.read() == bot.SILENCE  # before it begins
    await say(broadcast, ScriptedSource([(0, SOUND)]))
    assert told(audio, bot) == packets(SOUND)


async def test_a_thread_that_reads_is_never_kept_waiting(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    gate = asyncio.Event()

    async def late() -> AsyncIterator[AudioPacket]:
        for at, data in enumerate(packets(SOUND)):
            if at == 2:
                await gate.wait()
            yield AudioPacket(data, 960 * at, 960, 0, 0)

    sending = asyncio.create_task(broadcast.send(late()))
    await until(lambda: len(audio._packets) == 2)
    assert [audio.read(), audio.read()] == packets(SOUND)[:2]
    assert audio.read() == bot.SILENCE
    gate.set()
    await until(lambda: audio._packets)
    for _ in range(bot.RESUME - len(audio._packets)):
        assert audio.read() == bot.SILENCE  # until there is enough to go on
    await sending
    assert told(audio, bot) == packets(SOUND)[2:]


async def test_an_interruption_is_silence_and_the_end(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    async with oggstream.Player(source=ScriptedSource([(0, spoken(9.0))]), sink=broadcast) as player:
        _ = player.say("Hello.")
        await until(lambda: audio._packets)
        assert audio.read() != bot.SILENCE
        await player.stop()
        await until(lambda: audio._ended)
    assert audio.read() == b""


async def test_packets_that_discord_does_not_take_are_refused(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    encoder = OpusEncoder(48000, frame_ms=60)
    long = encoder.encode(bytes(encoder.frame_bytes))

    async def body() -> AsyncIterator[AudioPacket]:
        yield AudioPacket(packets(SOUND)[0], 0, 960, 0, 0)
        yield AudioPacket(long, 960, 2880, 0, 0)

    await broadcast.send(body())
    assert audio.read() == packets(SOUND)[0]
    with pytest.raises(ValueError, match=r'of 60 ms.*format="pcm"'):
        audio.read()


async def test_samples_are_encoded_in_packets_that_discord_takes(
    bot: Any, broadcast: oggstream.Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedStream, "content_type", "audio/pcm;rate=24000")
    tone = np.rint(9000 * np.sin(np.arange(12000) / 9)).astype("<i2").tobytes()
    audio = bot.PacketAudio(broadcast)
    await say(broadcast, ScriptedSource([(0, tone)]), format="pcm")
    await until(lambda: audio._ended)
    assert len(told(audio, bot)) == 26  # 0.5 s, and what the encoder is behind


async def test_stopping_leaves_the_broadcast(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    assert broadcast.listeners == 1
    await asyncio.to_thread(audio.cleanup)
    await until(lambda: not broadcast.listeners)
    assert audio.read() == b""


async def test_a_broadcast_that_ends_ends_it(bot: Any, broadcast: oggstream.Broadcast) -> None:
    audio = bot.PacketAudio(broadcast)
    await broadcast.aclose()
    await until(lambda: audio._ended)
    assert audio.read() == b""


async def test_the_player_of_discord_plays_it_to_the_end(bot: Any, broadcast: oggstream.Broadcast) -> None:
    sent: list[bytes] = []
    ended: list[Exception | None] = []
    loop = asyncio.get_running_loop()

    class Voice:
        """What the player needs of a connection."""

        timeout = 1
        client = SimpleNamespace(loop=loop)

        class ws:  # noqa: N801
            @staticmethod
            async def speak(state: Any) -> None: ...

        def is_connected(self) -> bool:
            return True

        def send_audio_packet(self, data: bytes, *, encode: bool) -> None:
            assert not encode
            sent.append(data)

    audio = bot.PacketAudio(broadcast)
    saying = asyncio.create_task(say(broadcast, ScriptedSource([(0, SOUND)])))
    player = bot.discord.player.AudioPlayer(audio, Voice(), after=ended.append)
    player.start()
    await until(lambda: ended)
    assert ended == [None]
    assert [packet for packet in sent if packet != bot.SILENCE] == packets(SOUND)
    await asyncio.to_thread(player.join)
    await saying


class Channel:
    """A voice channel, and the connection to it."""

    def __init__(self) -> None:
        self.played: list[Any] = []
        self.stops = 0

    async def connect(self) -> Channel:
        return self

    def stop(self) -> None:
        self.stops += 1

    def play(self, audio: Any, *, after: Any) -> None:
        self.played.append(audio)
        after(None)


@pytest.fixture
async def running(bot: Any) -> AsyncIterator[Any]:
    client = bot.Bot(ScriptedSource([(0, SOUND)]))
    async with client.broadcast, client.player:  # as setup_hook opens it, once there is a connection
        yield client


def interaction(**members: Any) -> Any:
    answers: list[str] = []

    async def send_message(text: str, **_: Any) -> None:
        answers.append(text)

    return SimpleNamespace(response=SimpleNamespace(send_message=send_message), answers=answers, **members)


async def test_the_bot_joins_its_user_and_speaks(bot: Any, running: Any) -> None:
    channel = Channel()
    user = SimpleNamespace(voice=SimpleNamespace(channel=channel))
    asked = interaction(user=user, guild=SimpleNamespace(voice_client=None))
    await running.say(asked, "Hello there.")
    assert running.source.texts == ["Hello there."]
    assert asked.answers == ["Hello there."]
    (audio,) = channel.played
    assert told(audio, bot) == packets(SOUND)


async def test_the_bot_tells_what_failed(running: Any, capsys: pytest.CaptureFixture[str]) -> None:
    running.source.arrivals[:] = [(0, SourceBrokenError("no voice today"))]
    user = SimpleNamespace(voice=SimpleNamespace(channel=Channel()))
    await running.say(interaction(user=user, guild=SimpleNamespace(voice_client=None)), "Hello there.")
    assert "could not speak: " in capsys.readouterr().out


async def test_the_bot_asks_its_user_to_join(running: Any) -> None:
    asked = interaction(user=SimpleNamespace(), guild=None)
    await running.say(asked, "Hello there.")
    assert asked.answers == ["Join a voice channel first."]


async def test_the_bot_closes_its_voice(bot: Any) -> None:
    client = bot.Bot()
    assert isinstance(client.source, oggstream.OfflineVoice)
    await client.source.warm()
    await client.close()  # or a task would be left
