"""What bare samples are, by their content: no header says it, but the wrong reading of sound is plainly noise."""

from __future__ import annotations

import re
import sys
from array import array
from itertools import pairwise

from .samples import FLOAT32, PCM16, PCM16_BIG, SampleFormat

WINDOW = 256
"""Bytes, behind silence, by which samples are told: 5 ms at 24 kHz."""
LONGEST_WINDOW = 1024
"""The same where each sample has come twice so far, which may be two channels or chance."""

_SILENCE = re.compile(rb"(?:\0\0|\xff\xff)*")  # 0 and -1 read the same in any byte order
_ENOUGH = 16  # samples
_CHANGES = 8  # between pairs that are equal within: those of two channels with one signal
_FULL = 1 << 15
_PLAIN = 8  # how many times rougher the wrong reading is
_LEAST, _LARGEST = 0x2B, 0x3F  # of the upper 7 bits of a float's exponent: 6e-13 to 2


def silence(data: bytes) -> int:
    """Bytes at the start of ``data`` that are silence whatever the samples are; a multiple of 8."""
    zeros = len(data) - len(data.lstrip(b"\0")) & ~1  # most silence is nothing else, and this is 50 times as fast
    found = _SILENCE.match(data, zeros)
    return found.end() & ~7 if found else 0


def plain_form(window: bytes, *, disputed: bool = False) -> SampleFormat | None:
    """The form in which the samples in ``window`` are plainly sound, None if there is not enough evidence for one.

    ``disputed``: their type allows for either byte order.
    """
    if _are_floats(window):
        return FLOAT32
    little, big = _samples(window, "little"), _samples(window, "big")
    if len(little) < _ENOUGH:
        return None
    roughness = _roughness(little), _roughness(big)
    if roughness[0] > _PLAIN * roughness[1] and not _is_widened(window, little, disputed):
        return PCM16_BIG
    return PCM16 if roughness[1] > _PLAIN / 2 * roughness[0] else None


def is_doubled(window: bytes, width: int) -> bool | None:
    """Whether each sample of ``width`` bytes comes twice, as in two channels with one signal; None: not known yet."""
    size = 2 * width
    pairs = [window[at : at + size] for at in range(0, len(window) - size + 1, size)]
    if any(pair[:width] != pair[width:] for pair in pairs):
        return False
    changes = sum(a != b for a, b in pairwise(pairs))
    return True if changes >= _CHANGES else None


def _are_floats(window: bytes) -> bool:
    """Whether every second 16-bit word is the upper half of a 32-bit float of sound.

    Of integers, all these would be loud or have one offset, and so would those between them.
    """
    words = [window[at : at + 4] for at in range(0, len(window) - 3, 4)]
    words = [word for word in words if word.strip(b"\0")]
    if len(words) < _ENOUGH // 2 or not all(_LEAST <= word[3] & 0x7F <= _LARGEST for word in words):
        return False
    return 2 * sum(_LEAST <= word[1] & 0x7F <= _LARGEST for word in words) < len(words)


def _samples(window: bytes, order: str) -> array[int]:
    samples = array("h", window[: len(window) & ~1])
    if sys.byteorder != order:
        samples.byteswap()
    return samples


def _roughness(samples: array[int]) -> int:
    """How far it is from sample to sample, in all."""
    return sum(abs(a - b) for a, b in zip([0, *samples], samples, strict=False))


def _is_widened(window: bytes, little: array[int], disputed: bool) -> bool:
    """Whether these are 8-bit samples widened to 16 bits, whose lower bytes are all 0.

    In the other order they are smoother, quiet and never negative; which can be right, where they lie around an offset.
    """
    if any(window[::2]):
        return False
    mean = sum(map(abs, little)) / len(little)
    if min(little) < 0:
        return mean < 0.75 * _FULL
    return not disputed and mean <= 4 * sum(abs(sample - mean) for sample in little) / len(little)
