"""Tests of ``say`` and ``play``: real processes, real local servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_run import Result, environment, finish, inside, names, run, start
from oggstream.errors import OutputError, SourceBrokenError
from oggstream.opus.joining import BodyJoiner
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.wav_sink import WavSink
from scripted import ScriptedSource, spoken
from speech_server import answering, free_port, hanging, openai_error, serving, speaking, until

KEY = "sk-proj-abcdefghijklmnop"
OFFLINE = "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set"


async def process(*arguments: str, **options: Any) -> Result:
    """Run a process while a server of the test answers it."""
    return await asyncio.to_thread(run, *arguments, **options)


def check_failed(result: Result, says: str, status: int = 1) -> None:
    assert result.status == status, result
    lines = [line for line in result.err.splitlines() if not line.startswith("oggstream: warning: ")]
    assert len(lines) == 1, result.err
    assert lines[0].startswith("oggstream: error: ")
    assert says in lines[0]


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "in.opus"
    path.write_bytes(spoken(0.5))
    return path


def frames(path: Path) -> int:
    with wave.open(str(path)) as written:
        assert (written.getframerate(), written.getsampwidth()) == (48000, 2)
        return int(written.getnframes())


def test_a_text_is_spoken_without_a_key_into_a_file(tmp_path: Path) -> None:
    result = run("Hello", "there.", "--sink", "wav:out.wav", "--json", cwd=tmp_path)
    assert result.status == 0
    assert OFFLINE in result.err
    assert (result.report["source"], result.report["sink"], result.report["text_chars"]) == ("offline", "wav", 12)
    assert result.report["completed"] is True
    assert result.report["audio"]["samples"] == frames(tmp_path / "out.wav") > 10_000
    assert result.report["timing"]["process_start"] is None or result.report["timing"]["process_start"] < 0
    assert any(OFFLINE in warning for warning in result.report["stream"]["warnings"])
    assert result.err.count(OFFLINE) == 1


def test_several_sinks_are_a_device_and_files(tmp_path: Path, body: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a.wav", tmp_path / "b.wav"]
    places = [option for file in files for option in ("--sink", f"wav:{file}")]
    result = inside(capsys, "play", str(body), "--sink", "null", *places, "--sink", "wav:/nonexistent/c.wav", "--json")
    assert result.status == 0
    assert [frames(file) for file in files] == [24000, 24000]
    assert result.report["sink"] == "null"
    told = [(sink["name"], sink["heard"], sink["error"] is None) for sink in result.report["sinks"]]
    assert told == [("null", 24000, True), ("wav", 24000, True), ("wav", 24000, True), ("wav", 0, False)]
    assert "wav plays no more, the others do: cannot write /nonexistent/c.wav" in result.err


def test_without_any_output_say_and_play_write_speech_wav(tmp_path: Path, body: Path) -> None:
    result = run("Hello.", "--json", cwd=tmp_path)
    assert result.status == 0
    assert "writing speech.wav instead" in result.err
    assert result.report["sink"] == "wav"
    assert frames(tmp_path / "speech.wav") == result.report["audio"]["samples"]
    result = run("play", str(body), cwd=tmp_path)
    assert (result.status, result.out) == (0, b"")
    assert "the earlier one is now speech.wav~" in result.err
    assert frames(tmp_path / "speech.wav") == 24000


@pytest.mark.parametrize("choice", [("--sink", "device"), ("--device", "0"), ("--device", "Speakers")])
def test_with_a_device_asked_for_there_is_an_error_instead(choice: tuple[str, str], tmp_path: Path, body: Path) -> None:
    result = run("play", str(body), *choice, "--json", cwd=tmp_path)
    check_failed(result, "device")
    assert result.report["error"]["type"] == "DeviceError"
    assert result.report["completed"] is False
    assert not (tmp_path / "speech.wav").exists()


def test_quiet_says_nothing(tmp_path: Path) -> None:
    assert run("Hello.", "--quiet", cwd=tmp_path) == (0, b"", "")


def test_in_a_pipe_there_is_no_live_line(tmp_path: Path, body: Path) -> None:
    assert run("play", str(body), "--sink", "null", cwd=tmp_path) == (0, b"", "")


async def test_the_request_is_made_as_asked_and_the_bytes_are_kept(tmp_path: Path) -> None:
    async with serving(speaking(spoken(0.5))) as service:
        options = [
            "--voice",
            "nova",
            "--model",
            "m",
            "--instructions",
            "softly",
            "--speed",
            "1.5",
            "--format",
            "opus",
            "--save",
            "kept.opus",
        ]
        env = {"OPENAI_BASE_URL": service.base, "OPENAI_API_KEY": KEY}
        result = await process("say", "Hello.", "--sink", "null", "--json", *options, cwd=tmp_path, env=env)
    assert (result.status, result.err) == (0, "")
    assert json.loads(service.posts[0].body) == {
        "model": "m",
        "input": "Hello.",
        "voice": "nova",
        "instructions": "softly",
        "response_format": "opus",
        "speed": 1.5,
    }
    assert (tmp_path / "kept.opus").read_bytes() == spoken(0.5)
    assert (result.report["source"], result.report["requests"]["request_ids"]) == ("openai", ["req_1"])
    assert KEY not in result.out.decode()


async def test_the_endpoint_may_be_given_as_an_option() -> None:
    async with serving(speaking(spoken(0.2))) as service:
        result = await process("Hello.", "--base-url", service.base, "--sink", "null")
    assert result == (0, b"", "")
    assert len(service.posts) == 1


@pytest.mark.parametrize("arguments", [[], ["say"], ["-"], ["say", "-"]])
async def test_standard_input_is_spoken_when_there_is_no_text(arguments: list[str]) -> None:
    async with serving(speaking(spoken(0.2))) as service:
        given = "\ufeffOne, zwei,\ndrei: größer.\n".encode()
        options = ["--base-url", service.base, "--sink", "null"]
        result = await process(*arguments, *options, given=given)
    assert result == (0, b"", "")
    assert " ".join(json.loads(service.posts[0].body)["input"].split()) == "One, zwei, drei: größer."


async def test_bytes_that_are_no_text_are_replaced() -> None:
    async with serving(speaking(spoken(0.2))) as service:
        options = ["--base-url", service.base, "--sink", "null"]
        assert (await process(*options, given=b"caf\xe9")).status == 0
        assert (await process(os.fsdecode(b"caf\xe9"), *options)).status == 0
    assert [json.loads(post.body)["input"] for post in service.posts] == ["caf\ufffd", "caf\ufffd"]


@pytest.mark.parametrize(("arguments", "given"), [(["   "], b""), ([], b""), ([], b" \n")])
def test_a_text_that_cannot_be_spoken_is_refused(arguments: list[str], given: bytes) -> None:
    result = run(*arguments, "--sink", "null", "--json", given=given)
    check_failed(result, "the text ")
    assert result.report["error"]["type"] == "TextError"


async def test_a_refusal_is_one_line_with_its_report_and_no_credential(tmp_path: Path) -> None:
    (tmp_path / "kept.opus").write_bytes(b"earlier")
    refusal = openai_error(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key", x_request_id="req-9")
    async with serving(lambda _: _answer(refusal)) as service:
        env = {"OPENAI_BASE_URL": service.base, "OPENAI_API_KEY": KEY}
        options = ("--json", "--save", "kept.opus", "--log-level", "debug")
        result = await process("Hello.", *options, cwd=tmp_path, env=env)
    assert result.status == 1
    assert result.report["error"] == {
        "type": "AuthenticationError",
        "message": result.report["error"]["message"],
        "request_id": "req-9",
    }
    assert KEY not in result.err + result.out.decode()
    assert (tmp_path / "kept.opus").read_bytes() == b"earlier"
    assert names(tmp_path) == ["kept.opus"]


async def _answer(response: Any) -> Any:
    return response


def test_a_refused_connection_is_one_line() -> None:
    result = run("Hello.", "--base-url", f"http://127.0.0.1:{free_port()}/v1", "--sink", "null", "--json")
    check_failed(result, "refused")
    assert result.report["error"]["type"] == "SourceConnectionError"
    assert result.report["requests"]["retried"] == 2


async def test_time_outs_are_as_asked() -> None:
    async with serving(hanging) as service:
        options = ("--base-url", service.base, "--sink", "null")
        result = await process("Hello.", *options, "--first-byte-timeout", "0.3")
        check_failed(result, "0.3 s")
    async with serving(speaking(spoken(3.0)[:6000], hang=True)) as service:
        options = ("--base-url", service.base, "--sink", "null")
        result = await process("Hello.", *options, "--stall-timeout", "0.4", "--json")
        check_failed(result, "0.4 s")
    assert result.report["error"]["type"] == "SourceTimeoutError"


async def test_what_is_left_of_a_speech_that_broke_off_is_said(tmp_path: Path) -> None:
    part = spoken(3.0)[:-2000]
    async with serving(speaking(part, hang=True)) as service:
        options = ("--base-url", service.base, "--sink", "wav:out.wav", "--save", "kept.opus", "--stall-timeout", "0.4")
        result = await process("Hello.", *options, cwd=tmp_path)
    assert result.status == 1
    assert f"kept.opus holds the {len(part)} bytes that came" in result.err
    assert "out.wav holds the 2.0 s that came" in result.err
    assert (tmp_path / "kept.opus").read_bytes() == part
    assert frames(tmp_path / "out.wav") > 90_000


async def test_a_url_is_played(tmp_path: Path) -> None:
    async with serving(speaking(spoken(0.5))) as service:
        result = await process("play", f"{service.origin}/x.opus", "--sink", "wav:o.wav", "--json", cwd=tmp_path)
        assert (result.status, result.report["source"]) == (0, "http")
        result = await process("play", service.origin.replace("//", "//me:hidden@"), "--sink", "null", "--json")
    assert frames(tmp_path / "o.wav") == 24000
    assert "hidden" not in result.err + result.out.decode()


def test_a_file_is_played_and_kept(body: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.opus"
    result = inside(capsys, "play", str(body), "--sink", "null", "--json", "--save", str(copy))
    assert (result.status, result.err) == (0, "")
    assert (result.report["source"], result.report["audio"]["samples"]) == ("file", 24000)
    assert copy.read_bytes() == body.read_bytes()


def test_standard_input_is_played(tmp_path: Path) -> None:
    result = run("play", "-", "--sink", "wav:out.wav", given=spoken(0.5), cwd=tmp_path)
    assert (result.status, result.err) == (0, "")
    assert frames(tmp_path / "out.wav") == 24000


def test_sound_may_go_to_standard_output(body: Path) -> None:
    result = run("play", str(body), "--sink", "wav:-")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(b"RIFF")
    assert len(result.out) == 44 + 2 * 24000


def test_the_bytes_may_go_to_standard_output(body: Path) -> None:
    result = run("play", str(body), "--sink", "null", "--save", "-")
    assert result == (0, body.read_bytes(), "")


def test_channels_and_gain_are_as_asked(body: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.wav"
    result = inside(
        capsys, "play", str(body), "--sink", f"wav:{target}", "--channels", "2", "--gain", "track", "--json"
    )
    assert result.report["audio"]["channels"] == 2
    with wave.open(str(target)) as written:
        assert written.getnchannels() == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"ID3\x03" + bytes(300), "MP3"), (b"RIFF\x24\0\0\0WAVEfmt " + bytes(99), "WAV")],
)
def test_what_is_no_ogg_opus_is_named(
    content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.opus").write_bytes(content)
    result = inside(capsys, "play", str(tmp_path / "x.opus"), "--sink", "null", "--json")
    check_failed(result, says)
    assert result.report["error"]["type"].endswith("Error")


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_failed(inside(capsys, "play", str(tmp_path / "none.opus"), "--sink", "null"), "none.opus")


@pytest.mark.parametrize(
    ("options", "says", "status"),
    [
        (["--sink", "loud"], "loud", 2),
        (["--sink", "wav:"], "wav:", 2),
        (["--speed", "9"], "0.25 to 4", 2),
        (["--sink", "wav:/nonexistent/out.wav"], "/nonexistent/out.wav", 1),
        (["--sink", "null", "--save", "/nonexistent/kept.opus"], "/nonexistent/kept.opus", 1),
    ],
)
def test_impossible_wishes_are_refused_with_a_report(
    options: list[str], says: str, status: int, body: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = inside(capsys, "play", str(body), *options, "--json")
    check_failed(result, says, status)
    assert result.report["completed"] is False
    assert result.report["error"]["message"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("place", [["--sink", "wav:/dev/full"], ["--sink", "null", "--save", "/dev/full"]])
def test_a_full_disk_is_told(place: list[str], body: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "play", str(body), *place, "--json")
    check_failed(result, "/dev/full: No space left on device")
    assert result.report["error"]["type"] == "OutputError"


@pytest.mark.parametrize(
    "place", [["--sink", "wav:-"], ["--sink", "null", "--save", "-"], ["--sink", "null", "--json"]]
)
def test_a_reader_that_closes_the_pipe_ends_it_quietly(place: list[str], body: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = run("play", str(body), *place, stdout=writing)
    os.close(writing)
    assert (result.status, result.err) == (0, "")


async def test_what_is_learnt_goes_where_it_should(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "own.json"
    async with serving(speaking(spoken(0.5))) as service:
        options = ("Hello.", "--base-url", service.base, "--sink", "null")
        for history, names in (("none", []), (str(kept), ["own.json"])):
            assert (await asyncio.to_thread(run, *options, "--history", history)).status == 0
            assert [path.name for path in tmp_path.rglob("*.json")] == names
        assert (await asyncio.to_thread(run, *options)).status == 0
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["history.json", "own.json"]
    assert service.place in kept.read_text()


def test_warnings_about_the_stream_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.opus").write_bytes(b"junk" + spoken(0.2))
    shown = inside(capsys, "play", str(tmp_path / "odd.opus"), "--sink", "null").err
    assert "oggstream: warning: 4 bytes at byte 0 skipped" in shown


async def test_closed_standard_input_is_an_error() -> None:
    result = await process("--sink", "null", stdin=None, preexec_fn=lambda: os.close(0), given=None)
    check_failed(result, "nothing to say")


async def test_nothing_slow_is_loaded_on_the_way_to_the_request() -> None:
    async with serving(speaking(spoken(0.2))) as service:
        code = (
            "import sys\n"
            "from oggstream import events\n"
            "from oggstream.__main__ import main\n"
            "slow = {'numpy', 'sounddevice', 'soxr', 'openai', 'opuslib', 'oggstream.report', 'oggstream.ogg'}\n"
            "slow |= {'aiohttp', 'pathlib', 'http', 'encodings.idna'}\n"
            "record = events.Recorder.record\n"
            "def look(self, kind, **rest):\n"
            "    if kind is events.RequestSent:\n"
            "        print('loaded', *sorted(slow & set(sys.modules)), flush=True)\n"
            "    record(self, kind, **rest)\n"
            "events.Recorder.record = look\n"
            f"main(['Hello.', '--base-url', {service.base!r}, '--sink', 'null'])\n"
        )
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], env=environment(), capture_output=True, check=True
        )
    assert done.stdout == b"loaded\n"


class Watched:
    """A source in place of the default one; ``during`` is called when its body begins."""

    def __init__(self, *arrivals: tuple[float, bytes | BaseException], during: Callable[[], object] = bool) -> None:
        self.source = ScriptedSource(arrivals)
        self.settings: dict[str, Any] = {}
        self._during = during

    def make(self, **settings: Any) -> ScriptedSource:
        self.settings = settings
        asyncio.get_running_loop().call_later(0.05, self._during)
        return self.source


def instead(monkeypatch: pytest.MonkeyPatch, watched: Watched) -> Watched:
    monkeypatch.setattr("oggstream.sources.resolve_source.default_source", watched.make)
    return watched


def test_the_source_gets_its_settings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    watched = instead(monkeypatch, Watched((0.0, spoken(0.2))))
    result = inside(capsys, "One", "two", "--sink", "null", "--connect-timeout", "2", "--base-url", "http://x/v1")
    assert (result.status, watched.source.texts) == (0, ["One two"])
    assert watched.settings == {"base_url": "http://x/v1", "connect_timeout": 2.0}


def test_a_signal_in_mid_speech_prints_the_report_and_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = spoken(3.0)[:-3000]
    instead(monkeypatch, Watched((0.0, part), (60.0, b""), during=lambda: signal.raise_signal(signal.SIGTERM)))
    kept = tmp_path / "kept.opus"
    result = inside(capsys, "Hello.", "--sink", "null", "--json", "--save", str(kept))
    assert result.status == 130
    assert (result.report["completed"], result.report["stopped"], result.report["error"]) == (False, True, None)
    assert result.report["stream"]["bytes"] == len(part)
    assert result.err == f"oggstream: {kept} holds the {len(part)} bytes that came\n"


def test_on_a_terminal_there_is_a_live_line_and_then_a_summary(
    body: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oggstream.cli.terminal.live.is_wanted", lambda: True)
    monkeypatch.setattr("oggstream.cli.terminal.live.colour_is_wanted", lambda: False)
    shown = inside(capsys, "play", str(body), "--sink", "null").err
    assert f"first sound 0.{shown.split('first sound 0.')[1][:2]} s  {body}"[:40] in shown
    assert shown.splitlines()[-1].startswith("oggstream: 0.5 s, first sound after ")
    assert inside(capsys, "play", str(body), "--sink", "null", "--quiet").err == ""


def test_a_failure_on_a_terminal_clears_the_live_line_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oggstream.cli.terminal.live.is_wanted", lambda: True)
    instead(monkeypatch, Watched((0.2, SourceBrokenError("cut off"))))
    shown = inside(capsys, "Hello.", "--sink", "null").err
    assert "waiting: Hello." in shown
    assert shown.endswith(" \roggstream: error: cut off (request req-1)\n")


def test_a_named_device_is_used(
    body: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[str] = []

    class Device(NullSink):
        def __init__(self, device: str) -> None:
            super().__init__()
            chosen.append(device)

    monkeypatch.setattr("oggstream.sinks.device_sink.DeviceSink", Device)
    assert inside(capsys, "play", str(body), "--device", "Speakers").status == 0
    assert chosen == ["Speakers"]


def test_without_a_choice_the_default_device_is_used(
    body: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oggstream.cli.fallback.DeviceSink", NullSink)
    assert inside(capsys, "play", str(body), "--json").report["sink"] == "null"


def test_a_file_that_cannot_be_completed_makes_the_speech_fail(
    body: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    close = WavSink.aclose

    async def fail(self: WavSink) -> None:
        await close(self)
        raise OutputError("cannot write out.wav: gone")

    monkeypatch.setattr(WavSink, "aclose", fail)
    result = inside(capsys, "play", str(body), "--sink", f"wav:{tmp_path / 'out.wav'}", "--json")
    assert result.status == 1
    assert result.report["completed"] is False
    assert result.report["audio"]["samples"] == 24000
    assert result.report["error"]["message"] == "cannot write out.wav: gone"


def test_standard_input_that_cannot_be_read_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writing = os.open(tmp_path / "unreadable", os.O_WRONLY | os.O_CREAT)
    stdin = os.dup(0)
    os.dup2(writing, 0)
    try:
        with pytest.MonkeyPatch.context() as patch, open(0, closefd=False) as stream:
            patch.setattr(sys, "stdin", stream)
            check_failed(inside(capsys, "--sink", "null"), "cannot read standard input: Bad file descriptor")
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(writing)


async def test_standard_input_is_spoken_as_it_arrives() -> None:
    async with serving(speaking(spoken(0.3))) as service:
        process = await asyncio.to_thread(start, "--base-url", service.base, "--sink", "null", "--json")
        assert process.stdin is not None
        process.stdin.write("\ufeffThis is the first sentence, and it is spo".encode())
        process.stdin.write(b"ken. The next on")
        process.stdin.flush()
        await until(lambda: service.posts)  # before the writer writes on
        process.stdin.write("e is about gr\u00fc".encode()[:-1])
        process.stdin.flush()
        result = await asyncio.to_thread(finish, process, b"\xbcn.")
    assert (result.status, result.err) == (0, "")
    said = [json.loads(post.body)["input"] for post in service.posts]
    assert " ".join(said) == "This is the first sentence, and it is spoken. The next one is about gr\u00fcn."
    assert len(said) >= 2
    assert [segment["text"] for segment in result.report["segments"]] == said


async def test_a_long_text_is_spoken_in_pieces_that_are_kept_as_one_stream(tmp_path: Path) -> None:
    bodies = [spoken(0.4, serial=1), spoken(0.3, serial=2)]
    given = b"This is the first sentence of two. " * 3 + b"\n\n" + b"And this is the second one. " * 3
    async with serving(answering(speaking(bodies[0], gap=0.1), speaking(bodies[1]))) as service:
        options = ("--base-url", service.base, "--sink", "null", "--save", "kept.opus", "--json")
        result = await process(*options, given=given, cwd=tmp_path)
    assert result.status == 0
    kept = (tmp_path / "kept.opus").read_bytes()
    pieces = [bodies[0], *[bodies[1]] * (len(service.posts) - 1)]
    joiner = BodyJoiner()
    assert kept == b"".join(joiner.feed(piece) + joiner.end() for piece in pieces) + joiner.last
    assert result.report["stream"]["bytes"] == sum(map(len, pieces))


# Services by name


async def test_say_speaks_through_a_named_service_and_its_key_shows_nowhere() -> None:
    async with serving(speaking(spoken(0.2))) as service:
        options = ("--service", "deepgram:http", "--base-url", service.origin, "--sink", "null", "--json")
        result = await process("Hello.", *options, env={"DEEPGRAM_API_KEY": KEY})
        [request] = service.posts
    assert result.status == 0, result.err
    assert result.report["source"] == "deepgram"
    assert request.path.startswith("/v1/speak?model=aura-2-thalia-en&encoding=opus")
    assert KEY not in result.err + result.out.decode()


async def test_the_next_of_several_services_takes_over() -> None:
    async with serving(speaking(spoken(0.2))) as service:
        env = {"KOKORO_BASE_URL": f"http://127.0.0.1:{free_port()}/v1", "OPENAI_BASE_URL": service.base}
        result = await process("Hello.", "--service", "kokoro,openai", "--sink", "null", "--json", env=env)
    assert (result.status, result.report["source"], result.report["requests"]["retried"]) == (0, "openai", 0)
    [warning] = result.report["stream"]["warnings"]
    assert warning.startswith("kokoro: cannot connect to ")
    assert warning.endswith("(trying the next source)")


def test_service_that_there_is_not_is_told_with_those_there_are() -> None:
    check_failed(
        run("Hello.", "--service", "deepgrm", "--sink", "null"), "unknown service 'deepgrm': use one of assemblyai", 2
    )


async def test_a_file_of_audio_on_standard_input_is_played_and_nothing_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "hello.opus"
    path.write_bytes(spoken(0.5))
    async with serving(hanging) as service:
        with path.open("rb") as file:
            done = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "oggstream", "--base-url", service.base, "--sink", "null", "--json"),
                stdin=file,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, said = await done.communicate()
        assert done.returncode == 0, said
        assert json.loads(output)["audio"]["seconds"] == 0.5
        assert b"standard input is audio" in said
        assert service.received == []


@pytest.mark.parametrize(("ending", "magic"), [("opus", b"OggS"), ("wav", b"RIFF"), ("mp3", b"ID3"), ("flac", b"fLaC")])
def test_a_file_is_written_in_the_format_that_its_ending_says(
    ending: str, magic: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    path = tmp_path / f"x.{ending}"
    result = inside(capsys, "Hello.", "-o", str(path), "--json", "--service", "offline")
    assert (result.status, result.report["completed"]) == (0, True)
    assert path.read_bytes().startswith(magic)


def test_an_ending_that_says_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "Hello.", "-o", str(tmp_path / "x.txt"))
    assert result.status == 2
    assert "x.txt" in result.err
    assert not (tmp_path / "x.txt").exists()
