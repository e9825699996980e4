"""What runs: Redis, the stand-in service, the nodes, and HAProxy with the configuration of docs/operating.md."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..benchmarks.process import US

ROOT = Path(__file__).resolve().parents[2]
OPERATING = ROOT / "docs" / "operating.md"
NODES = 3
START_SECONDS = 60.0
CHECK_SECONDS = 0.5
"""Between two looks of HAProxy at a node, as the configuration has it."""


class Node(NamedTuple):
    """A process of ``oggstream serve``, and what HAProxy calls it."""

    name: str
    port: int
    process: subprocess.Popen[str]


class Site(NamedTuple):
    """All of it. ``url`` is HAProxy's, ``service`` the stand-in's."""

    url: str
    service: str
    nodes: list[Node]

    def counts(self) -> dict[str, int]:
        """How often the service was asked for each text."""
        with suppress(OSError), urllib.request.urlopen(f"{self.service}/counts") as answer:  # noqa: S310  # our own
            counts: dict[str, int] = json.load(answer)
            return counts
        return {}


@contextmanager
def running(folder: Path, body: Path) -> Iterator[Site]:
    """Start all of it, and end it with the block. ``body`` is what the service says."""
    with ExitStack() as stack:
        service = stack.enter_context(_service(body))
        redis = stack.enter_context(_redis(folder))
        options = ["--base-url", f"{service}/v1", "--cache", redis]
        begun = [stack.enter_context(_node(f"node{number}", options, folder)) for number in range(1, NODES + 1)]
        nodes = [Node(name, json.loads(_line(process))["port"], process) for name, process in begun]
        url = stack.enter_context(_haproxy(folder, [node.port for node in nodes]))
        site = Site(url, service, nodes)
        _until(lambda: _answers(f"{url}/ready"), "HAProxy")
        yield site


@contextmanager
def plain(folder: Path) -> Iterator[str]:
    """HAProxy in front of as many servers that do nothing else than answer; its URL."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("plain.py"))]
    with ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        servers = [stack.enter_context(_process(command, **pipes)) for _ in range(NODES)]
        url = stack.enter_context(_haproxy(folder, [int(_line(server)) for server in servers]))
        _until(lambda: _answers(f"{url}/ready"), "HAProxy")
        yield url


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def configuration(port: int, nodes: list[int]) -> str:
    """HAProxy's configuration of docs/operating.md, for these ports of this machine."""
    text = next(iter(blocks("haproxy")))
    numbers = iter(nodes)
    text = re.sub(r"10\.0\.0\.\d+:8880", lambda _: f"127.0.0.1:{next(numbers)}", text)
    return text.replace("bind :80\n", f"bind 127.0.0.1:{port}\n")


def blocks(language: str) -> list[str]:
    """The examples of docs/operating.md in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", OPERATING.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@contextmanager
def _process(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    process: subprocess.Popen[str] = subprocess.Popen(command, text=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _service(body: Path) -> Iterator[str]:
    command = [sys.executable, "-P", str(Path(__file__).with_name("service.py")), str(body)]
    with _process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield f"http://127.0.0.1:{int(_line(process))}"


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    options += ["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
    with _process(["redis-server", *options], stdout=subprocess.DEVNULL):
        _until(lambda: _listens(port), "Redis")
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _node(name: str, options: list[str], folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [*US, "serve", "--port", "0", "--json", "--jobs", "1000", "--queue", "1000", *options]
    environment = {**os.environ, "OPENAI_API_KEY": "none"}
    with (
        (folder / f"{name}.log").open("w") as log,
        _process(command, stdout=subprocess.PIPE, stderr=log, env=environment) as process,
    ):
        yield name, process


@contextmanager
def _haproxy(folder: Path, nodes: list[int]) -> Iterator[str]:
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(configuration(port, nodes))
    with (
        (folder / "haproxy.log").open("w") as log,
        _process(["haproxy", "-db", "-f", str(file)], stderr=log) as process,
    ):
        _until(lambda: process.poll() is not None or _listens(port), "HAProxy")
        if process.poll() is not None:
            raise RuntimeError(f"HAProxy: {(folder / 'haproxy.log').read_text()}")
        yield f"http://127.0.0.1:{port}"


def _line(process: subprocess.Popen[str]) -> str:
    """The first line that it writes."""
    assert process.stdout is not None
    return process.stdout.readline()


def _until(ready: object, what: str) -> None:
    assert callable(ready)
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not start")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # our own
        return bool(answer.status == 200)
    return False
