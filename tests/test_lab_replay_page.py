"""The page that draws replays."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import SourceBrokenError
from oggstream.lab import replay_page as page_module
from oggstream.lab.plot import Plot, steps, ticks
from oggstream.lab.replay_figures import Stall, summary
from oggstream.lab.replay_page import page, slowed
from oggstream.lab.replaying import Job, Run
from oggstream.sources.captures.capture import Capture
from replays import CAPTURE, SIZES, replayed

EVIL = '<script src="x">alert("x")&'
VOID = {"meta", "polyline", "line"}


class Outline(HTMLParser):
    """Checks that tags nest, and notes them with the texts and whatever would load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.loads: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def drawn(*runs: Run) -> str:
    return page(runs, summary([run.report for run in runs], [run.stalls for run in runs]))


def test_one_file_tells_it_all_and_loads_nothing() -> None:
    late = CAPTURE._replace(arrivals=list(zip((1.0, 3.0, 3.5), SIZES, strict=True)), name="x/late")
    html = drawn(replayed(CAPTURE), replayed(late))
    outline = Outline(html)
    assert not outline.loads
    assert "script" not in outline.tags
    assert not re.search(r"url\(|@import|https?://", html)
    assert outline.tags.count("svg") == 3
    assert "Start delay" in outline.text
    assert "late" in outline.text
    assert "x/late" not in outline.text
    assert html.count('class="stall"') == 1
    assert html.count('<polyline class="arrived"') == 3
    assert html.count('<polyline class="played"') == 2


def test_no_text_becomes_markup() -> None:
    run = replayed(CAPTURE._replace(name=EVIL))
    html = drawn(run._replace(error=SourceBrokenError(EVIL)))
    outline = Outline(html)
    assert "script" not in outline.tags
    assert outline.text.count('alert("x")') >= 3


def test_a_replay_without_sound_is_told_in_words() -> None:
    run = replayed(Capture("a", b"<html>" * 99, [(1.0, 594)]))
    outline = Outline(drawn(run))
    assert outline.tags.count("svg") == 0
    assert "never started" in outline.text
    assert "Nothing arrived that could be played" in outline.text
    assert "No playback began" in outline.text


def test_of_many_replays_only_the_first_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "MOST_DRAWN", 2)
    outline = Outline(drawn(*[replayed(CAPTURE)] * 5))
    assert outline.tags.count("svg") == 3
    assert "3 more replays are not drawn" in outline.text


def test_a_round_is_named() -> None:
    run = replayed(CAPTURE)
    assert "a, round 3" in Outline(drawn(run._replace(job=Job(CAPTURE, 3)))).text


def test_long_speeches_make_no_large_page() -> None:
    run = replayed(CAPTURE)
    many = run._replace(played=[(n / 10, n / 10) for n in range(100_000)], stalls=[Stall(5.0, 0.5)])
    assert len(drawn(many)) < 100_000


def test_where_it_went_slower_is_found() -> None:
    played = [(0.0, 0.0), (1.0, 1.0), (2.0, 1.9), (3.0, 2.8), (4.0, 2.8), (5.0, 3.8), (6.0, 4.7)]
    assert slowed(played) == [(1.0, 3.0), (5.0, 6.0)]


@given(st.floats(1e-3, 1e6), st.integers(1, 12))
def test_ticks_are_round_few_and_within(most: float, about: int) -> None:
    found = ticks(most, about)
    assert found[0] == 0
    assert found == sorted(found)
    assert found[-1] <= most * 1.001
    assert len(found) <= about + 1


def test_steps_go_level_and_then_up() -> None:
    assert steps([(1, 0), (2, 5), (3, 6)]) == [(1, 0), (2, 0), (2, 5), (3, 5), (3, 6)]


def test_a_band_at_the_edge_stays_in_the_frame() -> None:
    plot = Plot(2.0, 1.0)
    plot.band(1.9, 5.0, "stall")
    plot.line([], "played")
    svg = plot.svg("x <", "y &")
    assert "x &lt;" in svg
    place = re.search(r'<rect class="stall" x="([\d.]+)" y="14" width="([\d.]+)"', svg)
    assert place is not None
    assert float(place[1]) + float(place[2]) <= 900
