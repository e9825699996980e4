"""`Finding`: the result of a check."""

from __future__ import annotations

from typing import NamedTuple

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding(NamedTuple):
    """A line of the account.

    ``level`` is `OK`, `WARN` (it works, but not as well as it might) or `FAIL` (something needed does not work);
    ``mend`` the command or the step that mends it; ``figures`` are times in seconds, and counts.
    """

    name: str
    level: str
    says: str
    mend: str | None = None
    figures: dict[str, float] = {}  # noqa: RUF012  # a NamedTuple's default, never changed


def failed(name: str, error: Exception, mend: str | None = None, *, level: str = FAIL) -> Finding:
    """The finding for an error. Ours say what to do behind their last semicolon or colon."""
    says, _, advice = str(error).rpartition("; ")
    return Finding(name, level, says or str(error), mend or (advice if says else None))
