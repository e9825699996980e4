"""Orders of channels, and how to get from one number of channels to another.

Opus codes surround sound in Vorbis order; everything behind the decoder, WAV and devices alike, is in WAV order.
"""

from __future__ import annotations

Matrix = tuple[tuple[float, ...], ...]
"""One row per input channel, one column per output channel: ``pcm @ matrix`` for pcm of shape (samples, channels)."""

WAV_ORDER = {
    3: (0, 2, 1),
    4: (0, 1, 2, 3),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
"""By number of channels: the index in Vorbis order (RFC 7845 section 5.1.1.2) of each channel in WAV order."""

WAV_MASK = {3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
"""By number of channels: the speakers that a WAV header names, lowest bit first."""

_HALF_ROOT_2 = 0.5**0.5
_HALF_ROOT_3 = 0.75**0.5
_LEFT, _RIGHT, _CENTRE = (1.0, 0.0), (0.0, 1.0), (_HALF_ROOT_2, _HALF_ROOT_2)
_REAR_LEFT, _REAR_RIGHT = (_HALF_ROOT_3, 0.5), (0.5, _HALF_ROOT_3)
_REAR_CENTRE = (_HALF_ROOT_3 * _HALF_ROOT_2, _HALF_ROOT_3 * _HALF_ROOT_2)
_STEREO_SHARES = {  # RFC 7845 section 5.1.1.5, figures 3 to 8, before scaling, in WAV order
    3: (_LEFT, _RIGHT, _CENTRE),
    4: (_LEFT, _RIGHT, _REAR_LEFT, _REAR_RIGHT),
    5: (_LEFT, _RIGHT, _CENTRE, _REAR_LEFT, _REAR_RIGHT),
    6: (_LEFT, _RIGHT, _CENTRE, _CENTRE, _REAR_LEFT, _REAR_RIGHT),
    7: (_LEFT, _RIGHT, _CENTRE, _CENTRE, _REAR_CENTRE, _REAR_LEFT, _REAR_RIGHT),
    8: (_LEFT, _RIGHT, _CENTRE, _CENTRE, _REAR_LEFT, _REAR_RIGHT, _REAR_LEFT, _REAR_RIGHT),
}


def mix_matrix(channels_in: int, channels_out: int) -> Matrix:
    """How sound of ``channels_in`` channels in WAV order becomes sound of ``channels_out``.

    Mono goes to both front channels, stereo to mono as half the sum, 3 to 8 channels to stereo by the matrices of
    RFC 7845 section 5.1.1.5. Where the output has all speakers of the input each goes to its own; anything else goes by
    way of stereo. More than 8 channels name no speakers: the first ones are kept, or to one, their mean.
    """
    if channels_in == channels_out:
        return _place(channels_in, range(channels_in), channels_out)
    if channels_in == 1:
        return (_row(1.0, range(min(channels_out, 2)), channels_out),)
    if channels_out == 1:
        stereo = mix_matrix(channels_in, 2) if channels_in <= 8 else ((1.0, 1.0),) * channels_in
        scale = 2 if channels_in <= 8 else 2 * channels_in
        return tuple((sum(row) / scale,) for row in stereo)
    if channels_in > 8 or channels_out > 8:
        return _place(channels_in, range(channels_in), channels_out)
    return _mix_speakers(channels_in, channels_out)


def _mix_speakers(channels_in: int, channels_out: int) -> Matrix:
    """Between 2 to 8 channels of named speakers."""
    speakers_in, speakers_out = _speakers(channels_in), _speakers(channels_out)
    if set(speakers_in) <= set(speakers_out):
        return _place(channels_in, [speakers_out.index(speaker) for speaker in speakers_in], channels_out)
    shares = _STEREO_SHARES[channels_in]
    # The left column's sum, which is the right one's: no full-scale input can clip. From 5 channels on the RFC
    # doubles that, for all channels are hardly ever full at once.
    scale = (1 if channels_in < 5 else 2) / sum(left for left, _ in shares)
    return tuple((left * scale, right * scale, *(0.0,) * (channels_out - 2)) for left, right in shares)


def _speakers(channels: int) -> list[int]:
    mask = WAV_MASK.get(channels, 0x3)
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _place(channels_in: int, places: range | list[int], channels_out: int) -> Matrix:
    """Each input channel to one output channel, as it is; beyond the last one it is left out."""
    return tuple(_row(1.0, places[channel : channel + 1], channels_out) for channel in range(channels_in))


def _row(share: float, columns: range | list[int], width: int) -> tuple[float, ...]:
    return tuple(share if column in columns else 0.0 for column in range(width))
