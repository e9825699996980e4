"""The files of a capture: a body byte for byte, and when each chunk of it arrived.

``NAME.ogg`` (or another container's ending) is the body; ``NAME.arrivals.jsonl`` begins with an object about the
request, followed by a line ``[seconds, bytes]`` per chunk, with times counted from the sending of the request.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from ...errors import CaptureError, OutputError
from ...files import access
from ...options import FORMATS

VERSION = 1
ARRIVALS = ".arrivals.jsonl"
LARGEST = 1 << 30  # bytes of a body
MOST_ARRIVALS = 64 << 20  # bytes of the arrivals file: more than a day of chunks of 20 ms
LONGEST = 86_400.0  # seconds: a time beyond a day is taken for damage

PCM = ("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw")
"""Media types of samples without a container."""

Arrivals = list[tuple[float, int]]


class Capture(NamedTuple):
    """The recorded answer to one request. ``name`` is the path without ending, ``arrivals`` (seconds, bytes) per chunk.

    Times count from the sending of the request. ``answered`` is when the headers came and ``ended`` when the end of the
    body was known; both are None in captures without these times. ``broken``: why the body was cut off, if it was.
    """

    name: str
    body: bytes
    arrivals: Arrivals
    url: str | None = None
    status: int | None = None
    headers: dict[str, str] = {}  # noqa: RUF012  # a field of a tuple, which nothing writes to
    request: dict[str, Any] = {}  # noqa: RUF012
    recorded_at: str | None = None
    answered: float | None = None
    ended: float | None = None
    broken: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the request's JSON, wherever they are in ``request``."""
        nested: dict[str, Any] = {}
        for value in self.request.values():
            nested.update(value if isinstance(value, dict) else {})
        return {**nested, **self.request}

    @property
    def text(self) -> str:
        """The requested text; empty if the capture does not contain it."""
        text = self.fields.get("input")
        return text if isinstance(text, str) else ""

    @property
    def format(self) -> str:
        """The requested format, one of `oggstream.options.FORMATS`."""
        wanted = self.fields.get("response_format")
        if wanted in FORMATS:
            return str(wanted)
        return "pcm" if self.content_type.partition(";")[0].strip().lower() in PCM else "auto"

    @property
    def content_type(self) -> str:
        """The media type that the service stated, or an empty string."""
        return next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")

    def header(self) -> dict[str, Any]:
        """The first line of the arrivals, as an object."""
        fixed = ("url", "status", "headers", "request", "recorded_at")
        optional = {
            name: value for name in ("answered", "ended", "broken") if (value := getattr(self, name)) is not None
        }
        return {"capture": VERSION, **{name: getattr(self, name) for name in fixed}, **optional}


def load(path: str | os.PathLike[str]) -> Capture:
    """Read a capture; ``path`` is its name, or the path of either file. Raises `CaptureError`."""
    name, body_path = _halves(os.fsdecode(path))
    lines = _read(name + ARRIVALS, MOST_ARRIVALS).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if not lines:
        raise _damaged(name, 1, "it is empty")
    header = _header(name, lines[0])
    arrivals = _arrivals(name, lines[1:])
    total = sum(count for _, count in arrivals)
    body = _read(body_path or _body_of(name, total), LARGEST)
    if len(body) != total:
        raise CaptureError(
            f"the halves of the capture {name} disagree: the body has {len(body)} bytes, its arrivals {total}; "
            "record it again, or find the file that belongs to the other"
        )
    return Capture(name, body, arrivals, **header)


def save(capture: Capture) -> str:
    """Write both files, replacing existing ones; return the path of the body.

    They are private (0600): they contain the text. A link is followed, anything but a regular file is left alone.
    Raises `OutputError`.
    """
    path = f"{capture.name}.{ending(capture)}"
    lines = [json.dumps(capture.header()), *(json.dumps([round(at, 6), size]) for at, size in capture.arrivals)]
    _write(path, capture.body)
    _write(capture.name + ARRIVALS, "".join(f"{line}\n" for line in lines).encode())
    return path


def ending(capture: Capture) -> str:
    """The file name extension of the body, by its container."""
    from ...sniff import describe

    kind = describe(capture.body[:4096]).lower()
    if kind.startswith("ogg"):
        return "ogg"
    if kind != "wav" and capture.format == "pcm":
        return "pcm"  # bare samples may look like anything
    return next((end for start, end in _ENDINGS.items() if kind.startswith(start)), "bin")


_ENDINGS = {
    "wav": "wav",
    "mp3": "mp3",
    "flac": "flac",
    "aac": "aac",
    "mp4": "mp4",
    "webm": "webm",
    "server-sent": "sse",
}


