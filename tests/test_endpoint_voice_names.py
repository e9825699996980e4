"""Which voice speaks for a name that a client asks for."""

from __future__ import annotations

import pytest

from oggstream.endpoint.voice_names import Choice, VoiceNames

KOKORO = ("af_heart", "af_bella", "am_adam")


@pytest.mark.parametrize("name", ["af_bella", "AF_BELLA"])
def test_a_voice_of_the_source_is_itself_however_it_is_written(name: str) -> None:
    assert VoiceNames(KOKORO).choose(name) == Choice("af_bella", known=True)


def test_no_name_is_the_usual_voice() -> None:
    assert VoiceNames(KOKORO).choose(None) == Choice(None, known=True)


def test_openais_names_are_voices_of_the_source_always_the_same_and_not_all_one() -> None:
    names = VoiceNames(KOKORO)
    assert names.choose("alloy") == names.choose("alloy") == Choice("af_heart", known=True)
    assert {names.choose(name).voice for name in ("alloy", "ash", "ballad")} == set(KOKORO)


def test_a_source_that_knows_openais_names_is_given_them() -> None:
    assert VoiceNames(KOKORO, takes_openai=True).choose("nova") == Choice("nova", known=True)


def test_a_table_of_ones_own_goes_first() -> None:
    names = VoiceNames(KOKORO, {"Alloy": "am_adam", "boss": "af_heart"})
    assert [names.choose(name).voice for name in ("alloy", "BOSS")] == ["am_adam", "af_heart"]


@pytest.mark.parametrize(("asked", "near"), [("af_bela", "af_bella"), ("xyzzy", None)])
def test_an_unknown_name_is_the_nearest_one_or_the_usual_voice(asked: str, near: str | None) -> None:
    assert VoiceNames(KOKORO).choose(asked) == Choice(near, known=False)


def test_where_the_source_lists_none_any_name_is_passed_on_but_openais() -> None:
    assert VoiceNames().choose("JBFqnCBsd6RMkjVDRZzb") == Choice("JBFqnCBsd6RMkjVDRZzb", known=True)
    assert VoiceNames().choose("alloy") == Choice(None, known=True)


def test_the_list_has_each_name_once_the_sources_own_first() -> None:
    told = VoiceNames(("alloy", "af_heart"), {"boss": "af_heart"}).all
    assert told[:2] == ["alloy", "af_heart"]
    assert len(told) == len(set(told)) == 15
