r"""Large dictionaries in a file that is mapped, not read: looking a word up reads the page that it lies in.

The file is a cache: what does not fit, in whatever way, counts as none (`open_tables`), and is made anew. It holds text
(JSON values), which does no harm wherever it may come from. A header line, and for each table::

    buckets + 1 offsets (32 bits, native order), then the buckets: "\n" key "\0" value, for each entry, and "\n"
"""

from __future__ import annotations

import json
import mmap
import os
import sys
import zlib
from array import array
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ...files.access import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC = "oggstream tables 1"
_ENTRIES_IN_BUCKET = 8
_LARGEST = 64 << 20


class Table:
    """A dictionary of strings to JSON values, as far as the phonemizer asks one: `get` and ``in``."""

    def __init__(self, data: memoryview, source: mmap.mmap, begin: int, buckets: int) -> None:
        self._source = source
        self._buckets = buckets
        self._offsets = data[begin : begin + 4 * (buckets + 1)].cast("I")
        self._begin = begin + 4 * (buckets + 1)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``."""
        found = self._find(key.encode("utf-8", "replace"))
        return default if found is None else json.loads(found)

    def __contains__(self, key: str) -> bool:
        """Whether there is such a key."""
        return self._find(key.encode("utf-8", "replace")) is not None

    def _find(self, key: bytes) -> bytes | None:
        index = zlib.crc32(key) % self._buckets
        begin, end = self._begin + self._offsets[index], self._begin + self._offsets[index + 1]
        bucket = self._source[begin:end]
        head = b"\n%b\0" % key
        at = bucket.find(head)
        return None if at < 0 else bucket[at + len(head) : bucket.index(b"\n", at + 1)]


def open_tables(path: str, identity: str) -> dict[str, Table] | None:
    """The tables in the file at ``path``; None if it is not there, damaged, or of another ``identity``."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        with open(path, "rb") as file:
            source = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = source.readline()
        header = json.loads(head)
        body = memoryview(source)[len(head) + -len(head) % 8 :]
        if header["is"] == _is(identity) and header["check"] == zlib.crc32(body) and len(body) == header["size"]:
            shift = len(source) - len(body)
            return {
                name: Table(memoryview(source), source, shift + begin, buckets)
                for name, (begin, buckets) in header["tables"].items()
            }
    return None


def write_tables(path: str, identity: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write them for `open_tables`, for this user alone. Raises `OSError`."""
    body = bytearray()
    places = {}
    for name, table in tables.items():
        body += bytes(-len(body) % 8)
        buckets = max(1, len(table) // _ENTRIES_IN_BUCKET)
        places[name] = (len(body), buckets)
        body += _table(table, buckets)
    header = {"is": _is(identity), "check": zlib.crc32(body), "size": len(body), "tables": places}
    head = json.dumps(header).encode() + b"\n"
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    replace(path, head + bytes(-len(head) % 8) + body, private=True)


def _table(table: Mapping[str, Any], buckets: int) -> bytes:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    parts: list[list[bytes]] = [[] for _ in range(buckets)]
    for key, value in table.items():
        data = key.encode("utf-8", "replace")
        if b"\n" not in data and b"\0" not in data:  # no word of a text has them
            parts[zlib.crc32(data) % buckets].append(b"\n%b\0%b" % (data, encode(value).encode()))
    filled = [b"".join(part) + b"\n" for part in parts]
    offsets = array("I", accumulate(map(len, filled), initial=0))
    return b"".join((offsets.tobytes(), *filled))


def _is(identity: str) -> str:
    return f"{_MAGIC} {sys.byteorder} {identity}"
