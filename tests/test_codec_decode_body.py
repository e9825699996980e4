from __future__ import annotations

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from oggstream.audio.wav_file import WavWriter
from oggstream.codec.decode_body import DecodeResult, decode_body
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.errors import EmptyBodyError, FormatError, UsageError
from oggstream.ogg.page_writer import PageWriter
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.tags import OpusTags
from opus_streams import join_streams, link, tone_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FIXTURES = Path(__file__).parent / "fixtures"
CHAINED = (FIXTURES / "chained.opus").read_bytes()
SPEECH = (FIXTURES / "generation_a.opus").read_bytes()
PACKETS = tone_packets()


class Output:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.format: tuple[int, int | None] | None = None
        self.writes: list[bytes] = []
        self.closed = 0

    def open(self, channels: int, mask: int | None) -> Output:
        assert self.format is None
        self.format = channels, mask
        return self

    def write(self, samples: Any) -> None:
        self.writes.append(bytes(samples))

    def close(self) -> None:
        self.closed += 1

    def pcm(self, dtype: type[np.generic] = np.int16) -> NDArray[Any]:
        assert self.format is not None
        return np.frombuffer(b"".join(self.writes), dtype).reshape(-1, self.format[0])


def decode(data: bytes, **options: Any) -> tuple[DecodeResult, Output]:
    output = Output()
    return decode_body([data], output.open, **options), output


def frames_pcm(data: bytes) -> list[NDArray[np.float32]]:
    """The links' samples, by way of frames."""
    reader, decoder = OpusReader(), FrameDecoder()
    links: list[list[NDArray[np.float32]]] = [[]]
    for item in reader.feed(data) + reader.finish():
        links[-1] += [frame.pcm for frame in decoder.decode(item)]
        if isinstance(item, OpusHead):
            links.append([])
    links[-1] += [frame.pcm for frame in decoder.finish()]
    return [np.concatenate(pcm) for pcm in links if pcm]


def test_int16_is_the_float_decode_rounded() -> None:
    (pcm,) = frames_pcm(SPEECH)
    np.testing.assert_array_equal(decode(SPEECH)[1].pcm(), np.rint(pcm.astype(np.float64) * 32768))


def test_float32_is_the_float_decode() -> None:
    (pcm,) = frames_pcm(SPEECH)
    np.testing.assert_array_equal(decode(SPEECH, sample="float32")[1].pcm(np.float32), pcm)


def test_the_report_tells_of_the_sound_the_stream_and_each_link() -> None:
    result, output = decode(CHAINED)
    assert result.audio == {"channels": 1, "sample_rate": 48000, "samples": 91200, "seconds": 1.9}
    assert result.stream["links"] == 3
    assert result.stream["bytes"] == len(CHAINED)
    assert [(part["serial"], part["channels"], part["samples"]) for part in result.links] == [
        (0xC0DE, 1, 28800),
        (0xC0DF, 2, 33600),
        (0xC0DE, 1, 28800),
    ]
    assert result.links[1] == {
        "serial": 0xC0DF,
        "channels": 2,
        "mapping_family": 0,
        "pre_skip": 312,
        "input_sample_rate": 24000,
        "output_gain_db": 0.0,
        "vendor": "link 2",
        "comments": ["TRACKNUMBER=2"],
        "samples": 33600,
    }
    assert len(output.pcm()) == 91200


def test_stereo_in_a_mono_file_is_half_the_sum() -> None:
    links = frames_pcm(CHAINED)
    ours = decode(CHAINED)[1].pcm()[28800 : 28800 + 33600, 0]
    expected = np.rint(links[1].astype(np.float64).mean(axis=1) * 32768)
    assert np.abs(ours - expected).max() <= 1


def test_mono_in_a_stereo_file_goes_to_both_sides() -> None:
    result, output = decode(CHAINED, channels=2)
    plain = decode(CHAINED)[1].pcm()
    assert result.audio["channels"] == 2
    np.testing.assert_array_equal(output.pcm()[:28800], np.repeat(plain[:28800], 2, axis=1))


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000])
def test_a_lower_rate_gives_as_much_time(rate: int) -> None:
    result, output = decode(SPEECH, rate=rate)
    assert result.audio["sample_rate"] == rate
    assert result.audio["samples"] == len(output.pcm()) == 148800 * rate // 48000
    assert result.audio["seconds"] == 3.1
    assert result.links[0]["samples"] == 148800


