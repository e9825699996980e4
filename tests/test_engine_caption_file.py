"""Files of captions: written while the speech is heard, and valid at every moment."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import oggstream
from oggstream.engine import loading
from oggstream.errors import OutputError, UsageError
from oggstream.events import Event, SegmentEnded, Warned, WordStarted
from oggstream.lab.kept_sink import KeptSink
from oggstream.options import PlaybackOptions
from scripted import ScriptedSource, said

pytestmark = pytest.mark.looptime

TEXT = "One two three. Four five, six seven eight."
_CUE = re.compile(r"(\d\d):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d):(\d\d):(\d\d)[.,](\d{3})\n([^\n]+(?:\n[^\n]+)?)\n\n")


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


def cues(path: Path) -> list[tuple[float, float, str]]:
    """Begin, end and text of each cue. Fails for a file that is not valid."""
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return [(cue["begin"], cue["end"], cue["text"]) for cue in json.loads(text)["cues"]]
    if path.suffix == ".vtt":
        assert text.startswith("WEBVTT\n\n")
        text = text.removeprefix("WEBVTT\n\n")
    found = []
    if path.suffix == ".srt":
        numbers = [int(number) for number in re.findall(r"^(\d+)\n(?=\d\d:)", text, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
        text = re.sub(r"^\d+\n(?=\d\d:)", "", text, flags=re.MULTILINE)
    while match := _CUE.match(text):
        *times, shown = match.groups()
        hours = [int(part) for part in times]
        begin, end = (hours[at] * 3600 + hours[at + 1] * 60 + hours[at + 2] + hours[at + 3] / 1000 for at in (0, 4))
        found.append((begin, end, shown.replace("\n", " ")))
        text = text[match.end() :]
    assert not text.strip()
    return found


async def speak(path: Path, text: Any = TEXT, sink: Any = None, **how: Any) -> tuple[list[Event], Any]:
    events: list[Event] = []
    source = ScriptedSource([(0.0, said(TEXT))])
    options = PlaybackOptions(history=None, captions=path)
    sink = sink or KeptSink()
    report = await oggstream.play_stream(text, source=source, sink=sink, options=options, on_event=events.append, **how)
    return events, report


endings = pytest.mark.parametrize("ending", [".vtt", ".srt", ".json"])


@endings
async def test_cues_are_shown_when_their_words_are_heard(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"talk{ending}"
    events, _ = await speak(path)
    words = [event for event in events if isinstance(event, WordStarted)]
    ended = [event.at for event in events if isinstance(event, SegmentEnded)]
    found = cues(path)
    assert [text for _, _, text in found] == ["One two three.", "Four five, six seven eight."]
    assert [begin for begin, _, _ in found] == pytest.approx([words[0].at, words[3].at], abs=0.001)
    assert found[-1][1] == pytest.approx(ended[-1], abs=0.001)


@endings
async def test_the_file_is_valid_at_every_moment_and_holds_what_was_heard(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"talk{ending.upper()}"
    path.write_text("what was there before " * 100)
    looks: list[str] = []

    def look(event: Event) -> None:
        looks.append(" ".join(text for _, _, text in cues(path.rename(path.with_suffix(ending)))))
        path.with_suffix(ending).rename(path)

    source = ScriptedSource([(0.0, said(TEXT))])
    options = PlaybackOptions(history=None, captions=path)
    await oggstream.play_stream(TEXT, source=source, sink=KeptSink(), options=options, on_event=look)
    assert looks[0] == ""
    assert "One two three. Four" in looks
    assert all(TEXT.startswith(shown) for shown in looks)


async def test_a_stopped_speech_leaves_the_words_that_were_heard(tmp_path: Path) -> None:
    path = tmp_path / "talk.vtt"
    source = ScriptedSource([(0.0, said(TEXT))])
    options = PlaybackOptions(history=None, captions=path)
    async with oggstream.Player(source=source, sink=KeptSink(), options=options) as player:
        first = player.say(TEXT)
        while first.position < 40000:  # noqa: ASYNC110  # the device tells nobody
            await asyncio.sleep(0.01)
        heard = await player.stop()
        await first
        await player.say(TEXT)
    shown = [text for _, _, text in cues(path)]
    assert shown[0].startswith(heard.text)
    assert shown[-2:] == ["One two three.", "Four five, six seven eight."]
    begins = [begin for begin, _, _ in cues(path)]
    assert begins == sorted(begins)


async def test_captions_of_a_sound_file_tell_places_in_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    async with oggstream.WavSink(tmp_path / "talk.wav") as sink:
        _, report = await speak(path, sink=sink)
    told = [word["at"] for cue in json.loads(path.read_text())["cues"] for word in cue["words"]]
    assert told == pytest.approx([word.start_sample / 48000 for word in report.segments[0].words], abs=0.001)


@pytest.mark.parametrize("name", ["talk.txt", "talk", ".vtt", "talk.vtt.bak"])
def test_another_ending_is_refused_before_anything_is_said(name: str) -> None:
    with pytest.raises(UsageError, match=r"no ending that says its format: use \.vtt, \.srt, \.json"):
        PlaybackOptions(captions=name)


async def test_a_file_that_cannot_be_written_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "folder.vtt").mkdir()
    source = ScriptedSource([(0.0, said(TEXT))])
    for path in (tmp_path / "absent" / "talk.vtt", tmp_path / "folder.vtt"):
        options = PlaybackOptions(history=None, captions=path)
        with pytest.raises(OutputError, match="cannot write captions"):
            await oggstream.play_stream(TEXT, source=source, sink=KeptSink(), options=options)
    assert not source.opened


async def test_where_writing_fails_the_speech_goes_on_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = os.pwrite

    def full(file: int, data: bytes, at: int) -> int:
        if at:
            raise OSError(28, "No space left on device")
        return written(file, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    events, report = await speak(tmp_path / "talk.vtt")
    assert report.completed
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "no captions from here on" in warnings[0]
