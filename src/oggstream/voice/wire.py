"""What the program and its child process say to each other: tuples, one after the other, over two pipes.

Both ends are the same Python and the same version of this package, so that ``marshal`` serves: it needs no import,
which a process that is started on the way to the first sound would pay for.

To the child: ("speak", number, *Utterance), ("more", number), ("voices", number), ("warm", number), ("cancel", number).
Behind each "sound" the child waits for "more" of that number, and meanwhile answers others.
From the child, about the request of that number: ("sound", number, 16-bit samples in native order), ("word", number,
start, end, begins, ends), ("value", number, value), ("error", number, type, message), ("end", number).
"""

from __future__ import annotations

import marshal
from typing import IO, Any

RATE = 24000
"""Samples per second of the sound, which is what OpenAI's bodies have."""

LONGEST = 64 << 20
"""Bytes of one message; more are a fault of the other side."""


def send(pipe: IO[bytes], *message: Any) -> None:
    """Write ``message``. Raises `OSError` when the other side is gone."""
    data = marshal.dumps(message)
    pipe.write(len(data).to_bytes(4, "little") + data)  # one call: two threads may send
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Any, ...] | None:
    """The next message; None when the other side is gone, or what comes is none."""
    head = pipe.read(4)
    size = int.from_bytes(head, "little")
    if len(head) < 4 or size > LONGEST:
        return None
    data = pipe.read(size)
    if len(data) < size:
        return None
    try:
        message = marshal.loads(data)  # noqa: S302  # from our own child, over a pipe that nobody else has
    except (EOFError, ValueError, TypeError):
        return None
    return message if isinstance(message, tuple) and message else None
