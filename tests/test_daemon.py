"""The daemon and its clients, as processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_run
from daemons import AT_A_PORT, Daemon, running
from oggstream.daemon import frames, request
from patience import PATIENCE
from pulse import sound_server  # noqa: F401  # a fixture

FIXTURE = Path(__file__).parent / "fixtures" / "stereo.opus"  # 1.9 s
PLAY = ("play", str(FIXTURE), "--sink", "null")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it needs Unix sockets")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: it holds a socket."""
    with tempfile.TemporaryDirectory(prefix="ogg") as path:
        yield Path(path)


@pytest.fixture
def long(folder: Path) -> tuple[str, ...]:
    """What plays for a minute: it goes on however long the machine takes to interrupt it."""
    path = folder / "long.opus"
    path.write_bytes(FIXTURE.read_bytes() * 32)
    return ("play", str(path), "--sink", "null")


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    with running(folder) as daemon:
        yield daemon


@pytest.fixture(params=["", AT_A_PORT], ids=["socket", "port"])
def either(folder: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A daemon with each way of talking to it."""
    with running(folder, way=request.param) as daemon:
        yield daemon


def lasting(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report does not depend on when it was made."""
    return {name: value for name, value in report.items() if name not in ("timing", "playout", "segments", "sinks")}


def at(daemon: Daemon) -> dict[str, Any]:
    """What leads a terminal's client to it."""
    return {**daemon.env}


def speaks(daemon: Daemon) -> subprocess.Popen[bytes]:
    """A client in mid-speech."""
    client = daemon.client(*PLAY)
    daemon.wait_for(clients=1)
    return client


def test_a_report_is_the_same_as_without_a_daemon(either: Daemon) -> None:
    ours, theirs = either.run(*PLAY, "--json"), cli_run.run(*PLAY, "--json")
    assert (ours.status, ours.err) == (theirs.status, theirs.err) == (0, "")
    assert lasting(ours.report) == lasting(theirs.report)
    assert either.status["served"] == 1


@pytest.mark.parametrize(
    "arguments",
    [("play", "absent.opus"), ("say", "--speed", "fast", "Hello."), ("play",), ("say", "--help"), ("dooctor",)],
)
def test_what_fails_or_asks_for_help_ends_and_says_as_without_a_daemon(
    daemon: Daemon, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    assert daemon.run(*arguments, cwd=tmp_path) == cli_run.run(*arguments, cwd=tmp_path)
    assert daemon.status["served"] == 1


def test_standard_input_folder_mask_and_standard_output_are_the_clients(either: Daemon, tmp_path: Path) -> None:
    body = FIXTURE.read_bytes()
    mask = os.umask(0o077)
    try:
        result = either.run("play", "-", "--sink", "wav:-", "--save", "kept.opus", given=body, cwd=tmp_path)
    finally:
        os.umask(mask)
    assert (result.status, result.err, result.out[:4]) == (0, "", b"RIFF")
    assert (tmp_path / "kept.opus").read_bytes() == body
    assert (tmp_path / "kept.opus").stat().st_mode & 0o077 == 0


def test_a_closed_standard_error_is_closed_there_too(daemon: Daemon) -> None:
    line = f"'{sys.executable}' -m oggstream play {FIXTURE} --sink null --json 2>&- <&-"
    done = subprocess.run(["sh", "-c", line], env=cli_run.environment(**daemon.env), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"completed": true' in done.stdout


def test_the_process_started_when_the_client_did(daemon: Daemon) -> None:
    before = time.monotonic()
    timing = daemon.run(*PLAY, "--json").report["timing"]
    assert -(time.monotonic() - before) - 0.02 < timing["process_start"] < 0


def test_each_client_has_its_own_key_and_the_daemon_has_none(folder: Path) -> None:
    daemon = Daemon(folder)
    try:
        daemon.start(OPENAI_API_KEY="sk-of-the-daemon")
        with socket.create_server(("127.0.0.1", 0)) as server:
            keys: list[str] = []
            thread = threading.Thread(target=_refuse, args=(server, keys, 2))
            thread.start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
            for key in ("sk-of-the-first", "sk-of-the-second"):
                env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key}
                assert daemon.run("say", "Hello.", "--sink", "null", env=env).status == 1
            thread.join()
        assert keys == ["Bearer sk-of-the-first", "Bearer sk-of-the-second"]
        assert daemon.process is not None
        for process in (daemon.process.pid, *daemon.wait_for_spare()):
            assert b"sk-of-the" not in Path(f"/proc/{process}/environ").read_bytes()
    finally:
        daemon.close()


def _refuse(server: socket.socket, keys: list[str], count: int) -> None:
    while len(keys) < count:
        connection, _ = server.accept()
        with connection:
            data = b""
            while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
                data += chunk
            lines = data.decode().splitlines()
            keys += [line.partition(":")[2].strip() for line in lines if line.lower().startswith("authorization:")]
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_speech(either: Daemon, long: tuple[str, ...], number: signal.Signals) -> None:
    client = either.client(*long, "--json")
    either.wait_for(clients=1)
    time.sleep(0.2)  # until it sounds
    result = cli_run.interrupt(client, number)
    assert (result.status, result.report["stopped"]) == (130, True)
    either.wait_for(clients=0)


def test_with_its_client_a_speech_ends(either: Daemon, long: tuple[str, ...]) -> None:
    client = either.client(*long)
    either.wait_for(clients=1)
    client.kill()
    cli_run.finish(client)
    either.wait_for(clients=0)


def test_a_daemon_killed_in_mid_speech_leaves_the_speech_whole(either: Daemon) -> None:
    client = either.client(*PLAY, "--json")
    either.wait_for(clients=1)
    assert either.process is not None
    either.process.kill()
    result = cli_run.finish(client)
    assert (result.status, result.report["completed"], result.err) == (0, True, "")


def test_the_process_ahead_ends_with_a_daemon_that_is_killed(daemon: Daemon) -> None:
    for _ in range(100):
        if workers := daemon.workers():
            break
        time.sleep(0.02)
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.wait()
    for _ in range(100):
        if not Path(f"/proc/{workers[0]}").exists():
            return
        time.sleep(0.02)
    raise AssertionError("it is still there")


def test_a_process_killed_before_it_sounds_costs_a_line(daemon: Daemon) -> None:
    client = speaks(daemon)
    for worker in daemon.workers():
        os.kill(worker, signal.SIGKILL)
    result = cli_run.finish(client)
    assert result.status == 0  # nothing was on a device: it is spoken again, from its beginning
    assert result.err.count("\n") == 1
    assert "has died" in result.err or "has just ended" in result.err  # at the moment in which it was handed over
    assert daemon.run(*PLAY).status == 0


def test_a_daemon_that_hangs_is_left_alone_and_nothing_is_spoken_twice(either: Daemon) -> None:
    assert either.process is not None
    either.process.send_signal(signal.SIGSTOP)
    result = either.run(*PLAY, "--json")
    either.process.send_signal(signal.SIGCONT)
    assert (result.status, result.report["completed"]) == (0, True)
    assert result.err == "oggstream: the daemon does not answer; speaking without the daemon\n"
    either.wait_for(clients=0)
    assert either.run(*PLAY).err == ""


def test_a_process_that_is_not_ready_yet_is_waited_for(daemon: Daemon) -> None:
    (ahead,) = daemon.wait_for_spare()
    os.kill(ahead, signal.SIGSTOP)
    timer = threading.Timer(0.6, os.kill, (ahead, signal.SIGCONT))  # twice what a daemon that hangs costs
    timer.start()
    result = daemon.run(*PLAY)
    timer.join()
    assert (result.status, result.err) == (0, "")


def test_a_process_that_hangs_is_left_alone(daemon: Daemon) -> None:
    (ahead,) = daemon.wait_for_spare()
    os.kill(ahead, signal.SIGSTOP)
    result = daemon.run(*PLAY)
    os.kill(ahead, signal.SIGCONT)
    assert result.status == 0
    assert result.err == "oggstream: the daemon's process does not answer; speaking without the daemon\n"
    daemon.wait_for(clients=0)


def test_a_socket_that_was_left_behind_costs_a_line_and_the_next_daemon_replaces_it(either: Daemon) -> None:
    assert either.process is not None
    either.process.kill()
    either.process.wait()
    result = either.run(*PLAY)
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "no daemon listens" in result.err
    assert either.run("-q", *PLAY).err == ""
    cli_run.finish(either.process)
    assert "ready" in either.start()
    assert either.run(*PLAY).err == ""


def test_a_socket_open_to_others_is_not_used(daemon: Daemon) -> None:
    (daemon.folder / "daemon.sock").chmod(0o666)
    result = daemon.run(*PLAY)
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "open to other users" in result.err


@pytest.mark.parametrize(
    "answer",
    [
        frames.frame(request.REFUSED, b"the daemon is oggstream 9"),
        b"\xff\xff\xff\xff",
        b"",
        frames.frame(b"hello", b"there"),
    ],
)
def test_another_version_or_something_else_at_the_socket_costs_a_line(folder: Path, answer: bytes) -> None:
    daemon = Daemon(folder)
    daemon.folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(daemon.folder / "daemon.sock"))
        (daemon.folder / "daemon.sock").chmod(0o600)
        listener.listen()
        thread = threading.Thread(target=_answer, args=(listener, answer))
        thread.start()
        result = daemon.run(*PLAY)
        thread.join()
    assert (result.status, result.err.count("\n")) == (0, 1)
    assert "speaking without the daemon" in result.err


def _answer(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_a_second_daemon_says_so_and_ends(daemon: Daemon) -> None:
    result = daemon.run("daemon")
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert "runs already" in result.err
    assert daemon.status["running"]


def test_stop_silences_every_client(either: Daemon, long: tuple[str, ...]) -> None:
    clients = [either.client(*long), either.client(*long)]
    either.wait_for(clients=2)
    assert either.run("stop").err == "oggstream: stopped 2 speeches\n"
    assert [cli_run.finish(client).status for client in clients] == [130, 130]


def test_told_to_end_it_takes_no_more_clients_and_ends_after_the_last_one(daemon: Daemon) -> None:
    client = speaks(daemon)
    assert "ends after" in daemon.run("daemon", "--stop").err
    assert cli_run.finish(client).status == 0
    assert daemon.process is not None
    assert daemon.process.wait(PATIENCE) == 0
    assert not (daemon.folder / "daemon.sock").exists()


def test_it_ends_when_nobody_comes(folder: Path) -> None:
    with running(folder, "--idle", "0.2") as daemon:
        assert daemon.process is not None
        assert daemon.process.wait(PATIENCE) == 0
        assert daemon.run("daemon", "--status").err == "oggstream: no daemon runs\n"


def test_it_is_started_only_for_those_who_want_that(folder: Path) -> None:
    daemon = Daemon(folder)
    assert daemon.run(*PLAY).err == ""
    assert not daemon.folder.exists()
    try:
        assert daemon.run(*PLAY, env={"OGGSTREAM_DAEMON": "auto"}).err == ""
        daemon.wait_for(running=True)
        assert daemon.run(*PLAY).err == ""
        assert daemon.status["served"] == 1
    finally:
        daemon.run("daemon", "--stop")


def test_off_means_off(daemon: Daemon) -> None:
    assert daemon.run(*PLAY, env={"OGGSTREAM_DAEMON": "off"}).status == 0
    assert daemon.status["served"] == 0


def test_a_call_with_libraries_of_its_own_does_not_go_past_them(daemon: Daemon) -> None:
    result = daemon.run(*PLAY, env={"LD_PRELOAD": "libc.so.6"})
    assert (result.status, result.err) == (0, "")
    assert daemon.status["served"] == 0


def test_garbage_and_clients_that_hang_do_not_disturb_it(daemon: Daemon) -> None:
    sockets = []
    for data in (b"\xff" * 100, b"", b"\0\0\0\x01\0", frames.frame(b"1", b"x"), frames.frame(*[b"1"] * 9)):
        sockets.append(connection := socket.socket(socket.AF_UNIX))
        connection.connect(str(daemon.folder / "daemon.sock"))
        connection.sendall(data)
    assert daemon.run(*PLAY).err == ""
    for connection in sockets:
        connection.close()


def test_lines_can_be_typed(daemon: Daemon) -> None:
    with cli_run.terminal("--sink", "null", **at(daemon)) as screen:
        screen.wait_for("type lines")
        assert daemon.status["clients"] == 1
        screen.write(b"Hel\x7fllo.\n")
        screen.wait_for("Hello")
        screen.write(b"\x04")
        assert screen.end() == 0
        assert screen.echoes


def test_ctrl_c_on_a_terminal_ends_it(daemon: Daemon, long: tuple[str, ...]) -> None:
    with cli_run.terminal(*long, **at(daemon)) as screen:
        daemon.wait_for(clients=1)
        screen.wait_for("first sound")
        screen.write(b"\x03")
        assert screen.end() == 130


@pytest.mark.skipif(shutil.which("pulseaudio") is None, reason="no pulseaudio")
@pytest.mark.parametrize(("options", "least", "most"), [((), 3.7, 9.0), (("--mix",), 1.8, 3.6)])
async def test_speeches_wait_for_each_other_or_are_mixed(
    sound_server: Any,  # noqa: F811
    options: tuple[str, ...],
    least: float,
    most: float,
) -> None:
    folder = Path(sound_server.environment["XDG_RUNTIME_DIR"])
    with running(folder, **sound_server.environment) as daemon:
        async with sound_server.recording() as recording:
            clients = [daemon.client("play", str(FIXTURE), *options) for _ in range(2)]
            results = [cli_run.finish(client) for client in clients]
        assert [result.status for result in results] == [0, 0]
    assert least < len(recording.sound) / 48000 < most
