"""The files that describe services: those of this package, and the user's own."""

from __future__ import annotations

import os
from typing import Any

from ...errors import ConfigError
from ...files.places import settings_folder
from ...files.toml_file import read_toml

VARIABLE = "OGGSTREAM_SERVICES"
"""Names a file of services, beside that in the user's folder."""


def user_path() -> str:
    """The file of the user's own services; it need not be there."""
    return os.path.join(settings_folder(), "services.toml")


def tables_of(only: str | None = None) -> dict[str, dict[str, Any]]:
    """The tables of all files: a later one changes the entries that it names. ``only``: the one that is wanted.

    Raises `ConfigError` for a file that cannot be read.
    """
    tables: dict[str, dict[str, Any]] = {}
    for path in _paths(only):
        for name, table in read_toml(path, "the services").items():
            if not isinstance(table, dict):
                raise ConfigError(f"cannot use the services in {path}: {name!r} stands outside a table")
            tables[name] = {**tables.get(name, {}), **table}
    return tables


def _paths(only: str | None) -> list[str]:
    """The files that hold the tables, or the table ``only``: those of this package, and then the user's."""
    here = os.path.dirname(__file__)
    known = os.path.join(here, "known")
    names = sorted(name for name in os.listdir(known) if only is None or name == f"{only}.toml")
    paths = [os.path.join(here, "services.toml"), *(os.path.join(known, name) for name in names)]
    if os.path.exists(user_path()):
        paths.append(user_path())
    if named := os.environ.get(VARIABLE, "").strip():
        paths.append(os.path.expanduser(named))
    return paths
