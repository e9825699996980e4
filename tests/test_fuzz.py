"""Any bytes give frames or a documented error: the invariants of tools/fuzz, with hypothesis alone."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from ogg_build import headers, page
from oggstream.codec.link_decoder import Int16LinkDecoder, LinkDecoder
from oggstream.errors import FormatError
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags
from oggstream.opus.toc import MAX_SAMPLES, multistream_samples, packet_info, packet_samples
from tools.fuzzing import __main__ as fuzz, memory, operations, target, targets, worst
from tools.fuzzing.mutate import Raw, mutate, sealed, split

DAMAGE = Path(__file__).parent / "fixtures" / "damage"
SEEDS = [path.read_bytes() for path in sorted(DAMAGE.glob("*.opus")) if path.stat().st_size < 5000]
MONO = OpusHead.simple(1, 312)


def noise(chance: random.Random) -> Raw:
    """Change some bytes, as libFuzzer would."""

    def change(data: bytes, most: int) -> bytes:
        copy = bytearray(data or b"\0")
        for _ in range(chance.randint(1, 4)):
            copy[chance.randrange(len(copy))] = chance.randrange(256)
        return bytes(copy[:most])

    return change


@given(st.binary(max_size=600))
def test_any_bytes_are_played_or_refused(data: bytes) -> None:
    target.examine(data)
    target.examine(b"OggS\0" + data)


@given(st.lists(st.binary(max_size=80), max_size=6), st.integers(-(2**63), 2**63 - 1), st.integers(0, 7))
def test_any_packets_are_played_or_refused(packets: list[bytes], granule: int, flags: int) -> None:
    target.examine(b"".join([*headers(), page(*packets, number=2, granule=granule, flags=flags)]))


@given(st.binary(max_size=300), st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_any_head_is_played_or_refused(rest: bytes, packets: list[bytes]) -> None:
    first = page(b"OpusHead" + rest, flags=2)
    target.examine(b"".join([first, headers()[1], page(*packets, number=2, granule=9600)]))


@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 4))
def test_any_change_to_a_stream_is_played_or_refused(seed: bytes, number: int, times: int) -> None:
    chance = random.Random(number)
    for _ in range(times):
        seed = mutate(seed, 8000, chance, noise(chance))
    target.examine(seed)


@given(st.binary(max_size=200), st.integers(1, 4))
def test_any_packet_has_a_duration_or_is_malformed(data: bytes, streams: int) -> None:
    assert 0 <= multistream_samples(data, streams) <= MAX_SAMPLES
    try:
        info = packet_info(data)
    except FormatError:
        assert packet_samples(data) == 0
    else:
        assert packet_samples(data) == info.samples


@pytest.mark.parametrize("kind", [LinkDecoder, Int16LinkDecoder])
@given(packets=st.lists(st.binary(max_size=60), max_size=8))
def test_any_packet_decodes_to_its_duration_or_to_nothing(kind: type[LinkDecoder], packets: list[bytes]) -> None:
    decoder = kind(MONO)
    for packet in packets:
        samples = packet_samples(packet)
        if samples:
            assert decoder.decode(packet) in (0, samples)


@given(st.binary(max_size=200))
def test_any_tags_are_read(data: bytes) -> None:
    tags = OpusTags.parse(b"OpusTags" + data)
    assert len(tags.comments) <= len(data) // 4
    assert (tags.track_gain, tags.album_gain) is not None


# The tool


def test_a_finding_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "SECONDS", -1)
    with pytest.raises(target.Finding, match="reader took"):
        target.examine(SEEDS[0])


def test_pieces_that_give_something_else_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "read", lambda _data, step: ([], {}, f"in pieces of {step}"))
    with pytest.raises(target.Finding, match="give something else"):
        target.examine(bytes(5000))


def test_pages_put_together_again_are_what_they_were() -> None:
    for seed in SEEDS:
        assert b"".join(split(seed)) == seed
    first = split(SEEDS[0])[0]
    assert sealed(first[:22] + bytes(4) + first[26:]) == first


def test_named_files_are_run_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fuzz(str(DAMAGE / "clean.opus"), str(DAMAGE / "html.opus")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_without_atheris_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert run_fuzz() == 2
    assert "-m pip install atheris" in capsys.readouterr().err


def run_fuzz(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fuzz", *arguments])
        return fuzz.main()


def test_the_tally_tells_what_it_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = fuzz.Tally(10)
    tally.run(b"one", lambda _: 0.5)
    tally.run(b"three", lambda _: 0.25)
    assert tally.summary().startswith("2 executions in ")
    assert "slowest input 500 ms (3 bytes)" in tally.summary()


def test_growth_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = fuzz.Tally(10)
    tally.executions = fuzz.WARM_UP
    monkeypatch.setattr(memory, "begin", lambda: 10.0)
    monkeypatch.setattr(memory, "peak", lambda: 75.0)
    with pytest.raises(MemoryError, match="65 MB"):
        tally.run(b"", lambda _: 0.0)


@pytest.mark.once
def test_bodies_made_to_cost_much_cost_little() -> None:
    found = list(worst.costs(3000))
    assert [cost.name for cost in found] == list(worst.BODIES)
    assert all(cost.megabytes < 64 for cost in found)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_each_target_takes_its_seeds_and_what_a_few_changes_make_of_them(name: str) -> None:
    chance = random.Random(name)
    change = noise(chance)
    for seed in targets.TARGETS[name].seeds or (SEEDS[0],):
        targets.TARGETS[name].examine(seed)
        for _ in range(20):
            targets.TARGETS[name].examine(change(seed, 5000))


def test_the_command_line_knows_every_target() -> None:
    assert tuple(targets.TARGETS) == fuzz.NAMES


@pytest.mark.parametrize("seed", range(3))
def test_random_operations_on_a_player_end_without_a_leak(seed: int) -> None:
    body = (DAMAGE.parent / "generation_a.opus").read_bytes()
    assert operations.run(body, seed, 100) >= 0
