"""A Discord bot that speaks: the service's Opus packets are handed on as they are.

Run it with ``pip install "discord.py[voice]"`` and ``DISCORD_TOKEN=... python -m tools.examples.discord_bot``, join a
voice channel and type ``/say``. With ``OPENAI_API_KEY`` it speaks with OpenAI's voices, without with the offline voice.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Any

import discord
from discord import app_commands

import oggstream
from oggstream.sinks.live.live_item import Flushed, LivePacket, SpeechEnded

FRAME = 960  # samples at 48 kHz: Discord takes a packet of 20 ms every 20 ms
SILENCE = b"\xf8\xff\xfe"  # a packet of it, for when nothing has come in time
AHEAD = 500  # packets held, for a thread that hangs: 10 s, and the oldest ones are dropped
RESUME = 5  # packets that must be there before it goes on after a gap


class PacketAudio(discord.AudioSource):
    """The next speech of ``broadcast``, for ``VoiceClient.play``. Made on the event loop; read by discord.py's thread.

    Discord wants 20 ms a packet, mono or stereo, which is what OpenAI sends. Where a service sends others, let the
    player ask for ``format="pcm"``, or ``"wav"``: the broadcast then encodes its sound in packets of 20 ms.
    """

    def __init__(self, broadcast: oggstream.Broadcast) -> None:
        self._packets: deque[bytes] = deque(maxlen=AHEAD)  # one thread appends, the other one pops
        self._loop = asyncio.get_running_loop()
        self._failure: Exception | None = None
        self._ended = False
        self._begun = self._gap = False
        self._taker = broadcast.taker(now=False)
        self._taker.on_ready = self._receive

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
            self._begun = True
            return self._packets.popleft()
        if not ended:
            self._gap = self._begun
            return SILENCE
        if self._failure is not None:
            raise self._failure
        return b""

    def cleanup(self) -> None:
        """Leave the broadcast. discord.py calls it at the end and when the bot is stopped, from its thread."""
        if hasattr(self, "_taker") and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    def _receive(self) -> None:
        """Something has come."""
        for item in self._taker.take_all():
            if isinstance(item, LivePacket):
                self._take(item)
            elif isinstance(item, Flushed):
                self._packets.clear()
            if isinstance(item, SpeechEnded | Flushed):
                self._end()
        if self._taker.closed:
            self._end()

    def _take(self, packet: LivePacket) -> None:
        if packet.samples != FRAME:
            self._failure = ValueError(
                f'packets of {packet.samples / 48:g} ms, Discord takes 20: let the player ask for format="pcm"'
            )
            self._end()
        elif packet.heard and not self._ended:
            self._packets.append(packet.data)

    def _end(self) -> None:
        self._ended = True
        self._taker.close()


class Bot(discord.Client):
    """Speaks what ``/say`` is given, in the channel of who gave it. A further one takes the place of the one before."""

    def __init__(self, source: Any = None) -> None:
        super().__init__(intents=discord.Intents.default())
        self.source = source or voice()
        self.broadcast = oggstream.Broadcast()  # which others may hear as well
        self.player = oggstream.Player(source=self.source, sink=self.broadcast)
        tree = self.tree = app_commands.CommandTree(self)

        @tree.command(name="say", description="Say something in your voice channel")
        async def say(interaction: discord.Interaction, text: str) -> None:
            await self.say(interaction, text)

    async def setup_hook(self) -> None:
        """Open the player, and tell Discord the command."""
        await self.player.__aenter__()
        await self.tree.sync()

    async def say(self, interaction: discord.Interaction, text: str) -> None:
        """Join the user's channel if need be, and speak."""
        state = getattr(interaction.user, "voice", None)
        if state is None:
            await interaction.response.send_message("Join a voice channel first.", ephemeral=True)
            return
        await interaction.response.send_message(text)
        audio = PacketAudio(self.broadcast)
        speech = self.player.say(text, interrupt=True)  # asked for while the channel is being joined
        client = interaction.guild.voice_client or await state.channel.connect()
        client.stop()
        client.play(audio, after=lambda error: error and print(f"could not speak: {error}"))
        try:
            await speech
        except oggstream.OggStreamError as error:
            print(f"could not speak: {error}")
        finally:
            audio.cleanup()  # of a speech that failed nothing may have come, not even its end

    async def close(self) -> None:
        """Leave, and close the connection to the service."""
        await super().close()
        await self.player.aclose()
        await self.broadcast.aclose()
        await self.source.aclose()


def voice() -> oggstream.OpenAISource | oggstream.OfflineVoice:
    """OpenAI's with a key for it, else that of this machine."""
    return oggstream.OpenAISource() if os.environ.get("OPENAI_API_KEY") else oggstream.OfflineVoice()


if __name__ == "__main__":
    Bot().run(os.environ["DISCORD_TOKEN"])
