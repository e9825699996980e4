"""What was learnt about services, kept between runs in a small file that may vanish or be damaged at no cost."""

from __future__ import annotations

import os
import sys
from typing import Any

from .playout.habits import Habits

KEYS = 32  # host, model and voice: those not heard of for longest are forgotten
MOST_BYTES = 1 << 20  # a longer file is not ours


class History:
    """Habits by key, in the JSON file at ``path`` (None: kept for this object's life only).

    The file is read at the first call and again before it is written, whole and by replacing it: processes that write
    at once lose at most what one of them has just learnt. Nothing here raises for what is wrong with the file: one
    that cannot be read is empty, one that cannot be written is left alone and what is learnt is kept in memory.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else os.fspath(path)
        self._own: dict[str, Habits] = {}  # learnt by this object
        self._read: dict[str, Any] | None = None  # the file's, as plain data

    def get(self, key: str) -> Habits | None:
        """What is known of ``key``, None for nothing. The first call reads the file: half a millisecond."""
        if key in self._own:
            return self._own[key]
        if self._read is None:
            self._read = self._load()
        return Habits.from_dict(self._read.get(key))

    def put(self, key: str, habits: Habits) -> None:
        """Keep ``habits`` as what is known of ``key``, and write the file."""
        self._own.pop(key, None)
        self._own[key] = habits
        while len(self._own) > KEYS:
            del self._own[next(iter(self._own))]
        known = self._load()
        known.pop(key, None)
        known[key] = habits.to_dict()
        self._read = dict(list(known.items())[-KEYS:])
        self._save(self._read)

    def _load(self) -> dict[str, Any]:
        import json

        if self._path is None:
            return {}
        try:
            with open(self._path, "rb") as file:
                data = json.loads(file.read(MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}

    def _save(self, known: dict[str, Any]) -> None:
        import json
        from contextlib import suppress

        if self._path is None:
            return
        draft = f"{self._path}.{os.urandom(4).hex()}"
        try:
            os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
            with open(draft, "x", encoding="ascii") as file:
                file.write(json.dumps(known, separators=(",", ":")))
            os.replace(draft, self._path)
        except (OSError, ValueError):  # ValueError: a path with a NUL
            with suppress(OSError, ValueError):
                os.unlink(draft)


def default_path() -> str:
    """The history file in the folder where the user's system wants caches."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        folder = os.path.join(home, "Library", "Caches")
    else:
        folder = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(folder, "oggstream", "history.json")
