"""The text that ``inspect`` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..terminal.console import printable
from .body_pages import RATE, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..commands.inspect import Survey

_LONGEST_COMMENT = 200  # characters shown; pictures are comments too
_FEW = 3  # kinds of packets on a page that are told apart


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where it takes one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(survey: Survey, *, packets: bool = False) -> Iterator[str]:
    """The lines: the verdict and totals, links, damage, warnings, and with ``packets`` the pages and what they hold."""
    totals = survey.stats
    yield f"verdict: {survey.verdict()}"
    yield (
        f"{counted(totals.bytes, 'byte')}, {counted(totals.pages, 'page')}, {counted(totals.links, 'link')}, "
        f"{counted(totals.packets, 'packet')}"
    )
    for number, link in enumerate(survey.links, 1):
        yield from _link(number, link)
    yield from _damage(survey)
    if totals.warnings:
        yield "warnings"
        yield from (f"  {warning}" for warning in totals.warnings)
    if packets:
        yield from _pages(survey.pages)


def _damage(survey: Survey) -> Iterator[str]:
    if survey.damage or survey.holes:
        yield "damage"
        for entry in survey.damage:
            yield f"  byte {entry['offset']}: {counted(entry['bytes'], 'byte')} skipped ({entry['reason']})"
        for hole in survey.holes:
            yield f"  at {hole.position / RATE:.3f} s: {_milliseconds(hole.samples)} concealed ({hole.reason})"


def _link(number: int, link: Entry) -> Iterator[str]:
    seconds = link["samples"] / RATE
    bits = f", {counted(link['packets'], 'packet')}"
    yield f"link {number}: serial {link['serial']:08x}, {_channels(link)}, {seconds:.3f} s{bits}"
    if "bytes" in link:
        yield from _figures(link)
    yield f"  pre-skip      {link['pre_skip']} samples ({_milliseconds(link['pre_skip'])})"
    yield f"  input rate    {link['input_sample_rate']} Hz"
    yield f"  output gain   {link['output_gain_db']:+.2f} dB"
    for name in ("track", "album"):
        gain = link[f"{name}_gain_db"]
        if gain is not None:
            yield f"  {name} gain    {gain:+.2f} dB (R128, on request)"
    if link["vendor"] is not None:
        yield f"  vendor        {_shown(link['vendor'])}"
    for comment in link["comments"]:
        yield f"  comment       {_shown(comment)}"
    if link.get("padding"):
        yield f"  padding       {counted(link['padding'], 'byte')} behind the comments"


def _figures(link: Entry) -> Iterator[str]:
    rates = [f"{link[name] / 1000:.2f}" for name in ("bitrate", "audio_bitrate") if link[name] is not None]
    if rates:
        yield f"  bitrate       {rates[0]} kbit/s, {rates[1]} kbit/s of it audio"
    overhead = f"{link['overhead'] * 100:.1f} % of it container and headers"
    yield f"  size          {counted(link['bytes'], 'byte')}, {overhead}"
    for name in ("packet", "page"):
        spread = link[f"{name}_duration"]
        least, mean, most = (_milliseconds(round(spread[key] * RATE)) for key in ("min", "mean", "max"))
        lengths = least if least == most else f"{least} to {most}, {mean} on average"
        yield f"  {name + 's':12}  {lengths}"


def _channels(link: Entry) -> str:
    names = {1: "mono", 2: "stereo"}
    channels = names.get(link["channels"], f"{link['channels']} channels")
    if link["mapping_family"] == 0:
        return channels
    streams = f"{counted(link['streams'], 'stream')}, {link['coupled']} coupled"
    return f"{channels} (mapping family {link['mapping_family']}, {streams})"


def _pages(pages: list[Entry]) -> Iterator[str]:
    if not pages:
        return
    width = max(7, *(len(str(page["offset"])) for page in pages))
    yield f"{'offset':>{width}}  bytes  serial    sequence     granule  flags  crc  packets"
    for page in pages:
        yield (
            f"{page['offset']:>{width}}  {page['bytes']:>5}  {page['serial']:08x}  {page['sequence']:>8}  "
            f"{page['granule']:>10}  {_flags(page)}    {page['crc']:<3}  {_contents(page)}"
        ).rstrip()


def _flags(page: Entry) -> str:
    """Three letters, as in oggz-dump's listing: continued, begin, end."""
    letters = (("continued", "c"), ("bos", "b"), ("eos", "e"))
    return "".join(letter if name in page["flags"] else "." for name, letter in letters)


def _contents(page: Entry) -> str:
    notes = ["repeated, left out"] if page["repeated"] else []
    if page["gap"]:
        notes.append(page["gap"])
    kinds = Counter(_kind(packet, page) for packet in page["packets"])
    few = [f"{count} x {kind}" if count > 1 else kind for kind, count in kinds.most_common(_FEW)]
    if len(kinds) > _FEW:
        few.append(f"{sum(kinds.values()) - sum(count for _, count in kinds.most_common(_FEW))} others")
    sizes = [packet["bytes"] for packet in page["packets"] if packet["kind"] == "audio"]
    if sizes:
        few.append(f"{min(sizes)}-{max(sizes)} bytes" if len(sizes) > 1 else counted(sizes[0], "byte"))
    return ", ".join(few + notes)


def _kind(packet: Entry, page: Entry) -> str:
    match packet["kind"]:
        case "head":
            return "OpusHead"
        case "tags":
            return "OpusTags"
        case "bad":
            return f"bad packet ({packet['problem']})"
        case "other":
            return page["codec"] or "packet of an unknown stream"
    channels = "stereo" if packet["channels"] == 2 else "mono"
    return f"{packet['duration'] * 1000:g} ms {packet['mode']} {packet['bandwidth']} {channels}"


def _milliseconds(samples: int) -> str:
    return f"{round(samples * 1000 / RATE, 2):g} ms"


def _shown(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_COMMENT else f"{text[:_LONGEST_COMMENT]}... ({len(text)} characters)"
