#!/usr/bin/env python3
"""Make captures: offline speech, released as speech services release it, at the pace of a modelled server.

Without arguments the small ones of tests/fixtures/captures, which are committed. With --out as many as are asked for:
every layout (a, b: pages of a second as generations A and B send them; 20ms: a page per packet; pcm: 24 kHz), at every
rate (times real time, steady) and of every family of tools.simulation.synthesis. Equal arguments, libopus and espeak-ng
give equal captures. Needs the offline voice.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from oggstream.codec.encoder import OpusEncoder  # noqa: E402
from oggstream.opus.tags import OpusTags  # noqa: E402
from oggstream.sources.captures.capture import Capture, save  # noqa: E402
from tools.make_fixtures import RATE, mux, padded, speak  # noqa: E402
from tools.simulation.shaping import (  # noqa: E402  # these are found by the line above
    Arrivals,
    Progress,
    generation_a,
    generation_b,
    pcm as pcm_chunks,
)
from tools.simulation.synthesis import FAMILIES, Server, steady  # noqa: E402

FOLDER = ROOT / "tests" / "fixtures" / "captures"
BYTES_PER_SECOND = 2 * RATE
TEXT = (
    "The ferry leaves the harbour at a quarter past nine, and nobody on board has slept. A man in a green coat counts "
    "the boxes twice. The sea is flat, the light is grey, and far out a single bird keeps pace with the bow. "
    "When the engine stops, it is so quiet that one can hear the ropes. Somebody laughs. Then the wind comes up, "
    "first from the west, later from everywhere, and the captain asks them all to go below. "
)


class Layout(NamedTuple):
    """How a service packs its speech: of 16-bit PCM it makes a body, and when it releases that."""

    content_type: str
    format: str
    body: Callable[[bytes], bytes]
    release: Callable[[bytes, Progress], Arrivals]


def ogg(pcm: bytes, *, bitrate: int, application: str, tags: OpusTags, packets_per_page: int = 50) -> bytes:
    """One link of Ogg Opus."""
    encoder = OpusEncoder(RATE, bitrate=bitrate, application=application)
    return b"".join(mux(pcm, encoder, tags, serial=0x0CA77, packets_per_page=packets_per_page))


TAGS_A = padded(OpusTags("libopus 1.3.1", ("ENCODER=a speech service, generation A",)), 764)
TAGS_B = OpusTags("Lavf60.16.100", ("encoder=Lavc60.31.102 libopus",))


def layout(name: str, bitrate: int | None = None) -> Layout:
    """The layout ``a``, ``b``, ``20ms`` or ``pcm``; a lower ``bitrate`` makes the same at less size."""
    if name == "pcm":
        return Layout(f"audio/pcm;rate={RATE}", "pcm", bytes, functools.partial(pcm_chunks, rate=RATE))
    usual, application, tags, packets, release = {
        "a": (41000, "voip", TAGS_A, 50, generation_a),
        "b": (72000, "audio", TAGS_B, 50, generation_b),
        "20ms": (32000, "voip", OpusTags("oggstream"), 1, generation_a),
    }[name]
    make = functools.partial(
        ogg, bitrate=bitrate or usual, application=application, tags=tags, packets_per_page=packets
    )
    return Layout("audio/ogg", "opus", make, release)


def capture(name: str, pcm: bytes, text: str, form: Layout, progress: Progress, *, model: str = "") -> Capture:
    """The capture of a request for ``text``, whose speech is ``pcm``; by default of a ``model`` of its own."""
    body = form.body(pcm)
    request = {"model": model or Path(name).name, "input": text, "voice": "alloy", "response_format": form.format}
    return Capture(
        name,
        body,
        [(round(at, 6), size) for at, size in form.release(body, progress)],
        url="http://speech.example/v1/audio/speech",
        status=200,
        headers={"Content-Type": form.content_type},
        request=request,
        recorded_at="2026-01-01T00:00:00+00:00",
    )


class Small(NamedTuple):
    """A capture of the test suite: what is said, in which layout at which bitrate, and at what pace."""

    name: str
    text: str
    form: Layout
    pace: Callable[[float], Progress]


def family(name: str, seed: int) -> Callable[[float], Progress]:
    """The pace of a modelled server's first utterance."""
    return lambda seconds: Server(name, seed).utterance(0, seconds).progress


