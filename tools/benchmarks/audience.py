"""Many listeners in one process, which does little else than read, for the benchmarks.

It is a program as well as a module: ``audience.py PORT PATH COUNT`` opens so many connections to this machine, says
``ready``, reads what comes, and at the end of its standard input prints what came as JSON. A packet of `stamped` tells
when it was sent; the clock is the same for all processes of a machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARK = b"\x00TICK\x00"
STAMP = struct.Struct("<QI")
_TOC = b"\x78"  # 20 ms of a hybrid packet, mono
_WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def stamped(number: int, size: int = 120) -> bytes:
    """What passes for an Opus packet of so many bytes, as nobody decodes it, and says when it was made."""
    packet = _TOC + MARK + STAMP.pack(time.monotonic_ns(), number)
    return packet + bytes(size - len(packet))


@contextlib.contextmanager
def listening(port: int, path: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Run an audience, which is there when this block begins; `told` ends it. That of WebRTC is `webrtc_audience`."""
    program = Path(__file__).with_name("webrtc_audience.py" if "/whep" in path else "audience.py")
    command = [sys.executable, "-P", str(program), str(port), path, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the audience was not let in at {path}")
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What an audience has got: see `_figures`."""
    found, _ = process.communicate()
    figures: dict[str, Any] = json.loads(found)
    return figures


def connected(port: int, path: str, *, receive_bytes: int | None = None) -> socket.socket:
    """A connection that asks for ``path``, as a WebSocket where that says packets. Raises RuntimeError if refused."""
    sock = socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.connect(("127.0.0.1", port))
    more = _WEBSOCKET if "packets" in path else ""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
    head = sock.recv(4096)
    if b" 101 " not in head[:16] and b" 200 " not in head[:16]:
        raise RuntimeError(head.decode("latin-1"))
    return sock


def main(port: int, path: str, count: int) -> None:
    """Listen until standard input ends."""
    selector = selectors.DefaultSelector()
    for number in range(count):
        sock = connected(port, path)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, number)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print("ready", flush=True)
    got, delays = [0] * count, defaultdict[int, list[int]](list)
    while not _read(selector, got, delays):
        pass
    print(json.dumps(_figures(got, delays)), flush=True)


def _read(selector: selectors.BaseSelector, got: list[int], delays: dict[int, list[int]]) -> bool:
    """Read what is there; return whether standard input has ended."""
    for key, _ in selector.select():
        if key.data is None:
            return True
        data = os.read(key.fd, 1 << 16)
        if not data:
            selector.unregister(key.fileobj)
        at = data.find(MARK)
        now = time.monotonic_ns()
        while at >= 0 and len(data) >= at + len(MARK) + STAMP.size:
            sent, number = STAMP.unpack_from(data, at + len(MARK))
            delays[number].append(now - sent)
            at = data.find(MARK, at + len(MARK))
        got[key.data] += len(data)
    return False


def _figures(got: list[int], delays: dict[int, list[int]]) -> dict[str, Any]:
    """The bytes that each has got, and by the packet how many got it and the longest delay in seconds."""
    return {
        "bytes": got,
        "packets": {number: [len(each), max(each) / 1e9] for number, each in delays.items()},
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
