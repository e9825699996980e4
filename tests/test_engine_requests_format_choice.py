"""Which format follows when one is refused, and what the history keeps of that."""

from __future__ import annotations

from oggstream.engine.requests.format_choice import TRIAL_SECONDS, FormatChoice
from oggstream.playout.habits import REFUSED_FOR, Habits
from oggstream.sources.traits import SourceTraits

ALL = ("opus", "pcm", "wav")
KNOWN = SourceTraits(samples_known=True)
FAST = Habits(seen=5, link=1e6, first_packet=(("opus", 1.4), ("pcm", 1.1)))


def choice(wanted: str = "auto", habits: Habits | None = None, formats: tuple[str, ...] = ALL) -> FormatChoice:
    return FormatChoice(wanted, KNOWN, formats, habits)


def test_the_source_s_own_preference_comes_first_then_wav_then_samples() -> None:
    formats = choice()
    asked = [formats.usual]
    while (following := formats.other(asked[-1])) is not None:
        assert formats.refuse(asked[-1])
        asked.append(following)
    assert asked == ["auto", "wav", "pcm"]


def test_what_was_refused_is_not_asked_for_by_the_next_piece() -> None:
    formats = choice()
    formats.refuse("auto")
    assert formats.usual == "wav"
    assert not formats.refuse("opus")


def test_a_format_that_the_user_chose_is_the_only_one() -> None:
    formats = choice("opus")
    assert formats.usual == formats.opening() == "opus"
    assert formats.other("opus") is None


def test_a_source_that_does_not_know_its_formats_leaves_no_choice() -> None:
    formats = choice(formats=())
    assert (formats.usual, formats.other("auto")) == ("auto", None)


def test_what_was_refused_in_an_earlier_speech_is_not_asked_for() -> None:
    assert choice(habits=Habits().with_refused("opus")).usual == "wav"
    assert choice(habits=Habits().with_refused("opus").with_given("opus")).usual == "auto"


def test_after_many_speeches_a_refused_format_is_asked_for_again() -> None:
    habits = Habits().with_refused("opus")
    assert choice(habits=habits._replace(seen=REFUSED_FOR)).usual == "auto"


def test_habits_keep_what_was_refused_in_their_file() -> None:
    habits = Habits(requests=1, endless=3).with_refused("opus")
    assert Habits.from_dict(habits.to_dict()) == habits
    old = habits.to_dict()
    for name in ("refused", "requests", "endless"):
        del old[name]
    assert Habits.from_dict(old) == Habits()


def test_samples_open_a_speech_only_where_they_are_known() -> None:
    assert choice(habits=FAST).opening() == "pcm"
    assert FormatChoice("auto", SourceTraits(), ALL, FAST).opening() == "auto"


def test_a_trial_may_take_as_long_as_the_usual_first_sound_and_a_little() -> None:
    formats = choice(habits=FAST)
    assert not formats.is_trial("pcm")
    assert formats.opening() == "pcm"
    assert formats.is_trial("pcm")
    assert not formats.is_trial("auto")
    assert formats.patience() == 1.4 + TRIAL_SECONDS
    assert not choice("pcm").is_trial("pcm")
    assert not choice(formats=("pcm",)).is_trial("auto")


def test_samples_that_are_all_that_is_left_are_no_trial() -> None:
    formats = choice()
    formats.refuse("auto")
    formats.refuse("wav")
    assert formats.usual == "pcm"
    assert not formats.is_trial("pcm")


def test_where_every_format_was_refused_each_is_asked_for_once_and_none_is_a_trial() -> None:
    habits = Habits().with_refused("opus").with_refused("wav").with_refused("pcm")
    formats = choice(habits=habits)
    asked = [formats.opening()]
    while (following := formats.other(asked[-1])) is not None:
        assert not formats.is_trial(asked[-1])
        formats.refuse(asked[-1])
        asked.append(following)
    assert asked == ["opus", "wav", "pcm"]
    assert not formats.is_trial("pcm")


def test_a_format_is_proven_by_this_speech_or_by_an_earlier_one() -> None:
    formats = choice()
    assert not formats.is_proven("auto")
    formats.prove("auto")
    assert formats.is_proven("opus")
    assert choice(habits=FAST).is_proven("auto")
    assert not choice(habits=FAST.with_refused("opus")).is_proven("opus")
