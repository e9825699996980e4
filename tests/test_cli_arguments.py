"""Tests of the command line's arguments."""

from __future__ import annotations

import pytest

from oggstream import __version__
from oggstream.cli.arguments import parse
from oggstream.errors import UsageError


def test_a_first_word_that_is_no_command_is_text() -> None:
    args = parse(["Hello", "there."])
    assert (args.command, args.text) == ("say", ["Hello", "there."])


def test_the_command_say_may_be_left_out_or_said() -> None:
    assert parse(["say", "Hello"]).text == parse(["Hello"]).text == ["Hello"]


def test_a_word_that_is_a_command_is_spoken_behind_say() -> None:
    assert parse(["say", "devices"]).text == ["devices"]


def test_no_text_at_all_is_for_standard_input() -> None:
    args = parse([])
    assert (args.command, args.text) == ("say", [])


def test_options_may_stand_before_a_command_and_their_values_are_no_commands() -> None:
    args = parse(["--voice", "play", "--json", "play", "x.opus"])
    assert (args.command, args.input, args.voice, args.json) == ("play", "x.opus", "play", True)


def test_a_value_may_follow_an_equals_sign() -> None:
    args = parse(["--voice=coral", "next"])
    assert (args.voice, args.text) == ("coral", ["next"])


def test_options_may_stand_between_words_of_the_text() -> None:
    args = parse(["one", "--voice", "coral", "two", "--json"])
    assert (args.text, args.voice, args.json) == (["one", "two"], "coral", True)


@pytest.mark.parametrize("words", [["--json"], ["-x", "--help"], ["play"]])
def test_what_follows_two_dashes_is_text(words: list[str]) -> None:
    args = parse(["one", "--quiet", "--", *words])
    assert (args.text, args.quiet) == (["one", *words], True)


def test_a_file_name_that_looks_like_an_option_stands_behind_two_dashes() -> None:
    assert parse(["play", "--json", "--", "--odd.opus"]).input == "--odd.opus"
    args = parse(["decode", "--", "-a", "-b"])
    assert (args.input, args.output) == ("-a", "-b")


def test_what_is_not_said_has_the_documented_value() -> None:
    args = parse(["Hello"])
    assert (args.connect_timeout, args.first_byte_timeout, args.stall_timeout) == (5, 60, 10)
    assert (args.format, args.sink, args.device, args.save, args.speed) == ("auto", [], None, None, None)
    assert not args.json
    assert not args.quiet


