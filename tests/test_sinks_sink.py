"""The traits of a sink, and their defaults."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

import oggstream
from oggstream.audio.frame import RATE
from oggstream.audio.ring import PcmRing
from oggstream.errors import DeviceError, UsageError
from oggstream.sinks.sink import Sink, SinkTraits, check_sink, traits_of, underflows_of
from scripted import ScriptedSource, spoken


class Bare:
    """A sink with the four methods that it must have, and nothing else."""

    def __init__(self) -> None:
        self.samples = 0

    def start(self, ring: PcmRing) -> None:
        self._ring = ring
        ring.on_write = self._take

    def _take(self) -> None:
        while self._ring.playing and (fill := self._ring.fill):
            self.samples += self._ring.read_into(memoryview(bytearray(fill * self._ring.frame_bytes)), 0.0)

    async def drain(self) -> None:
        assert self._ring.done

    def abort(self) -> None: ...

    async def aclose(self) -> None: ...


class Described(Bare):
    def __init__(self, **traits: Any) -> None:
        super().__init__()
        self.traits = SinkTraits(**traits)


def test_a_sink_that_tells_nothing_has_the_defaults_and_the_name_of_its_class() -> None:
    sink = Bare()
    assert isinstance(sink, Sink)
    assert traits_of(sink) == SinkTraits(name="Bare")
    assert underflows_of(sink) == 0
    check_sink(sink)


@pytest.mark.parametrize("make", [oggstream.NullSink, oggstream.DeviceSink, lambda: oggstream.WavSink(io.BytesIO())])
async def test_each_of_ours_is_closed_by_leaving_a_block(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    async def aclose(self: object) -> None:
        closed.append(self)

    monkeypatch.setattr(type(make()), "aclose", aclose)
    async with make() as sink:
        assert not closed
    assert closed == [sink]


def test_a_sink_may_have_no_more_than_a_name() -> None:
    class Named(Bare):
        name = "mine"

    assert traits_of(Named()) == SinkTraits(name="mine")


def test_a_sink_that_describes_itself_without_a_name_has_that_of_its_class() -> None:
    assert traits_of(Described(at_once=True)) == SinkTraits(name="Described", at_once=True)


def test_a_sink_is_asked_for_its_count_and_whether_its_device_is_there() -> None:
    class Telling(Bare):
        underflows = 3

        def check(self) -> None:
            raise DeviceError("gone")

    assert underflows_of(Telling()) == 3
    with pytest.raises(DeviceError, match="gone"):
        check_sink(Telling())


def test_traits_of_another_type_are_refused_by_the_name_of_the_sink() -> None:
    class Odd(Bare):
        traits = "odd"

    with pytest.raises(UsageError, match=r"the sink 'Odd' describes itself with .odd.: use SinkTraits"):
        traits_of(Odd())


@pytest.mark.parametrize("traits", [{}, {"name": "mine", "at_once": True}])
async def test_a_sink_of_a_users_own_takes_every_sample_and_is_named_in_the_report(traits: dict[str, Any]) -> None:
    sink = Described(**traits) if traits else Bare()
    options = oggstream.PlaybackOptions(history=None, conceal=False)
    source = ScriptedSource([(0.0, spoken(0.5))])
    report = await oggstream.play_stream("Hello.", source=source, sink=sink, options=options)
    assert (report.completed, report.sink, report.playout.device_underflows) == (True, traits.get("name", "Bare"), 0)
    assert sink.samples == RATE // 2


async def test_a_sink_that_takes_packets_gets_each_before_its_samples() -> None:
    class Packets(Bare):
        def __init__(self) -> None:
            super().__init__()
            self.taken: list[tuple[int, type, int]] = []

        def take(self, body: int, item: object) -> None:
            self.taken.append((body, type(item), self._ring.written))

    sink = Packets()
    await oggstream.play_stream("Hello.", source=ScriptedSource([(0.0, spoken(0.05))]), sink=sink)
    assert sink.samples == 2400
    assert [(body, kind.__name__) for body, kind, _ in sink.taken[:3]] == [
        (0, "OpusHead"),
        (0, "OpusTags"),
        (0, "AudioPacket"),
    ]
    assert [samples for *_, samples in sink.taken[2:]] == [0, 648, 1608]  # 312 of the first packet are no sound
