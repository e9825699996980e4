"""The click metric, and real speech to cut."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oggstream.codec.link_decoder import LinkDecoder
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader

FIXTURES = Path(__file__).parent / "fixtures"
RATE = 48000
WINDOW_SECONDS = 0.002  # on each side of the edge
CLICK_HZ = 8000  # speech has little above; a broken wave has much
FLOOR = 1e-6  # rms of what is not told from silence
AUDIBLE = 10 ** (-40 / 20)

Samples = NDArray[np.float32]


def click_db(signal: Samples, reference: Samples, edge: int, rate: int) -> float:
    """Energy above 8 kHz within 2 ms of sample ``edge``, in dB against the unbroken ``reference`` at the same sample.

    Both of shape (samples,) or (samples, channels). Beyond their ends they are silent. Where sound is cut, 12 dB and
    more are clearly heard; a clean end is far below 0. Where one sound fades over into another there is no click if it
    does not exceed the louder of the two: take the lower of the figures against either.
    """
    return 10 * float(np.log10(high_energy(signal, edge, rate) / high_energy(reference, edge, rate)))


def high_energy(signal: Samples, edge: int, rate: int) -> float:
    """Energy above 8 kHz near ``edge``, weighted by a Hann window; never below that of the floor."""
    half = round(WINDOW_SECONDS * rate)
    window = np.hanning(2 * half + 1)[:-1]
    spectrum = np.fft.rfft(_around(signal, edge, half) * window[:, None], axis=0)
    high = np.fft.rfftfreq(2 * half, 1 / rate) >= CLICK_HZ
    floor = FLOOR**2 * float(window @ window) * int(high.sum())
    return float((np.abs(spectrum[high]) ** 2).sum()) + floor


def _around(signal: Samples, edge: int, half: int) -> Samples:
    columns = signal.reshape(len(signal), -1)
    padded = np.pad(columns, ((half, half), (0, 0)))
    return padded[edge : edge + 2 * half]


class Cut(NamedTuple):
    """A place between two packets of speech, in samples, and how libopus would have gone on from there."""

    at: int
    concealed: Samples


@cache
def speech(name: str = "generation_b.opus", tail_seconds: float = 0.06) -> tuple[Samples, list[Cut]]:
    """A fixture decoded (48 kHz, mono, pre-skip included), and its cuts in the midst of sound."""
    reader = OpusReader()
    items = reader.feed((FIXTURES / name).read_bytes()) + reader.finish()
    heads = [item for item in items if isinstance(item, OpusHead)]
    decoder = LinkDecoder(heads[0])
    parts: list[Samples] = []
    cuts: list[Cut] = []
    for item in items:
        if isinstance(item, AudioPacket):
            parts.append(_taken(decoder, decoder.decode(item.data)))
            state = decoder.save()
            tail = _taken(decoder, decoder.conceal(round(tail_seconds * RATE)))
            decoder.restore(state)
            cuts.append(Cut(sum(map(len, parts)), tail))
    whole = np.concatenate(parts)
    return whole, [cut for cut in cuts if _sounds(whole, cut.at)]


def _taken(decoder: LinkDecoder, samples: int) -> Samples:
    pcm = np.frombuffer(decoder.buffer, np.float32)[: samples * decoder.channels]
    return pcm.reshape(samples, decoder.channels).copy()


def _sounds(pcm: Samples, at: int) -> bool:
    near = pcm[at - 960 : at + 960]
    return 4800 <= at <= len(pcm) - 9600 and float(np.sqrt(np.mean(near * near))) > AUDIBLE
