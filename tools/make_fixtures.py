#!/usr/bin/env python3
"""Make the streams of tests/fixtures: offline speech, laid out page by page as speech services lay it out.

Run by hand, from an environment with the offline voice; the result is committed. The same libopus and the same
espeak-ng give the same bytes.
"""

from __future__ import annotations

import asyncio
from array import array
from pathlib import Path

from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.library import libopus_version
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags
from oggstream.voice.synthesis import synthesize

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "fixtures"
RATE = 24000
STEP = RATE // 20  # whole durations are multiples of 50 ms


def speak(text: str, voice: str = "alloy", lead: float = 0.015, tail: float = 0.3) -> bytes:
    """16-bit mono PCM at 24 kHz, with ``lead`` and ``tail`` seconds of silence."""

    async def collect() -> bytes:
        return b"".join([piece async for piece in synthesize(text, voice=voice, format="pcm")])

    pcm = bytes(2 * int(lead * RATE)) + asyncio.run(collect()) + bytes(2 * int(tail * RATE))
    return pcm + bytes(-len(pcm) % (2 * STEP))


def stereo(left: bytes, right: bytes) -> bytes:
    """Two mono signals side by side, the shorter one filled up with silence."""
    length = max(len(left), len(right))
    mixed = array("h", bytes(2 * length))
    mixed[::2] = array("h", left.ljust(length, b"\0"))
    mixed[1::2] = array("h", right.ljust(length, b"\0"))
    return mixed.tobytes()


def mux(pcm: bytes, encoder: OpusEncoder, tags: OpusTags, *, serial: int, packets_per_page: int = 50) -> list[bytes]:
    """The pages of one link: both headers as one entry, then each page of audio, the last one trimmed to the PCM."""
    head = OpusHead.simple(encoder.channels, encoder.pre_skip, RATE, serial=serial)
    writer = OggOpusWriter(head, tags, packets_per_page)
    pages = [writer.headers()]
    samples = len(pcm) // (2 * encoder.channels) * (48000 // RATE)
    count = -(-(encoder.pre_skip + samples) // encoder.packet_samples)
    pcm = pcm.ljust(count * encoder.frame_bytes, b"\0")
    for number in range(count):
        at = number * encoder.frame_bytes
        pages.append(writer.write(encoder.encode(pcm[at : at + encoder.frame_bytes]), encoder.packet_samples))
    pages.append(writer.finish(samples))
    return [page for page in pages if page]


def padded(tags: OpusTags, size: int) -> OpusTags:
    """The tags, filled up with zeros so that the packet has ``size`` bytes."""
    return tags._replace(padding=size - len(bytes(tags)))


def generation_a() -> bytes:
    """Hybrid packets, all under 255 bytes; OpusTags of 764 bytes, nearly all of it padding (a page of 794)."""
    encoder = OpusEncoder(RATE, bitrate=41000, application="voip")
    tags = padded(OpusTags("libopus 1.3.1", ("ENCODER=a speech service, generation A",)), 764)
    return b"".join(mux(speak("The first generation speaks in pages of one second."), encoder, tags, serial=0x0A0A0A0A))


def generation_b() -> bytes:
    """CELT packets, some over 255 bytes, the first one too; OpusTags of 62 bytes (a page of 90)."""
    encoder = OpusEncoder(RATE, bitrate=72000, application="audio")
    tags = OpusTags("Lavf60.16.100", ("encoder=Lavc60.31.102 libopus",))
    pcm = speak("Shall she sell sea shells? The second generation has longer packets.", "nova", lead=0)
    return b"".join(mux(loud_start(pcm), encoder, tags, serial=0x0B0B0B0B))


def loud_start(pcm: bytes) -> bytes:
    """The PCM from its first sound on: that makes the first packet a long one."""
    samples = array("h", pcm)
    start = next(number for number, value in enumerate(samples) if abs(value) > 1000)
    rest = samples[start:].tobytes()
    return rest + bytes(-len(rest) % (2 * STEP))


def restart() -> bytes:
    """The start of the stream, headers and first audio, comes a second time under the same serial number."""
    encoder = OpusEncoder(RATE, bitrate=40000, application="audio")
    tags = padded(OpusTags("Lavf61.7.100"), 761)
    pages = mux(speak("A server that stutters.", tail=0.5), encoder, tags, serial=0x0C0C0C0C, packets_per_page=49)
    return b"".join(pages[:2] * 2 + pages[2:])


def two_voices() -> bytes:
    """Stereo, a voice on each side."""
    encoder = OpusEncoder(RATE, 2, bitrate=48000, application="audio")
    pcm = stereo(speak("I am on the left.", "onyx"), speak("And I am on the right.", "coral", lead=0.6))
    return b"".join(mux(pcm, encoder, OpusTags("two voices", ("TITLE=Left and right",)), serial=0x57E2E0))


def chained() -> bytes:
    """A mono link, a stereo link, and a mono one under the serial number of the first; short pages."""
    one, two, three = speak("One.", tail=0.17), speak("Two.", "echo"), speak("Three.", "shimmer", tail=0.2)
    links = []
    for number, pcm in enumerate((one, stereo(two, one), three)):
        encoder = OpusEncoder(RATE, 1 + number % 2, bitrate=32000, application="voip")
        tags = OpusTags(f"link {number + 1}", (f"TRACKNUMBER={number + 1}",))
        links += mux(pcm, encoder, tags, serial=0xC0DE + number % 2, packets_per_page=7)
    return b"".join(links)


STREAMS = {
    "generation_a.opus": generation_a,
    "generation_b.opus": generation_b,
    "restart.opus": restart,
    "stereo.opus": two_voices,
    "chained.opus": chained,
}


def main() -> None:
    """Write them all, and say what they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(libopus_version())
    for name, make in STREAMS.items():
        data = make()
        (FOLDER / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
