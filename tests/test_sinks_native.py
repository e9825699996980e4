from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from oggstream.audio import block
from oggstream.audio.ring import PcmRing
from oggstream.sinks import native

try:
    native._load()
except native.Missing as missing:
    pytest.skip(f"no callback in C: {missing}", allow_module_level=True)


def read_in_c(ring: PcmRing, out: bytearray, at: float) -> int:
    library = native._load()
    library.oggstream_read.restype = ctypes.c_int64
    library.oggstream_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double]
    wanted = len(out) // ring.frame_bytes
    return int(library.oggstream_read(native.address_of(ring.block.memory), native.address_of(out), wanted, at))


def write(count: int) -> Callable[[PcmRing], object]:
    return lambda ring: ring.write(array("f", [0.25 + (ring.written + i) % 97 for i in range(count * ring.channels)]))


def setting(name: str, value: Any) -> Callable[[PcmRing], object]:
    return lambda ring: setattr(ring, name, value)


OPERATIONS = st.one_of(
    st.integers(0, 700).map(write),
    st.integers(1, 900).map(lambda count: (count, 0.0)),
    st.tuples(st.integers(1, 900), st.sampled_from([0.0, 0.5, -0.3])),
    st.booleans().map(lambda value: setting("paused", value)),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]).map(lambda value: setting("gain", value)),
    st.sampled_from([0, 100, 2000]).map(lambda value: setting("resume_fill", value)),
    st.integers(-500, 100).map(lambda by: lambda ring: ring.withdraw(ring.written + by)),
    st.integers(-500, 0).map(lambda by: lambda ring: ring.rewind(ring.read + by)),
    st.just(PcmRing.begin),
    st.just(lambda ring: ring.runs),
)
ENDINGS = st.sampled_from([PcmRing.cut, PcmRing.finish])


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATIONS, max_size=60), ENDINGS, st.lists(OPERATIONS, max_size=10), st.sampled_from([1, 2, 3]))
def test_both_callbacks_do_the_same(operations: list[Any], ending: Any, after: list[Any], channels: int) -> None:
    one, other = PcmRing(channels, 48000, 0.02), PcmRing(channels, 48000, 0.02)
    now = 0.0
    for operation in [PcmRing.begin, *operations, ending, *after]:
        if isinstance(operation, tuple):
            count, slip = operation
            now += slip
            outs = [bytearray(b"\xaa" * count * one.frame_bytes) for _ in range(2)]
            assert one.read_into(memoryview(outs[0]), now) == read_in_c(other, outs[1], now)
            assert outs[0] == outs[1]
            now += count / 48000
        else:
            operation(one)
            operation(other)
        assert one.block.memory == other.block.memory
        assert (one.runs, one._line) == (other.runs, other._line)


def test_the_log_ends_where_it_is_full_in_both() -> None:
    rings = PcmRing(1, 1000, 0.1), PcmRing(1, 1000, 0.1)
    for ring in rings:
        ring.begin()
    for second in range(block.LOG_SIZE + 5):
        for ring in rings:
            write(3)(ring)
        out = bytearray(20)
        rings[0].read_into(memoryview(out), float(second))
        read_in_c(rings[1], bytearray(20), float(second))
    assert rings[0].block.memory == rings[1].block.memory
    assert len(rings[1].runs) == block.LOG_SIZE


@pytest.mark.parametrize("begin", [2**31 - 500, 2**32 - 500, 2**53 - 500, 2**61])
def test_counters_of_a_ring_that_has_played_for_years_go_on_in_both(begin: int) -> None:
    rings = PcmRing(2, 48000, 0.02), PcmRing(2, 48000, 0.02)
    rings[0].share(threading.Lock())
    rings[1].share(native.NativeCallback(lambda: 0.0))
    for ring in rings:
        ring.block.counters[block.WRITTEN] = ring.block.counters[block.READ] = begin
        ring.begin()
    heard: list[list[float]] = [[], []]
    for turn in range(40):
        for ring, played in zip(rings, heard, strict=True):
            ring.write(array("f", [turn] * 200))
            assert ring.withdraw(ring.written - 10) == ring.written
            out = bytearray(85 * ring.frame_bytes)
            at = turn * 85 / 48000
            assert (ring.read_into(memoryview(out), at) if ring is rings[0] else read_in_c(ring, out, at)) == 85
            played.extend(memoryview(out).cast("f"))
        assert rings[0].block.memory == rings[1].block.memory
        assert rings[0].time_of(rings[0].read) == rings[1].time_of(rings[1].read)
    assert heard[0] == heard[1]
    assert rings[0].read == begin + 40 * 85
    assert rings[0].heard_at(40 * 85 / 48000) == rings[0].read


@pytest.mark.parametrize(
    ("slots", "most"),
    [
        ({"WRITTEN": -5}, 0),
        ({"WRITTEN": 10, "READ": 400}, 0),
        ({"READ": -400}, 0),
        ({"WRITTEN": 2**61}, 1210),  # the memory of the ring
        ({"WRITTEN": -(2**63)}, 0),
    ],
)
@pytest.mark.parametrize("wanted", [-3, 0, 5, 5000])
def test_numbers_that_the_protocol_rules_out_are_never_copied(slots: dict[str, int], most: int, wanted: int) -> None:
    ring = PcmRing(1, 48000, 0.0002)
    ring._size = ring.block.counters[block.SIZE]
    ring.begin()
    for name, value in slots.items():
        ring.block.counters[getattr(block, name)] = value
    out = bytearray(5000 * 4 + 64)
    out[-64:] = bytes([170]) * 64
    library = native._load()
    library.oggstream_read.restype = ctypes.c_int64
    library.oggstream_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double]
    address = native.address_of(ring.block.memory)
    taken = library.oggstream_read(address, native.address_of(out), wanted, 0.0)
    assert 0 <= taken <= min(most and ring.block.counters[block.SIZE], max(wanted, 0))
    assert out[-64:] == bytes([170]) * 64


