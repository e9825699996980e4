"""A server that speech can do without: when it is asked again after it was away, and what is told of that, once."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..http.redaction import Secrets

AWAY_SECONDS = 5.0
"""It is not asked for so long after it was away, twice as long each time."""
LONGEST_SECONDS = 60.0


class Absence:
    """Of the server called ``what``, told in ``log`` without any of the ``secrets``."""

    def __init__(self, what: str, secrets: Secrets, log: logging.Logger) -> None:
        self._what = what
        self._secrets = secrets
        self._log = log
        self._until = 0.0
        self._pause = 0.0  # the last one; 0: it is there
        self._told: set[str] = set()  # the kinds of refusals

    @property
    def lasts(self) -> bool:
        """Whether it is not to be asked now."""
        return time.monotonic() < self._until

    def begins(self, error: Exception) -> None:
        """It has not answered."""
        if self.lasts:
            return
        if not self._pause:
            self._log.warning("%s is away: speech goes on without it (%s)", self._what, self._shown(error))
        self._pause = min(2 * self._pause or AWAY_SECONDS, LONGEST_SECONDS)
        self._until = time.monotonic() + self._pause

    def ends(self) -> None:
        """It has answered."""
        if self._pause:
            self._log.info("%s is back", self._what)
            self._pause = self._until = 0.0

    def refused(self, error: Exception) -> None:
        """It has answered that it does not do what it was asked for."""
        if (kind := str(error).partition(" ")[0]) not in self._told:
            self._told.add(kind)
            self._log.warning("%s refuses: speech goes on without it (%s)", self._what, self._shown(error))

    def _shown(self, error: Exception) -> str:
        return f"{type(error).__name__}: {self._secrets.shown(str(error))}".removesuffix(": ")