@pytest.mark.parametrize(("gain", "decibels"), [("none", 0), ("track", -6), ("album", -12)])
def test_r128_gain_is_applied_on_request_beside_the_output_gain(gain: str, decibels: int) -> None:
    tags = OpusTags("", ("R128_TRACK_GAIN=-1536", "R128_ALBUM_GAIN=-3072"))
    data = link(PACKETS, OpusHead.simple(1, 0, output_gain=-256), tags)
    plain = decode(link(PACKETS, OpusHead.simple(1, 0)))[1].pcm().astype(np.float64)
    assert np.abs(decode(data, gain=gain)[1].pcm() - plain * 10 ** ((decibels - 1) / 20)).max() <= 1


def many(channels: int, family: int) -> bytes:
    streams = [tone_packets(100 * (channel + 1), 0.04) for channel in range(channels)]
    packets = [join_streams(parts) for parts in zip(*streams, strict=True)]
    return link(packets, OpusHead(0, 1, channels, 0, 48000, 0, family, channels, 0, bytes(range(channels))))


@pytest.mark.parametrize(
    ("channels", "family", "mask"),
    [(1, 1, None), (2, 1, None), (3, 1, 0x7), (6, 1, 0x3F), (8, 1, 0x63F), (2, 255, None), (4, 255, 0), (4, 2, 0)],
)
def test_the_output_names_the_speakers_of_family_1_only(channels: int, family: int, mask: int | None) -> None:
    result, output = decode(many(channels, family))
    assert output.format == (channels, mask)
    assert result.links[0]["mapping_family"] == family
    assert np.abs(output.pcm()).max(axis=0).min() > 1000


def test_a_wish_for_channels_names_the_usual_speakers() -> None:
    assert decode(SPEECH, channels=6)[1].format == (6, 0x3F)
    assert decode(many(4, 255), channels=10)[1].format == (10, 0)


@pytest.mark.parametrize("sample", ["int16", "float32"])
def test_family_3_is_demixed_and_may_be_mixed_on(sample: str) -> None:
    table = np.array([[16384, 0], [0, 8192]], "<i2").tobytes()
    head = OpusHead(0, 1, 2, 0, 48000, 0, 3, 2, 0, bytes(range(2)), table)
    streams = [tone_packets(300, 0.04), tone_packets(500, 0.04)]
    data = link([join_streams(parts) for parts in zip(*streams, strict=True)], head)
    dtype, scale = (np.int16, 32768) if sample == "int16" else (np.float32, 1)
    one, two = (frames_pcm(link(stream, OpusHead.simple(1, 0)))[0][:, 0] * scale for stream in streams)
    both = decode(data, sample=sample)[1].pcm(dtype)
    mono = decode(data, sample=sample, channels=1)[1].pcm(dtype)
    np.testing.assert_allclose(both, np.stack([one / 2, two / 4], axis=1), atol=1e-5 * scale + (sample == "int16"))
    np.testing.assert_allclose(mono[:, 0], one / 4 + two / 8, atol=1e-5 * scale + (sample == "int16"))


def test_a_lost_page_is_concealed_at_its_length() -> None:
    data = link(PACKETS, OpusHead.simple(1, 0), per_page=2)
    pages = [b"OggS" + page for page in data.split(b"OggS")[1:]]
    result, output = decode(b"".join(pages[:3] + pages[4:]))
    whole = decode(data)[1].pcm()
    assert result.stream["holes"] == 1
    assert result.links[0]["samples"] == len(output.pcm()) == len(whole) == 9600
    np.testing.assert_array_equal(output.pcm()[:1920], whole[:1920])


@pytest.mark.parametrize("after", [b"", link(PACKETS, OpusHead.simple(2, 0, serial=1))])
def test_a_hole_that_no_packet_follows_is_concealed_too(after: bytes) -> None:
    data = link(PACKETS, OpusHead.simple(1, 0), per_page=2)
    pages = [b"OggS" + page for page in data.split(b"OggS")[1:]]
    end = PageWriter(0, sequence=7).page([], 9600, eos=True)
    result, output = decode(b"".join(pages[:6]) + end + after)
    assert result.stream["holes"] == 1
    assert result.links[0]["samples"] == 9600
    assert np.abs(output.pcm()[7680:8160]).max() > 100
    assert sum(len(pcm) for pcm in frames_pcm(b"".join(pages[:6]) + end + after)) == len(output.pcm())


