"""All documented faults in one table: produced for real, and handled by the real command line.

Each row fails with exit status 1, one line that begins with ``oggstream: error: `` and says what to do, no traceback,
a report with the error's class, and no credential anywhere, although the service repeats the key of the request. The
audio received before the failure is heard. Each interruption ends with status 130, at any stage.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import oggstream
from cli_run import Result, finish, inside, interrupt, run, start
from fake_sounddevice import HOST_ERROR, UNAVAILABLE, FakeSoundDevice, PortAudioError, sounddevice
from fault_service import BODY, CUT, ELSEWHERE, EXPIRED, FaultService, answering_port, deaf_port, fault_service
from oggstream.opus.opus_reader import OpusReader
from patience import PATIENCE
from pulse import SoundServer, sound_server
from scripted import spoken
from speech_server import CERTIFICATE, free_port, server_tls

__all__ = ["sound_server", "sounddevice"]

KEY = "sk-proj-abcdefghijklmnop"
FADE = 480  # samples at a break: the sound ends without a click
SOON = ("--first-byte-timeout", "0.5", "--stall-timeout", "0.5")
TRICKS = Path(__file__).parent / "tricks"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def service() -> Iterator[FaultService]:
    with fault_service() as running:
        yield running


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Retries without long pauses, in a folder of the test's own."""
    monkeypatch.setattr("oggstream.sources.http.retries.FIRST_DELAY", 0.001)
    monkeypatch.chdir(tmp_path)


def check_failed(result: Result, error: str, says: str, status: int = 1) -> None:
    """One line says what and what to do, the report says it too, and nobody sees the key."""
    assert result.status == status, result
    lines = result.err.splitlines()
    assert [line for line in lines if line.startswith("oggstream: error: ")] == lines[-1:], result.err
    notes = r"oggstream: (?:\S+ holds the .* that came|warning: .*|info: oggstream\.(?:requests|speech): .*)"
    assert all(re.fullmatch(notes, line) for line in lines[:-1]), result.err
    assert re.search(says, lines[-1]), lines[-1]
    assert KEY not in result.err
    assert KEY not in result.out.decode()
    if result.out:
        assert result.report["completed"] is False
        assert result.report["error"]["type"] == error
        assert result.report["error"]["message"] in lines[-1]


class Heard(NamedTuple):
    """What a file of sound holds."""

    samples: Any

    @classmethod
    def of(cls, path: str) -> Heard:
        with wave.open(path) as written:
            return cls(np.frombuffer(written.readframes(written.getnframes()), np.int16))


def check_heard(path: str, received: bytes) -> None:
    """All that was received is in the file, sample for sample up to the fade at its end."""

    async def decoded() -> Any:
        frames = [frame.pcm async for frame in oggstream.decode_stream(chunks())]
        return np.concatenate(frames)[:, 0]

    async def chunks() -> Any:
        yield BODY

    reader = OpusReader()
    reader.feed(received)
    samples = Heard.of(path).samples
    assert 960 * (reader.stats.packets - 1) <= len(samples) + 312 * 2
    wanted = asyncio.run(decoded())[: len(samples)] * 32767
    assert np.abs(samples[:-FADE] - wanted[: len(samples) - FADE]).max() <= 1
    assert np.abs(samples[:-FADE]).max() > 1000


class Answer(NamedTuple):
    """A row: what the service does, the class of the error, what is said, how often it is asked, what is heard."""

    fault: str
    error: str
    says: str
    asked: int = 1
    received: int = 0


