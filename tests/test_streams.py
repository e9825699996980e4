"""The public functions: text in; sound, frames or packets out."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.annotations import Word
from oggstream.engine import loading as codec
from oggstream.errors import EmptyBodyError, TextError, UsageError, WrongContainerError
from oggstream.events import Warned, emit
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, every, pages, spoken

pytestmark = pytest.mark.looptime


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


async def chunked(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_frames_come_as_their_packets_do_and_need_no_device() -> None:
    source = ScriptedSource(every(0.5, pages(spoken(2.0)), start=1.0))
    arrived = {
        frame.position: asyncio.get_running_loop().time()
        async for frame in oggstream.stream_frames("Hi", source=source)
    }
    assert arrived[0] == 2.0
    assert arrived[max(arrived)] == 3.0
    assert source.closed == 1


async def test_frames_are_20_ms_of_float32_but_for_the_trimmed_ones() -> None:
    source = ScriptedSource([(0, spoken(1.0, channels=2))])
    frames = [frame async for frame in oggstream.stream_frames("Hi", source=source)]
    assert {frame.pcm.shape for frame in frames[1:-1]} == {(960, 2)}
    assert frames[0].pcm.shape == (648, 2)  # less the pre-skip of 312
    assert all(frame.pcm.dtype == np.float32 and frame.rate == 48000 and not frame.concealed for frame in frames)
    assert [frame.position for frame in frames[:3]] == [0, 648, 1608]
    assert sum(len(frame.pcm) for frame in frames) == 48000


async def test_packets_are_the_services_own_bytes() -> None:
    body = spoken(1.0)
    packets = [packet async for packet in oggstream.stream_packets("Hi", source=ScriptedSource([(0, body)]))]
    assert all(packet.data in body for packet in packets)
    assert {packet.samples for packet in packets} == {960}
    assert packets[0].trim_start == 312
    assert sum(packet.samples - packet.trim_start - packet.trim_end for packet in packets) == 48000


async def test_leaving_the_loop_over_frames_closes_the_response() -> None:
    source = ScriptedSource(every(0.5, pages(spoken(3.0))))
    async with aclosing(oggstream.stream_frames("Hi", source=source)) as frames:
        async for _ in frames:
            break
    assert source.closed == 1


@pytest.mark.parametrize("size", [1, 7, 1369, 1 << 20])
async def test_a_body_decodes_the_same_however_it_is_cut(size: int) -> None:
    body = spoken(0.5)
    frames = [frame async for frame in oggstream.decode_stream(chunked(body, size))]
    whole = [frame async for frame in oggstream.decode_stream(chunked(body, len(body)))]
    assert np.array_equal(np.concatenate([f.pcm for f in frames]), np.concatenate([f.pcm for f in whole]))


async def test_an_empty_body_is_refused() -> None:
    with pytest.raises(EmptyBodyError):
        [frame async for frame in oggstream.decode_stream(chunked(b"", 1))]


async def test_something_else_is_refused_by_its_name() -> None:
    with pytest.raises(WrongContainerError, match="FLAC"):
        [frame async for frame in oggstream.decode_stream(chunked(b"fLaC\0\0\0\x22" + bytes(900), 100))]


def some() -> Iterator[str]:
    yield from ("One ", "two.")


async def some_later() -> AsyncIterator[str]:
    for piece in some():
        await asyncio.sleep(0.1)
        yield piece


@pytest.mark.parametrize("text", ["One two.", some_later(), ["One ", "two."]], ids=["str", "async", "list"])
async def test_text_may_come_whole_or_in_pieces(text: Any) -> None:
    source = ScriptedSource([(0, spoken(0.1))])
    report = await oggstream.play_stream(text, source=source, sink=NullSink())
    assert source.texts == ["One two."]
    assert report.text_chars == 8
    assert report.segments[0].text == "One two."


async def test_speech_options_are_keywords_and_reach_the_source() -> None:
    class Listening(ScriptedSource):
        def open(self, text: str, options: oggstream.SpeechOptions) -> Any:
            self.options = options
            return super().open(text, options)

    source = Listening([(0, spoken(0.1))])
    await oggstream.play_stream("Hi", source=source, sink=NullSink(), voice="nova", speed=1.5)
    assert source.options == oggstream.SpeechOptions(voice="nova", speed=1.5)


async def test_an_option_that_cannot_be_meant_is_a_usage_error_before_anything_is_asked() -> None:
    source = ScriptedSource([(0, spoken(0.1))])
    with pytest.raises(UsageError, match="speed"):
        await oggstream.play_stream("Hi", source=source, sink=NullSink(), speed=9)
    assert source.opened == 0


async def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"play_stream\(\) .*'vioce'; did you mean 'voice'"):
        await oggstream.play_stream("Hi", source=ScriptedSource([]), sink=NullSink(), vioce="nova")  # type: ignore[call-arg]


async def test_what_is_passed_in_stays_open() -> None:
    class Closable(ScriptedSource):
        closed_for_good = False

        async def aclose(self) -> None:
            self.closed_for_good = True

    source = Closable([(0, spoken(0.1))])
    sink = NullSink()
    for _ in range(2):
        await oggstream.play_stream("Hi", source=source, sink=sink)
    assert not source.closed_for_good


async def test_a_listener_hears_only_its_own_speech() -> None:
    class Uneasy(ScriptedSource):
        def open(self, text: str, options: oggstream.SpeechOptions) -> Any:
            emit(Warned, message=text)
            return super().open(text, options)

    heard: list[oggstream.Event] = []
    source = Uneasy([(0, spoken(0.1))])
    silent = oggstream.play_stream("one", source=source, sink=NullSink())
    loud = oggstream.play_stream("two", source=source, sink=NullSink(), on_event=heard.append)
    reports = await asyncio.gather(silent, loud)
    assert [event.message for event in heard if isinstance(event, Warned)] == ["two"]
    assert [report.stream.warnings for report in reports] == [["one"], ["two"]]


def test_every_public_name_is_there() -> None:
    for name in oggstream.__all__:
        assert getattr(oggstream, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'speek'"):
        oggstream.speek  # noqa: B018


def test_what_the_type_checker_sees_is_what_is_exported() -> None:
    tree = ast.parse(Path(oggstream.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom) and node.level]
    assert sorted(name.name for node in imports for name in node.names) == sorted(
        set(oggstream.__all__) - {"__version__"}
    )


def test_the_example_of_the_readme_runs() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example = readme.split("```python\n")[1].split("```")[0]
    compile(example, "README.md", "exec")
    assert len(example.strip().splitlines()) <= 8


def test_importing_the_player_loads_nothing_heavy() -> None:
    heavy = ("aiohttp", "numpy", "sounddevice", "openai", "soxr", "opuslib")
    code = f"import sys, oggstream.streams; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


async def test_what_the_source_warns_of_when_it_is_made_is_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from oggstream import events, speaking

    def make(source: object) -> tuple[Any, bool]:
        events.emit(events.Warned, message="this one is only a stand-in")
        return ScriptedSource([(0, spoken(0.1))]), True

    monkeypatch.setattr(speaking, "coerce_source", make)
    report = await oggstream.play_stream("Hi", sink=NullSink())
    assert report.stream.warnings == ["this one is only a stand-in"]


class Failing:
    """A source that fails with an error of its own."""

    def open(self, text: str, options: object) -> Any:
        raise LookupError("not one of ours")


@pytest.mark.parametrize("stream", [oggstream.stream_frames, oggstream.stream_packets])
async def test_a_foreign_error_comes_out_as_itself(stream: Any) -> None:
    with pytest.raises(LookupError, match="not one of ours"):
        async for _ in stream("Hi", source=Failing()):
            pass


async def test_a_source_that_tells_of_no_request_and_takes_its_time_is_waited_for() -> None:
    slow = ScriptedSource([(0.2, spoken(0.5))])
    assert [frame async for frame in oggstream.stream_frames("Hello.", source=slow)]
    slow = ScriptedSource([(0.2, spoken(0.5))])
    assert [packet async for packet in oggstream.stream_packets("Hello.", source=slow)]


@pytest.mark.parametrize("stream", [oggstream.stream_frames, oggstream.stream_packets])
async def test_an_empty_text_is_an_error_and_waits_for_nothing(stream: Any) -> None:
    with pytest.raises(TextError):
        _ = [item async for item in stream("", source=oggstream.OpenAISource(api_key="x"))]


async def test_words_are_told_with_the_packets_of_all_pieces_in_samples_of_the_whole() -> None:
    word = Word(text="x", start=0, end=4, start_sample=9600, end_sample=19200)
    source = ScriptedSource([(0, word), (0, spoken(1.0))])
    text = ["This is one sentence. ", "Here is another one, which is a bit longer. "]
    told: list[Word] = []
    async for _ in oggstream.stream_packets(text, source=source, on_word=told.append):
        pass
    assert source.opened == 2
    assert [(found.start, found.start_sample, found.end_sample) for found in told] == [
        (0, 9600, 19200),
        (len(text[0]), 57600, 67200),
    ]


async def test_a_source_that_tells_no_words_has_none_told() -> None:
    told: list[Word] = []
    async for _ in oggstream.stream_packets("Hi", source=ScriptedSource([(0, spoken(1.0))]), on_word=told.append):
        pass
    assert told == []
