"""What was spoken before a piece, as a service is told of it."""

from __future__ import annotations

from hypothesis import given, strategies as st

from oggstream.sources.services.speech_memory import MOST_PIECES, SpeechMemory, fields_of


def before(memory: SpeechMemory, text: str, characters: int = 100, requests: int = 3) -> dict[str, object]:
    return fields_of(memory.ask(text)[1], characters, requests)


def test_a_piece_follows_all_that_was_asked_for_before_it() -> None:
    memory = SpeechMemory()
    assert before(memory, "One. ") == {}
    assert before(memory, "Two.") == {"previous_text": "One."}
    assert before(memory, "Three.") == {"previous_text": "One. Two."}


def test_the_text_before_is_cut_at_a_word() -> None:
    memory = SpeechMemory()
    before(memory, "One two three.")
    assert before(memory, "a", 8) == {"previous_text": "three."}
    assert before(memory, "b", 3) == {"previous_text": "a"}
    assert before(memory, "c", 0) == {}


def test_requests_are_named_where_the_last_one_is_complete() -> None:
    memory = SpeechMemory()
    pieces = [memory.ask(text)[0] for text in ("One.", "Two.", "Three.", "Four.")]
    for number, piece in enumerate(pieces):
        piece.request_id = f"r{number}"
    for piece in pieces[:3]:
        piece.complete = True
    assert before(memory, "Five.") == {"previous_text": "One. Two. Three. Four."}
    pieces[3].complete = True
    assert before(memory, "Five.", 100, 3) == {"previous_request_ids": ["r1", "r2", "r3"]}
    assert before(memory, "Five.", 100, 0) == {"previous_text": "One. Two. Three. Four."}


def test_a_piece_that_is_asked_for_again_has_the_same_text_before_it() -> None:
    memory = SpeechMemory()
    for text in ("One.", "Two two.", "Three."):
        before(memory, text)
    assert before(memory, "Two two.") == {"previous_text": "One."}
    assert before(memory, "two.") == {"previous_text": "One. Two"}
    assert before(memory, "Four.") == {"previous_text": "One. Two two. Three."}


@given(st.lists(st.text(min_size=1, max_size=5), max_size=100))
def test_what_is_remembered_is_bounded(texts: list[str]) -> None:
    memory = SpeechMemory()
    for text in texts:
        told = before(memory, text, 20)
        assert len(str(told.get("previous_text", ""))) <= 20
    assert len(memory._pieces) <= MOST_PIECES
