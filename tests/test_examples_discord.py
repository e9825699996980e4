"""The example of a Discord bot, with discord.py if installed, otherwise with a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import oggstream
import stand_ins
from oggstream.errors import SourceBrokenError
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from scripted import ScriptedSource, ScriptedStream, every, pages, spoken
from stand_ins import until

SOUND = spoken(0.5, packets_per_page=1)


def packets(body: bytes) -> list[bytes]:
    reader = OpusReader()
    return [item.data for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


@pytest.fixture
def bot() -> Iterator[Any]:
    with stand_ins.example("discord_bot", "discord", stand_ins.discord) as bot:
        yield bot


def told(audio: Any, bot: Any) -> list[bytes]:
    """What discord.py would read, without the silence between."""
    return [packet for packet in iter(audio.read, b"") if packet != bot.SILENCE]


async def test_packets_are_handed_on_as_they_are(bot: Any) -> None:
    audio = bot.PacketAudio("Hello.", source=ScriptedSource([(0, SOUND)]))
    assert audio.is_opus()
    await audio.ready()
    await until(lambda: audio._ended)
    assert told(audio, bot) == packets(SOUND)


async def test_a_thread_that_reads_is_never_kept_waiting(bot: Any) -> None:
    first, late = pages(SOUND)[:4], pages(SOUND)[4:]
    gate = asyncio.Event()
    audio = bot.PacketAudio("Hello.", source=Gated(b"".join(first), late, gate))
    await audio.ready()
    assert [audio.read(), audio.read()] == packets(SOUND)[:2]
    assert audio.read() == bot.SILENCE
    gate.set()
    await until(lambda: audio._packets)
    for _ in range(bot.RESUME - len(audio._packets)):
        assert audio.read() == bot.SILENCE  # until there is enough to go on
    await until(lambda: audio._ended)
    assert told(audio, bot) == packets(SOUND)[2:]


class Gated(ScriptedSource):
    """Sends the first chunk at once, the others when a gate opens."""

    def __init__(self, first: bytes, late: list[bytes], gate: asyncio.Event) -> None:
        super().__init__([(0, first), *every(0.01, late)])
        self.gate = gate

    def open(self, text: str, options: Any) -> Any:
        context = super().open(text, options)
        arrivals, gate = self.arrivals, self.gate

        class Opened:
            async def __aenter__(self) -> Any:
                await context.__aenter__()
                return Stream(arrivals, asyncio.get_running_loop().time())

            async def __aexit__(self, *_: object) -> None:
                await context.__aexit__(None, None, None)

        class Stream(ScriptedStream):
            given = 0

            async def __anext__(self) -> bytes:
                self.given += 1
                if self.given > 1:
                    await gate.wait()
                chunk = await super().__anext__()
                assert isinstance(chunk, bytes)
                return chunk

        return Opened()


async def test_a_failure_is_raised_after_what_came_before_it(bot: Any) -> None:
    begun = b"".join(pages(SOUND)[:5])
    audio = bot.PacketAudio("Hello.", source=ScriptedSource([(0, begun), (0, SourceBrokenError("it broke"))]))
    await until(lambda: audio._ended)
    assert [audio.read() for _ in packets(begun)] == packets(begun)
    with pytest.raises(SourceBrokenError, match="it broke"):
        audio.read()


async def test_packets_that_discord_does_not_take_are_refused(bot: Any) -> None:
    audio = bot.PacketAudio("Hello.")
    audio.cleanup()
    with pytest.raises(ValueError, match=r'of 60 ms.*format="pcm"'):
        audio._take(AudioPacket(b"\x18", 0, 2880, 0, 0))
    audio._take(AudioPacket(b"\x08", 0, 960, 0, 960))
    assert not audio._packets
    await until(audio._task.done)


async def test_samples_are_encoded_in_packets_that_discord_takes(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedStream, "content_type", "audio/pcm;rate=24000")
    tone = np.rint(9000 * np.sin(np.arange(12000) / 9)).astype("<i2").tobytes()
    audio = bot.PacketAudio("Hello.", source=ScriptedSource([(0, tone)]), format="pcm")
    await until(lambda: audio._ended)
    assert len(told(audio, bot)) == 26  # 0.5 s, and what the encoder is behind


async def test_stopping_closes_the_services_response(bot: Any) -> None:
    source = ScriptedSource([(0, b"".join(pages(SOUND)[:8])), (60, b"")])
    audio = bot.PacketAudio("Hello.", source=source)
    await audio.ready()
    await asyncio.to_thread(audio.cleanup)
    await until(lambda: source.closed)
    await until(audio._task.done)


async def test_only_so_much_is_held(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot, "AHEAD", 10)
    audio = bot.PacketAudio("Hello.", source=ScriptedSource([(0, SOUND)]))
    await audio.ready()
    await asyncio.sleep(0.05)
    assert len(audio._packets) == 11
    while not audio._ended:
        audio.read()
        await asyncio.sleep(0.005)


async def test_the_player_of_discord_plays_it_to_the_end(bot: Any) -> None:
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

    audio = bot.PacketAudio("Hello.", source=ScriptedSource([(0, SOUND)]))
    await audio.ready()
    player = bot.discord.player.AudioPlayer(audio, Voice(), after=ended.append)
    player.start()
    await until(lambda: ended)
    assert ended == [None]
    assert [packet for packet in sent if packet != bot.SILENCE] == packets(SOUND)
    await asyncio.to_thread(player.join)


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
async def running(bot: Any) -> Any:
    client = bot.Bot()
    client.source = ScriptedSource([(0, SOUND)])
    return client


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
    await until(lambda: audio._ended)
    assert told(audio, bot) == packets(SOUND)


async def test_the_bot_asks_its_user_to_join(running: Any) -> None:
    asked = interaction(user=SimpleNamespace(), guild=None)
    await running.say(asked, "Hello there.")
    assert asked.answers == ["Join a voice channel first."]


async def test_the_bot_closes_its_voice(bot: Any) -> None:
    client = bot.Bot()
    assert isinstance(client.source, oggstream.OfflineVoice)
    await client.source.warm()
    await client.close()  # or a task would be left
