"""Tests of ``inspect``: what it finds, as JSON and as text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from cli_run import Result, inside, run
from ogg_build import audio, damaged, headers, link, page, raw_page
from oggstream.cli.commands.inspect import Survey
from oggstream.cli.output.body_pages import lay_out
from oggstream.cli.output.listing import listing
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags
from scripted import pages, spoken


def survey(*parts: bytes) -> dict[str, Any]:
    """The JSON for a body; the listing is made too, as it must never fail."""
    found = Survey(b"".join(parts))
    assert next(listing(found, packets=True)).startswith("verdict: ")
    report: dict[str, Any] = json.loads(found.as_json())
    return report


def text(*parts: bytes) -> str:
    return "\n".join(listing(Survey(b"".join(parts)), packets=True))


def test_pages_have_their_place_serial_number_granule_flags_and_checksum_state() -> None:
    report = survey(*link(audio(20)))
    first, second, third, last = report["pages"]
    assert (first["offset"], first["serial"], first["sequence"], first["granule"]) == (0, 1, 0, 0)
    assert (first["flags"], first["crc"], first["codec"], first["bytes"]) == (["bos"], "ok", "Opus", 47)
    assert (second["offset"], third["granule"], last["granule"]) == (47, 9600, 19200)
    assert [entry["flags"] for entry in report["pages"]] == [["bos"], [], [], ["eos"]]


def test_packets_have_mode_bandwidth_and_duration() -> None:
    body = spoken(1.0, packets_per_page=10)
    report = survey(body)
    kinds = [packet["kind"] for entry in report["pages"] for packet in entry["packets"]]
    assert kinds[:2] == ["head", "tags"]
    assert set(kinds[2:]) == {"audio"}
    packet = report["pages"][2]["packets"][0]
    assert packet["mode"] in ("silk", "hybrid", "celt")
    assert packet["bandwidth"].endswith("band")
    assert (packet["samples"], packet["duration"], packet["frames"], packet["channels"]) == (960, 0.02, 1, 1)
    assert len(kinds) - 2 == report["stream"]["packets"]


def test_links_have_what_decode_tells_and_more() -> None:
    head = OpusHead.simple(2, 312, 44100, output_gain=-512, serial=9)
    tags = OpusTags("maker", ("TITLE=x", "R128_TRACK_GAIN=256"), padding=10)
    report = survey(
        page(bytes(head), serial=9, flags=2),
        page(bytes(tags), number=1, serial=9),
        page(*audio(5), number=2, serial=9, granule=4800, flags=4),
    )
    (found,) = report["links"]
    assert (found["serial"], found["channels"], found["pre_skip"], found["input_sample_rate"]) == (9, 2, 312, 44100)
    assert (found["output_gain_db"], found["vendor"], found["comments"]) == (-2.0, "maker", list(tags.comments))
    assert (found["track_gain_db"], found["album_gain_db"], found["padding"]) == (1.0, None, 10)
    assert (found["samples"], found["packets"]) == (4800 - 312, 5)
    assert report["audio"] == {"channels": 2, "sample_rate": 48000, "samples": 4488, "seconds": 4488 / 48000}


def test_a_stream_as_it_should_be_is_called_intact() -> None:
    report = survey(*link(audio(20), pre_skip=0))
    assert (report["completed"], report["verdict"], report["error"]) == (True, "intact, 0.400 s", None)


def test_chained_links_are_told_apart() -> None:
    report = survey(*link(audio(10), serial=1), *link(audio(5), serial=2))
    assert [entry["serial"] for entry in report["links"]] == [1, 2]
    assert report["stream"]["links"] == 2


def test_a_damaged_page_is_shown_with_what_it_says_of_itself() -> None:
    parts = link(audio(30))
    parts[3] = damaged(parts[3])
    report = survey(*parts)
    bad = report["pages"][3]
    assert (bad["crc"], bad["sequence"], bad["granule"], bad["packets"]) == ("bad", 3, 19200, [])
    assert bad["offset"] == sum(map(len, parts[:3]))
    assert report["damage"] == [{"offset": bad["offset"], "bytes": len(parts[3]), "reason": "bad checksum"}]
    (hole,) = report["holes"]
    assert hole["samples"] == 9600
    assert report["verdict"] == (
        f"playable, {report['audio']['seconds']:.3f} s, with damage: {len(parts[3])} bytes skipped, "
        "1 hole (0.200 s concealed)"
    )
    assert "concealed (bad checksum)" in text(*parts)


def test_a_cut_page_is_called_cut() -> None:
    body = b"".join(link(audio(30)))[:-50]
    report = survey(body)
    assert report["pages"][-1]["crc"] == "cut"
    assert "bytes skipped" in report["verdict"]


def test_a_lost_page_is_a_gap() -> None:
    parts = link(audio(30))
    report = survey(*parts[:3], *parts[4:])
    assert report["pages"][3]["gap"] == "lost page"
    assert "1 hole" in report["verdict"]
    assert "lost page" in text(*parts[:3], *parts[4:])


def test_a_repeated_page_is_said_to_be_left_out() -> None:
    parts = link(audio(30))
    report = survey(*parts[:4], parts[3], parts[4])
    assert [entry["repeated"] for entry in report["pages"]] == [False, False, False, False, True, False]
    assert "1 repeated page" in report["verdict"]
    assert "repeated, left out" in text(*parts[:4], parts[3], parts[4])


def test_a_bad_packet_is_shown_with_the_rule_that_it_breaks() -> None:
    packets = [*audio(3), b"\x0b\x00", *audio(3)]
    parts = [*headers(), page(*packets, number=2, granule=6 * 960, flags=4)]
    report = survey(*parts)
    bad = report["pages"][2]["packets"][3]
    assert (bad["kind"], bad["bytes"]) == ("bad", 2)
    assert "R5" in bad["problem"]
    assert "1 bad packet" in report["verdict"]
    assert "bad packet (R5" in text(*parts)


def test_pages_of_no_stream_that_begins_here_are_told() -> None:
    parts = link(audio(20))
    stray = page(*audio(2), number=7, serial=99, granule=5)
    report = survey(*parts[:3], stray, parts[3])
    assert report["pages"][3]["codec"] is None
    assert "1 page of no stream that begins here" in report["verdict"]
    assert "packet of an unknown stream" in text(*parts[:3], stray, parts[3])


def test_other_streams_are_named() -> None:
    vorbis = page(b"\x01vorbis" + bytes(23), serial=5, flags=2)
    report = survey(vorbis, *link(audio(10)))
    assert report["pages"][0]["codec"] == "Vorbis"
    assert report["completed"] is True
    alone = survey(vorbis)
    assert alone["error"]["type"] == "WrongContainerError"
    assert alone["verdict"].startswith("not playable: the body is Ogg Vorbis")


def test_a_head_that_cannot_be_played_is_not_taken_for_audio() -> None:
    head = bytearray(bytes(OpusHead.simple(1, 312)))
    head[8] = 16
    report = survey(page(bytes(head), flags=2), *link(audio(3))[1:])
    assert report["completed"] is False
    assert all(packet["kind"] != "audio" for entry in report["pages"] for packet in entry["packets"])


def test_packets_of_several_streams_are_described_by_the_first() -> None:
    head = OpusHead(1, 1, 3, 0, 48000, 0, 1, 2, 1, bytes((0, 2, 1)))
    packet = b"\x08\x02ab" + b"\x08cd"
    broken = b"\x08\x02ab" + b"\x00cd"
    report = survey(
        page(bytes(head), flags=2),
        page(bytes(OpusTags("x")), number=1),
        page(packet, broken, number=2, granule=960, flags=4),
    )
    good, bad = report["pages"][2]["packets"]
    assert (good["kind"], good["mode"], good["samples"]) == ("audio", "silk", 960)
    assert (bad["kind"], bad["problem"]) == ("bad", "not 2 packets of one duration")
    assert "3 channels (mapping family 1, 2 streams, 1 coupled)" in text(
        page(bytes(head), flags=2), page(bytes(OpusTags("x")), number=1), page(packet, number=2, granule=960, flags=4)
    )


def test_a_warning_without_damage_is_counted() -> None:
    parts = link(audio(10), eos=False)
    late = page(*audio(5), number=3, granule=0)
    report = survey(*parts[:2], page(*audio(5), number=2, granule=-1), late)
    assert "with 1 warning" in report["verdict"] or "with 2 warnings" in report["verdict"]


def test_many_kinds_of_packets_on_a_page_are_summed_up() -> None:
    kinds = [bytes([toc]) + b"xx" for toc in (0x00, 0x08, 0x10, 0x18, 0x28, 0x28)]
    shown = text(*headers(), page(*kinds, number=2, granule=9000, flags=4))
    assert "2 x 20 ms silk mediumband mono" in shown
    assert "2 others" in shown


def test_tags_cannot_act_on_the_terminal_and_are_cut_short() -> None:
    tags = OpusTags("evil\x1b[2J", ("PICTURE=" + "A" * 5000,))
    parts = [headers()[0], raw_page(*_laced(bytes(tags)), number=1)]
    shown = text(*parts, page(*audio(2), number=2, granule=1920, flags=4))
    assert "\x1b" not in shown
    assert "evil\\x1b[2J" in shown
    assert "(5008 characters)" in shown
    assert max(map(len, shown.splitlines())) < 300


def _laced(packet: bytes) -> tuple[bytes, bytes]:
    return b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]), packet


def test_the_listing_shows_links_pages_and_totals() -> None:
    shown = text(spoken(1.0)).splitlines()
    assert shown[2].startswith("link 1: serial 00000007, mono, 1.000 s, ")
    assert any(line.split()[:2] == ["offset", "bytes"] for line in shown)
    assert any(line.startswith("      0     47  00000007") and line.endswith("OpusHead") for line in shown)
    assert shown[1].startswith(f"{len(spoken(1.0))} bytes, ")
    assert shown[0] == "verdict: intact, 1.000 s"


def test_pages_and_packets_are_listed_on_request_only() -> None:
    found = Survey(b"".join(spread_out(60)))
    full, short = list(listing(found, packets=True)), list(listing(found))
    assert full[: len(short)] == short
    assert len(full) - len(short) == len(found.pages) + 1
    assert not any("OpusHead" in line for line in short)


def spread_out(pages: int) -> list[bytes]:
    """A stream of so many pages of audio, one packet each."""
    body = [page(packet, number=2 + n, granule=960 * (n + 1)) for n, packet in enumerate(audio(pages))]
    return [*headers(), *body]


@given(st.binary(max_size=400))
def test_any_bytes_can_be_inspected(junk: bytes) -> None:
    survey(junk)
    survey(b"OggS\x00" + junk)


@given(st.data())
def test_any_damage_can_be_inspected(data: st.DataObject) -> None:
    body = bytearray(b"".join(link(audio(8), per_page=3)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    survey(bytes(body))


def test_every_page_of_a_whole_body_is_laid_out() -> None:
    body = spoken(2.0)
    layout = lay_out(body)
    assert [entry["bytes"] for entry in layout.pages] == [len(part) for part in pages(body)]
    assert layout.damage == []


def test_the_command_shows_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.opus").write_bytes(spoken(1.0))
    result = inside(capsys, "inspect", str(tmp_path / "x.opus"))
    assert (result.status, result.err) == (0, "")
    assert result.out.decode().startswith("verdict: intact, 1.000 s\n")


def test_the_command_shows_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.opus").write_bytes(spoken(1.0))
    result = inside(capsys, "inspect", str(tmp_path / "x.opus"), "--json")
    assert result.status == 0
    assert set(result.report) >= {"schema", "audio", "stream", "links", "pages", "verdict", "damage", "error"}
    assert len(result.report["pages"]) == result.report["stream"]["pages"]


def check_refused(result: Result, says: str) -> None:
    assert result.status == 1
    assert result.err.startswith("oggstream: error: ")
    assert says in result.err
    assert result.err.count("\n") == 1


def test_what_cannot_be_played_is_shown_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.ogg").write_bytes(page(b"\x01vorbis" + bytes(23), flags=2))
    result = inside(capsys, "inspect", str(tmp_path / "x.ogg"))
    check_refused(result, "Ogg Vorbis")
    assert b"Vorbis" in result.out
    result = inside(capsys, "inspect", str(tmp_path / "x.ogg"), "--json")
    check_refused(result, "Ogg Vorbis")
    assert (result.report["completed"], result.report["error"]["type"]) == (False, "WrongContainerError")


def test_what_is_no_ogg_at_all_is_only_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.opus").write_bytes(b"ID3\x03" + bytes(500))
    result = inside(capsys, "inspect", str(tmp_path / "x.opus"))
    check_refused(result, "MP3")
    assert result.out == b""


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    check_refused(inside(capsys, "inspect", str(tmp_path / "none")), "No such file")


def test_standard_input_is_read_and_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    assert run("inspect", "-", given=spoken(1.0)).out.startswith(b"verdict: intact, 1.000 s\n")
    reading, writing = os.pipe()
    os.close(reading)
    result = run("inspect", "-", given=spoken(1.0), stdout=writing)
    os.close(writing)
    assert (result.status, result.err) == (0, "")


def test_links_have_the_figures_of_opusinfo() -> None:
    # opusinfo 0.2 says of link 1: 2277 bytes (overhead: 12.3%), 30.36 kbit/s, w/o overhead: 26.63 kbit/s,
    # packets 20.0ms, pages 140.0ms (max), 124.0ms (avg), 60.0ms (min).
    fixture = Path(__file__).parent / "fixtures" / "chained.opus"
    link = survey(fixture.read_bytes())["links"][0]
    assert (link["bytes"], round(link["overhead"], 3)) == (2277, 0.123)
    assert (round(link["bitrate"]), round(link["audio_bitrate"])) == (30360, 26627)
    assert link["packet_duration"] == pytest.approx({"min": 0.02, "mean": 0.02, "max": 0.02})
    assert link["page_duration"] == pytest.approx({"min": 0.06, "mean": 0.124, "max": 0.14})
    shown = text(fixture.read_bytes())
    assert "  bitrate       30.36 kbit/s, 26.63 kbit/s of it audio" in shown
    assert "  pages         60 ms to 140 ms, 124 ms on average" in shown
    assert "7 x 20 ms hybrid superwideband mono, " in shown


def test_a_link_that_plays_nothing_has_no_bitrate() -> None:
    (found,) = survey(*link(audio(5), pre_skip=65535))["links"]
    assert (found["samples"], found["bitrate"]) == (0, None)
    assert "bitrate" not in text(*link(audio(5), pre_skip=65535))


def test_pages_have_their_checksum_and_the_link_that_plays_them() -> None:
    chain = link(audio(5)) + link(audio(5), serial=2)
    other = page(b"\x80theora", serial=9)
    report = survey(*chain, other)
    assert [entry["link"] for entry in report["pages"]] == [1, 1, 1, 2, 2, 2, None]
    first = chain[0]
    assert report["pages"][0]["checksum"] == f"{int.from_bytes(first[22:26], 'little'):08x}"


def test_links_beyond_what_a_body_of_the_size_may_have_get_no_figures() -> None:
    heavy = OpusHead(0, 1, 255, 0, 48000, 0, 255, 1, 0, bytes(255))
    chain = [
        page(bytes(heavy), flags=2, serial=number) + page(b"\x08", number=1, serial=number, granule=960)
        for number in range(500)
    ]
    report = survey(*chain)
    assert len(report["links"]) < 500
    assert "bytes" not in report["links"][0]


def test_links_that_share_a_serial_number_are_told() -> None:
    report = survey(spoken(0.5), spoken(0.5), spoken(0.5, serial=8))
    assert report["stream"]["warnings"] == [
        "link 2 has the serial number of link 1, 00000007: some players stop there (RFC 3533 section 4)"
    ]
    assert report["verdict"].endswith("with 1 warning")
    assert survey(spoken(0.5), spoken(0.5, serial=8))["stream"]["warnings"] == []