def test_a_packet_that_libopus_refuses_is_counted_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    real = OpusReader.feed

    def feed(self: OpusReader, data: bytes) -> list[Any]:
        items: list[Any] = real(self, data)
        items[4] = items[4]._replace(data=b"\x03")
        return items

    monkeypatch.setattr(OpusReader, "feed", feed)
    result, output = decode(link(PACKETS, OpusHead.simple(1, 0)))
    assert result.stream["bad_packets"] == 1
    assert result.links[0]["samples"] == len(output.pcm()) == 9600 - 960


@given(st.lists(st.integers(1, len(CHAINED) - 1), max_size=12))
@settings(max_examples=20)
def test_any_cut_of_the_body_gives_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(CHAINED)]
    output = Output()
    result = decode_body([CHAINED[start:end] for start, end in pairwise(edges)], output.open, rate=8000)
    whole, expected = decode(CHAINED, rate=8000)
    assert result == whole
    assert b"".join(output.writes) == b"".join(expected.writes)


def test_what_a_chunk_gives_is_written_before_the_next_is_read() -> None:
    output = Output()
    written: list[int] = []

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(SPEECH), 1000):
            written.append(sum(map(len, output.writes)))
            yield SPEECH[at : at + 1000]

    decode_body(chunks(), output.open)
    assert written[0] == 0
    assert written[-1] > 190_000


def test_a_body_shorter_than_its_pre_skip_is_an_output_without_samples() -> None:
    result, output = decode(link(PACKETS[:1], OpusHead.simple(1, 5000)))
    assert result.audio == {"channels": 1, "sample_rate": 48000, "samples": 0, "seconds": 0.0}
    assert output.format == (1, None)
    assert not output.writes


def test_a_long_body_in_one_chunk_is_written_in_parts() -> None:
    body = link([b"\x08"] * 2000, OpusHead.simple(1, 0), per_page=250)
    _, output = decode(body)
    assert len(output.writes) > 2
    assert max(map(len, output.writes)) < 1_100_000


def test_a_body_without_audio_opens_no_output() -> None:
    output = Output()
    with pytest.raises(EmptyBodyError):
        decode_body([], output.open)
    with pytest.raises(FormatError):
        decode_body([b"RIFF0000WAVEfmt "], output.open)
    assert output.format is None
    assert not output.closed


def test_a_body_that_breaks_off_leaves_what_was_decoded_in_a_closed_output() -> None:
    def chunks() -> Iterator[bytes]:
        yield SPEECH[:8000]
        raise ConnectionError

    output = Output()
    with pytest.raises(ConnectionError):
        decode_body(chunks(), output.open)
    assert output.writes
    assert output.closed == 1


def test_errors_of_the_output_pass_through() -> None:
    class Full(Output):
        def write(self, samples: Any) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        decode_body([SPEECH], Full().open)


def test_a_wav_file_of_it() -> None:
    file = io.BytesIO()
    decode_body([SPEECH], lambda channels, mask: WavWriter(file, channels, mask=mask))
    assert file.getvalue()[44:] == b"".join(decode(SPEECH)[1].writes)


@pytest.mark.parametrize("options", [{"rate": 44100}, {"sample": "int24"}, {"gain": "loud"}, {"channels": 0}])
def test_other_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        decode(SPEECH, **options)


def test_the_ordinary_path_imports_nothing_heavy() -> None:
    code = (
        "import sys; from oggstream.codec.decode_body import decode_body\n"
        "from oggstream.audio.wav_file import WavWriter\n"
        f"data = open({str(FIXTURES / 'stereo.opus')!r}, 'rb').read(); file = open('/dev/null', 'wb')\n"
        "decode_body([data], lambda channels, mask: WavWriter(file, channels, mask=mask))\n"
        "print([name for name in ('numpy', 'aiohttp', 'sounddevice', 'asyncio', 'soxr') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
