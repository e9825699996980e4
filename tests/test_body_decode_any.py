"""Whatever can be played, decoded as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bodies import events, tone, wav
from oggstream.body.decode_any import decode_any
from oggstream.codec.decode_body import DecodeResult
from oggstream.errors import FormatError
from scripted import spoken
from test_codec_decode_body import Output


def decode(data: bytes, step: int = 999, **options: Any) -> tuple[DecodeResult, Output]:
    output = Output()
    return decode_any([data[at : at + step] for at in range(0, len(data), step)], output.open, **options), output


@pytest.mark.parametrize("step", [7, 999, 1 << 20])
def test_wav_at_its_own_rate_stays_as_it_is(step: int) -> None:
    pcm = tone(2400)
    result, output = decode(wav(pcm.tobytes()), step, rate=24000)
    np.testing.assert_array_equal(output.pcm(), pcm)
    assert result.audio == {"channels": 1, "sample_rate": 24000, "samples": 2400, "seconds": 0.1}
    assert (result.links, output.closed) == ([], 1)


def test_another_rate_other_channels_and_floats_are_as_asked() -> None:
    result, output = decode(wav(tone(2400).tobytes()), rate=48000, channels=2, sample="float32")
    assert result.audio["samples"] == 4800
    pcm = output.pcm(np.float32)
    np.testing.assert_array_equal(pcm[:, 0], pcm[:, 1])
    np.testing.assert_allclose(pcm[480:-480, 0], tone(4800, 48000)[480:-480, 0] / 32768, atol=2e-4)


def test_ogg_opus_within_events_is_decoded() -> None:
    result, output = decode(events(spoken(1.0)))
    assert (result.audio["samples"], len(output.pcm())) == (48000, 48000)
    assert result.stream["complete"]


@pytest.mark.parametrize("body", [b"", b"<html>" * 20, b'{"error": {"message": "no"}}', wav(b"")[:30]])
def test_what_holds_no_sound_opens_no_output(body: bytes) -> None:
    output = Output()
    with pytest.raises(FormatError):
        decode_any([body], output.open)
    assert output.format is None


def test_what_came_before_damage_is_written() -> None:
    output = Output()
    with pytest.raises(FormatError, match="no valid JSON"):
        decode_any([events(spoken(5.0))[:-3000] + b"}\n\n"], output.open)
    assert (len(output.pcm()) > 0, output.closed) == (True, 1)
