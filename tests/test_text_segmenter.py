from __future__ import annotations

import math
import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.text.borders import has_words
from oggstream.text.segmenter import LIMIT, LONGEST, Piece, Segmenter
from oggstream.text.sentence import ends_sentence

SENTENCE = "The captain measured the wooden bridge, once again. "
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f466"


def pieces(text: str, reserve: float = 1.0, **options: int | bool) -> list[Piece]:
    segmenter = Segmenter(**options)  # type: ignore[arg-type]
    segmenter.feed(text)
    segmenter.finish()
    return rest_of(segmenter, reserve)


def rest_of(segmenter: Segmenter, reserve: float = 1.0) -> list[Piece]:
    taken = []
    while piece := segmenter.take(reserve):
        taken.append(piece)
    assert segmenter.waiting == 0
    return taken


def sentences(text: str, **options: int | bool) -> list[str]:
    segmenter = Segmenter(first=1, **options)  # type: ignore[arg-type]
    segmenter.rate = 0.01  # so slow a speaker never has time for two sentences
    segmenter.feed(text)
    segmenter.finish()
    return [piece.text for piece in rest_of(segmenter)]


HARD = [
    ["Pi is 3.14 or so.", "It costs $1,000.50 today.", "Really."],
    ["Dr. Smith met Mr. Jones at 5 p.m. on Main St. yesterday.", "They talked."],
    ["Use tools, e.g. a hammer, i.e. this one, etc. and so on.", "Done."],
    ["He lives in the U.S. Army base.", "It is big."],
    ["J. R. R. Tolkien wrote it.", "We read it."],
    ['"Stop!" she said.', "He did not."],
    ['He said, "I am leaving now."', "Then he left the house."],
    ["\u201cAre you there?\u201d", "Nobody answered him at all."],
    ["It works (mostly. Not always) as planned.", "So we ship it."],
    ["Wait... what did you say?", "Nothing at all."],
    ["Well\u2026 maybe that is true.", "Maybe not."],
    ["What?!", "No way, that cannot be.", "Yes!!!"],
    ["See example.com/page for more.", "Then come back."],
    ["Mail jane.doe@example.co.uk about it.", "She knows."],
    ["Version 2.0.1 is out.", "Get it now, please."],
    ["The file is main.py in src.", "Open it."],
    ["At 10:30 a.m. we start.", "Be there on time."],
    ["See Fig. 3 and Sec. 4.2 for details.", "They help."],
    ["It ended in 1999.", "2000 was better for us."],
    [
        "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002",
        "\u6211\u4eec\u53bb\u516c\u56ed\u5427\uff01",
        "\u597d\u4e0d\u597d\uff1f",
    ],
    ["\u300c\u4f60\u597d\u5417\uff1f\u300d", "\u4ed6\u95ee\u9053\u3002"],
    ["\u4eca\u65e5\u306f\u6674\u308c\u3067\u3059\u3002", "\u660e\u65e5\u306f\u96e8\u3067\u3059\u304b\uff1f"],
    [
        "\u0647\u0644 \u0623\u0646\u062a \u0628\u062e\u064a\u0631\u061f",
        "\u0646\u0639\u0645\u060c \u0623\u0646\u0627 \u0628\u062e\u064a\u0631.",
    ],
    [
        "\u092f\u0939 \u090f\u0915 \u0935\u093e\u0915\u094d\u092f \u0939\u0948\u0964",
        "\u0926\u0942\u0938\u0930\u093e \u092f\u0939\u093e\u0901 \u0939\u0948\u0964",
    ],
    [f"We are here {FAMILY}!", "Yes \U0001f1e9\U0001f1ea we are, all of us."],
    ["One paragraph without a stop", "Another paragraph."],
    ["A title.", "Some text below it."],
    ["1. First point is this.", "2. Second point is that."],
    ["Hola, \xbfqu\xe9 tal?", "\xa1Muy bien, gracias!"],
    ["Is it No. 5 or no. 6?", "It is neither of them."],
]
JOINS = {25: "\n\n", 26: "\n\n", 27: "\n"}


