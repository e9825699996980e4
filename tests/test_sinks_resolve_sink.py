from __future__ import annotations

from pathlib import Path

import pytest

from oggstream.errors import UsageError
from oggstream.options import PlaybackOptions
from oggstream.sinks.device_sink import DeviceSink
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.resolve_sink import coerce_sink, coerce_sinks
from oggstream.sinks.sink import traits_of
from oggstream.sinks.wav_sink import WavSink


def test_none_and_device_are_the_default_device() -> None:
    for given in (None, "device"):
        sink, owned = coerce_sink(given)
        assert isinstance(sink, DeviceSink)
        assert sink.device is None
        assert owned


def test_null_is_a_simulated_device() -> None:
    sink, owned = coerce_sink("null")
    assert isinstance(sink, NullSink)
    assert owned


async def test_wav_and_a_path_is_a_file(tmp_path: Path) -> None:
    sink, owned = coerce_sink(f"wav:{tmp_path / 'a:b.wav'}")
    assert isinstance(sink, WavSink)
    assert owned
    await sink.prepare()
    assert (tmp_path / "a:b.wav").exists()
    await sink.aclose()


def test_a_sink_is_itself_and_stays_its_owners() -> None:
    sink = NullSink()
    assert coerce_sink(sink) == (sink, False)


@pytest.mark.parametrize("name", ["", "wav", "wav:", "speaker", "null:1", "device:1"])
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UsageError, match="use device, null, wav:PATH or icecast://"):
        coerce_sink(name)


def test_icecast_is_a_mount() -> None:
    sink, owned = coerce_sink("icecast://source:hackme@localhost:8000/radio.opus")
    assert traits_of(sink).name == "icecast"
    assert owned


@pytest.mark.parametrize("name", ["icecst://source:hackme@localhost/a", "http://source:hack@me@localhost/a"])
def test_an_unknown_name_is_told_without_a_password(name: str) -> None:
    with pytest.raises(UsageError, match="localhost/a") as raised:
        coerce_sink(name)
    assert "hack" not in str(raised.value)


def test_something_else_is_refused() -> None:
    with pytest.raises(UsageError, match="a sink is an object with start, drain, abort and aclose, not int"):
        coerce_sink(7)


def test_each_sink_has_a_name() -> None:
    assert [traits_of(sink).name for sink in (DeviceSink(), NullSink(), WavSink("-"))] == ["device", "null", "wav"]


def test_a_device_that_is_made_here_is_used_as_the_options_say() -> None:
    sink, _ = coerce_sink(None, PlaybackOptions(latency=0.1, lead_in=0.5, idle_close=None))
    assert isinstance(sink, DeviceSink)
    assert (sink._stream._latency, sink._stream._lead_in, sink._idle_close) == (0.1, 0.5, None)


def test_a_list_or_a_tuple_is_all_that_is_in_it_and_what_is_made_for_it_is_told_from_the_rest() -> None:
    sink = NullSink()
    (first, owned), (second, owned_too), (third, not_owned) = coerce_sinks(["device", "wav:x.wav", sink])
    assert [type(made) for made in (first, second)] == [DeviceSink, WavSink]
    assert (owned, owned_too) == (True, True)
    assert (third, not_owned) == (sink, False)
    assert len(coerce_sinks((None, "null"))) == 2


def test_what_is_no_list_is_the_only_sink() -> None:
    sink = NullSink()
    assert coerce_sinks(sink) == [(sink, False)]
    assert [type(made) for made, _ in coerce_sinks("null")] == [NullSink]


@pytest.mark.parametrize(
    "given", [["null", "null"], ["wav:a.wav", "device", "wav:a.wav"], ["icecast://a:hackme@h/a"] * 2, [NullSink()] * 2]
)
def test_a_sink_that_is_in_a_list_twice_is_refused(given: list[str | NullSink]) -> None:
    with pytest.raises(UsageError, match=r"the sink '(null|wav:a.wav|icecast://h/a|NullSink)' is in the list twice"):
        coerce_sinks(given)


def test_an_empty_list_and_what_is_no_sink_in_one_are_refused() -> None:
    with pytest.raises(UsageError, match="the list of sinks is empty"):
        coerce_sinks([])
    with pytest.raises(UsageError, match="not list"):
        coerce_sinks(["null", ["device"]])