def test_every_common_option_is_taken_by_say_and_play() -> None:
    options = [
        "--voice",
        "coral",
        "--model",
        "m",
        "--instructions",
        "i",
        "--speed",
        "1.5",
        "--base-url",
        "http://h/v1",
        "--format",
        "opus",
        "--device",
        "3",
        "--sink",
        "device",
        "--save",
        "p",
        "--connect-timeout",
        "1",
        "--first-byte-timeout",
        "2.5",
        "--stall-timeout",
        "3",
        "--history",
        "none",
        "--json",
        "--quiet",
        "--log-level",
        "debug",
    ]
    for command in ("say", "play"):
        args = parse([command, "x", *options])
        assert (args.voice, args.speed, args.device, args.first_byte_timeout) == ("coral", 1.5, "3", 2.5)
        assert (args.history, args.log_level) == ("none", "debug")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bogus", "x"], "--bogus"),
        (["--voi", "x", "y"], "--voi"),  # abbreviations would break when options are added
        (["--speed", "fast", "x"], "float"),
        (["--stall-timeout", "0", "x"], "number of seconds"),
        (["--stall-timeout", "inf", "x"], "number of seconds"),
        (["--stall-timeout", "soon", "x"], "number of seconds"),
        (["--format", "mp3", "x"], "mp3"),
        (["--format", "pcm:0", "x"], "pcm:RATE[:CHANNELS]"),
        (["--log-level", "loud", "x"], "loud"),
        (["--voice"], "--voice"),
        (["play"], "PATH"),
        (["play", "a", "b"], "b"),
        (["play", "a", "--channels", "0"], "number of channels"),
        (["play", "a", "--gain", "loud"], "loud"),
        (["say", "a", "--gain", "track"], "--gain"),
        (["decode", "a"], "OUT"),
        (["decode", "a", "b", "--rate", "44100"], "44100"),
        (["decode", "a", "-", "--json"], "standard output"),
        (["inspect"], "IN"),
        (["devices", "x"], "x"),
        (["x", "--device", "1", "--sink", "null"], "--device"),
        (["x", "--device", "1", "--sink", "null", "--sink", "wav:x"], "not with --sink null, wav:x"),
        (["x", "--sink", "null", "--sink", "device", "--sink", "null"], "--sink null is given twice"),
        (["x", *["--sink", "icecast://source:secret@h/m"] * 2], "--sink icecast://h/m is given twice"),
        (["x", "--device", "1", "--sink", "icecast://source:secret@h/m"], "not with --sink icecast://h/m"),
        (["x", "--sink", "wav:-", "--json"], "standard output"),
        (["x", "--sink", "null", "--sink", "wav:-", "--json"], "standard output"),
        (["x", "--sink", "wav:-", "--save", "-"], "standard output"),
        (["x", "--save", "-", "--json"], "standard output"),
    ],
)
def test_wrong_usage_is_refused_in_one_line_that_names_it(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse(arguments)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "--help" in str(refusal.value)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_shows_all_commands_with_examples(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        parse([option])
    assert done.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for word in ("say", "play", "decode", "inspect", "devices", "examples:", "--version"):
        assert word in shown.out


@pytest.mark.parametrize("command", ["say", "chat", "play", "decode", "inspect", "devices"])
def test_help_of_a_command_has_its_options_and_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        parse([command, "--help"])
    assert not done.value.code
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: oggstream {command}")
    assert "examples:" in shown
    assert f"oggstream {command}" in shown.split("examples:")[1]
    assert "--json" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--version"])
    assert capsys.readouterr().out == f"oggstream {__version__}\n"


@pytest.mark.parametrize("words", [["-V"], ["version"]])
def test_the_version_has_several_names(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
    assert capsys.readouterr().out == f"oggstream {__version__}\n"


@pytest.mark.parametrize(("words", "shown"), [(["help"], "usage: oggstream [say]"), (["help", "decode"], "OUT.wav")])
def test_help_is_a_word_too(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
    assert shown in capsys.readouterr().out


def test_help_with_other_words_behind_it_is_text() -> None:
    assert parse(["help", "me", "please"]).text == ["help", "me", "please"]
    assert parse(["help", "wanted"]).text == ["help", "wanted"]
    assert parse(["say", "help"]).text == ["help"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["inspct"], "inspect"),
        (["devcies"], "devices"),
        (["--json", "docter"], "doctor"),
        (["decoed", __file__, "out.wav"], "decode"),
        (["verison"], "version"),
        (["rplay", __file__], "replay"),
    ],
)
def test_a_word_that_is_nearly_a_command_is_asked_back(words: list[str], meant: str) -> None:
    with pytest.raises(UsageError, match=rf"is no command: did you mean '{meant}'\? `oggstream say "):
        parse(words)


@pytest.mark.parametrize(
    "words", [["Hello"], ["device", "is", "ready"], ["say", "inspct"], ["saying"], ["inspections"]]
)
def test_other_words_are_text(words: list[str]) -> None:
    assert parse(words).text == [word for word in words if word != "say"]


def test_quiet_has_a_short_name() -> None:
    assert parse(["-q", "Hello"]).quiet
    assert parse(["decode", "a", "b", "-q"]).quiet


def test_the_value_of_an_option_that_may_be_given_several_times_is_no_command() -> None:
    args = parse(["--allow-origin", "https://example.org", "serve"])
    assert (args.command, args.allow_origin) == ("serve", ["https://example.org"])


def test_chat_takes_a_question_and_where_to_ask_it() -> None:
    args = parse(["chat", "--chat-model", "m", "Why", "is it?", "--chat-base-url", "http://x/v1", "--voice", "coral"])
    assert (args.command, args.question) == ("chat", ["Why", "is it?"])
    assert (args.chat_model, args.chat_base_url, args.system, args.voice) == ("m", "http://x/v1", None, "coral")
    assert parse(["chat"]).question == []
    assert parse(["chat", "--", "--really"]).question == ["--really"]


@pytest.mark.parametrize("place", [["--sink", "wav:-"], ["--save", "-"]])
def test_an_answer_has_standard_output_for_itself(place: list[str]) -> None:
    with pytest.raises(UsageError, match="standard output"):
        parse(["chat", "Why?", *place])


def test_a_service_may_be_named_wherever_there_is_speech() -> None:
    assert parse(["Hello"]).service is None
    assert parse(["--service", "deepgram,offline", "Hello"]).service == "deepgram,offline"
    assert parse(["record", "--service", "kokoro", "Hello", "name"]).service == "kokoro"


def test_a_file_to_write_goes_with_no_device() -> None:
    assert parse(["Hello", "-o", "x.mp3"]).output == "x.mp3"
    assert parse(["-o", "devices", "play", "x.opus"]).input == "x.opus"
    for other in (["--sink", "null"], ["--device", "3"]):
        with pytest.raises(UsageError, match="-o writes a file instead of playing"):
            parse(["Hello", "-o", "x.mp3", *other])


@pytest.mark.parametrize(
    ("ending", "format_"), [("mp3", "auto"), ("wav", "opus"), ("flac", "wav"), ("opus", "pcm:24000")]
)
def test_bytes_that_are_kept_have_an_honest_name(ending: str, format_: str) -> None:
    with pytest.raises(UsageError, match=rf"not {ending}: -o x.{ending} converts them"):
        parse(["Hello", "--save", f"x.{ending}", "--format", format_])
    assert parse(["Hello", "--save", "x.bin", "--format", format_]).save == "x.bin"
    assert parse(["play", "x.mp3", "--save", "y.mp3"]).save == "y.mp3"
