"""Tests of the status line of a speech on a terminal."""

from __future__ import annotations

import asyncio
import io
import re
from types import SimpleNamespace

import pytest

from cli_run import terminal
from oggstream.cli.terminal import live
from oggstream.cli.terminal.live import LiveLine, summary
from oggstream.cli.terminal.width import cells
from oggstream.events import (
    Event,
    Progress,
    RequestSent,
    ResponseStarted,
    Resumed,
    Retrying,
    SegmentEnded,
    SegmentStarted,
    Stalled,
    WordStarted,
)
from oggstream.report import AudioInfo, PlaybackReport, PlayoutInfo, RequestInfo, StreamInfo, Timing

TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps in the shade of a tree for an hour or two."


class Screen(io.StringIO):
    """A terminal: ``line`` is what its last line shows."""

    def isatty(self) -> bool:
        return True

    @property
    def line(self) -> str:
        row: list[str] = []
        for part in re.sub(r"\x1b\[\d*m", "", self.getvalue()).split("\r"):
            row[: len(part)] = part
        return "".join(row).rstrip()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    shown = Screen()
    monkeypatch.setattr(live, "sys", SimpleNamespace(stderr=shown))  # pytest changes sys.stderr itself
    wide(monkeypatch, 80)
    return shown


def wide(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(live, "columns", lambda: columns)


def playing(line: LiveLine, heard: float = 1.0, buffered: float = 2.5, text: str = "Hello.") -> LiveLine:
    tell(line, SegmentStarted(0.412, 0, text), Progress(heard + 0.412, round(heard * 48000), buffered))
    return line


def tell(line: LiveLine, *events: Event) -> None:
    for event in events:
        line.on_event(event)


def test_while_it_plays_it_shows_seconds_heard_buffered_first_sound_and_text(screen: Screen) -> None:
    playing(LiveLine("Hello."))
    assert screen.line == "  1.0 s,  2.5 s buffered, first sound 0.41 s  Hello."


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (63, "  0.5 s,  2.5 s buffered, first sound 0.41 s  The quick b..."),
        (62, "  0.5 s +2.5 s  The quick brown fox jumps over the lazy..."),
        (40, "  0.5 s +2.5 s  The quick brown fo..."),
        (27, "  0.5 s +2.5 s  The q..."),
        (26, "0.5 s"),
        (9, "0.5 s"),
        (6, "0.5"),
        (2, ""),
        (1, ""),
    ],
)
def test_narrow_terminals_get_less_and_never_too_much(
    columns: int, shown: str, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide(monkeypatch, columns)
    playing(LiveLine(TEXT), heard=0.5, text=TEXT)
    assert screen.line == shown
    assert max(cells(part) for part in screen.getvalue().split("\r")) < max(columns, 2)


@pytest.mark.parametrize("columns", range(27, 70, 3))
def test_wide_signs_fit_too(columns: int, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    wide(monkeypatch, columns)
    text = "これは日本語のテキストです。とても長い文章なので、端末の幅に収まりません。" * 2
    playing(LiveLine(text), heard=0.1, text=text)
    assert columns - 6 <= cells(screen.line) <= columns - 3
    assert "これ" in screen.line


def test_the_text_moves_with_what_is_heard(screen: Screen) -> None:
    line = playing(LiveLine(TEXT), heard=4.0, buffered=4.0, text=TEXT)
    assert screen.line.endswith("0.41 s  dog, and then it sleeps in t...")
    tell(line, Progress(8.4, 8 * 48000, 0.0))
    assert screen.line.endswith("  an hour or two.")


def test_the_text_does_not_run_ahead_while_little_has_come(screen: Screen) -> None:
    playing(LiveLine(TEXT), heard=0.3, buffered=0.1, text=TEXT)
    assert "The quick" in screen.line


def test_a_text_without_spaces_moves_by_the_sign(screen: Screen) -> None:
    playing(LiveLine("日本語" * 100), heard=5.0, buffered=5.0, text="日本語" * 100)
    assert cells(screen.line) >= 75


def test_the_piece_that_is_spoken_is_shown(screen: Screen) -> None:
    line = playing(LiveLine("standard input"), text="The first piece.")
    assert screen.line.endswith("first sound 0.41 s  The first piece.")
    tell(line, SegmentEnded(2.4, 0, "The first piece."), SegmentStarted(2.4, 1, "The next."))
    tell(line, Progress(2.5, 2 * 48000, 1.0))
    assert screen.line == "  2.0 s,  1.0 s buffered, first sound 0.41 s  The next."


def test_a_long_piece_moves_as_fast_as_the_voice_has_spoken_before(screen: Screen) -> None:
    line = playing(LiveLine(""), text="x" * 40)
    tell(line, SegmentEnded(4.412, 0, "x" * 40), SegmentStarted(4.412, 1, TEXT))  # ten characters a second
    tell(line, Progress(9.412, 9 * 48000, 60.0))
    assert screen.line.endswith("  lazy dog, and then it sleeps...")


def drawn(screen: Screen) -> str:
    """What was drawn last."""
    return screen.getvalue().split("\r")[-1].rstrip()


def word(text: str, at: float = 1.5) -> WordStarted:
    return WordStarted(at, text, 0, 0, 0)


def test_the_word_that_is_heard_is_lit(screen: Screen) -> None:
    line = playing(LiveLine("", colour=True), text="The fox, the fox.")
    tell(line, word("fox"), word("the"), word("fox"))
    assert drawn(screen).endswith("\x1b[0m  The fox, the \x1b[1mfox\x1b[0m.")
    assert screen.line.endswith("  The fox, the fox.")


@pytest.mark.parametrize(
    ("heard", "shown"),
    [("The", " [The]quick fox, yes."), ("quick", "  The[quick]fox, yes."), ("fox", "  The quick[fox], yes.")],
)
def test_without_colour_it_stands_between_brackets_that_move_nothing(heard: str, shown: str, screen: Screen) -> None:
    tell(playing(LiveLine(""), text="The quick fox, yes."), word(heard))
    assert screen.line.endswith(f"0.41 s{shown}")


def test_a_word_that_the_text_does_not_have_lights_nothing_else(screen: Screen) -> None:
    line = playing(LiveLine(""), text="The HVAC works, and so does the H.")
    tell(line, word("The"), word("H vac"), word("works"))
    assert screen.line.endswith("  The HVAC[works], and so does...")


@pytest.mark.parametrize("columns", range(36, 90, 6))
@pytest.mark.parametrize("colour", [False, True])
def test_what_is_lit_is_seen_at_every_width(
    columns: int, colour: bool, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide(monkeypatch, columns)
    line = playing(LiveLine("", colour=colour), text=TEXT)
    for each in TEXT.replace(",", "").replace(".", "").split():
        tell(line, word(each))
        assert (f"\x1b[1m{each}\x1b[0m" if colour else f"[{each}]") in drawn(screen)
        assert cells(screen.line) <= columns - 3


@pytest.mark.parametrize("columns", range(27, 70, 3))
def test_lit_signs_that_are_wide_fit_too(columns: int, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    wide(monkeypatch, columns)
    text = "これは日本語のテキストです。とても長い文章なので、端末の幅に収まりません。" * 2
    line = playing(LiveLine(text), heard=0.1, text=text)
    for sign in text:
        tell(line, word(sign))
        assert cells(drawn(screen)) <= columns - 3


def test_requests_for_what_comes_next_do_not_disturb(screen: Screen) -> None:
    line = playing(LiveLine("Hello."))
    tell(line, RequestSent(1.5), ResponseStarted(1.6, "audio/ogg", None), Progress(1.7, 48000, 2.0))
    assert screen.line == "  1.0 s,  2.0 s buffered, first sound 0.41 s  Hello."


def test_another_may_show_the_line(screen: Screen) -> None:
    line, shown = LiveLine("Hello."), [""]

    def show(text: str) -> bool:
        shown.append(text)
        return True

    line.show = show
    playing(line)
    tell(line, Progress(2.0, 2 * 48000, 2.0))
    assert shown[-1].endswith("Hello.")
    line.close()
    assert (shown[-1], screen.getvalue()) == ("", "")


def test_a_line_can_be_about_another_speech(screen: Screen) -> None:
    line = playing(LiveLine("One."), text="One.")
    line.close()
    line.begin("Two.")
    tell(line, SegmentStarted(0.2, 0, "Two."), Progress(0.3, 4800, 0.0))
    assert screen.line == "  0.1 s,  0.0 s buffered, first sound 0.20 s  Two."


def test_what_is_not_to_be_followed_stays(screen: Screen) -> None:
    playing(LiveLine("a folder/with a name that is quite long/speech.opus", 0.0), heard=50.0, text="")
    assert "a folder" in screen.line


def test_a_shorter_line_leaves_nothing_of_the_longer_one(screen: Screen) -> None:
    line = playing(LiveLine("Hello."), heard=10.0, buffered=100.0)
    tell(line, Progress(12, 11 * 48000, 1.0))
    assert screen.line == " 11.0 s,  1.0 s buffered, first sound 0.41 s  Hello."


def test_a_stall_is_shown_until_sound_goes_on(screen: Screen) -> None:
    line = playing(LiveLine("Hello."))
    tell(line, Stalled(2.0, 96000), Progress(2.1, 96000, 0.0))
    assert "stalled: Hello." in screen.line
    tell(line, Resumed(2.5, 96000), Progress(2.6, 96000, 0.5))
    assert "stalled" not in screen.line


@pytest.mark.looptime
async def test_waiting_is_counted_before_anything_sounds(screen: Screen) -> None:
    line = LiveLine("Hello.")
    tell(line, RequestSent(0.01))
    assert screen.line == "  0.0 s  waiting: Hello."
    await asyncio.sleep(1.25)
    assert screen.line == "  1.2 s  waiting: Hello."
    tell(line, Retrying(1.3, 0.5, "refused"))
    await asyncio.sleep(0.1)
    assert screen.line == "  1.3 s  trying again: Hello."
    tell(line, ResponseStarted(2.0, "audio/ogg", None))
    await asyncio.sleep(0.1)
    assert screen.line == "  1.4 s  receiving: Hello."
    playing(line)
    drawn = screen.getvalue()
    await asyncio.sleep(5)
    assert screen.getvalue() == drawn
    line.close()


@pytest.mark.looptime
async def test_closing_takes_the_line_away_for_good(screen: Screen) -> None:
    line = LiveLine("Hello.")
    tell(line, RequestSent(0.01))
    line.close()
    await asyncio.sleep(1)
    assert screen.line == ""
    line.close()


def test_clearing_covers_what_the_terminal_shows_of_ctrl_c(screen: Screen) -> None:
    line = playing(LiveLine("Hello."))
    screen.write("^C")
    line.clear()
    assert screen.line == ""
    written = screen.getvalue()
    line.clear()
    assert screen.getvalue() == written


def test_colour_is_for_terminals_that_have_it(screen: Screen) -> None:
    playing(LiveLine("Hello.", colour=True))
    assert "\x1b[2m  1.0 s" in screen.getvalue()
    assert screen.line == "  1.0 s,  2.5 s buffered, first sound 0.41 s  Hello."


def test_without_colour_there_is_no_escape_sequence_at_all(screen: Screen) -> None:
    playing(LiveLine("Hello.\x1b[2J"), text="Hello.\x1b[2J").close()
    assert "\x1b" not in screen.getvalue()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colour_is_wanted_where_nothing_speaks_against_it(
    environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert live.colour_is_wanted() is wanted


def test_a_pipe_and_a_dumb_terminal_get_no_line(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert live.is_wanted()
    monkeypatch.setenv("TERM", "dumb")
    assert not live.is_wanted()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(live, "sys", SimpleNamespace(stderr=io.StringIO()))
    assert not live.is_wanted()


def test_a_terminal_that_does_not_tell_its_width_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "sys", SimpleNamespace(stderr=io.StringIO()))
    assert live.columns() == 80


def report(**changes: object) -> PlaybackReport:
    parts: dict[str, object] = {
        "completed": True,
        "text_chars": 6,
        "source": "offline",
        "sink": "device",
        "timing": Timing(first_sample=0.2),
        "audio": AudioInfo(channels=1, samples=60000, seconds=1.25),
        "stream": StreamInfo(),
        "playout": PlayoutInfo(),
        "requests": RequestInfo(),
    }
    return PlaybackReport(**{**parts, **changes})  # type: ignore[arg-type]


def test_the_summary_is_short_when_all_went_well() -> None:
    assert summary(report()) == "1.2 s, first sound after 0.20 s"


def test_the_summary_of_a_file_says_nothing_of_first_sound() -> None:
    assert summary(report(sink="wav")) == "1.2 s"


def test_the_summary_tells_what_went_wrong() -> None:
    told = summary(
        report(
            playout=PlayoutInfo(stalls=2, stall_seconds=0.84, concealed_seconds=0.02, device_underflows=1),
            stream=StreamInfo(holes=1),
        )
    )
    assert told.endswith("2 stalls (0.8 s), 1 hole concealed (0.02 s), 1 device underrun")


def test_the_summary_tells_what_was_made_up_and_drawn_out() -> None:
    told = summary(report(playout=PlayoutInfo(concealed_seconds=0.06, stretched_seconds=0.34)))
    assert told.endswith("first sound after 0.20 s, 0.06 s concealed, slowed down by 0.34 s")
    assert "slowed" not in summary(report(playout=PlayoutInfo(stretched_seconds=0.001)))


def test_the_summary_of_several_speeches_adds_up() -> None:
    one = report(playout=PlayoutInfo(stalls=1, stall_seconds=0.2))
    assert summary(one, report(), one) == "3.8 s, 2 stalls (0.4 s)"


def test_on_a_terminal_the_line_comes_goes_and_leaves_a_summary() -> None:
    with terminal("--sink", "null", "--log-level", "error", "One two three.", columns=70) as screen:
        screen.wait_for(r"buffered, first sound \d\.\d\d s [ \[]One[ \]]two three\.")
        assert screen.end() == 0
        assert re.fullmatch(r"oggstream: \d\.\d s, first sound after \d+\.\d\d s", screen.lines[-1])
        assert len(screen.lines) == 1
        assert "\x1b" not in screen.seen


def test_ctrl_c_on_a_terminal_leaves_a_clean_one() -> None:
    with terminal("--sink", "null", "--log-level", "error", TEXT, columns=50) as screen:
        screen.wait_for(r" s \+\d")
        screen.write(b"\x03")
        assert screen.end() == 130
        assert screen.lines == []


def test_an_error_stands_on_a_clean_line_of_the_terminal() -> None:
    with terminal("--sink", "null", "--base-url", "http://127.0.0.1:1/v1", "Hello", columns=200) as screen:
        assert screen.end() == 1
        assert len(screen.lines) == 1
        assert screen.lines[0].startswith("oggstream: error: ")


def test_quiet_shows_no_line_on_a_terminal() -> None:
    with terminal("--sink", "null", "--quiet", "Hello.") as screen:
        assert screen.end() == 0
        assert screen.seen == ""


def test_an_empty_text_on_a_terminal_is_refused_in_one_line() -> None:
    with terminal("say", "", "--sink", "null", columns=200) as screen:
        assert screen.end() == 1
    assert [line for line in screen.lines if "error" in line] == [
        "oggstream: error: the text is empty: there is nothing to say"
    ]
