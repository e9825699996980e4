"""Terminal escapes, control characters and pictures are removed; the positions of the rest are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.text.noise import Noise
from oggstream.text.plain import PlainText
from oggstream.text.speakable import SpeakableText

ESC = "\x1b"
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f466"


def clean(*portions: str, pictures: bool = True) -> str:
    noise = Noise(pictures=pictures)
    return "".join(noise.feed(portion) for portion in portions) + noise.feed("", final=True)


CASES = [
    # colours, titles, links, modes
    (f"{ESC}[31mred{ESC}[0m and {ESC}[1;38;5;208mbold{ESC}[m", "red and bold"),
    (f"{ESC}]0;a title\x07text", "text"),
    (f"{ESC}]2;a title{ESC}\\text", "text"),
    (f"see {ESC}]8;;https://a.org{ESC}\\the site{ESC}]8;;{ESC}\\ now", "see the site now"),
    (f"{ESC}]8;id=1;https://a.org\x07the site{ESC}]8;;\x07", "the site"),
    (f"{ESC}[?25lon{ESC}[?25h{ESC}(B{ESC}7{ESC}8{ESC}=", "on"),
    (f"{ESC}[2J{ESC}[Hone{ESC}[2;1Htwo", "one\ntwo"),
    (f"{ESC}Pq#0;2;0{ESC}\\text", "text"),
    ("\x9b1mC1\x9b0m", "C1"),
    (f"one{ESC}[3Ctwo", "one two"),
    (f"ends with {ESC}", "ends with "),
    (f"ends with {ESC}[3", "ends with [3"),
    ("a\x00b\x07c\x7fd\x90e\xade\u200bf", "abcdeef"),
    # what is written over
    (f"a long lin{ESC}[3D{ESC}[K\nline goes on", "a long line goes on"),
    (f"a long lin{ESC}[3D{ESC}[K\nlist goes on", "a long lin list goes on"),
    ("helo\blo", "helo lo"),
    ("bold b\bbo\bol\bld\bd", "bold bold"),
    ("Loading\rLoading\rLoading\rDone", "Loading\nDone"),
    ("Loading 10 %\rLoading 20 %\nready", "Loading 10 %\n20 %\nready"),
    (f"Loading{ESC}[2K{ESC}[1GLoaded", "Loading\nLoaded"),
    (f"\u280b Thinking\r\u2819 Thinking\r{ESC}[KHello there", " Thinking\nHello there"),
    ("one\r\ntwo\rthree\r\n", "one\ntwo\nthree\n"),
    ("no end\r", "no end"),
    # pictures
    ("Great \U0001f389!", "Great !"),
    (f"the {FAMILY} family", "the  family"),
    ("\U0001f1e9\U0001f1eaDeutschland", "Deutschland"),
    ("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f flag", " flag"),
    ("1\ufe0f\u20e3 first, 2\u20e3 second, #\ufe0f\u20e3", " first,  second, "),
    ("\U0001f44d\U0001f3fd \u2764\ufe0f\u200d\U0001f525 \U0001f642\u200d\u2194\ufe0f", "  "),
    ("one\U0001f600two", "one two"),
    ("done \u2705, failed \u274c", "done , failed "),
    ("1 2 #3 4*5 \u00a9 \u2192 \u2022 5", "1 2 #3 4*5 \u00a9 \u2192 \u2022 5"),
    (
        "\u0915\u094d\u200d\u0937 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    ),
]


@pytest.mark.parametrize(("text", "given_text"), CASES)
def test_what_is_no_text_is_left_out(text: str, given_text: str) -> None:
    assert clean(text) == given_text
    assert clean(*text) == given_text


def test_pictures_stay_where_they_are_wanted() -> None:
    assert clean(f"{FAMILY} 1\ufe0f\u20e3{ESC}[0m", pictures=False) == f"{FAMILY} 1\ufe0f\u20e3"


PARTS = st.sampled_from(
    [
        *(part for text, _ in CASES for part in (text, text[: len(text) // 2], text[len(text) // 2 :])),
        *"a1 #\n\r\b\x1b[]\\;m3DK\x07\u200d\ufe0f\u20e3",
    ]
)
TEXTS = st.lists(PARTS, max_size=10).map("".join)


def portions_of(text: str, data: st.DataObject) -> list[str]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(TEXTS, st.booleans(), st.data())
def test_any_portions_give_the_same(text: str, pictures: bool, data: st.DataObject) -> None:
    whole, cut = Noise(pictures=pictures), Noise(pictures=pictures)
    once = whole.feed(text) + whole.feed("", final=True)
    assert "".join(map(cut.feed, portions_of(text, data))) + cut.feed("", final=True) == once
    assert (whole._given, whole._origins) == (cut._given, cut._origins)


@pytest.mark.parametrize("cut", range(1, 7))
def test_flag_in_two_portions_stands_where_it_begins(cut: int) -> None:
    text = "a\U0001f3f4\U000e0067\U000e0062\U000e007f\u200db"
    noise = Noise(pictures=True)
    assert noise.feed(text[:cut]) + noise.feed(text[cut:]) + noise.feed("", final=True) == "a b"
    assert [noise.start(at) for at in range(3)] == [0, 1, 6]


@given(TEXTS)
def test_every_character_stands_where_it_was(text: str) -> None:
    noise = Noise(pictures=True)
    for at, character in enumerate(noise.feed(text) + noise.feed("", final=True)):
        if character not in " \n":
            assert text[noise.start(at)] == character


@pytest.mark.parametrize("reader", [PlainText, SpeakableText])
def test_positions_are_those_of_the_original(reader: type[PlainText]) -> None:
    text = f"\U0001f600 {ESC}[1mone{ESC}[0m **two** lin{ESC}[3D{ESC}[K\nline\x00s {ESC}]0;t\x07end"
    plain = reader()
    plain.feed(text)
    plain.feed("", final=True)
    assert plain.text.split()[-1] == "end"
    for at, character in enumerate(plain.text):
        if character.isalnum():
            assert text[plain.map.end(at + 1) - 1] == character


@given(st.text(max_size=60), st.booleans())
def test_no_control_character_is_ever_given(text: str, speakable: bool) -> None:
    plain = SpeakableText() if speakable else PlainText()
    plain.feed(text)
    plain.feed("", final=True)
    assert not any((character < " " and character != "\n") or "\x7f" <= character <= "\x9f" for character in plain.text)


@pytest.mark.parametrize(
    "unit",
    [f"{ESC}[", f"{ESC}]", f"{ESC}", "\r", "a\r", "abc\b", f"ab{ESC}[9D", "\u200d", FAMILY, "1\ufe0f", f"{ESC}[1"],
)
def test_hostile_repetition_takes_little_memory(unit: str) -> None:
    noise = Noise(pictures=True)
    for _ in range(100):
        noise.feed(unit * 100)
        noise.forget(noise._length)
        assert len(noise._raw) < 10_000
        assert len(noise._given) < 500


@pytest.mark.parametrize(
    "text",
    [
        "codg\x0c\ufffdell\rcodg\x0c" + "\ufffd" * 132,
        "one two three\rone two four",
        "loading 10%\rloading 20%\rloaded it all",
        f"a wrapped wor{ESC}[3Dworm turns",
    ],
)
def test_places_of_what_is_written_over_never_go_back(text: str) -> None:
    noise = Noise(pictures=True)
    given_text = noise.feed(text) + noise.feed("", final=True)
    places = [noise.start(at) for at in range(len(given_text))]
    assert places == sorted(places)


@given(st.text(st.sampled_from("ab \n\r\b.") | st.sampled_from([ESC]), max_size=40))
def test_places_of_any_text_that_is_written_over_never_go_back(text: str) -> None:
    noise = Noise(pictures=True)
    given_text = noise.feed(text) + noise.feed("", final=True)
    places = [noise.start(at) for at in range(len(given_text))]
    assert places == sorted(places)
