"""Words as captions: cues that can be read, in three formats."""

from __future__ import annotations

import pytest

from oggstream.options import CAPTIONS
from oggstream.text.captions import FORMATS, LINE, LONGEST, Captions, Cue, CueWord, in_lines
from oggstream.text.told_text import words_of


def cues(text: str, pace: float = 0.3, *, pause_before: str = "") -> list[Cue]:
    """The cues of a text whose words begin ``pace`` seconds apart, with 3 s of silence before one of them."""
    captions, found, at = Captions(), list[Cue](), 0.0
    captions.begin()
    for word in words_of(text):
        at += 3.0 if text[word.start : word.end] == pause_before else 0.0
        captions.add(CueWord(text[word.start : word.end], word.start, word.end, at, round(at * 48000)), text)
        assert captions.cue is not None
        if not found or found[-1] is not captions.cue:
            found.append(captions.cue)
        at += pace
    return found


def shown(text: str, pace: float = 0.3) -> list[str]:
    return [cue.text for cue in cues(text, pace)]


def test_a_cue_ends_with_its_sentence() -> None:
    assert shown("It works. Does it? Yes!") == ["It works.", "Does it?", "Yes!"]


def test_a_cue_shows_the_original_text_with_its_punctuation() -> None:
    assert shown("“Well,” she   said (softly): no.") == ["“Well,” she said (softly): no."]


def test_a_cue_has_two_lines_at_most() -> None:
    found = shown("word " * 100, pace=0.1)
    assert len(found) > 4
    assert all(len(line) <= LINE for text in found for line in in_lines(text).split("\n"))
    assert all(in_lines(text).count("\n") <= 1 for text in found)


def test_a_slow_cue_does_not_stand_for_ever() -> None:
    assert all(cue.words[-1].at - cue.begin <= LONGEST for cue in cues("word " * 30, pace=0.9))


def test_a_long_pause_parts_two_cues() -> None:
    assert [cue.text for cue in cues("one two three four", pause_before="three")] == ["one two", "three four"]


def test_scripts_without_spaces_are_cut_by_their_width() -> None:
    found = shown("今日は天気がいいので公園でコーヒーを飲みながらゆっくり本を読みましょう" * 3, pace=0.05)
    assert len(found) > 1
    assert "".join(found) == "今日は天気がいいので公園でコーヒーを飲みながらゆっくり本を読みましょう" * 3
    assert max(map(len, found)) <= LINE


def test_a_cue_ends_when_its_piece_has_ended() -> None:
    captions = Captions()
    captions.begin()
    captions.add(CueWord("Yes", 0, 3, 1.0, 0), "Yes.")
    assert captions.cue is not None
    assert captions.cue.end > 1.2
    captions.end(1.25)
    assert captions.cue.end == 1.25


def test_another_speech_begins_another_cue() -> None:
    captions = Captions()
    for at in (0.0, 0.5):
        captions.begin()
        captions.add(CueWord("Yes", 0, 3, at, 0), "Yes")
    assert captions.cue is not None
    assert (captions.cue.number, captions.cue.speech) == (1, 1)


CUE = Cue(0, 0, 3661.5, 3663.0, "a < b --> c & d", [CueWord("a", 0, 1, 3661.5, 72000)])


@pytest.mark.parametrize(
    ("ending", "block"),
    [
        (".vtt", "01:01:01.500 --> 01:01:03.000\na &lt; b --&gt; c &amp; d\n\n"),
        (".srt", "1\n01:01:01,500 --> 01:01:03,000\na < b -> c & d\n\n"),
    ],
)
def test_what_would_be_a_mark_of_the_format_is_escaped(ending: str, block: str) -> None:
    assert FORMATS[ending].block(CUE) == block


def test_every_ending_that_is_accepted_has_a_format() -> None:
    assert tuple(FORMATS) == CAPTIONS
