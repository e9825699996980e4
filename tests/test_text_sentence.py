"""Full stops of ordinals, abbreviations and numbers end no sentence, and no library's failure ends a speech."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st

from oggstream.text.segmenter import Segmenter
from oggstream.text.sentence import open_end, sentences


def spoken(text: str, *, pause_behind: str | None = None, language: str | None = None) -> list[str]:
    """The pieces of ``text``; the writer pauses once behind the words given."""
    segmenter = Segmenter(first=1, language=language)
    found = []
    at = len(pause_behind) if pause_behind is not None else 0
    for portion in (text[:at], text[at:]):
        segmenter.feed(portion)
        if portion and portion == pause_behind:
            while piece := segmenter.take(0.0, flush=True):
                found.append(piece.text)
    segmenter.finish()
    while piece := segmenter.take(0.0):
        found.append(piece.text)
    return found


ONE_SENTENCE = [
    ("Wir treffen uns am 9. November in Berlin.", "9. November"),
    ("Wir treffen uns am 9. in der Stadt.", "9. in"),
    ("Der 3. Tag war das nicht und auch nicht der letzte.", "3. Tag"),
    ("Wilhelm II. dankte ab und ging.", "II. dankte"),
    ("Im XX. Jahrhundert war das noch nicht so.", "XX. Jahrhundert"),
    ("Den 9. november kom han ikke hjem.", "9. november"),
    ("Es gibt z. B. Hunde und auch Katzen.", "z. B. Hunde"),
    ("Das ist d. h. Unsinn und gar nicht gut.", "d. h. Unsinn"),
    ("El Sr. García llegó a casa.", "Sr. García"),
    ("La Sra. Pérez no está en la casa.", "Sra. Pérez"),
    ("O Sr. Silva e a Dra. Ana não vieram.", "Dra. Ana"),
    ("Le chat de M. Dupont est dans la rue.", "M. Dupont"),
    ("Ieri il sig. Rossi è arrivato qui.", "sig. Rossi"),
    ("Dat is dhr. Jansen en niet de man.", "dhr. Jansen"),
    ("Он жил на ул. Ленина, т. е. в центре.", "ул. Ленина"),
    ("Get Version 0.12 of it now.", "0.12"),
    ("It costs 10,000 dollars or more.", "10,000"),
    ("He came at 10:30 and stayed here.", "10:30"),
    ("So said J. R. R. Tolkien one day.", "R. Tolkien"),
]


@pytest.mark.parametrize(("text", "together"), ONE_SENTENCE)
def test_what_goes_on_behind_a_full_stop_is_one_sentence(text: str, together: str) -> None:
    assert spoken(f"{text} Und so ging es weiter.")[0] == text


@pytest.mark.parametrize(("text", "together"), ONE_SENTENCE)
def test_no_pause_of_the_writer_tears_it_apart(text: str, together: str) -> None:
    begin = text.index(together)
    for at in range(begin, begin + len(together)):
        found = spoken(text, pause_behind=text[:at])
        stops = [index + 1 for index, mark in enumerate(together[:-1]) if mark in ".,:"]
        assert not any(piece.endswith(together[:stop]) for piece in found for stop in stops), (at, found)


@pytest.mark.parametrize(
    "text",
    [
        "I was born in 1990. Then I moved away.",
        "Take vitamin C. Next take some D.",
        "Er wurde 30. Dann ging er weg.",
        "It costs 9. That is not much.",
        "He is here, not there. You know it.",
    ],
)
def test_sentences_still_end(text: str) -> None:
    assert len(spoken(text)) == 2


def test_a_language_that_is_given_is_used() -> None:
    text = "Es war 9. Mehr sage ich dazu nicht, nein."
    assert len(spoken(text, language="en-GB")) == 2


@pytest.mark.parametrize(
    ("text", "rest"),
    [("Version 0.", "0."), ("z. B.", "z. B."), ("Herr Dr.", "Dr."), ("at 10:", "10:"), ("in 1990. ", ""), ("so.", "")],
)
def test_what_may_go_on_is_known(text: str, rest: str) -> None:
    assert text[open_end(text) :] == rest


def test_a_blank_that_sentencex_panics_at_is_a_blank() -> None:
    assert spoken("Vitamin C\u00a0. Next time we meet.") == ["Vitamin C\u00a0.", "Next time we meet."]


class PanicException(BaseException):
    """As Rust's libraries raise it."""


@pytest.mark.parametrize(
    "error", [PanicException("byte index 10"), ValueError("language"), UnicodeEncodeError("utf-8", "", 0, 1, "")]
)
def test_where_sentencex_fails_full_stops_end_sentences(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[str]:
        raise error

    monkeypatch.setitem(sys.modules, "sentencex", SimpleNamespace(segment=fail))
    assert sentences("One is here. Two! Three", "en") == ["One is here. ", "Two! ", "Three"]
    assert spoken("One is here. Two is there.") == ["One is here.", "Two is there."]


def test_an_interruption_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "sentencex", SimpleNamespace(segment=interrupt))
    with pytest.raises(KeyboardInterrupt):
        sentences("One. Two.", "en")


CHARACTERS = st.one_of(st.characters(), st.sampled_from("\u00a0\u2003.!? \n\u3002\u06d4IVX19zB<>*_`\x1b\u200d"))


@settings(max_examples=150)
@given(
    st.text(CHARACTERS, max_size=120), st.sampled_from([None, "en", "de", "ja", "xx", "hi", "am", ""]), st.booleans()
)
def test_no_text_ends_in_an_exception(text: str, language: str | None, speakable: bool) -> None:
    segmenter = Segmenter(first=1, language=language, speakable=speakable)
    segmenter.feed(text)
    segmenter.finish()
    end = 0
    while piece := segmenter.take(0.0):
        assert piece.start == end
        end = piece.end
    assert segmenter.waiting == 0
