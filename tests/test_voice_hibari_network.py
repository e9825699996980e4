"""hibari's network in numpy: against what onnxruntime gives, and in pieces against the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hibari_package import needs_hibari, network
from oggstream.voice.hibari.network import Frames, Network, Plan, Rendering
from oggstream.voice.hibari.onnx_weights import read_tensors
from oggstream.voice.hibari.package import assets
from oggstream.voice.hibari.signal import HOP, Synthesizer
from oggstream.voice.hibari.spelling import Spelling

pytestmark = needs_hibari
IDS = [0, 50, 83, 54, 156, 31, 16, 81, 156, 86, 123, 4, 0]  # "Hello there."


def rendered(plan: Plan, *sizes: int) -> Frames:
    """All frames, made in pieces of ``sizes``, the last of which is repeated."""
    rendering = Rendering(network(), plan)
    pieces: list[Frames] = []
    while rendering.left:
        pieces.append(rendering.next(sizes[min(len(pieces), len(sizes) - 1)]))
    return Frames(*map(np.concatenate, zip(*pieces, strict=True)))


def decibels(wrong: float, right: float) -> float:
    return float(20 * np.log10(wrong / right))


@pytest.mark.parametrize("sizes", [(8, 24, 64), (1,), (7, 1, 30), (12, 24, 64, 128)])
def test_frames_in_pieces_are_those_of_the_whole(sizes: tuple[int, ...]) -> None:
    plan = network().plan(IDS, 1.0)
    whole, pieces = rendered(plan, 10_000), rendered(plan, *sizes)
    assert len(whole.pitch) == 2 * plan.durations.sum()
    assert np.abs(whole.spectrum - pieces.spectrum).max() < 1e-4
    assert np.abs(whole.pitch - pieces.pitch).max() < 0.01


def test_skipped_frames_change_nothing_of_those_behind() -> None:
    plan = network().plan(IDS, 1.0)
    rendering = Rendering(network(), plan)
    rendering.skip(16)
    assert np.abs(rendering.next(1000).spectrum - rendered(plan, 10_000).spectrum[16:]).max() < 1e-4


def test_speed_divides_the_durations() -> None:
    usual, slow, fast = (network().plan(IDS, speed).durations.sum() for speed in (1.0, 0.5, 2.0))
    assert slow == pytest.approx(2 * usual, rel=0.05)
    assert fast == pytest.approx(usual / 2, rel=0.15)  # no phoneme is shorter than 25 ms


@pytest.mark.parametrize("sizes", [(8, 24, 64), (1,), (3, 50)])
def test_samples_in_pieces_are_those_of_the_whole(sizes: tuple[int, ...]) -> None:
    frames = rendered(network().plan(IDS, 1.0), 10_000)
    whole = Synthesizer(1).feed(frames, last=True)
    synthesizer, begin = Synthesizer(1), 0
    pieces: list[NDArray[np.float32]] = []
    while begin < len(frames.pitch):
        end = begin + sizes[min(len(pieces), len(sizes) - 1)]
        part = Frames(frames.spectrum[begin:end], frames.pitch[begin:end])
        pieces.append(synthesizer.feed(part, last=end >= len(frames.pitch)))
        begin = end
    joined = np.concatenate(pieces)
    assert len(joined) == len(whole) == HOP * len(frames.pitch)
    assert np.abs(joined - whole).max() < 1e-5


def test_the_network_gives_what_onnxruntime_gives() -> None:
    """Of the model without the rounding of its activations to 8 bits, which alone is 40 dB below the spectrum."""
    expected = np.load(Path(__file__).parent / "fixtures" / "hibari_hello.npz")
    plan = network().plan(IDS, 1.0)
    assert plan.durations.tolist() == expected["durations"].tolist()
    frames = rendered(plan, 10_000)
    wrong = frames.spectrum[::11, ::31] - expected["spectrum"]
    assert decibels(float(wrong.std()), float(expected["spectrum"].std())) < -80
    assert np.abs(frames.pitch - expected["pitch"]).max() < 0.1


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [("oggstream", "ˈɑɡstɹim"), ("Kubernetes", "kjˈubəɹnˌits"), ("Wojciechowski", "wˌɑʤsIʧˈWski")],
)
def test_unknown_words_are_read_as_onnxruntime_reads_them(word: str, phonemes: str) -> None:
    assert Spelling(assets())(word) == phonemes


def test_a_word_without_letters_is_not_read() -> None:
    assert Spelling(assets())("你好") is None


def test_another_model_is_told_by_what_it_lacks() -> None:
    with pytest.raises(KeyError):
        Network(read_tensors((assets() / "oov.onnx").read_bytes()))