@pytest.mark.parametrize("number", range(len(HARD)))
def test_sentences_end_where_readers_end_them(number: int) -> None:
    wide = any(sentence[-1] in "\u3002\uff01\uff1f\u300d" for sentence in HARD[number])
    text = JOINS.get(number, "" if wide else " ").join(HARD[number])
    assert sentences(text, speakable=False) == HARD[number]
    assert sentences(text) == [re.sub(f" ?\U0001f1e9\U0001f1ea|{FAMILY}", "", sentence) for sentence in HARD[number]]


ANSWER = (
    "Great question! The short answer, as Dr. Smith put it, is that it depends; the long one takes a while. "
    "First of all, nobody knows what happens at 3.14 in the morning. **Second**, see [this](http://a.org/x).\n\n"
    "## Why?\n- one\n- two\n\n```\ncode\n```\nThat is all \U0001f44d\U0001f3fd. Bye \U0001f389"
)


@pytest.mark.parametrize("speakable", [True, False])
@pytest.mark.parametrize("reserve", [0.0, 1.0, 3.0, 10.0])
def test_pieces_cover_the_text_without_gap_or_overlap(reserve: float, speakable: bool) -> None:
    taken = pieces(ANSWER, reserve, speakable=speakable)
    assert taken[0].start == 0
    assert taken[-1].end == len(ANSWER)
    assert all(one.end == two.start for one, two in pairwise(taken))
    if not speakable:
        assert [piece.text for piece in taken] == [ANSWER[piece.start : piece.end].strip() for piece in taken]


def test_the_first_piece_is_a_clause() -> None:
    assert (
        pieces("I would say that it depends, as Dr. Smith put it so well some years ago, on the weather.", 0.0)[0].text
        == "I would say that it depends,"
    )


def test_a_first_sentence_that_is_not_long_stays_whole() -> None:
    assert pieces("I would say that it depends, on the weather. And so on it goes.", 0.0)[0].text.endswith("weather.")


def test_a_first_word_is_no_piece() -> None:
    assert (
        pieces("Yes. That is what I would do, if I were you and had the time that it takes to do it.", 0.0)[0].text
        == "Yes. That is what I would do,"
    )


def test_the_first_clause_is_given_before_the_sentence_is_complete() -> None:
    segmenter = Segmenter()
    segmenter.feed("I would say that it depends, a")
    piece = segmenter.take(0)
    assert piece is not None
    assert piece.text == "I would say that it depends,"
    assert segmenter.take(0) is None
    assert segmenter.waiting == 1


def test_pieces_grow_with_the_reserve() -> None:
    text = "This is a sentence of some length. " * 30
    lengths = [len(pieces(text, reserve)[0].text) for reserve in (0, 1, 2, 4, 8, 16, 60)]
    assert lengths == sorted(lengths)
    assert lengths[0] < 40
    assert LONGEST - 40 < lengths[-1] <= LONGEST


def test_with_reserve_whole_sentences_are_waited_for() -> None:
    segmenter = Segmenter()
    segmenter.feed("I would say that it depends, as Dr. Smith put it, on the weather and")
    assert segmenter.take(2) is None
    segmenter.feed(" the wind. And then twelve more")
    piece = segmenter.take(2)
    assert piece is not None
    assert piece.text.endswith("the wind.")


def test_with_much_reserve_more_sentences_are_waited_for() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is a sentence of some length. And this is more")
    assert segmenter.take(10) is None
    assert segmenter.take(3) is not None


def test_a_paragraph_is_not_waited_beyond() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is a sentence of some length.\n\n")
    assert segmenter.take(10) is not None


def test_headings_go_with_what_follows() -> None:
    assert [piece.text for piece in pieces("# Why?\nBecause it is so.\n\n# How?\nLike this, I think.", 2.0)] == [
        "Why?\n\nBecause it is so.",
        "How?\n\nLike this, I think.",
    ]


def test_the_room_bounds_a_piece() -> None:
    text = "This is a sentence of some length. " * 30
    for room in (3.0, 6.0, 12.0):
        segmenter = Segmenter()
        segmenter.feed(text)
        piece = segmenter.take(3, room=room)
        assert piece is not None
        assert len(piece.text) <= room * segmenter.rate


def test_a_sentence_longer_than_the_room_waits_while_there_is_reserve() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is a sentence, which is longer than the room that there is for it, but not by much. " * 2)
    assert segmenter.take(10, room=2) is None
    piece = segmenter.take(2, room=2)
    assert piece is not None
    assert piece.text == "This is a sentence,"


