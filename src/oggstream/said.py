"""What is said for what is written: the values of `PlaybackOptions.replace`, and their checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import UsageError

LONGEST_KEY = 200
"""Characters of a word or phrase at most."""
LONGEST_SAID = 1000
"""Characters that are said for one at most."""
_NO_TEXT = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
_NO_PHONEME = '[\x00-\x1f\x7f-\x9f\ud800-\udfff<>&"{}/\\[\\]]'


class Ipa(NamedTuple):
    """How something is pronounced, in symbols of the International Phonetic Alphabet.

    ``say`` is what is said where a service takes no phonemes, such as "H vac"; None: the word itself, as the service
    reads it.
    """

    ipa: str
    say: str | None = None


def check_said(name: str, value: Any) -> None:
    """A mapping of words, phrases and patterns to what is said for them, or None. Raises `UsageError`."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} must be a mapping of str or pattern to str, not {type(value).__name__}")
    for key, said in value.items():
        check_rule(name, key, said)


def check_rule(name: str, key: Any, said: Any) -> None:
    """One pair of such a mapping. Raises `UsageError`."""
    if isinstance(key, str):
        if not key.strip() or len(key) > LONGEST_KEY or re.search(_NO_TEXT, key):
            raise UsageError(f"{name} holds {key[:40]!r}, which is no word or phrase of 1 to {LONGEST_KEY} characters")
    elif not isinstance(key, re.Pattern) or not isinstance(key.pattern, str):
        raise UsageError(f"{name} maps str and compiled patterns of str, not {type(key).__name__}")
    shown = repr(key if isinstance(key, str) else key.pattern)
    if isinstance(said, Ipa):
        _check_ipa(name, shown, said)
    else:
        _check_text(name, shown, said)
        if isinstance(key, re.Pattern):
            _check_template(name, key, said)


def _check_text(name: str, shown: str, said: Any) -> None:
    if not isinstance(said, str):
        raise UsageError(f"{name} must say a str for {shown}, not {type(said).__name__}")
    if len(said) > LONGEST_SAID or re.search(_NO_TEXT, said):
        raise UsageError(f"{name} must say up to {LONGEST_SAID} characters for {shown}, none of them a control")


def _check_ipa(name: str, shown: str, said: Ipa) -> None:
    for part in (said.ipa, *([] if said.say is None else [said.say])):
        _check_text(name, shown, part)
        if not part.strip():
            raise UsageError(f"{name} has nothing to say for {shown}")
    if re.search(_NO_PHONEME, said.ipa):
        raise UsageError(f"{name} must give {shown} symbols of the IPA, without slashes or brackets")


def _check_template(name: str, pattern: re.Pattern[str], said: str) -> None:
    try:
        pattern.sub(said, "")
    except (re.error, IndexError) as error:
        raise UsageError(f"{name} cannot say {said!r} for {pattern.pattern!r}: {error}") from error
