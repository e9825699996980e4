"""A Discord bot that speaks: the service's Opus packets are handed on as they are.

Run it with ``pip install "discord.py[voice]"`` and ``DISCORD_TOKEN=... python -m tools.examples.discord_bot``, join a
voice channel and type ``/say``. With ``OPENAI_API_KEY`` it speaks with OpenAI's voices, without with the offline voice.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import aclosing
from typing import Any

import discord
from discord import app_commands

import oggstream

FRAME = 960  # samples at 48 kHz: Discord takes a packet of 20 ms every 20 ms
SILENCE = b"\xf8\xff\xfe"  # a packet of it, for when nothing has come in time
AHEAD = 500  # packets held: 10 s; further speech is not asked for
RESUME = 5  # packets that must be there before it goes on after a gap


class PacketAudio(discord.AudioSource):
    """Speech for ``VoiceClient.play``. Made on the event loop; read by discord.py's thread.

    ``text`` and ``options`` are those of `oggstream.stream_packets`; ``text`` may grow, as a model's answer does.
    Discord wants 20 ms a packet, mono or stereo, which is what OpenAI sends. For a service that sends others pass
    ``format="pcm"``, or ``"wav"``: oggstream then encodes its sound in packets of 20 ms.
    """

    def __init__(self, text: Any, **options: Any) -> None:
        self._packets: deque[bytes] = deque()  # one thread appends, the other one pops
        self._loop = asyncio.get_running_loop()
        self._first = asyncio.Event()
        self._failure: Exception | None = None
        self._ended = False
        self._gap = False
        self._task = self._loop.create_task(self._receive(text, options))

    async def ready(self) -> None:
        """Return when there is something to play, or nothing will come."""
        await self._first.wait()

    def is_opus(self) -> bool:
        """Nothing needs to be encoded."""
        return True

    def read(self) -> bytes:
        """The next packet: silence while there is none (a thread that waited would hurry afterwards), b"" at the end.

        Raises what went wrong, after all that came before it: `play` hands it to ``after``.
        """
        ended = self._ended  # before the look at the packets, which come first
        if self._gap and not ended and len(self._packets) < RESUME:
            return SILENCE
        self._gap = False
        if self._packets:
            return self._packets.popleft()
        if not ended:
            self._gap = True
            return SILENCE
        if self._failure is not None:
            raise self._failure
        return b""

    def cleanup(self) -> None:
        """Close the service's response. discord.py calls it at the end and when the bot is stopped, from its thread."""
        if hasattr(self, "_task") and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _receive(self, text: Any, options: dict[str, Any]) -> None:
        try:
            async with aclosing(oggstream.stream_packets(text, **options)) as packets:
                async for packet in packets:
                    self._take(packet)
                    while len(self._packets) > AHEAD:  # noqa: ASYNC110  # the reading thread tells nobody
                        await asyncio.sleep(0.1)
        except Exception as failure:  # noqa: BLE001  # whatever it is, it is told where the bot looks
            self._failure = failure
        finally:
            self._ended = True
            self._first.set()

    def _take(self, packet: oggstream.AudioPacket) -> None:
        if packet.samples != FRAME:
            raise ValueError(f'packets of {packet.samples / 48:g} ms, Discord takes 20: pass format="pcm"')
        if packet.trim_end < packet.samples:  # else it holds nothing that is to be heard
            self._packets.append(packet.data)
            self._first.set()


class Bot(discord.Client):
    """Speaks what ``/say`` is given, in the channel of who gave it. A further one takes the place of the one before."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.default())
        self.source = oggstream.OpenAISource() if os.environ.get("OPENAI_API_KEY") else oggstream.OfflineVoice()
        tree = self.tree = app_commands.CommandTree(self)

        @tree.command(name="say", description="Say something in your voice channel")
        async def say(interaction: discord.Interaction, text: str) -> None:
            await self.say(interaction, text)

    async def setup_hook(self) -> None:
        """Tell Discord the command."""
        await self.tree.sync()

    async def say(self, interaction: discord.Interaction, text: str) -> None:
        """Join the user's channel if need be, and speak."""
        state = getattr(interaction.user, "voice", None)
        if state is None:
            await interaction.response.send_message("Join a voice channel first.", ephemeral=True)
            return
        await interaction.response.send_message(text)
        audio = PacketAudio(text, source=self.source)  # asked for while the channel is being joined
        client = interaction.guild.voice_client or await state.channel.connect()
        await audio.ready()
        client.stop()
        client.play(audio, after=lambda error: error and print(f"could not speak: {error}"))

    async def close(self) -> None:
        """Leave, and close the connection to the service."""
        await super().close()
        await self.source.aclose()


if __name__ == "__main__":
    Bot().run(os.environ["DISCORD_TOKEN"])
