"""What is different where client and daemon talk at a port: who may, and whose files it is about."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_run
from daemons import AT_A_PORT, Daemon, running
from oggstream.daemon.frames import FrameReader, frame
from oggstream.daemon.loopback import place
from oggstream.daemon.loopback.proof import HELLO, PROOF, Gate, Proof, ProofError, new_token

FIXTURE = Path(__file__).parent / "fixtures" / "stereo.opus"  # 1.9 s
PLAY = ("play", str(FIXTURE), "--sink", "null")
TOKEN = b"secret"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="ogg") as path, running(Path(path), way=AT_A_PORT) as daemon:
        yield daemon


def fields(data: bytes) -> list[bytes]:
    reader = FrameReader()
    reader.feed(data)
    told = reader.next()
    assert told is not None
    return told


def met(client: Proof, gate: Gate) -> Gate:
    """The gate, after both have said what they have to say."""
    answer = client.answer(fields(gate.take(fields(client.hello))))
    assert gate.take(fields(answer)) == b""
    return gate


# Who it is.


def test_both_ends_that_know_the_token_meet() -> None:
    assert met(Proof(TOKEN, 1), Gate(TOKEN, 1)).is_open


@pytest.mark.parametrize(("token", "port"), [(b"another", 1), (TOKEN, 2)])
def test_client_tells_nothing_to_who_does_not_know_the_token_or_passes_another_port_on(token: bytes, port: int) -> None:
    client = Proof(TOKEN, 1)
    answer = fields(Gate(token, port).take(fields(client.hello)))
    with pytest.raises(ProofError):
        client.answer(answer)


def test_daemon_lets_nobody_in_who_does_not_know_the_token() -> None:
    gate = Gate(TOKEN, 1)
    shown = fields(gate.take([HELLO, b"nonce"]))
    for said in ([PROOF, shown[2]], [PROOF], [b"1", b"run"], [PROOF, b"\xff"]):
        with pytest.raises(ProofError):
            gate.take(said)
    assert not gate.is_open


def test_no_two_connections_are_alike() -> None:
    assert Proof(TOKEN, 1).hello != Proof(TOKEN, 1).hello
    assert Gate(TOKEN, 1).take([HELLO, b"n"]) != Gate(TOKEN, 1).take([HELLO, b"n"])
    assert new_token() != new_token()


def test_who_does_not_know_the_token_learns_nothing_and_does_nothing(daemon: Daemon) -> None:
    port, _ = place.read(str(daemon.folder / "daemon.port"))
    for said in (frame(b"1", b"0.1.0", b"end"), Proof(b"guess", port).hello + frame(PROOF, b"guess"), b"\xff" * 9):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(said)
            told = b""
            while data := stranger.recv(4096):
                told += data
            assert len(told) < 200  # the daemon's own proof at most
    assert daemon.status["running"]


def test_the_file_with_the_token_is_this_users_alone(daemon: Daemon) -> None:
    path = daemon.folder / "daemon.port"
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o644)
    result = daemon.run(*PLAY)
    path.chmod(0o600)
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "open to other users" in result.err


@pytest.mark.parametrize("content", [b"", b"12", b"x y", b"1 2 3"])
def test_a_damaged_file_costs_a_line(daemon: Daemon, content: bytes) -> None:
    path = daemon.folder / "daemon.port"
    before = path.read_bytes()
    path.write_bytes(content)
    result = daemon.run(*PLAY)
    path.write_bytes(before)
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "is damaged" in result.err


@pytest.mark.parametrize("answer", [frame(PROOF, b"nonce", b"forged"), b"\xff" * 8, frame(b"taken"), b""])
def test_a_stranger_who_took_the_port_gets_no_environment(tmp_path: Path, answer: bytes) -> None:
    daemon = Daemon(tmp_path, AT_A_PORT)
    daemon.folder.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place.write(str(daemon.folder / "daemon.port"), listener.getsockname()[1], TOKEN)
        told: list[bytes] = []
        thread = threading.Thread(target=_answer, args=(listener, answer, told))
        thread.start()
        result = daemon.run(*PLAY, env={"OPENAI_API_KEY": "sk-of-the-client"})
        thread.join()
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "speaking without the daemon" in result.err
    assert fields(told[0])[0] == HELLO
    assert b"sk-of-the-client" not in told[0]
    assert len(told[0]) < 100


def _answer(listener: socket.socket, answer: bytes, told: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        data = connection.recv(4096)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            data += more
    told.append(data)


def test_a_second_daemon_says_so_and_ends(daemon: Daemon) -> None:
    result = daemon.run("daemon")
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert "runs already" in result.err


# Files.


def test_standard_input_is_handed_over_as_it_comes(daemon: Daemon) -> None:
    client = daemon.client("play", "-", "--sink", "wav:-", stderr=None)
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(FIXTURE.read_bytes())
    client.stdin.flush()
    assert client.stdout.read(4) == b"RIFF"  # before its end
    assert cli_run.finish(client).status == 0


def test_standard_input_that_the_command_does_not_read_is_left(daemon: Daemon) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as given:
        os.write(writing, b"Not for the first. ")
        done = daemon.client(*PLAY, stdin=given, stdout=None)
        assert cli_run.finish(done).status == 0
        assert os.read(reading, 100) == b"Not for the first. "
        os.close(writing)


def test_long_output_comes_whole_and_behind_it_the_status(daemon: Daemon) -> None:
    body = FIXTURE.read_bytes() * 8
    ours = daemon.run("play", "-", "--sink", "wav:-", given=body)
    theirs = cli_run.run("play", "-", "--sink", "wav:-", given=body)
    assert ours.status == theirs.status == 0
    assert ours.out == theirs.out


def test_a_reader_who_leaves_ends_the_command(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "long.opus"
    path.write_bytes(FIXTURE.read_bytes() * 200)
    client = daemon.client("play", str(path), "--sink", "wav:-")
    assert client.stdout is not None
    assert client.stdout.read(4) == b"RIFF"
    client.stdout.close()
    client.stdout = None
    assert cli_run.finish(client).status == 0
    daemon.wait_for(clients=0)


def test_a_file_that_is_closed_is_closed_there_too(daemon: Daemon) -> None:
    client = daemon.client(*PLAY, "--json", preexec_fn=lambda: os.close(2))  # as a shell's `2>&-`
    result = cli_run.finish(client)
    assert (result.status, result.report["completed"]) == (0, True)


def variables(daemon: Daemon) -> dict[str, Any]:
    """What leads a terminal's client to it."""
    return {**daemon.env}


@pytest.fixture
def at_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals' clients talk that way too."""
    monkeypatch.setattr(cli_run, "COMMAND", [sys.executable, "-c", f"{AT_A_PORT}\n{cli_run.MAIN}"])


@pytest.mark.usefixtures("at_a_port")
def test_a_terminal_is_shown_the_same_and_ctrl_c_ends_it(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "long.opus"
    path.write_bytes(FIXTURE.read_bytes() * 32)
    with cli_run.terminal("play", str(path), "--sink", "null", **variables(daemon)) as screen:
        daemon.wait_for(clients=1)
        screen.wait_for("first sound")
        screen.write(b"\x03")
        assert screen.end() == 130


@pytest.mark.usefixtures("at_a_port")
def test_what_is_typed_stays_with_the_client(daemon: Daemon) -> None:
    served = daemon.status["served"]
    with cli_run.terminal("--sink", "null", **variables(daemon)) as screen:
        screen.wait_for("type lines")
        screen.write(b"Hello.\n")
        screen.wait_for("Hello")
        screen.write(b"\x04")
        assert screen.end() == 0
    assert daemon.status["served"] == served
