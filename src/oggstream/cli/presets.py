"""What a user has set once for all commands: a file and three variables, put before the words of the command line.

An option goes before a variable, a variable before the file. Without a file nothing is read, and no TOML reader loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..errors import ConfigError
from ..files.places import settings_folder
from .options import OPTIONS, PRESET, check_value, is_switch

VARIABLES = {"OGGSTREAM_SERVICE": "--service", "OGGSTREAM_VOICE": "--voice", "OGGSTREAM_DEVICE": "--device"}

_SETTLED = {  # an option that is given -> those that then mean something else than when they were set
    "--sink": ("--device",),
    "--device": ("--sink",),
    "--output": ("--device", "--sink"),
    "--base-url": ("--service", "--voice", "--model"),
    "--service": ("--base-url", "--voice", "--model"),
}


def path() -> str:
    """The file; it need not be there. Beside it lie the user's services and words."""
    return os.path.join(settings_folder(), "config.toml")


def words(taken: Iterable[str], given: list[str]) -> list[str]:
    """Words that stand before ``given`` for what a user has set, of the options that are ``taken``.

    Raises `ConfigError`, which names the file or variable and the key, for what makes no sense.
    """
    values = _of_file() | _of_environment()
    used = {word.partition("=")[0] for word in given if word.startswith("--")}
    if any(word.startswith("-o") for word in given):
        used.add("--output")
    for option in used & _SETTLED.keys():
        same = option in values and any(word in (f"{option}={values[option]}", values[option]) for word in given)
        for other in () if same else _SETTLED[option]:
            values.pop(other, None)
    for option in used & values.keys():
        if OPTIONS[option].get("action") == "append":  # what is given is all of it
            del values[option]
    return [word for option in taken if option in values for word in _word(option, values[option])]


def _word(option: str, value: Any) -> list[str]:
    if not is_switch(option):
        return [f"{option}={each}" for each in (value if isinstance(value, list) else [value])]
    if value:
        return [option]
    return [f"--no-{option[2:]}"] if OPTIONS[option]["action"] != "store_true" else []


def _of_environment() -> dict[str, Any]:
    return {option: os.environ[name] for name, option in VARIABLES.items() if os.environ.get(name, "").strip()}


def _of_file() -> dict[str, Any]:
    file = path()
    if not os.path.exists(file):
        return {}
    values = {}
    from ..files.toml_file import read_toml

    for key, value in read_toml(file).items():
        option = f"--{key.replace('_', '-')}"
        if option not in PRESET:
            raise ConfigError(f"{file}: there is no key {key!r}; the keys are {', '.join(_keys())}{_near(key)}")
        try:
            values[option] = check_value(option, value)
        except ValueError as error:
            raise ConfigError(f"{file}: {key} cannot be {value!r}: {error}") from error
    return values


def _keys() -> list[str]:
    return [option[2:] for option in PRESET]


def _near(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.replace("_", "-"), _keys(), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
