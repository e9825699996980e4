from __future__ import annotations

import pytest

from oggstream.text.borders import Border, BorderScanner, character_end, first_word, has_words, last_word_end

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f466"
GERMANY, FRANCE = "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "character",
    [
        FAMILY,
        GERMANY,
        SCOTLAND,
        "e\u0301\u0323",
        "\U0001f44d\U0001f3fd",
        "\u2764\ufe0f",
        "\u0915\u094d\u0937\u093f"[2:],
        "\u1112\u1161\u11ab",
        "\u0e01\u0e33"[:1] + "\u0e35",
        "1\ufe0f\u20e3",
    ],
)
def test_what_reads_as_one_character_is_never_cut(character: str) -> None:
    text = f"x{character}y"
    for limit in range(1, len(text) - 1):
        assert character_end(text, limit) == 1
    assert character_end(text, len(text) - 1) == len(text) - 1


def test_flags_are_cut_between_pairs() -> None:
    text = f"{GERMANY}{FRANCE}{GERMANY}"
    assert [character_end(text, limit) for limit in (2, 3, 4, 5, 6)] == [2, 2, 4, 4, 6]


def test_a_character_longer_than_the_limit_is_cut_nevertheless() -> None:
    assert character_end("e" + "\u0301" * 50, 20) == 20


def test_the_end_of_the_text_is_an_end() -> None:
    assert character_end("abc", 7) == 3


def test_words_end_behind_their_blank() -> None:
    assert last_word_end("one two three", 9) == 8
    assert last_word_end("one\ntwo", 5) == 4
    assert last_word_end("onetwo", 5) == 0


@pytest.mark.parametrize("text", ["", "...", " \n", "\U0001f600!", "_-*", "\u3002", "\ufffd"])
def test_marks_and_pictures_are_no_words(text: str) -> None:
    assert not has_words(text)


@pytest.mark.parametrize("text", ["a", "7", "\u597d", "\u0967", "...a", "\xbd"])
def test_letters_and_digits_of_any_script_are_words(text: str) -> None:
    assert has_words(text)


def test_the_first_word_is_found_behind_marks() -> None:
    assert first_word("... (so)") == 5
    assert first_word("...") == 3
    assert not has_words("so...", 2)


def borders(text: str, *, final: bool = True) -> list[tuple[str, bool]]:
    scanner = BorderScanner()
    scanner.scan(text, 0, final=final)
    return [(text[: border.at], border.sentence) for border in scanner.borders]


def test_a_sentence_ends_when_enough_follows() -> None:
    text = "One sentence. And then twelve"
    assert borders(text[:25], final=False) == []
    assert borders(text[:26], final=False) == [("One sentence. ", True)]
    assert borders(text[:20]) == [("One sentence. ", True)]


def test_a_search_that_has_enough_goes_on_later_as_if_it_had_not_stopped() -> None:
    text = "One, as they say. Dr. Two said so, once. And three. "
    scanner, seen = BorderScanner(), []
    for least in (0, 20, 60):

        def enough(border: Border, least: int = least) -> bool:
            return border.sentence and border.at > least

        scanner.scan(text, 0, final=True, enough=enough)
        seen.append(len(scanner.borders))
    assert seen == [2, 4, 5]
    assert [(text[: border.at], border.sentence) for border in scanner.borders] == borders(text)


def test_a_line_feed_needs_nothing_after_it() -> None:
    assert borders("A line\n", final=False) == [("A line\n", True)]
    assert borders("A line.\n", final=False) == [("A line.\n", True)]


def test_a_line_that_ends_with_a_comma_goes_on() -> None:
    assert borders("Roses are red,\nviolets", final=False) == [("Roses are red,\n", False)]


@pytest.mark.parametrize(
    "text",
    [
        "well, yes",
        "so; then",
        "this: that",
        "one \u2013 two",
        "one\u2014two",
        "one - two",
        "(so) then",
        "\u597d\uff0c\u662f",
        "Wait... what",
    ],
)
def test_clauses_end_at_marks_within_a_sentence(text: str) -> None:
    found = borders(text)
    assert len(found) == 1
    assert not found[0][1]


@pytest.mark.parametrize(
    "text", ["1,000", "10:30", "well-known", "http://a.b", "3.14", "a,b", "pre- and post-war", "e.g. this"]
)
def test_marks_within_words_and_numbers_are_no_borders(text: str) -> None:
    assert borders(text) == []


def test_paragraphs_are_told_even_if_their_line_feeds_come_one_by_one() -> None:
    scanner = BorderScanner()
    scanner.scan("One\n", 0, final=False)
    scanner.scan("One\n\n", 0, final=False)
    assert [border.paragraph for border in scanner.borders] == [False, True]


def test_what_was_taken_is_forgotten() -> None:
    text = "One sentence. Another one, that is longer. A third one is here."
    scanner = BorderScanner()
    scanner.scan(text, 0, final=True)
    before = list(scanner.borders)
    scanner.pass_over(14)
    scanner.scan(text[14:], 14, final=True)
    assert scanner.borders == before[1:]


def test_a_sentence_that_seems_to_end_can_be_asked_for() -> None:
    scanner = BorderScanner()
    text = "One sentence. And"
    scanner.scan(text, 0, final=False)
    assert scanner.likely_end(text, 0) == 14
    assert scanner.likely_end("It was Dr. Sm", 0) == 0
    assert scanner.likely_end("No end", 0) == 0
