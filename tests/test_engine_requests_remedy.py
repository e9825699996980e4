"""The remedy for a failed piece, from the facts about it."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream import errors
from oggstream.engine.requests.remedy import ATTEMPTS, WAITS, Case, Remedy, concerns_format, is_busy, remedy_for


def refused(status: int, message: str = "no") -> errors.SourceError:
    kinds = {401: errors.AuthenticationError, 403: errors.AccessError, 404: errors.NotFoundError}
    kind = kinds.get(status, errors.RateLimitError if status == 429 else errors.RequestRefusedError)
    return (errors.ServerError if status >= 500 else kind)(message, status=status)


def case(**known: Any) -> Case:
    return Case(**{"received": False, "attempts": 1, **known})


@pytest.mark.parametrize("status", [400, 404, 406, 415, 422, 500, 501])
def test_an_answer_that_may_be_about_the_format_is_followed_by_another_format(status: int) -> None:
    assert remedy_for(refused(status), case(other_format=True)) is Remedy.OTHER_FORMAT


@pytest.mark.parametrize(
    "error",
    [
        errors.EmptyBodyError("empty"),
        errors.NoAudioError("none"),
        errors.WrongContainerError("the body is JSON"),
        errors.FormatError("WAV that cannot be played: ADPCM"),
        refused(500, "Unsupported response_format: opus"),
        refused(400, "cannot encode OGG"),
    ],
)
def test_a_body_that_is_none_is_followed_by_another_format(error: errors.OggStreamError) -> None:
    assert remedy_for(error, case(other_format=True)) is Remedy.OTHER_FORMAT


@pytest.mark.parametrize("error", [refused(400), refused(422), errors.EmptyBodyError("empty")])
def test_a_format_that_was_given_before_is_not_to_blame(error: errors.OggStreamError) -> None:
    known = case(other_format=True, proven=True)
    assert remedy_for(error, known._replace(skippable=True)) is Remedy.SKIP
    assert remedy_for(error, known) is Remedy.END


def test_a_format_that_is_named_is_to_blame_even_so() -> None:
    error = refused(400, "response_format must be wav")
    assert remedy_for(error, case(other_format=True, proven=True)) is Remedy.OTHER_FORMAT


@pytest.mark.parametrize("error", [refused(500), refused(503), errors.SourceTimeoutError("slow"), refused(400)])
def test_whatever_happens_to_a_format_on_trial_it_is_given_up(error: errors.OggStreamError) -> None:
    assert remedy_for(error, case(trial=True)) is Remedy.OTHER_FORMAT


def test_a_body_that_breaks_off_is_asked_for_again_a_few_times() -> None:
    broken = errors.SourceBrokenError("cut")
    assert remedy_for(broken, case(received=True)) is Remedy.AGAIN
    assert remedy_for(broken, case()) is Remedy.AGAIN
    assert remedy_for(broken, case(attempts=ATTEMPTS)) is Remedy.END


def test_a_body_that_breaks_off_twice_before_its_sound_may_come_in_another_format() -> None:
    broken = errors.SourceBrokenError("cut")
    assert remedy_for(broken, case(other_format=True)) is Remedy.AGAIN
    assert remedy_for(broken, case(other_format=True, attempts=2)) is Remedy.OTHER_FORMAT


@pytest.mark.parametrize("status", [400, 413, 414, 422, 431, 451, 500, 502])
def test_a_piece_that_is_not_spoken_is_passed_over_where_others_are(status: int) -> None:
    assert remedy_for(refused(status), case(skippable=True)) is Remedy.SKIP
    assert remedy_for(refused(status), case()) is Remedy.END


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_what_holds_for_every_piece_ends_the_speech(status: int) -> None:
    assert remedy_for(refused(status), case(skippable=True)) is Remedy.END


@pytest.mark.parametrize(
    "error",
    [errors.QuotaError("credit", status=429), errors.SourceTimeoutError("slow"), errors.SourceConnectionError("no")],
)
def test_what_is_no_fault_of_the_piece_ends_the_speech(error: errors.OggStreamError) -> None:
    assert remedy_for(error, case(skippable=True)) is Remedy.END


def test_what_fails_in_the_middle_of_its_sound_is_not_passed_over() -> None:
    assert remedy_for(refused(500), case(received=True, skippable=True, other_format=True)) is Remedy.END


@pytest.mark.parametrize(
    "error",
    [
        *map(refused, (409, 423, 429, 502, 503, 504)),
        errors.SourceConnectionError("reset"),
        errors.SourceBrokenError("cut"),
    ],
)
def test_a_service_that_is_busy_with_us_is_waited_for(error: errors.OggStreamError) -> None:
    assert remedy_for(error, case(ours=True)) is Remedy.LATER
    assert remedy_for(error, case(ours=True, waits=WAITS, attempts=ATTEMPTS)) is Remedy.END
    assert remedy_for(error, case(received=True, ours=True)) is not Remedy.LATER


def test_a_service_that_fails_beside_another_request_of_ours_is_asked_once_more() -> None:
    known = case(ours=True, proven=True, skippable=True)
    assert remedy_for(refused(500), known) is Remedy.LATER
    assert remedy_for(refused(500), known._replace(waits=1)) is Remedy.SKIP
    assert remedy_for(refused(500), known._replace(ours=False)) is Remedy.SKIP
    assert remedy_for(refused(400), known) is Remedy.SKIP


def test_no_credit_is_not_waited_for() -> None:
    assert not is_busy(errors.QuotaError("credit", status=402))
    assert remedy_for(errors.QuotaError("credit", status=402), case(ours=True)) is Remedy.END


def test_another_service_goes_before_all_else() -> None:
    assert remedy_for(refused(401), case(elsewhere=True)) is Remedy.AGAIN
    assert remedy_for(refused(401), case(elsewhere=True, attempts=ATTEMPTS)) is Remedy.END


def test_a_long_message_is_looked_at_in_part() -> None:
    assert not concerns_format(refused(503, "x" * 5000 + " format"))
