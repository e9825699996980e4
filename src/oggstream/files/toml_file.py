"""Tables that users write: TOML."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ConfigError
from .access import read_whole, reason

MOST_BYTES = 1 << 20
"""Of such a file."""


def read_toml(path: str | os.PathLike[str], what: str = "") -> dict[str, Any]:
    """The table in a file; ``what`` is in it, for messages. Raises `ConfigError`."""
    import tomllib

    named = f"{what} in {os.fspath(path)}" if what else os.fspath(path)
    try:
        return tomllib.loads(read_whole(path, MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {named}: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read {named}: {error}; it must be TOML") from error
