"""What is said for what is written, in a text that grows: the same however it came, and each word keeps its place."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.said import Ipa
from oggstream.text.piece import Piece
from oggstream.text.plain import PlainText
from oggstream.text.replacing.replaced_text import ReplacedText, replaced
from oggstream.text.replacing.replacements import replacements
from oggstream.text.segmenter import Segmenter
from oggstream.text.speakable import SpeakableText

KILOS = re.compile(r"\b(\d+)kg\b")


def said(text: str, rules: dict[Any, Any], ipa: str | None = None) -> Piece:
    return replaced(text, replacements(rules, ipa))


def pieces(text: str, rules: dict[Any, Any], ipa: str | None = None) -> list[Piece]:
    segmenter = Segmenter(replacements=replacements(rules, ipa))
    segmenter.feed(text)
    segmenter.finish()
    return list(iter(lambda: segmenter.take(1.0), None))


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("The HVAC is on.", {"HVAC": "H vac"}, "The H vac is on."),
        ("A 5kg bag.", {KILOS: r"\1 kilos"}, "A 5 kilos bag."),
        ("A 5kg HVAC.", {KILOS: r"\1 kilos", "HVAC": "H vac", "5kg": "five"}, "A five H vac."),  # words first
        ("aaa", {re.compile("aa"): "1", re.compile("a"): "2"}, "12"),  # patterns in their order
        ("aaa", {re.compile("a"): "2", re.compile("aa"): "1"}, "222"),
        ("a b", {"a": "b", "b": "a"}, "b a"),  # nothing twice
        ("really very good", {"very": ""}, "really good"),
        ("very good", {"very": ""}, "good"),
        ("very", {"very": ""}, ""),
        ("so *very* good", {"very": "**not**"}, "so ***not*** good"),
        ("fine 🙂 so", {"🙂": "smiling"}, "fine smiling so"),
        ("我在重庆工作", {"重庆": "崇庆"}, "我在崇庆工作"),
        ("nothing here", {"HVAC": "H vac"}, "nothing here"),
    ],
)
def test_words_and_matches_are_replaced(text: str, rules: dict[Any, Any], expected: str) -> None:
    piece = said(text, rules)
    assert piece.text == expected
    assert piece.written in (None, text)
    assert (piece.start, piece.end) == (0, len(text))


def test_each_word_keeps_its_place_and_all_that_is_said_for_a_word_is_that_word() -> None:
    text = "The HVAC of 5kg is on."
    piece = said(text, {"HVAC": "heating and cooling", KILOS: r"\1 kilos"})

    def place(word: str) -> str:
        at = piece.text.index(word)
        return text[piece.start_of(at) : piece.locate(at + len(word))]

    assert [place(word) for word in ("The", "heating", "and", "cooling", "of", "5", "kilos", "is", "on.")] == (
        ["The", "HVAC", "HVAC", "HVAC", "of", "5kg", "5kg", "is", "on."]
    )


def test_places_stay_right_behind_what_was_left_out() -> None:
    text = "a very, very good one"
    piece = said(text, {"very": ""})
    at = piece.text.index("good")
    assert text[piece.start_of(at) : piece.locate(at + 4)] == "good"
    assert piece.written == text


def test_markdown_is_gone_before_and_what_is_said_is_taken_as_it_is() -> None:
    (piece,) = pieces("The **HV**AC [is](https://x.org) on.\n", {"HVAC": "*H* vac"})
    assert (piece.text, piece.written) == ("The *H* vac is on.", "The HVAC is on.")


def test_the_ends_of_sentences_are_those_of_what_is_said() -> None:
    text = "See Fig. Two for it all. Then go on with the rest of it, please."
    assert pieces(text, {"Fig.": "figure"})[0].text == "See figure Two for it all."


def test_pieces_cover_the_text_and_give_back_what_was_written() -> None:
    text = "The HVAC hums. " * 60
    found = pieces(text, {"HVAC": "heating, ventilation and air conditioning"})
    assert [piece.start for piece in found[1:]] == [piece.end for piece in found[:-1]]
    assert " ".join(piece.written or "" for piece in found) == text.strip()
    assert max(len(piece.text) for piece in found) <= 400


def test_a_text_of_which_nothing_is_said_is_no_piece() -> None:
    assert pieces("very very", {"very": ""}) == []


def test_a_piece_of_which_nothing_is_said_belongs_to_its_neighbour() -> None:
    text = "Hello there, my friend. SKIP THIS.\n\nAnd that is that."
    found = pieces(text, {"SKIP THIS": ""})
    assert [piece.text for piece in found] == ["Hello there, my friend.", ".\n\nAnd that is that."]
    assert text[found[1].start : found[1].end].strip() == "SKIP THIS.\n\nAnd that is that."


def test_phonemes_are_sent_as_the_service_takes_them_and_only_there() -> None:
    rules = {"HVAC": Ipa("heɪvæk", say="H vac"), "GIF": Ipa("dʒɪf")}
    assert said("An HVAC GIF.", rules).text == "An H vac GIF."
    piece = said("An HVAC GIF today.", rules, '<p a="{ipa}">{word}</p>')
    assert piece.text == 'An <p a="heɪvæk">H vac</p> <p a="dʒɪf">GIF</p> today.'
    assert piece.written == "An HVAC GIF today."
    at = piece.text.index("today")
    assert (piece.start_of(at), piece.locate(at + 5)) == (12, 17)
    at = piece.text.index("</p>")
    assert (piece.start_of(at), piece.locate(at)) == (3, 7)


def test_a_piece_tells_what_was_replaced_where_also_with_phonemes() -> None:
    rules = {"HVAC": "abcd", "GIF": Ipa("dʒɪf"), "a": ""}
    piece = said("An HVAC is a GIF.", rules, "/{ipa}/{word}/")
    assert piece.text == "An abcd is /dʒɪf/GIF/."
    assert [(piece.text[each.at :][: each.length], *each[2:]) for each in piece.replaced] == [
        ("abcd", 3, 7, "HVAC"),
        ("/dʒɪf/GIF/", 13, 16, "GIF"),
    ]
    assert [piece.replaced_at(at) is not None for at in (2, 3, 6, 7, 11, 20, 21)] == [0, 1, 1, 0, 1, 1, 0]


def test_what_is_said_may_begin_with_a_blank() -> None:
    (piece,) = pieces("a is it", {"a": "\n\nThis"})
    assert (piece.text, piece.written, piece.replaced[0][:4]) == ("This is it", "a is it", (0, 4, 0, 1))


def test_text_is_given_as_soon_as_it_is_decided() -> None:
    stage = ReplacedText(PlainText(), replacements({"HVAC": "H vac", KILOS: r"\1 kilos"}))
    given = []
    for portion in ("The H", "VA", "C", " of 5", "0k", "g", " is"):
        stage.feed(portion)
        given.append(stage.text)
    assert given == ["The", "The", "The", "The H vac of", "The H vac of", "The H vac of", "The H vac of 50 kilos is"]


WORDS = ["HVAC", "HV", "New", " York", "very ", "5", "kg", "a", "_", "é", "e\u0301", "重庆", "🙂"]
WORDS += [" ", "\n", ".", '"', "**", "`", "|"]
RULES: dict[Any, Any] = {
    "HVAC": "H vac",
    "HV": "high voltage",
    "New York": "the city",
    "New": "",
    "very": "",
    "重庆": "崇庆",
    "é": Ipa("e", say="ay"),
    KILOS: r"\1 kilos",
    re.compile(r'"(.*?)"'): r"quote \1",
    re.compile(r"a+(?!\w)"): "alpha beta",
    re.compile(r"(?<=5) \w+"): "",
}


def read(portions: list[str], *, speakable: bool) -> tuple[str, Any, Any]:
    stage = ReplacedText(SpeakableText() if speakable else PlainText(), replacements(RULES, "/{ipa}/"))
    for portion in portions:
        stage.feed(portion)
    stage.feed("", final=True)
    piece = Piece(stage.text, 0, sum(map(len, portions)), stage.map.cut(0, len(stage.text)))
    return stage.text, stage.map.cut(0, len(stage.text)), stage.piece(piece, 0, len(stage.text))


@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join), st.booleans(), st.data())
def test_the_portions_make_no_difference(text: str, speakable: bool, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    portions = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = read([text], speakable=speakable)
    assert read(portions, speakable=speakable) == read(list(text), speakable=speakable) == whole


@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join))
def test_places_never_go_back(text: str) -> None:
    piece = read([text], speakable=False)[2]
    places = [piece.locate(at) for at in range(len(piece.text) + 1)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)
