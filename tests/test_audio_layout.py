from __future__ import annotations

import numpy as np
import pytest

from oggstream.audio.layout import WAV_MASK, WAV_ORDER, mix_matrix

VORBIS = {  # RFC 7845 section 5.1.1.2
    3: "FL FC FR",
    4: "FL FR BL BR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}
SPEAKERS = ["FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"]  # the bits of a WAV mask

# RFC 7845 section 5.1.1.5, figures 3 to 8, in the order and with the digits of the text: left row, right row.
STEREO = {
    3: ([0.585786, 0.414214, 0], [0, 0.414214, 0.585786]),
    4: ([0.422650, 0, 0.366025, 0.211325], [0, 0.422650, 0.211325, 0.366025]),
    5: ([0.650802, 0.460186, 0, 0.563611, 0.325401], [0, 0.460186, 0.650802, 0.325401, 0.563611]),
    6: (
        [0.529067, 0.374107, 0, 0.458186, 0.264534, 0.374107],
        [0, 0.374107, 0.529067, 0.264534, 0.458186, 0.374107],
    ),
    7: (
        [0.455310, 0.321953, 0, 0.394310, 0.227655, 0.278819, 0.321953],
        [0, 0.321953, 0.455310, 0.227655, 0.394310, 0.278819, 0.321953],
    ),
    8: (
        [0.388631, 0.274804, 0, 0.336565, 0.194316, 0.336565, 0.194316, 0.274804],
        [0, 0.274804, 0.388631, 0.194316, 0.336565, 0.194316, 0.336565, 0.274804],
    ),
}


def speakers(mask: int) -> list[str]:
    return [name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1]


@pytest.mark.parametrize("channels", range(3, 9))
def test_the_wav_order_names_the_same_speakers(channels: int) -> None:
    vorbis = VORBIS[channels].split()
    assert [vorbis[index] for index in WAV_ORDER[channels]] == speakers(WAV_MASK[channels])


@pytest.mark.parametrize("channels", range(3, 9))
def test_down_to_stereo_by_the_matrices_of_the_rfc(channels: int) -> None:
    expected = np.array(STEREO[channels]).T[list(WAV_ORDER[channels])]
    np.testing.assert_allclose(mix_matrix(channels, 2), expected, atol=6e-7)


@pytest.mark.parametrize("channels", [1, 2, 6, 8, 11])
def test_as_many_channels_stay_as_they_are(channels: int) -> None:
    np.testing.assert_array_equal(mix_matrix(channels, channels), np.eye(channels))


def test_mono_goes_to_both_front_channels() -> None:
    assert mix_matrix(1, 2) == ((1, 1),)
    assert mix_matrix(1, 6) == ((1, 1, 0, 0, 0, 0),)


def test_stereo_becomes_half_its_sum() -> None:
    assert mix_matrix(2, 1) == ((0.5,), (0.5,))


@pytest.mark.parametrize("channels", range(3, 9))
def test_surround_to_mono_is_half_the_sum_of_its_stereo(channels: int) -> None:
    stereo = np.array(mix_matrix(channels, 2))
    np.testing.assert_allclose(mix_matrix(channels, 1), stereo.mean(axis=1, keepdims=True))


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_stereo_takes_the_front_of_more_channels(channels: int) -> None:
    np.testing.assert_array_equal(mix_matrix(2, channels), np.eye(2, channels))


def test_speakers_that_are_there_keep_their_place() -> None:
    matrix = np.array(mix_matrix(4, 6))  # FL FR BL BR into FL FR FC LFE BL BR
    np.testing.assert_array_equal(matrix.argmax(axis=1), [0, 1, 4, 5])
    assert matrix.sum() == 4


def test_speakers_that_are_not_go_by_way_of_stereo() -> None:
    matrix = np.array(mix_matrix(7, 6))
    np.testing.assert_array_equal(matrix[:, :2], mix_matrix(7, 2))
    assert not matrix[:, 2:].any()


@pytest.mark.parametrize(("channels_in", "channels_out"), [(10, 2), (2, 10), (9, 12)])
def test_without_places_channels_keep_their_number(channels_in: int, channels_out: int) -> None:
    np.testing.assert_array_equal(mix_matrix(channels_in, channels_out), np.eye(channels_in, channels_out))


def test_without_places_mono_is_the_mean() -> None:
    np.testing.assert_allclose(mix_matrix(16, 1), np.full((16, 1), 1 / 16))


@pytest.mark.parametrize("channels_in", range(1, 12))
@pytest.mark.parametrize("channels_out", range(1, 12))
def test_every_pair_has_a_matrix_of_its_shape(channels_in: int, channels_out: int) -> None:
    assert np.array(mix_matrix(channels_in, channels_out)).shape == (channels_in, channels_out)
