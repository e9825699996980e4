from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from clicks import RATE, Samples, click_db, speech
from oggstream.playout.stretch import ALIKE, PREPAID_SECONDS, PreemptiveExpander

BLOCK = 960
SPEECHES = ("generation_a.opus", "generation_b.opus", "restart.opus")


def stretched(pcm: Samples, speed: float, rate: int = RATE, block: int = BLOCK) -> list[tuple[Samples, Samples]]:
    """The blocks of ``pcm``, each with what became of it."""
    stretcher = PreemptiveExpander(pcm.shape[1], rate)
    blocks = [pcm[at : at + block] for at in range(0, len(pcm), block)]
    pairs = [(fed, stretcher.stretch(fed, speed)) for fed in blocks]
    assert stretcher.inserted == sum(len(given) - len(fed) for fed, given in pairs)
    return pairs


def whole(pairs: list[tuple[Samples, Samples]]) -> Samples:
    return np.concatenate([given for _, given in pairs])


def voice(seconds: float, hz: float = 140.0, rate: int = RATE, channels: int = 1) -> Samples:
    """A buzz with a period, as vowels have."""
    time = np.arange(round(seconds * rate)) / rate
    wave = sum(0.3 / k * np.sin(2 * np.pi * hz * k * time + k * k) for k in range(1, 12))
    return np.repeat(np.asarray(wave, np.float32)[:, None], channels, axis=1)


def noise(seconds: float, level: float = 0.1) -> Samples:
    return np.random.default_rng(3).normal(0, level, (round(seconds * RATE), 1)).astype(np.float32)


def long_speech() -> Samples:
    return np.concatenate([speech(name)[0] for name in SPEECHES])


def test_at_full_speed_a_block_is_passed_on_as_it_is() -> None:
    block = noise(0.02)
    assert PreemptiveExpander(1, RATE).stretch(block, 1.0) is block


def test_a_block_without_an_insertion_is_passed_on_as_it_is() -> None:
    block = noise(0.02)
    assert PreemptiveExpander(1, RATE).stretch(block, 0.99) is block


@pytest.mark.parametrize("speed", [0.95, 0.9, 0.87, 0.8])
def test_speech_gets_the_mean_rate_that_is_asked_for(speed: float) -> None:
    pcm = long_speech()
    assert len(pcm) / len(whole(stretched(pcm, speed))) == pytest.approx(speed, rel=0.02)


def test_the_mean_rate_over_a_few_seconds_is_never_far_off() -> None:
    pcm = long_speech()
    pairs = stretched(pcm, 0.87)
    for first in range(0, len(pairs) - 200, 25):
        part = pairs[first : first + 200]  # 4 s
        assert sum(len(fed) for fed, _ in part) / len(whole(part)) == pytest.approx(0.87, rel=0.04)


@pytest.mark.parametrize("name", SPEECHES)
def test_every_sample_comes_out_once_and_in_order(name: str) -> None:
    pcm, _ = speech(name)
    for fed, out in stretched(pcm, 0.87):
        assert np.array_equal(_without_insertions(fed, out), fed)


def _without_insertions(fed: Samples, given: Samples) -> Samples:
    """What is left of ``given``, two insertions at most, where ``fed`` goes on behind them."""
    kept = given[:0]
    while len(given) > len(fed) - len(kept):
        rest = fed[len(kept) :]
        same = _common(rest, given)
        kept = np.concatenate((kept, given[:same]))
        rest = rest[same:]
        extra = len(given) - same - len(rest)
        ends = [n for n in range(1, extra + 1) if np.array_equal(given[same + n :][: min(480, len(rest))], rest[:480])]
        given = given[same + ends[0] :]
    return np.concatenate((kept, given))


def _common(one: Samples, other: Samples) -> int:
    count = min(len(one), len(other))
    differ = np.flatnonzero((one[:count] != other[:count]).any(axis=1))
    return int(differ[0]) if len(differ) else count