def test_a_short_piece_does_not_use_up_the_room_for_a_long_one() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is a sentence of some length. " * 30)
    assert segmenter.take(12, room=3) is None
    assert segmenter.take(7, room=8) is not None


@pytest.mark.parametrize("limit", [1, 7, 50, 200, 400, LIMIT])
@pytest.mark.parametrize(
    "text",
    [
        "word " * 400,
        "clause and clause, " * 100,
        "a" * 2000,
        "\u597d" * 900,
        f"{FAMILY}a" * 200,
        "\U0001f1e9\U0001f1eaz" * 300,
        "e\u0301" * 700,
        "**bold** " * 300,
        "- point\n" * 300,
    ],
)
def test_no_piece_is_longer_than_the_limit(text: str, limit: int) -> None:
    taken = pieces(text, 2.0, limit=limit)
    assert max(len(piece.text) for piece in taken) <= min(limit, LONGEST)
    assert not has_words(text[taken[-1].end :])


def test_long_sentences_are_cut_at_clauses_then_words() -> None:
    assert all(piece.text.endswith(",") for piece in pieces("a clause and another, " * 100, 2.0))
    assert {word for piece in pieces("word " * 1000, 2.0) for word in piece.text.split()} == {"word"}


@pytest.mark.parametrize("unit", [f"{FAMILY}a", "\U0001f1e9\U0001f1eaz", "e\u0301", "\u2764\ufe0fb"])
def test_characters_are_never_torn_apart(unit: str) -> None:
    for limit in (20, 33, 400):
        for piece in pieces(unit * 400, 2.0, limit=limit, speakable=False):
            assert piece.text.replace(unit, "").strip(unit) == ""
            assert not piece.text.startswith(("\u200d", "\u0301", "\ufe0f"))
            assert piece.text.count("\U0001f1e9") == piece.text.count("\U0001f1ea")


def test_words_are_said_while_the_model_pauses() -> None:
    segmenter = Segmenter()
    segmenter.feed("The answer to your quest")
    assert segmenter.take(0) is None
    piece = segmenter.take(0, flush=True)
    assert piece is not None
    assert piece.text == "The answer to your"
    assert segmenter.take(0, flush=True) is None
    segmenter.feed("ion is yes.")
    segmenter.finish()
    assert [piece.text for piece in rest_of(segmenter)] == ["question is yes."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Let me check that.", "Let me check that."),
        ("Let me check that. I", "Let me check that."),
        ("I have seen Dr. Sm", "I have seen"),
        ("Let me see this thing, then check th", "Let me see this thing,"),
        ("Let me see ", "Let me see"),
        ("Yes!", "Yes!"),
        ("a line\n", "a line"),
    ],
)
def test_a_pause_ends_a_piece_at_the_best_place(text: str, said: str) -> None:
    segmenter = Segmenter()
    segmenter.feed(text)
    piece = segmenter.take(0.5, flush=True)
    assert piece is not None
    assert piece.text == said


@pytest.mark.parametrize("text", ["Hel", "...", "**", "", " "])
def test_nothing_is_said_in_a_pause_when_there_is_no_word(text: str) -> None:
    segmenter = Segmenter()
    segmenter.feed(text)
    assert segmenter.take(0, flush=True) is None


@pytest.mark.parametrize(
    "text", ["", " \n\t", "...", "!?", "\U0001f389\U0001f44d", "**", "```\ncode\n```", "\0", "---\n"]
)
def test_what_cannot_be_spoken_is_passed_over(text: str) -> None:
    assert pieces(text) == []


def test_marks_alone_go_with_their_neighbours() -> None:
    assert [piece.text for piece in pieces("... Yes, I do think so! \U0001f389\U0001f389 ... No, I do not know.")] == [
        "... Yes, I do think so! ...",
        "No, I do not know.",
    ]
    assert [piece.text for piece in pieces("Yes, I do think so, really! ...")] == ["Yes, I do think so, really! ..."]


def test_what_is_left_out_belongs_to_the_piece_after_it_or_the_last() -> None:
    text = "This is the text before it.\n\n```\ncode\n```\nThis is the text behind it.\n\n```\nmore\n```\n"
    taken = pieces(text)
    assert [piece.text for piece in taken] == ["This is the text before it.", "This is the text behind it."]
    assert text[taken[1].start :].startswith("```\ncode")
    assert taken[1].end == len(text)