ANSWERS = [
    Answer("400", "RequestRefusedError", r"HTTP 400 \(Bad Request\): Not with"),
    Answer("401", "AuthenticationError", r"HTTP 401 .*; check the API key \(request req_7\)"),
    Answer("403", "AccessError", "HTTP 403 .*; the key may not do this: check its permissions"),
    Answer("404", "NotFoundError", "HTTP 404 .*; check that the service has the model"),
    Answer("429", "RateLimitError", "HTTP 429 .*; wait a while, then try again", asked=3),
    Answer("429-long", "RateLimitError", "HTTP 429 .*; wait a while"),
    Answer("quota", "QuotaError", "HTTP 429 .*; add credit to the account"),
    Answer("500", "ServerError", "HTTP 500 .*; the service failed, try again later", asked=3),
    Answer("503", "ServerError", "HTTP 503 .*; the service failed, try again later", asked=3),
    Answer("final", "ServerError", "HTTP 500 .*; the service failed"),
    Answer("html-502", "ServerError", 'HTTP 502 .*: an HTML page titled "Bad gateway"; .*try again later', asked=3),
    Answer("circles", "SourceError", "redirects to nowhere; check the URL", asked=10),
    Answer("moved", "SourceError", r"redirects to http://.*/elsewhere \(HTTP 302\); use that URL"),
    Answer("nowhere", "SourceError", "redirects to 'http://a..b/', which is no usable URL; check the URL"),
    Answer("reset", "SourceConnectionError", "closed the connection without an answer; try again", asked=3),
    Answer("silent", "SourceTimeoutError", "nothing for 0.5 s before any audio"),
    Answer("no-byte", "SourceTimeoutError", "nothing for 0.5 s before any audio"),
    Answer("stall-at-once", "SourceTimeoutError", "nothing for 0.5 s before any audio"),
    Answer("stall", "SourceTimeoutError", "nothing for 0.5 s in mid-speech", received=CUT),
    Answer("cut", "SourceBrokenError", "broke off in the middle of its answer; try again", received=CUT),
    Answer("length", "SourceBrokenError", "broke off in the middle of its answer; try again", received=CUT),
    Answer("empty", "EmptyBodyError", "before any audio: it may not have this voice or format .the body is empty"),
    Answer("headers-only", "NoAudioError", "no packet that can be played; try again"),
    Answer("mp3", "WrongContainerError", "is MP3 "),
    Answer("mp3-tag", "WrongContainerError", "is MP3 "),
    Answer("flac", "WrongContainerError", "is FLAC "),
    Answer("vorbis", "WrongContainerError", "is Ogg Vorbis .*; ask the service for"),
    Answer("json", "WrongContainerError", r"is JSON \(no voice for .*\) "),
    Answer("html", "WrongContainerError", "is HTML "),
    Answer("noise", "WrongContainerError", "is unknown data "),
]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.fault)
def test_what_a_service_may_do(
    row: Answer, service: FaultService, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setitem(sys.modules, "av", None)  # what would decode MP3
    patience = SOON if "SourceTimeout" in row.error else ()
    before = service.asked
    sound = ("--sink", "wav:out.wav", "--save", "kept.opus", "--json", "--log-level", "info")
    result = inside(capsys, "Hello.", "--base-url", service.base(row.fault), *sound, *patience)
    check_failed(result, row.error, row.says)
    assert service.asked - before == row.asked
    requests = result.report["requests"]
    assert requests["sent"] == (1 if row.fault == "circles" else row.asked)
    assert requests["retried"] == requests["sent"] - 1
    kept = Path("kept.opus").read_bytes() if Path("kept.opus").exists() else b""
    if row.received:
        assert kept == BODY[: row.received]
        check_heard("out.wav", kept)
        assert result.report["audio"]["samples"] == len(Heard.of("out.wav").samples)
    else:
        assert not Path("out.wav").exists()


class Way(NamedTuple):
    """A row: what is in the way to the service (opened first; its value fills ``{}``), and what comes of it."""

    name: str
    error: str
    says: str
    base_url: str = "http://127.0.0.1:{}/v1"
    opens: Callable[[], AbstractContextManager[Any]] | None = None
    environment: dict[str, str] = {}  # noqa: RUF012  # a NamedTuple's default, never changed
    options: tuple[str, ...] = ()
    process: bool = False


def tls(certificate: str) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: fault_service(server_tls(certificate))


def says(text: bytes) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: answering_port(says=text)


REFUSES = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
WANTS_A_PASSWORD = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
FAR = "https://speech.invalid/v1"
PROXY = {"HTTPS_PROXY": f"http://me:{KEY}@127.0.0.1:{{}}"}
TRUSTED = {"SSL_CERT_FILE": "trusted.pem"}
WAYS = [
    Way("nobody there", "SourceConnectionError", "connection refused; check that the service runs there"),
    Way(
        "no connection in time",
        "SourceConnectionError",
        "no connection to .* within 0.3 s; check the network",
        opens=deaf_port,
        options=("--connect-timeout", "0.3"),
    ),
    Way("unknown name", "SourceConnectionError", "cannot find the host speech.invalid: .*; check its name", FAR),
    Way("not HTTP", "SourceConnectionError", "does not answer in HTTP; check the scheme", opens=says(b"220 hello\r\n")),
    Way("no TLS", "SourceConnectionError", "TLS with .* failed: .*; check that it", "https://127.0.0.1:{}/v1")._replace(
        opens=says(REFUSES)
    ),
    Way("untrusted", "SourceConnectionError", "not trusted: .*; set SSL_CERT_FILE", "https://127.0.0.1:{}/v1")._replace(
        opens=tls(CERTIFICATE)
    ),
    Way("expired", "SourceConnectionError", "has expired; check the clock", "https://127.0.0.1:{}/v1")._replace(
        opens=tls(EXPIRED), environment=TRUSTED, process=True
    ),
    Way("another host's", "SourceConnectionError", "; check the host in the URL", "https://127.0.0.1:{}/v1")._replace(
        opens=tls(ELSEWHERE), environment=TRUSTED, process=True
    ),
    Way("dead proxy", "SourceConnectionError", "cannot connect to the proxy .*; check HTTP_PROXY", FAR)._replace(
        environment=PROXY
    ),
    Way("proxy refuses", "SourceConnectionError", "proxy .* refused .* HTTP 403 .*; check HTTPS_PROXY", FAR)._replace(
        opens=says(REFUSES), environment=PROXY
    ),
    Way("proxy wants a password", "SourceConnectionError", "HTTP 407 .*; it wants a user", FAR)._replace(
        opens=says(WANTS_A_PASSWORD), environment=PROXY
    ),
    Way("unusable proxy", "ConfigError", "unusable proxy .*; for SOCKS, pip install aiohttp-socks", FAR)._replace(
        environment={"HTTPS_PROXY": f"socks5://me:{KEY}@127.0.0.1:1"}
    ),
    Way("no URL", "ConfigError", "unusable URL .*; write http://HOST/PATH", "speech"),
    Way("no host", "ConfigError", "unusable URL .*; write http://HOST/PATH", "http:///v1"),
    Way("another scheme", "ConfigError", "unusable URL .*; write http://HOST/PATH", "ftp://127.0.0.1/v1"),
    Way("no port", "ConfigError", "unusable URL .*; write http://HOST/PATH", f"http://me:{KEY}@127.0.0.1:99999/v1"),
]


@pytest.mark.parametrize("row", WAYS, ids=lambda row: row.name)
def test_what_may_be_in_the_way(row: Way, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    Path("trusted.pem").write_text(EXPIRED if row.name == "expired" else ELSEWHERE)
    with ExitStack() as stack:
        opened = stack.enter_context(row.opens()) if row.opens is not None else free_port()
        port = getattr(opened, "port", opened)
        for name, value in row.environment.items():
            monkeypatch.setenv(name, value.format(port))
        arguments = ("Hello.", "--base-url", row.base_url.format(port), "--sink", "wav:out.wav", "--json")
        # TLS reads its certificates once in a process.
        result = run(*arguments, *row.options) if row.process else inside(capsys, *arguments, *row.options)
    check_failed(result, row.error, row.says)
    assert not Path("out.wav").exists()


@pytest.mark.parametrize(
    ("variables", "error", "text"),
    [
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, "ConfigError", "needs an API key: set OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": f"{KEY}\nX: y"}, "ConfigError", "cannot be sent; look for a line break in it"),
    ],
    ids=["no key where one is needed", "a key with a line break"],
)
def test_what_may_be_wrong_with_the_key(
    variables: dict[str, str],
    error: str,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    check_failed(inside(capsys, "Hello.", "--sink", "null", "--json"), error, text)


@pytest.mark.parametrize(
    ("command", "content", "error", "text"),
    [
        ("play", None, "SourceError", "cannot read in.opus: No such file"),
        ("decode", None, "SourceError", "cannot read in.opus: No such file"),
        ("play", b"", "EmptyBodyError", "empty"),
        ("play", b"fLaC\0\0\0\x22" + bytes(300), "FormatError", "in.opus is damaged FLAC: Invalid data"),
        ("decode", b"ID3\x04" + bytes(300), "WrongContainerError", "is damaged MP3 .*convert the file"),
        ("play", BODY[:20], "NoAudioError", "cut in its first Ogg page, at byte 0; "),
    ],
)
def test_what_a_file_may_be(
    command: str, content: bytes | None, error: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("in.opus").write_bytes(content)
    to = ("out.wav",) if command == "decode" else ("--sink", "null")
    check_failed(inside(capsys, command, "in.opus", *to, "--json"), error, text)


def test_a_file_that_is_cut_is_played_as_far_as_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.opus").write_bytes(BODY[:CUT])
    assert inside(capsys, "play", "in.opus", "--sink", "wav:out.wav").status == 0
    check_heard("out.wav", BODY[:CUT])


def busy(module: FakeSoundDevice) -> None:
    module.refusal = PortAudioError("Error opening RawOutputStream: Device unavailable", UNAVAILABLE)


def busy_by_its_host(module: FakeSoundDevice) -> None:
    text = "Device or resource busy"
    module.refusal = PortAudioError("Unanticipated host error", HOST_ERROR, ("ALSA", -16, text))


def without_rate(module: FakeSoundDevice) -> None:
    module.takes = [(2, 8000)]


def without_channels(module: FakeSoundDevice) -> None:
    module.takes = [(8, 48000)]


def does_not_start(module: FakeSoundDevice) -> None:
    module.start_error = PortAudioError("Unanticipated host error", HOST_ERROR, ("ALSA", -5, "I/O error"))


def not_there(module: FakeSoundDevice) -> None:
    module.devices = []


class Device(NamedTuple):
    """A row: what is wrong with the devices, the one that is asked for, and what is said."""

    fault: Callable[[FakeSoundDevice], None]
    device: str
    says: str


def nothing(_: FakeSoundDevice) -> None: ...


DEVICES = [
    Device(nothing, "gramophone", "no output device 'gramophone': choose one of 'Speakers'"),
    Device(nothing, "e", "may be any of .*: give the index"),
    Device(busy, "1", "'Speakers' is busy: close the program that uses it, or choose another"),
    Device(busy_by_its_host, "1", "'Speakers' is busy: close the program"),
    Device(without_rate, "1", "takes none of these rates and channels: 48000 Hz with 2.*; choose another"),
    Device(without_channels, "1", "takes none of these rates and channels: 48000 Hz with 2.*; choose another"),
    Device(does_not_start, "1", "cannot start the output device 'Speakers'"),
    Device(not_there, "0", "no output device: connect or enable one"),
]


@pytest.mark.parametrize("row", DEVICES, ids=lambda row: f"{row.fault.__name__}, {row.device}")
def test_what_a_device_may_do(
    row: Device, sounddevice: FakeSoundDevice, service: FaultService, capsys: pytest.CaptureFixture[str]
) -> None:
    row.fault(sounddevice)
    result = inside(capsys, "Hello.", "--base-url", service.base("well"), "--device", row.device, "--json")
    check_failed(result, "DeviceError", row.says)


def test_a_device_that_vanishes_in_mid_speech(sound_server: SoundServer, service: FaultService) -> None:
    options = ("--base-url", service.base("endless"), "--device", "0", "--json")
    service.stage.clear()
    process = start("Hello.", *options, env=sound_server.environment)
    assert service.stage.wait(10)
    time.sleep(1.0)
    sound_server.stop()
    result = finish(process)
    ours = [line for line in result.err.splitlines(keepends=True) if line.startswith("oggstream: ")]  # ALSA talks too
    check_failed(result._replace(err="".join(ours)), "DeviceError", "device stopped playing and did not come back")


class Library(NamedTuple):
    """A row: the library that is not there, what asks for it, the class of the error, and what is said."""

    name: str
    options: tuple[str, ...]
    error: str
    says: str


LIBRARIES = [
    Library("portaudio", ("--device", "0"), "DeviceError", r"PortAudio.*was not found: install it with `.+`"),
    Library("libopus", ("--sink", "null"), "LibraryError", r"libopus.*was not found: install it with `.+`"),
]


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_what_may_not_be_installed(row: Library, service: FaultService) -> None:
    env = {"PYTHONPATH": str(TRICKS), "OGGSTREAM_TRICK": row.name, "OPENAI_BASE_URL": service.base("well")}
    check_failed(run("Hello.", "--json", *row.options, env=env), row.error, row.says)


def test_without_portaudio_and_with_no_device_named_the_speech_goes_to_a_file(
    service: FaultService, tmp_path: Path
) -> None:
    env = {"OPENAI_BASE_URL": service.base("well"), "PYTHONPATH": str(TRICKS), "OGGSTREAM_TRICK": "portaudio"}
    result = run("Hello.", "--json", env=env, cwd=tmp_path)
    assert (result.status, result.report["sink"]) == (0, "wav")
    assert re.search(r"PortAudio.*install it with `.+; writing speech.wav instead", result.err)
    check_heard("speech.wav", BODY)


needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this system")
OUTPUTS = [
    pytest.param(["--sink", "wav:/dev/full"], "/dev/full: No space left", marks=needs_full, id="full disk, sound"),
    pytest.param(["--save", "/dev/full"], "/dev/full: No space left", marks=needs_full, id="full disk, bytes"),
    pytest.param(["--sink", "wav:none/out.wav"], "none/out.wav: No such file", id="no such folder"),
    pytest.param(["--sink", "wav:."], r"\.: Is a directory", id="a folder"),
    pytest.param(["--save", "none/kept.opus"], "none/kept.opus: No such file", id="no such folder, bytes"),
    pytest.param(
        ["--sink", "wav:closed/out.wav"],
        "closed/out.wav: Permission denied",
        marks=pytest.mark.skipif(ROOT, reason="root may write everywhere"),
        id="a folder of somebody else's",
    ),
]


@pytest.mark.parametrize(("place", "text"), OUTPUTS)
def test_what_an_output_may_do(
    place: list[str], text: str, service: FaultService, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("closed").mkdir(mode=0o500)
    sink = [] if "--sink" in place else ["--sink", "null"]
    result = inside(capsys, "Hello.", "--base-url", service.base("well"), *place, *sink, "--json")
    check_failed(result, "OutputError", f"cannot write {text}")


def test_a_disk_that_fills_up_in_mid_speech_keeps_what_was_written(service: FaultService, tmp_path: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    result = run(
        "Hello.", "--base-url", service.base("well"), "--sink", "wav:out.wav", preexec_fn=small_disk, cwd=tmp_path
    )
    check_failed(result, "OutputError", "cannot write out.wav: File too large")
    assert Path("out.wav").stat().st_size == 100_000


@needs_full
def test_a_report_that_cannot_be_written_is_an_error(service: FaultService) -> None:
    with FULL.open("wb") as full:
        result = run("Hello.", "--base-url", service.base("well"), "--sink", "null", "--json", stdout=full)
    check_failed(result, "OutputError", "cannot write to standard output: No space left on device")


@needs_full
def test_decoding_to_a_full_disk_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.opus").write_bytes(BODY)
    check_failed(inside(capsys, "decode", "in.opus", "/dev/full", "--json"), "OutputError", "No space left on device")


@pytest.mark.parametrize(
    "arguments",
    [["decode", "in.opus", "-"], ["play", "in.opus", "--sink", "wav:-"], ["inspect", "in.opus"], ["devices", "--json"]],
    ids=lambda arguments: arguments[0],
)
def test_a_closed_pipe_ends_it_quietly(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "in.opus").write_bytes(spoken(20.0))
    reading, writing = os.pipe()
    os.close(reading)
    result = run(*arguments, stdout=writing, cwd=tmp_path)
    os.close(writing)
    assert "Traceback" not in result.err
    assert (result.status, result.err) == (0, "") or arguments[0] == "devices"


class Stage(NamedTuple):
    """A row: the signal, what the service does, when it comes, and what else there is to it."""

    name: str
    number: signal.Signals
    fault: str = "well"
    trick: str = ""
    options: tuple[str, ...] = ("--sink", "null")
    report: bool = True
    wait: float = 0.3  # after the stage has been reached


STAGES = [
    Stage("looking up the name", signal.SIGINT, trick="names"),
    Stage("connecting", signal.SIGTERM, fault="deaf", wait=1.5),
    Stage("waiting for the answer", signal.SIGINT, fault="silent"),
    Stage("waiting to try again", signal.SIGTERM, fault="503-wait"),
    Stage("waiting for the first byte", signal.SIGINT, fault="no-byte"),
    Stage("waiting for audio", signal.SIGTERM, fault="stall-at-once"),
    Stage("opening the device", signal.SIGINT, trick="device", options=("--device", "0")),
    Stage("in mid-speech, more to come", signal.SIGTERM, fault="endless", wait=1.5),
    Stage("in mid-speech, all received", signal.SIGINT, wait=1.5),
    Stage("in a stall", signal.SIGTERM, fault="stall", wait=1.5),
    Stage("writing to a pipe nobody reads", signal.SIGINT, fault="endless", options=("--sink", "wav:-"), report=False),
]


def staged(row: Stage) -> Any:
    """A test's parameter: where nobody can tell that the stage has been reached, only time shows it."""
    untold = row.trick == "names" or row.fault == "deaf"
    return pytest.param(row, id=row.name, marks=[pytest.mark.realtime] if untold else [])


@pytest.mark.parametrize("row", [staged(row) for row in STAGES])
def test_an_interruption_at_every_stage(row: Stage, service: FaultService, tmp_path: Path) -> None:
    with ExitStack() as stack:
        base = service.base(row.fault)
        if row.fault == "deaf":
            base = f"http://127.0.0.1:{stack.enter_context(deaf_port())}/v1"
        if row.trick == "names":
            base = "http://speech.invalid/v1"
        env = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": KEY}
        reached = tmp_path / "reached"
        if row.trick:
            env |= {"PYTHONPATH": str(TRICKS), "OGGSTREAM_TRICK": row.trick, "OGGSTREAM_REACHED": str(reached)}
        service.stage.clear()
        process = start("Hello.", *row.options, *(("--json",) if row.report else ()), env=env)
        wait_for_stage(row, process, service, reached)
        result = interrupt(process, row.number)
    assert (result.status, result.err) == (130, ""), result
    assert KEY not in result.out.decode(errors="replace")
    if row.report:
        assert (result.report["completed"], result.report["stopped"], result.report["error"]) == (False, True, None)


def wait_for_stage(row: Stage, process: subprocess.Popen[bytes], service: FaultService, reached: Path) -> None:
    if row.trick:
        end = time.monotonic() + PATIENCE
        while not reached.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        assert reached.exists()
    elif row.fault != "deaf":
        assert service.stage.wait(10)
    time.sleep(row.wait)


def test_the_report_of_an_interruption_is_json_and_alone(service: FaultService) -> None:
    service.stage.clear()
    process = start("Hello.", "--base-url", service.base("endless"), "--sink", "null", "--json")
    assert service.stage.wait(10)
    time.sleep(1.0)
    result = interrupt(process, signal.SIGTERM)
    report = json.loads(result.out)
    assert report["audio"]["samples"] > 0