def _halves(path: str) -> tuple[str, str | None]:
    """The capture's name, and the body's path if that was given."""
    if path.endswith(ARRIVALS):
        return path.removesuffix(ARRIVALS), None
    name, dot = os.path.splitext(path)
    if not os.path.lexists(path + ARRIVALS) and dot and (os.path.lexists(name + ARRIVALS) or os.path.isfile(path)):
        return name, path
    return path, None


def _body_of(name: str, total: int) -> str:
    """The body beside the arrivals; of several candidates, the one with the right size."""
    folder, stem = os.path.split(name)
    try:
        found = sorted(entry for entry in os.listdir(folder or ".") if _may_be_body(entry, stem))
    except (OSError, ValueError):
        found = []
    paths = [os.path.join(folder, entry) for entry in found]
    fitting = [path for path in paths if _size(path) == total]
    if not paths:
        raise CaptureError(f"the capture {name} has no body: {name}.ogg is missing")
    return (fitting or paths)[0]


def _may_be_body(entry: str, stem: str) -> bool:
    rest = entry.removeprefix(stem)
    return rest != entry and rest.startswith(".") and rest.count(".") == 1 and rest not in _NO_BODY


_NO_BODY = (".jsonl", ".json", ".html", ".txt", ".part")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return -1


def _read(path: str, limit: int) -> bytes:
    try:
        return access.read_whole(path, limit)
    except FileNotFoundError as error:
        raise CaptureError(f"there is no {path}: a capture is NAME.ogg (or another body) and NAME{ARRIVALS}") from error
    except OSError as error:
        raise CaptureError(f"cannot read {path}: {access.reason(error)}") from error


def _header(name: str, line: bytes) -> dict[str, Any]:
    """The fields of `Capture` in the first line."""
    header = _parsed(name, 1, line)
    version = header.get("capture") if isinstance(header, dict) else None
    if type(version) is not int or version < 1:
        raise _damaged(name, 1, f'it is not the {{"capture": {VERSION}, ...}} that a capture begins with')
    if version > VERSION:
        raise CaptureError(f"the capture {name} is of version {version}, this oggstream reads {VERSION}: update it")
    given: dict[str, Any] = {key: header[key] for key in _KINDS if header.get(key) is not None}
    for key, value in given.items():
        if not isinstance(value, _KINDS[key]) or isinstance(value, bool):
            raise _damaged(name, 1, f"its {key} is {type(value).__name__}")
    for key in ("answered", "ended"):
        if key in given:
            given[key] = _seconds(name, 1, given[key])
    if not 100 <= given.get("status", 200) <= 599:
        raise _damaged(name, 1, f"{str(given['status'])[:30]} is not an HTTP status")
    headers = given.get("headers", {})
    return {**given, "headers": {key: value for key, value in headers.items() if _may_be_header(key, value)}}


def _may_be_header(name: str, value: object) -> bool:
    """Whether a header is valid, so that it may be sent again."""
    is_name = (
        name.isascii() and name.isprintable() and name.strip(":") == name and not set(name) & set(' ()<>@,;:"/[]?={}')
    )
    return bool(name) and is_name and isinstance(value, str) and value.isascii() and value.isprintable()


_KINDS: dict[str, type | tuple[type, ...]] = {
    "url": str,
    "status": int,
    "headers": dict,
    "request": dict,
    "recorded_at": str,
    "answered": (int, float),
    "ended": (int, float),
    "broken": str,
}


def _arrivals(name: str, lines: list[bytes]) -> Arrivals:
    arrivals: Arrivals = []
    latest = 0.0
    for number, line in enumerate(lines, 2):
        pair = _parsed(name, number, line)
        if not isinstance(pair, list) or len(pair) != 2:
            raise _damaged(name, number, "it is not [seconds, bytes]")
        at, count = _seconds(name, number, pair[0]), pair[1]
        if at < latest:
            raise _damaged(name, number, f"its time {at:g} s is before the {latest:g} s of the line above")
        if type(count) is not int or not 0 <= count <= LARGEST:
            raise _damaged(name, number, f"a chunk has 0 to {LARGEST} bytes, not {str(count)[:30]}")
        arrivals.append((at, count))
        latest = at
    return arrivals


def _seconds(name: str, number: int, value: object) -> float:
    # Compared before it is converted: a float cannot hold every integer that JSON can.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise _damaged(name, number, f"{str(value)[:30]} is no time in seconds, counted from the request")
    if value > LONGEST:
        raise _damaged(name, number, f"its time is beyond {LONGEST:g} s, a day")
    return float(value)


def _parsed(name: str, number: int, line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:  # also bytes that are not UTF-8
        raise _damaged(name, number, "it is not JSON") from error


def _damaged(name: str, number: int, reason: str) -> CaptureError:
    return CaptureError(f"{name}{ARRIVALS} is damaged at line {number}: {reason}")


def _write(path: str, data: bytes) -> None:
    """Replace the whole file at once: the old one stays until then, even if the disk is full."""
    try:
        access.replace(path, data, private=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {access.reason(error)}") from error
