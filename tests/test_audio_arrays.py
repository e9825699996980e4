from __future__ import annotations

import sys
from array import array
from pathlib import Path

import numpy as np
import pytest

import oggstream
from oggstream.audio.arrays import as_view, doubled, first_above, is_numpy_loaded, is_view
from oggstream.audio.convert import Converter
from oggstream.audio.frame import PcmFrame
from oggstream.audio.ring import PcmRing
from oggstream.codec import frame_decoder
from oggstream.engine.output import decoding, ring_writer

FIXTURES = Path(__file__).parent / "fixtures"


def view(*frames: tuple[float, ...]) -> object:
    return as_view(array("f", [value for frame in frames for value in frame]).tobytes(), len(frames[0]))


def test_view_has_a_length_and_slices_as_an_array_has() -> None:
    pcm = as_view(array("f", range(8)).tobytes(), 2)
    assert is_view(pcm)
    assert (len(pcm), pcm.shape) == (4, (4, 2))
    assert np.asarray(pcm[1:3]).tolist() == [[2, 3], [4, 5]]
    assert not is_view(np.zeros((4, 2)))


def test_ring_takes_a_view_in_parts() -> None:
    ring = PcmRing(2, seconds=3 / 48000)
    pcm = as_view(array("f", range(8)).tobytes(), 2)
    assert ring.write(pcm) == 3
    assert len(pcm[3:]) == 1


def test_one_channel_becomes_two_as_the_matrix_would_have_it() -> None:
    mono = array("f", [0.5, -0.25, 1.0]).tobytes()
    (by_view,) = Converter(2).convert(PcmFrame(as_view(mono, 1), 0))
    (by_matrix,) = Converter(2).convert(PcmFrame(np.frombuffer(mono, np.float32).reshape(-1, 1), 0))
    assert is_view(by_view)
    assert np.array_equal(np.asarray(by_view), by_matrix)
    assert np.array_equal(np.asarray(doubled(as_view(mono, 1))), by_matrix)


@pytest.mark.parametrize(
    ("channels", "rate", "via"), [(1, 48000, None), (6, 48000, None), (2, 44100, None), (2, 48000, 1)]
)
def test_view_that_needs_more_becomes_an_array(channels: int, rate: int, via: int | None) -> None:
    stereo = np.linspace(-1, 1, 960, dtype=np.float32).reshape(-1, 2)
    converters = [Converter(channels, rate, via) for _ in range(2)]
    frames = [PcmFrame(as_view(stereo.tobytes(), 2), 0), PcmFrame(stereo, 0)]
    by_view, by_array = [np.concatenate(c.convert(f) + c.finish()) for c, f in zip(converters, frames, strict=True)]
    assert np.array_equal(by_view, by_array)


def test_first_loud_sample_is_found_in_either_channel_and_sign() -> None:
    assert first_above(view((0, 0), (0.1, 0), (0, -0.3), (0.3, 0)), 0.2) == 2
    assert first_above(view((0.25, -0.25), (0, 0)), 0.25) is None


def test_numpy_counts_as_loaded_when_its_import_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_numpy_loaded()
    monkeypatch.setattr(np.__spec__, "_initializing", True, raising=False)
    assert not is_numpy_loaded()
    monkeypatch.delitem(sys.modules, "numpy")
    assert not is_numpy_loaded()


async def spoken(name: str, path: Path) -> bytes:
    options = oggstream.PlaybackOptions(history=None)
    source = oggstream.FileSource(FIXTURES / f"{name}.opus")
    sink = oggstream.WavSink(path)
    await oggstream.play_stream("x", source=source, sink=sink, options=options)
    await sink.aclose()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["generation_a", "stereo", "chained", "restart"])
async def test_speech_is_the_same_to_the_bit_without_numpy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = await spoken(name, tmp_path / "usual.wav")
    for module in (frame_decoder, decoding, ring_writer):
        monkeypatch.setattr(module, "is_numpy_loaded", lambda: False)
    monkeypatch.delattr(frame_decoder.FrameDecoder, "_get_array")
    assert await spoken(name, tmp_path / "early.wav") == usual
    assert len(usual) > 1000
