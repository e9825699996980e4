"""No outside text can control a terminal: control characters are planted in every place that is shown."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unicodedata import category

import pytest

from cli_run import inside, terminal
from ogg_build import audio, headers, page
from oggstream.cli.commands import devices as devices_command
from oggstream.cli.terminal.console import Console, show, show_lines, write_quietly
from oggstream.cli.terminal.echo import Transcript
from oggstream.cli.terminal.live import LiveLine
from oggstream.cli.terminal.logs import logging_to
from oggstream.events import Progress, SegmentStarted
from oggstream.opus.tags import OpusTags
from oggstream.sinks.devices import OutputDevice

PLANTED = "a\x1b]0;owned\x07b\x1b[2Jc\x9b31md\u202ee\u2066f\u200fg\x08h\x7fi\x00j\u2028k"
ALLOWED = frozenset("\n\t")
CONTROLS = {sign for sign in PLANTED if not sign.isalnum() and sign not in "];[ "}


def check(text: str, *, drawing: bool = False) -> None:
    """Nothing in ``text`` acts on a terminal, and something was shown."""
    if drawing:
        text = text.replace("\r", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert text.strip()
    assert not CONTROLS & set(text)
    assert not [sign for sign in text if not sign.isprintable() and sign not in ALLOWED]


@contextmanager
def answering(status: int, body: bytes, **head: str) -> Iterator[str]:
    """A server on this machine that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that the library calls
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **head}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("level", ["warning", "debug"])
def test_in_the_error_of_a_service_and_its_request_id(capsys: pytest.CaptureFixture[str], level: str) -> None:
    body = json.dumps({"error": {"message": PLANTED, "type": PLANTED}}, ensure_ascii=False).encode()
    with answering(400, body, content_type="application/json", x_request_id="r\x9b31m\u00ade") as url:
        done = inside(capsys, "say", "--base-url", url, "--sink", "null", "--log-level", level, "Hello.")
    assert done.status == 1
    check(done.err)


@pytest.mark.parametrize("command", ["decode", "inspect", "play", "replay"])
def test_in_the_name_of_a_file_that_is_missing(capsys: pytest.CaptureFixture[str], command: str) -> None:
    name = PLANTED.replace("\x00", "")
    target = [name + ".wav"] if command == "decode" else ["--sink", "null"] if command in ("play", "replay") else []
    done = inside(capsys, command, name, *target)
    assert done.status == 1
    check(done.err)


def test_in_what_was_typed_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--" + PLANTED], ["--format", PLANTED], ["--service", PLANTED, "--sink", "null", "x"]):
        done = inside(capsys, "say", *arguments)
        assert done.status == 2
        check(done.err)


def test_in_the_tags_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tags = OpusTags(f"vendor {PLANTED}", (f"TITLE={PLANTED}\nverdict: intact",))
    body = [headers()[0], page(bytes(tags), number=1), page(*audio(2), number=2, granule=1920, flags=4)]
    (tmp_path / "a.opus").write_bytes(b"".join(body))
    done = inside(capsys, "inspect", str(tmp_path / "a.opus"))
    check(done.out.decode())
    assert done.out.decode().count("\nverdict: ") + done.out.decode().startswith("verdict: ") == 1


def test_in_the_names_of_devices(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    device = OutputDevice(index=1, name=PLANTED, host_api=PLANTED, channels=2, rate=48000, latency=0.1, default=True)
    monkeypatch.setattr(devices_command, "output_devices", lambda: [device])
    done = inside(capsys, "devices")
    check(done.out.decode())
    assert len(done.out.decode().splitlines()) == 3


@pytest.mark.parametrize("wraps", [True, False])
def test_in_what_is_written_while_it_is_heard(capsys: pytest.CaptureFixture[str], *, wraps: bool) -> None:
    transcript = Transcript(wraps=wraps)
    transcript.show(f"One. {PLANTED}")
    transcript.finish(f"One. {PLANTED} And the rest.")
    check(capsys.readouterr().out)


def test_in_the_live_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = LiveLine(f"title {PLANTED}", colour=True)
    line.on_event(SegmentStarted(at=0.1, index=0, text=f"piece {PLANTED}"))
    line.on_event(Progress(at=0.2, position=4800, buffered=1.0))
    line.close()
    line.begin(PLANTED)
    check(capsys.readouterr().err, drawing=True)


def test_in_a_line_that_is_typed() -> None:
    with terminal("say", "--sink", "null", columns=200) as screen:
        screen.wait_for("> ")
        screen.write("say \u202e\u2066 \x9b31m".encode() + b"\n")
        screen.wait_for("> say.*u202e")
        screen.write(b"\n\x04")
        screen.end()
        check("\n".join(screen.lines))


def test_in_what_is_logged_warned_of_or_raised_in_a_thread(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError(PLANTED)

    console = Console()
    with logging_to(console, "debug"), warnings.catch_warnings():
        warnings.simplefilter("always")
        console.warn(PLANTED)
        console.note(PLANTED)
        console.error(PLANTED)
        console.block(PLANTED)
        logging.getLogger(f"some.{PLANTED}").error("it said %s", PLANTED)
        logging.getLogger("some").warning("it said %s", PLANTED)
        warnings.warn(PLANTED, stacklevel=1)
        thread = threading.Thread(target=fail, name=PLANTED)
        thread.start()
        thread.join()
    check(capsys.readouterr().err)


def test_at_the_door_itself(capsys: pytest.CaptureFixture[str]) -> None:
    every = "".join(map(chr, (*range(0xA0), *range(0x2000, 0x2070), 0xFEFF, 0xD800, 0xE0001)))
    show(every)
    show_lines([every, PLANTED])
    write_quietly(sys.stderr, every)
    shown = capsys.readouterr()
    harmless = [sign for sign in every if sign in "\u200c\u200d" or category(sign) == "Zs"]
    check("".join(sign for sign in shown.out if sign not in harmless))
    check("".join(sign for sign in shown.err if sign not in harmless), drawing=True)


def test_what_is_no_danger_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Größe\u00a0\u2009\u3000日本語 👩\u200d🚀 می\u200cخواهم\ttab ♥\ufe0f"
    show(text)
    Console().block(text)
    shown = capsys.readouterr()
    assert shown.out == shown.err == f"{text}\n"