def test_the_environment_can_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "1")
    with pytest.raises(native.Missing, match="OGGSTREAM_PYTHON_CALLBACK is set"):
        native.library()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the library is looked for; afterwards it is where it was."""
    monkeypatch.delenv(native.SWITCH, raising=False)
    monkeypatch.setattr(native, "__file__", str(tmp_path / "native.py"))
    monkeypatch.setattr(native, "_load", native._load.__wrapped__)
    return tmp_path / native.NAME


def test_one_that_was_not_built_is_missing(elsewhere: Path) -> None:
    with pytest.raises(native.Missing, match="was not built with the package, which takes a C compiler"):
        native.library()


def test_one_that_is_no_library_is_missing(elsewhere: Path) -> None:
    elsewhere.write_bytes(b"no library")
    with pytest.raises(native.Missing, match="cannot be loaded"):
        native.library()


def test_one_of_another_version_is_missing(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere.symlink_to(Path(block.__file__).parents[1] / "sinks" / native.NAME)
    monkeypatch.setattr(native, "LAYOUT", -1)
    with pytest.raises(native.Missing, match="is of another version"):
        native.library()


def test_a_ring_is_kept_until_no_call_can_be_in_it() -> None:
    output = native.NativeCallback(lambda: 0.0)
    rings = [PcmRing(1, 1000, 0.1) for _ in range(4)]
    for ring in rings[:2]:
        output.play(ring)
    output._counters[native.CALLBACKS] = 7
    output._counters[native.RETURNED] = 6
    output.play(rings[2])
    output.play(rings[3])
    assert [ring for ring, _ in output._retired] == rings[:2]
    output._counters[native.RETURNED] = 7
    output.play(PcmRing(1, 1000, 0.1))
    assert [ring for ring, _ in output._retired] == [rings[2]]
    output.release()
    assert (output._retired, output._rings) == ([], [])


def test_what_a_reader_on_another_thread_has_taken_is_never_taken_back() -> None:
    """Whatever the moment: each sample that was read is the one that was last written at its position."""
    total, largest, channels = 400_000, 4000, 64  # blocks so large that the writer works while they are copied
    ring = PcmRing(channels, 8000, 2.0)
    ring.share(native.NativeCallback(lambda: 0.0))
    ring.block.counters[block.FADE] = ring.block.counters[block.LEVEL] = 1  # no fades after stalls
    free = ctypes.CDLL(native._load()._name)  # lets the interpreter's lock go while it reads
    free.oggstream_read.restype = ctypes.c_int64
    free.oggstream_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double]
    address = native.address_of(ring.block.memory)
    heard = array("f")

    def read() -> None:
        chance = random.Random(1)
        out = bytearray(largest * ring.frame_bytes)
        while ring.read < total:
            count = free.oggstream_read(address, native.address_of(out), chance.randint(1, largest), 0.0)
            heard.extend(memoryview(out).cast("f")[: count * channels : channels])

    chance = random.Random(2)
    final = array("f", bytes(4 * (total + ring.capacity)))
    ring.begin()
    thread = threading.Thread(target=read)
    thread.start()
    generation = 0
    while ring.read < total:
        generation = generation % 1000 + 1
        start = ring.withdraw(ring.read + chance.randint(0, largest))
        count = min(chance.randint(1, 2 * largest), ring.space)
        final[start : start + count] = array("f", [generation]) * count
        assert ring.write(array("f", [generation]) * (count * channels)) == count
    thread.join()
    assert len(heard) == ring.read >= total
    assert heard == final[: ring.read]


FORGETFUL = """
import asyncio, ctypes, gc, sys
from array import array
from oggstream.audio.ring import PcmRing
from oggstream.sinks.native import NativeCallback

async def main():
    output = NativeCallback(asyncio.get_running_loop().time)
    output.settle(channels=1, latency=0.02, lead=0)
    ring = PcmRing(1, 48000, 100.0)
    ring.write(array("f", [0.25]) * 4_800_000)
    ring.begin()
    output.play(ring)
    device = ctypes.CDLL(sys.argv[1])
    device.begin.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    device.begin(*output.callback)

asyncio.run(main())
gc.collect()
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("gcc") is None, reason="the device here is made with gcc")
def test_the_memory_outlives_the_loop_and_the_interpreter_while_the_device_calls(tmp_path: Path) -> None:
    library = tmp_path / "device.so"
    source = Path(__file__).with_name("calling_device.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-lpthread"], check=True)
    environment = os.environ | {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165"}  # what is freed is overwritten
    command = [sys.executable, "-c", FORGETFUL, str(library)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.split()  # "12 calls after the end, the last with 0.25"
    assert int(words[0]) > 10
    assert float(words[-1]) == 0.25
