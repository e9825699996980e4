"""The history: what was learnt about services, kept between runs in a small file that may be deleted at any time."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from .files.places import cache_folder
from .playout.habits import Habits

KEYS = 32  # host, model and voice; the least recently used are dropped
MOST_BYTES = 1 << 20  # a longer file is not ours
LOCK_SECONDS = 5.0  # for other processes that write the same file: each takes about a millisecond


class History:
    """Habits by key, in the JSON file at ``path`` (None: only in memory).

    The file is read at the first call. To write, it is locked, read again, and replaced as a whole: processes that
    write at once lose nothing, and their habits of the same key are merged. The file is private (0600); a link
    to it is followed.

    No method raises for a problem with the file. An unreadable file counts as empty. Anything but a history in a
    regular file is left alone, and the habits stay in memory. They also do while another process holds the lock for
    longer than `LOCK_SECONDS`; then they are written with the next call, or when the process ends.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else os.fspath(path)
        self._own: dict[str, Habits] = {}  # learnt by this object
        self._given: dict[str, Habits] = {}  # as the file held them when read or written
        self._unwritten: list[str] = []  # keys of `_own`
        self._patience = LOCK_SECONDS
        self._retries_at_exit = False
        self._read: dict[str, Any] | None = None  # the content of the file, as plain data

    def get(self, key: str) -> Habits | None:
        """The habits of ``key``, None if unknown. The first call reads the file: half a millisecond."""
        if key in self._own:
            return self._own[key]
        if self._read is None:
            self._read = self._load() or {}
        habits = Habits.from_dict(self._read.get(key))
        if habits is not None:
            self._given[key] = habits
        return habits

    def put(self, key: str, habits: Habits) -> None:
        """Store ``habits`` for ``key``, and write the file."""
        self._keep(key, habits)
        self._unwritten = [other for other in self._unwritten if other != key and other in self._own] + [key]
        if self._path is not None:
            patience, self._patience = self._patience, 0.0  # waits for the lock at most once
            self._write(self._path, patience)
            if self._unwritten and not self._retries_at_exit:
                import atexit

                self._retries_at_exit = True
                atexit.register(self._write, self._path, LOCK_SECONDS)

    def _keep(self, key: str, habits: Habits) -> None:
        self._own.pop(key, None)
        self._own[key] = habits
        while len(self._own) > KEYS:
            del self._own[next(iter(self._own))]

    def _write(self, path: str, patience: float) -> None:
        """Add the unwritten habits to the file. After a failure the next call, or the exit, tries again."""
        if not self._unwritten:
            return
        from .files import access

        with suppress(OSError, ValueError):  # ValueError: a path with a NUL
            access.check_replaceable(path)
            os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
            with access.locked(path, patience):
                self._patience = LOCK_SECONDS
                known = self._load()
                if known is not None:
                    self._read = self._joined(known)
                    access.replace(path, _encoded(self._read), private=True)
                    self._given.update({key: self._own[key] for key in self._unwritten})
                    self._unwritten.clear()

    def _joined(self, known: dict[str, Any]) -> dict[str, Any]:
        """The content of the file, merged with the unwritten habits."""
        for key in self._unwritten:
            current = Habits.from_dict(known.pop(key, None))
            habits = self._own[key].joined(self._given.get(key), current)
            self._keep(key, habits)
            known[key] = habits.to_dict()
        return dict(list(known.items())[-KEYS:])

    def _load(self) -> dict[str, Any] | None:
        """The content of the file: empty if it is missing or damaged, None if it is not a history."""
        from .files.access import read_whole

        if self._path is None:
            return {}
        try:
            return _decoded(read_whole(self._path, MOST_BYTES))
        except FileNotFoundError:
            return {}
        except OSError:
            return None


def _encoded(known: dict[str, Any]) -> bytes:
    import json

    return json.dumps(known, separators=(",", ":")).encode("ascii")


def _decoded(data: bytes) -> dict[str, Any] | None:
    """The entries of a history: empty if it is damaged, None if it is something else."""
    import json

    try:
        known = json.loads(data)
    except (ValueError, RecursionError):
        blank = not data.strip(b" \r\n\0")
        return {} if blank or data.startswith(b"{") else None
    if not isinstance(known, dict) or not all(
        isinstance(entry, dict) and "schema" in entry for entry in known.values()
    ):
        return None
    return known


def named(path: str | os.PathLike[str]) -> History:
    """The history at ``path``; "default": the one in the user's cache folder."""
    return History(default_path() if path == "default" else path)


def default_path() -> str:
    """The history file in the user's cache folder."""
    return os.path.join(cache_folder(), "history.json")