def test_unspeakable_text_after_the_last_piece_is_not_waited_for() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is the text before it. ```")
    segmenter.feed("\n\n\U0001f389\n\n")
    assert segmenter.take(1) is not None
    segmenter.finish()
    assert segmenter.take(1) is None
    assert segmenter.waiting == 0


def test_positions_within_a_piece_are_those_of_the_original() -> None:
    text = "See [the **whole** thing](https://a.org/x) now."
    (piece,) = pieces(text)
    assert piece.text == "See the whole thing now."
    for said, original in ((3, "See"), (7, "See [the"), (13, "See [the **whole"), (19, "See [the **whole** thing")):
        assert text[: piece.locate(said)] == original
    assert (piece.locate(-1), piece.locate(0), piece.locate(99)) == (0, 0, len(text))


def test_positions_count_from_the_start_of_the_text() -> None:
    text = "**One** sentence is before it. **Two** words are in this one."
    second = pieces(text)[1]
    assert second.text == "Two words are in this one."
    assert text[second.start :].startswith("**Two")
    assert text[: second.locate(3)].endswith("**Two")


def test_a_piece_without_marks_stands_for_what_it_says() -> None:
    assert [Piece("abc", 5, 8).locate(said) for said in range(4)] == [5, 6, 7, 8]


def test_abbreviations_are_those_of_the_language() -> None:
    text = "Das kam bzw. Der kam auch noch mit. Dann war Schluss."
    german = Segmenter(first=1, language="de")
    german.feed(text)
    german.finish()
    assert next(piece.text for piece in rest_of(german)).startswith("Das kam bzw. Der")


@pytest.mark.parametrize("options", [{"limit": 0}, {"longest": 0}, {"first": -1}])
def test_sizes_must_be_positive(options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="from 1 on"):
        Segmenter(**options)  # type: ignore[arg-type]


PARTS = st.sampled_from(
    [
        *"abc .,!?\n\u3002\u597d-\u2014:;)\"'*`#[]",
        "Dr. Smith ",
        "This is a sentence, or so. ",
        "3.14 ",
        "https://a.org/x ",
        "\n\n",
        "\n- ",
        "```\n",
        "[a](b) ",
        FAMILY,
        "word " * 60,
        "... ",
    ]
)
TEXTS = st.lists(PARTS, max_size=40).map("".join)


def portions(text: str, cuts: list[int]) -> list[str]:
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(TEXTS, st.data())
def test_the_portions_do_not_matter(text: str, data: st.DataObject) -> None:
    asked = sorted(
        data.draw(st.lists(st.tuples(st.integers(0, len(text)), st.floats(0, 20), st.booleans()), max_size=8))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))

    def speak(cuts: list[int]) -> list[Piece | None]:
        segmenter, taken, moments = Segmenter(), [], list(asked)
        at = 0
        for portion in portions(text, sorted([*cuts, *(moment for moment, _, _ in asked)])):
            segmenter.feed(portion)
            at += len(portion)
            while moments and moments[0][0] <= at:
                _, reserve, flush = moments.pop(0)
                taken.append(segmenter.take(reserve, room=20 - reserve, flush=flush))
        segmenter.finish()
        return [*taken, *rest_of(segmenter, 2.0)]

    assert speak(cuts) == speak([]) == speak(list(range(len(text))))


@given(TEXTS, st.booleans(), st.floats(0, 20), st.integers(1, 100))
def test_nothing_is_lost(text: str, speakable: bool, reserve: float, limit: int) -> None:
    taken = pieces(text, reserve, speakable=speakable, limit=limit)
    ends = [0, *(piece.end for piece in taken)]
    assert [piece.start for piece in taken] == ends[:-1]
    assert all(0 < len(piece.text) <= limit and has_words(piece.text) for piece in taken)
    if not speakable:
        for piece in taken:
            assert "".join(piece.text.split()) in "".join(text[piece.start : piece.end].split())
        assert not has_words(text[ends[-1] :])


