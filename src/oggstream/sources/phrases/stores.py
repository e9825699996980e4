"""Where phrases are kept: in memory, in a folder. A store that fails is one that has nothing: speech goes on."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from functools import partial
from typing import Protocol

from ...files import access
from ...threads import in_thread

MEMORY_BYTES = 64 << 20
"""Four hours of speech."""
DISK_BYTES = 1 << 30
"""Three days of speech."""
LONGEST = 16 << 20
"""Bytes of one phrase; longer ones are not kept."""
_ROOM = 0.9  # of the bound, to which the oldest phrases are removed

log = logging.getLogger(__name__)


class PhraseStore(Protocol):
    """Keeps bytes by key. No method raises for a store that is full, damaged or away."""

    async def get(self, key: str) -> bytes | None:
        """What was put under ``key``, if it is still there."""
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Keep ``data``; the least recently used goes for it, if there is no room."""
        ...

    async def remove(self, key: str) -> None:
        """Forget what is under ``key``: it is damaged."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...


class MemoryStore:
    """Keeps at most ``most`` bytes in this process."""

    def __init__(self, most: int = MEMORY_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[str, bytes] = OrderedDict()  # the most recently used last
        self.size = 0  # bytes of all that is kept

    async def get(self, key: str) -> bytes | None:
        """What is there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    async def put(self, key: str, data: bytes) -> None:
        """Keep it."""
        await self.remove(key)
        if len(data) > min(self._most, LONGEST):
            return
        self._kept[key] = data
        self.size += len(data)
        while self.size > self._most:
            _, oldest = self._kept.popitem(last=False)
            self.size -= len(oldest)

    async def remove(self, key: str) -> None:
        """Forget it."""
        self.size -= len(self._kept.pop(key, b""))

    async def aclose(self) -> None:
        """Nothing: another speech may use it."""


class DiskStore:
    """Keeps at most about ``most`` bytes as files of ``folder``, which only its owner may read.

    Several processes may share it: a file is replaced as a whole, and its time says when it was used last.
    """

    def __init__(self, folder: str | os.PathLike[str], most: int = DISK_BYTES) -> None:
        self._folder = os.path.abspath(os.path.expanduser(os.fspath(folder)))
        self._most = most
        self._size: int | None = None  # bytes, about; None: not known
        self._told = False

    async def get(self, key: str) -> bytes | None:
        """What is there."""
        return await in_thread(partial(self._read, self._path(key)))

    async def put(self, key: str, data: bytes) -> None:
        """Keep it, in a thread."""
        if len(data) <= min(self._most, LONGEST):
            await in_thread(partial(self._write, self._path(key), data))

    async def remove(self, key: str) -> None:
        """Forget it."""
        await in_thread(partial(_removed, self._path(key)))

    async def aclose(self) -> None:
        """Nothing: no file stays open."""

    def _path(self, key: str) -> str:
        return os.path.join(self._folder, key[:2], key)

    def _read(self, path: str) -> bytes | None:
        try:
            data = access.read_whole(path, 2 * LONGEST)
            os.utime(path)
        except (OSError, ValueError):
            return None
        return data

    def _write(self, path: str, data: bytes) -> None:
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            access.replace(path, data, private=True)
            self._size = len(data) + (self._size or 0) if self._size is not None else self._measured()
            if self._size > self._most:
                self._make_room()
        except (OSError, ValueError) as error:
            if not self._told:
                self._told = True
                log.warning("phrases are not kept in %s: %s", self._folder, access.reason(error))

    def _files(self) -> list[tuple[float, int, str]]:
        """Time, bytes and path of all phrases, the least recently used first."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                try:
                    seen = os.stat(os.path.join(folder, name))
                except OSError:  # another process has removed it
                    continue
                found.append((seen.st_mtime, seen.st_size, os.path.join(folder, name)))
        return sorted(found)

    def _measured(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _make_room(self) -> None:
        files = self._files()
        size = sum(size for _, size, _ in files)
        for _, bytes_, path in files:
            if size <= self._most * _ROOM:
                break
            _removed(path)
            size -= bytes_
        self._size = size


def _removed(path: str) -> None:
    try:
        access.remove(path, 2 * LONGEST)
    except OSError:
        log.debug("a phrase could not be removed", exc_info=True)