def at_rate(rate: float, first: float = 1.07) -> Callable[[float], Progress]:
    """A steady pace."""
    return lambda seconds: steady(rate, seconds, first=first)


FAST = "The first sound should be heard at once."
LONG = "A slow voice speaks as long as it has to, and the listener must not notice how late each of its words is made."
BOTH = "Two formats, one text."
SMALL = (
    Small("a_fast", FAST, layout("a"), at_rate(6.5)),
    Small("b_fast", FAST, layout("b"), at_rate(6.5)),
    Small("b_jitter", FAST, layout("b", 32000), family("fast", 3)),
    Small("b_rate_1.3", LONG, layout("b", 24000), at_rate(1.3)),
    Small("b_rate_0.9", LONG, layout("b", 24000), at_rate(0.9)),
    Small("a_rate_0.8", LONG, layout("a", 24000), at_rate(0.8)),
    Small("sentences", LONG, layout("20ms", 20000), family("sentences", 1)),
    Small("local_20ms", FAST, layout("20ms", 24000), at_rate(20, first=0.05)),
    Small("both_opus", BOTH, layout("b", 32000), at_rate(4)),
    Small("both_pcm", BOTH, layout("pcm"), at_rate(4)),
)


def small() -> Iterator[Capture]:
    """The captures of the test suite."""
    for made in SMALL:
        speech = speak(made.text)
        progress = made.pace(len(speech) / BYTES_PER_SECOND)
        yield capture(str(FOLDER / made.name), speech, made.text, made.form, progress)


def many(args: argparse.Namespace) -> Iterator[Capture]:
    """What ``args`` ask for."""
    for form_name in args.layout:
        form = layout(form_name)
        for rate in args.rate:
            progress = steady(rate, args.seconds)
            name = f"{form_name}_rate_{rate:g}"
            yield capture(str(args.out / name), said(args.seconds), words(args.seconds * 13.6), form, progress)
        for family_name in args.family:
            server = Server(family_name, args.seed)
            for index in range(args.count):
                utterance = server.utterance(index, args.seconds)
                name = f"{form_name}_{family_name}_{args.seed}_{index}"
                text = words(utterance.characters)
                yield capture(
                    str(args.out / name), said(args.seconds), text, form, utterance.progress, model=family_name
                )


@functools.cache
def said(seconds: float) -> bytes:
    """So many seconds of speech."""
    size = 2 * round(seconds * RATE)
    speech = speak(TEXT)
    return (speech * (size // len(speech) + 1))[:size]


def words(characters: float) -> str:
    """A text of so many characters."""
    count = max(1, round(characters))
    return (TEXT * (count // len(TEXT) + 1))[:count]


def parsed() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for the captures (the test suite's, with none of the below)")
    parser.add_argument("--layout", nargs="+", choices=("a", "b", "20ms", "pcm"), default=["b"])
    parser.add_argument("--rate", nargs="*", type=float, default=[0.8, 0.9, 1.1, 1.3, 2, 4, 6.5, 8])
    parser.add_argument("--family", nargs="*", choices=tuple(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech (10)")
    parser.add_argument("--count", type=int, default=3, help="utterances of each family (3)")
    parser.add_argument("--seed", type=int, default=1, help="picks a server of each family (1)")
    return parser.parse_args()


def main() -> None:
    """Write them all, and say what they are."""
    args = parsed()
    folder = args.out or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for made in small() if args.out is None else many(args):
        save(made)
        total += len(made.body)
        print(f"{made.name}: {len(made.body)} bytes, {made.arrivals[0][0]:.2f} to {made.arrivals[-1][0]:.2f} s")
    print(f"{total} bytes of speech")


if __name__ == "__main__":
    main()
