"""Measures the time from the start of a process to its request on the wire."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

from .process import US, measure
from .row import Outcome, Row, Run, milliseconds
from .stats import alternate, median

PAIRS = 21
REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}"
)


class Listener:
    """A server that notes the time of a request's last byte, and refuses the request."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.arrived: float | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        # On Linux this wakes the thread that waits for a connection, which closing alone does not.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        data = b""
        while chunk := connection.recv(65536):
            now = time.monotonic()
            data += chunk
            head, blank, body = data.partition(b"\r\n\r\n")
            if blank and len(body) >= announced(head):
                self.arrived = self.arrived or now  # of the first request: other formats are asked for after it
                connection.sendall(REFUSAL)
                return


def announced(head: bytes) -> int:
    """The length of the body that a head announces."""
    lines = head.lower().split(b"\r\n")
    return next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)


@contextlib.contextmanager
def _listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


def measure_cold(run: Run) -> Outcome:
    """Start ``say`` and the import in turn; the first run of each warms the machine's caches."""
    with _listening() as listener:
        ours = partial(_until_request, listener)
        theirs = partial(_import_aiohttp)
        alternate(1, ours, theirs)
        requests, imports = alternate(run.count(PAIRS), ours, theirs)
    ratio = median(requests) / median(imports)
    figures = {"ratio": ratio, "request": median(requests), "import": median(imports)}
    words = f"{ratio:.2f} x ({milliseconds(median(requests))}, {milliseconds(median(imports))})"
    return Outcome(words, ratio <= 1.1, figures)


def _until_request(listener: Listener) -> float:
    listener.arrived = None
    url = f"http://127.0.0.1:{listener.port}/v1"
    command = [*US, "say", "Hello.", "--base-url", url, "--sink", "null"]
    used = measure(command, {"OPENAI_API_KEY": "none"}, may_fail=True)
    if listener.arrived is None:
        raise RuntimeError("`say` ended without a request")
    return listener.arrived - used.began


def _import_aiohttp() -> float:
    return measure([sys.executable, "-P", "-c", "import aiohttp"]).wall


ROWS = [
    Row(
        "cold",
        'cold process to request on the wire, against `python -c "import aiohttp"`, medians',
        "<= 1.1 x",
        measure_cold,
    )
]