def test_the_pitch_stays() -> None:
    given = whole(stretched(voice(2.0, hz=150.0), 0.87))[:, 0]
    spectrum = np.abs(np.fft.rfft(given * np.hanning(len(given))))
    low = spectrum[: len(spectrum) // 100]
    assert np.argmax(low) * RATE / len(given) == pytest.approx(150, abs=1)


@pytest.mark.parametrize("hz", [75, 140, 233, 390])
def test_a_steady_voice_stays_steady(hz: float) -> None:
    given = whole(stretched(voice(1.0, hz), 0.87))[2400:-2400, 0]
    period = round(RATE / hz)
    levels = [float(np.std(given[at : at + 4 * period])) for at in range(0, len(given) - 4 * period, period)]
    assert max(levels) / min(levels) < 1.1


def test_insertions_do_not_click() -> None:
    """High frequencies where an insertion begins and ends are those of the speech; a hard splice is far above."""
    soft, hard = [], []
    for name in SPEECHES:
        pcm, _ = speech(name)
        pairs = stretched(pcm, 0.87)
        for index, (fed, out) in enumerate(pairs[5:-5], 5):
            extra = len(out) - len(fed)
            if not extra or np.std(fed) < 0.01:
                continue
            unbroken = pcm[(index - 2) * BLOCK : (index + 3) * BLOCK]
            at = 2 * BLOCK + _common(fed, out)
            around = np.concatenate((unbroken[: 2 * BLOCK], out, unbroken[3 * BLOCK :]))
            soft += [click_db(around, unbroken, at, RATE), click_db(around[extra:], unbroken, at, RATE)]
            spliced = np.concatenate((unbroken[:at], unbroken[at - 300 :]))  # not a period
            hard.append(click_db(spliced, unbroken, at, RATE))
    assert len(hard) > 80
    assert np.percentile(soft, 95) < 0.5
    assert np.percentile(hard, 50) > 5


def test_pauses_are_made_longer_first() -> None:
    quiet = noise(0.5, level=1e-4)
    stretcher = PreemptiveExpander(1, RATE)
    for at in range(0, len(quiet), BLOCK):
        stretcher.stretch(quiet[at : at + BLOCK], 0.9)
    paid = len(quiet) * (1 / 0.9 - 1)
    ahead = stretcher.inserted - paid
    assert PREPAID_SECONDS * RATE <= ahead < (PREPAID_SECONDS + 0.02) * RATE
    buzz = voice(0.4)
    before = stretcher.inserted
    for at in range(0, len(buzz), BLOCK):
        stretcher.stretch(buzz[at : at + BLOCK], 0.9)
    assert stretcher.inserted == before  # the pause has paid for it


def test_digital_silence_is_made_longer_too() -> None:
    given = whole(stretched(np.zeros((9600, 1), np.float32), 0.9))
    assert len(given) > 9600
    assert not given.any()


def breathy(seconds: float) -> Samples:
    """Like its period before at low frequencies only: 0.7 over all."""
    return voice(seconds) + noise(seconds, level=0.15)


@pytest.mark.parametrize("kind", [noise, breathy])
def test_what_is_not_alike_is_left_alone_while_little_is_owed(kind: Callable[[float], Samples]) -> None:
    assert ALIKE > 0.8
    pcm = kind(0.4)
    assert len(whole(stretched(pcm, 0.87))) == len(pcm)


def test_owing_much_it_takes_what_is_less_alike() -> None:
    pcm = breathy(4.0)
    assert len(pcm) / len(whole(stretched(pcm, 0.8))) < 0.87


@pytest.mark.parametrize("period", range(300, 307))
def test_whole_periods_are_put_in_to_the_sample(period: int) -> None:
    for fed, out in stretched(voice(1.0, hz=RATE / period), 0.87):
        assert (len(out) - len(fed)) % period == 0


def test_insertions_keep_their_distance_in_short_blocks() -> None:
    pairs = stretched(voice(1.0), 0.5, block=120)
    changed = [len(out) > len(fed) for fed, out in pairs]
    assert max(sum(changed[at : at + 4]) for at in range(len(changed))) == 1


def test_speech_slows_down_further_than_it_should() -> None:
    pcm = long_speech()
    assert 0.5 < len(pcm) / len(whole(stretched(pcm, 0.5))) < 0.68


def test_what_was_not_stretched_is_not_made_up_for_without_bound() -> None:
    stretcher = PreemptiveExpander(1, RATE)
    for _ in range(20):
        stretcher.stretch(noise(1.0), 0.87)
    before = stretcher.inserted
    buzz = voice(3.0)
    for at in range(0, len(buzz), BLOCK):
        stretcher.stretch(buzz[at : at + BLOCK], 0.999)
    assert stretcher.inserted - before < 0.6 * RATE


def test_nothing_before_a_block_at_full_speed_is_said_again() -> None:
    stretcher = PreemptiveExpander(1, RATE)
    quiet = noise(0.02, level=1e-4)
    stretcher.stretch(quiet, 0.87)
    stretcher.stretch(voice(0.02), 1.0)
    block = quiet[:480]
    assert stretcher.stretch(block, 0.87) is block


def test_a_copy_comes_back_to_its_place() -> None:
    stretcher = PreemptiveExpander(1, RATE)
    buzz = voice(0.5)
    for at in range(0, len(buzz), BLOCK):
        stretcher.stretch(buzz[at : at + BLOCK], 0.87)
    kept = copy.copy(stretcher)
    first = [stretcher.stretch(block, 0.87) for block in (noise(0.02), buzz[:BLOCK], buzz[BLOCK : 2 * BLOCK])]
    second = [kept.stretch(block, 0.87) for block in (noise(0.02), buzz[:BLOCK], buzz[BLOCK : 2 * BLOCK])]
    assert all(map(np.array_equal, first, second))
    assert kept.inserted == stretcher.inserted


def test_nothing_is_held_back() -> None:
    stretcher = PreemptiveExpander(2, RATE)
    pcm = voice(0.5, channels=2)
    assert len(stretcher.stretch(pcm, 0.87)) == len(pcm) + stretcher.inserted


def test_what_was_forgotten_is_not_said_again() -> None:
    stretcher = PreemptiveExpander(1, RATE)
    stretcher.stretch(noise(0.02, level=1e-4), 0.87)
    stretcher.forget()
    block = noise(0.01, level=1e-4)
    assert stretcher.stretch(block, 0.87) is block


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (24000, 1), (44100, 2), (48000, 6), (96000, 1)])
def test_any_rate_and_any_channels_are_stretched(rate: int, channels: int) -> None:
    pcm = voice(3.0, rate=rate, channels=channels)
    given = whole(stretched(pcm, 0.9, rate, block=rate // 50))
    assert given.dtype == np.float32
    assert given.shape[1] == channels
    assert (given == given[:, :1]).all()
    assert len(pcm) / len(given) == pytest.approx(0.9, rel=0.02)


def test_channels_of_opposite_sign_are_neither_silence_nor_alike() -> None:
    pcm = voice(0.5) * np.array([[1, -1]], np.float32)
    assert len(whole(stretched(pcm, 0.87))) == len(pcm)


@pytest.mark.parametrize("block", [120, 240, 480, 777, 2880, 48000])
def test_blocks_of_any_length_from_a_shortest_packet_on_are_stretched(block: int) -> None:
    pcm = long_speech()
    assert len(pcm) / len(whole(stretched(pcm, 0.87, block=block))) == pytest.approx(0.87, rel=0.02)


@settings(max_examples=30)
@given(blocks=st.lists(st.tuples(st.integers(0, 3000), st.floats(0.5, 1.0)), max_size=12))
def test_any_blocks_at_any_speeds_are_counted(blocks: list[tuple[int, float]]) -> None:
    pcm = voice(0.8)
    stretcher = PreemptiveExpander(1, RATE)
    at = given = 0
    for count, speed in blocks:
        part = pcm[at : at + count]
        given += len(stretcher.stretch(part, speed))
        at += len(part)
    assert given == at + stretcher.inserted
