"""When a failed request is sent again, and after how long: the rules of OpenAI's own client. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
LONGEST_WISH = 120.0
"""A service that wants a longer pause than this (seconds) is not asked again."""
_LONGEST_VALUE = 400  # characters of a header that are read: dates and numbers have fewer


def worth_retrying(status: int, headers: Mapping[str, str], *, quota: bool, now: float) -> bool:
    """Whether a response of ``status`` is worth another request.

    ``quota``: the service says that there is no credit left. ``now``: Unix time, for a ``retry-after`` that is a date.
    """
    if (wished_delay(headers, now) or 0) > LONGEST_WISH:
        return False
    verdict = headers.get("x-should-retry")
    if verdict in ("true", "false"):
        return verdict == "true"
    if status == 429:
        return not quota
    return status in (408, 409) or status >= 500


def wished_delay(headers: Mapping[str, str], now: float) -> float | None:
    """The pause in seconds that the service asks for (``retry-after-ms`` before ``retry-after``), or None."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "")[:_LONGEST_VALUE]
        try:
            delay = float(value) / unit
        except ValueError:
            continue
        if delay == math.inf and "inf" not in value.lower():  # digits beyond what a float holds
            return LONGEST_WISH + 1
        if math.isfinite(delay):
            return delay
    return _delay_until(headers.get("retry-after", "")[:_LONGEST_VALUE], now)


def retry_delay(attempt: int, headers: Mapping[str, str], *, now: float, chance: float) -> float:
    """Seconds to wait after attempt number ``attempt`` (from 0) failed; ``chance`` is a random number in [0, 1)."""
    wish = wished_delay(headers, now)
    if wish is not None and 0 < wish <= LONGEST_WISH:
        return wish
    return min(FIRST_DELAY * 2.0 ** min(attempt, 10), LONGEST_DELAY) * (1 - 0.25 * chance)


def _delay_until(date: str, now: float) -> float | None:
    """Seconds until an HTTP date (RFC 9110 section 10.2.3), or None if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