@given(TEXTS, st.lists(st.tuples(st.floats(0, 12), st.floats(0, 12) | st.just(math.inf), st.booleans()), min_size=1))
def test_letters_are_spoken_once_and_in_order(text: str, asked: list[tuple[float, float, bool]]) -> None:
    segmenter, taken = Segmenter(speakable=False), []
    for at, character in enumerate(text):
        segmenter.feed(character)
        reserve, room, flush = asked[at % len(asked)]
        if piece := segmenter.take(reserve, room=room, flush=flush):
            taken.append(piece)
    segmenter.finish()
    taken += rest_of(segmenter)
    said = "".join(character for piece in taken for character in piece.text if character.isalnum())
    assert said == "".join(character for character in text if character.isalnum())


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "!",
        "\n",
        " ",
        ". ",
        "a. ",
        "word, ",
        "\u597d",
        "\u597d\u3002",
        "e\u0301",
        FAMILY,
        "**",
        "[",
        "`",
        "<b",
        "- ",
    ],
)
def test_a_long_text_without_an_end_needs_little_memory(unit: str) -> None:
    segmenter = Segmenter()
    for _ in range(3):
        segmenter.feed(unit * (5_000 // len(unit)))
        while segmenter.take(3):
            pass
        assert len(segmenter._plain.text) < 4 * LONGEST
        assert len(segmenter._plain.map._changed) < 8 * LONGEST
        assert len(segmenter._scanner.borders) < 4 * LONGEST


def test_memory_does_not_grow_with_the_text() -> None:
    segmenter, sentence = Segmenter(), "This is a **sentence** of some [length](http://a.org), or so. "
    segmenter.feed(sentence * 50)
    rest_of_window = [segmenter.take(3) for _ in range(50)]
    assert any(rest_of_window)
    tracemalloc.start()
    try:
        for _ in range(500):
            segmenter.feed(sentence)
            segmenter.take(3)
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


def test_a_long_text_is_read_as_it_is_needed() -> None:
    segmenter = Segmenter()
    segmenter.feed("This is a sentence of some length. " * 10_000)
    assert segmenter.take(2) is not None
    assert len(segmenter._plain.text) < 4 * LONGEST


# Cuts at words, for services whose melody goes on.

CLAUSELESS = "This is an opening that goes on and on without any mark at which one could take a breath for a while"


def test_a_text_in_which_no_clause_ends_is_cut_at_a_word_as_soon_as_there_are_so_many_characters() -> None:
    segmenter = Segmenter(word_cut=70)
    for character in CLAUSELESS[:69]:
        segmenter.feed(character)
        assert segmenter.take(0.0) is None
    segmenter.feed(CLAUSELESS[69])
    taken = segmenter.take(0.0)
    assert taken is not None
    assert taken.text == CLAUSELESS[:70].rpartition(" ")[0]
    segmenter.feed(CLAUSELESS[70:] + ".")
    segmenter.finish()
    assert rest_of(segmenter)[0].text == CLAUSELESS[len(taken.text) + 1 :] + "."


@pytest.mark.parametrize(
    ("text", "reserve"),
    [
        (CLAUSELESS, 2.0),  # enough is left to be heard
        (CLAUSELESS[:69], 0.0),
        ("Nowhere" * 20, 0.0),  # where no word ends
    ],
)
def test_else_it_is_waited_for_more(text: str, reserve: float) -> None:
    segmenter = Segmenter(word_cut=70)
    segmenter.feed(text)
    assert segmenter.take(reserve) is None


def test_a_clause_goes_before_a_word() -> None:
    segmenter = Segmenter(word_cut=70)
    segmenter.feed("This has a clause in its middle, " + CLAUSELESS)
    piece = segmenter.take(0.0)
    assert piece is not None
    assert piece.text == "This has a clause in its middle,"


def test_where_a_piece_is_urgent_no_more_is_looked_at_than_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(text: str, after: str, at: int, language: str) -> bool:
        asked.append(text)
        return ends_sentence(text, after, at, language)

    monkeypatch.setattr("oggstream.text.borders.ends_sentence", counted)
    segmenter = Segmenter()
    segmenter.feed(SENTENCE * 12)
    segmenter.finish()
    first = segmenter.take(0.0)
    assert first is not None
    assert first.text == SENTENCE.strip()
    assert len(asked) == 1
    rest_of(segmenter)
    assert len(asked) > 10
