"""Tests of the file and the variables that stand for options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli_run import run
from oggstream.cli import presets
from oggstream.cli.arguments import parse
from oggstream.errors import ConfigError, UsageError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "oggstream").mkdir()
    return tmp_path / "oggstream" / "config.toml"


def test_without_a_file_and_variables_nothing_is_set(file: Path) -> None:
    assert presets.words(("--voice", "--device"), ["Hello"]) == []


def test_keys_of_the_file_are_options_written_with_a_dash_or_an_underscore(file: Path) -> None:
    file.write_text('voice = "coral"\nlead-in = 0.5\nstall_timeout = 20\nspeakable = false\nquiet = true\n')
    args = parse(["Hello"])
    assert (args.voice, args.lead_in, args.stall_timeout, args.speakable, args.quiet) == ("coral", 0.5, 20, False, True)


def test_an_option_goes_before_a_variable_and_that_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('voice = "of the file"\n')
    assert parse(["Hello"]).voice == "of the file"
    monkeypatch.setenv("OGGSTREAM_VOICE", "of the variable")
    assert parse(["Hello"]).voice == "of the variable"
    assert parse(["--voice", "given", "Hello"]).voice == "given"


def test_each_variable_stands_for_its_option(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE", "VOICE", "DEVICE"):
        monkeypatch.setenv(f"OGGSTREAM_{name}", name.lower())
    args = parse(["Hello"])
    assert (args.service, args.voice, args.device) == ("service", "voice", "device")


def test_an_empty_variable_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OGGSTREAM_DEVICE", " ")
    assert parse(["Hello"]).device is None


def test_a_device_that_is_set_does_not_disturb_another_sink(file: Path) -> None:
    file.write_text('device = "speaker"\n')
    assert parse(["--sink", "null", "Hello"]).device is None
    assert parse(["Hello"]).device == "speaker"


def test_several_sinks_may_be_set_and_what_is_given_is_all_of_them(file: Path) -> None:
    file.write_text('sink = ["device", "wav:said.wav"]\n')
    assert parse(["Hello"]).sink == ["device", "wav:said.wav"]
    assert parse(["--sink", "null", "Hello"]).sink == ["null"]
    file.write_text('sink = "null"\n')
    assert parse(["Hello"]).sink == ["null"]
    assert parse(["--sink", "null", "--sink", "device", "Hello"]).sink == ["null", "device"]


def test_the_voice_that_is_set_is_that_of_its_service(file: Path) -> None:
    file.write_text('service = "deepgram"\nvoice = "aura-2-thalia-en"\n')
    assert parse(["--service", "offline", "Hello"]).voice is None
    assert parse(["--service=offline", "Hello"]).voice is None
    assert parse(["--service", "deepgram", "Hello"]).voice == "aura-2-thalia-en"
    assert parse(["--base-url", "http://h/v1", "Hello"]).service is None


def test_commands_take_of_it_what_they_know(file: Path) -> None:
    file.write_text('voice = "coral"\nlog-level = "info"\nport = 9000\n')
    assert parse(["serve"]).port == 9000
    assert parse(["devices"]).log_level == "info"
    assert parse(["play", "x.opus"]).voice == "coral"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("voise = 'x'\n", "there is no key 'voise'.*did you mean 'voice'"),
        ("json = true\n", "there is no key 'json'"),
        ("speed = 'fast'\n", "speed cannot be 'fast': it takes a number"),
        ("volume = 2\n", r"volume cannot be 2: it takes a volume \(0 to 1\)"),
        ("log_level = 'loud'\n", "log_level cannot be 'loud': it takes debug, info"),
        ("format = 'mp4'\n", "format cannot be 'mp4'.*unknown format"),
        ("quiet = 'yes'\n", "quiet cannot be 'yes': it takes true or false"),
        ("voice = true\n", "voice cannot be True"),
        ("voice = ['a']\n", "voice cannot be .*: it takes a text or a number"),
        ("[deepgram]\nvoice = 'x'\n", "there is no key 'deepgram'"),
        ("voice = \n", "it must be TOML"),
        ("\x00", "it must be TOML"),
    ],
)
def test_what_makes_no_sense_is_one_line_with_file_and_key(file: Path, content: str, says: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=f"config.toml.*{says}|config.toml {says}") as caught:
        parse(["Hello"])
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*config.toml"):
        parse(["Hello"])


def test_help_is_shown_even_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("voise = 'x'\n")
    with pytest.raises(SystemExit):
        parse(["say", "--help"])
    assert "--voice" in capsys.readouterr().out


def test_a_variable_that_excludes_itself_with_the_file_is_refused_as_options_are(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("sink = 'null'\n")
    monkeypatch.setenv("OGGSTREAM_DEVICE", "speaker")
    with pytest.raises(UsageError, match="--device"):
        parse(["Hello"])


def test_the_program_ends_with_that_line(file: Path) -> None:
    file.write_text("voise = 'x'\n")
    result = run("Hello.", env={"XDG_CONFIG_HOME": str(file.parent.parent)})
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert "config.toml" in result.err


def test_the_folder_on_windows_is_that_of_application_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path))
    assert presets.path() == str(tmp_path / "oggstream" / "config.toml")


def test_no_reader_of_toml_is_loaded_without_a_file(file: Path) -> None:
    code = "import sys; from oggstream.cli.arguments import parse; parse(['Hello']); print('tomllib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
