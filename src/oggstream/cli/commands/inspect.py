"""``inspect``: shows what is in an Ogg body, how it plays, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import FormatError
from ...opus.head import OpusHead
from ...opus.items import AudioPacket, Hole
from ...opus.opus_reader import Item, OpusReader
from ...opus.tags import OpusTags
from ..files import read_all
from ..output.body_pages import RATE, Entry, lay_out
from ..output.link_figures import by_link, figures
from ..output.listing import counted, listing
from ..output.result import as_json
from ..terminal.console import show, show_lines

if TYPE_CHECKING:
    from argparse import Namespace


MOST_BYTES = 256 << 20
"""Of a body that is read whole: more than a day of speech."""


def inspect(args: Namespace) -> None:
    """Show what is in ``args.input``, as text or JSON. Raises `FormatError`, after that, for the unplayable."""
    survey = Survey(read_all(args.input, MOST_BYTES))
    if args.json:
        show(survey.as_json())
    elif survey.pages or survey.error is None:
        show_lines(listing(survey, packets=args.packets))
    if survey.error is not None:
        raise survey.error


class Survey:
    """All that is known of a body, read whole; lengths and positions in samples at 48 kHz.

    ``error`` says why nothing can be played, None if something can.
    """

    def __init__(self, body: bytes) -> None:
        self.pages, self.damage = lay_out(body)
        self.links: list[Entry] = []
        self.holes: list[Hole] = []
        self.error: FormatError | None = None
        reader = OpusReader()
        self.stats = reader.stats
        try:
            self._take(reader.feed(body))
            self._take(reader.finish())
        except FormatError as error:
            self.error = error
        self._look_at_serials()
        pages = by_link(self.pages)
        if len(pages) == len(self.links):  # the reader leaves out links that a body of its size may not have
            for link, its_pages in zip(self.links, pages, strict=True):
                link.update(figures(its_pages, link["samples"]))

    @property
    def samples(self) -> int:
        """What a player gives, concealed samples included."""
        return sum(link["samples"] for link in self.links)

    @property
    def channels(self) -> int:
        """Those of the first link; 0 without one."""
        return self.links[0]["channels"] if self.links else 0

    def verdict(self) -> str:
        """All of it in one line."""
        if self.error is not None:
            return f"not playable: {self.error}"
        found = []
        if problems := self._problems():
            found.append(f"with damage: {', '.join(problems)}")
        elif self.stats.warnings:
            found.append(f"with {counted(len(self.stats.warnings), 'warning')}")
        if not self.stats.complete:
            found.append("ends without its last page (EOS)")
        return ", ".join(["playable" if found else "intact", f"{self.samples / RATE:.3f} s", *found])

    def as_json(self) -> str:
        """All of it as one JSON object."""
        seconds = self.samples / RATE
        return as_json(
            self.error,
            verdict=self.verdict(),
            audio={"channels": self.channels, "sample_rate": RATE, "samples": self.samples, "seconds": seconds},
            stream=self.stats.as_dict(),
            links=self.links,
            pages=self.pages,
            damage=self.damage,
            holes=[hole._asdict() for hole in self.holes],
        )

    def _look_at_serials(self) -> None:
        """RFC 3533 section 4: no two links of a chain have the same serial number. Many players need that."""
        first: dict[int, int] = {}
        for number, link in enumerate(self.links, 1):
            before = first.setdefault(link["serial"], number)
            if before != number:
                again = f"link {number} has the serial number of link {before}, {link['serial']:08x}"
                self.stats.warn(f"{again}: some players stop there (RFC 3533 section 4)")

    def _problems(self) -> list[str]:
        skipped = sum(entry["bytes"] for entry in self.damage)
        concealed = sum(hole.samples for hole in self.holes) / RATE
        repeated = sum(page["repeated"] for page in self.pages)
        stray = sum(page["codec"] is None for page in self.pages if page["crc"] == "ok")
        found = [
            (skipped, f"{counted(skipped, 'byte')} skipped"),
            (self.stats.holes, f"{counted(self.stats.holes, 'hole')} ({concealed:.3f} s concealed)"),
            (self.stats.bad_packets, f"{counted(self.stats.bad_packets, 'bad packet')}"),
            (repeated, f"{counted(repeated, 'repeated page')}"),
            (stray, f"{counted(stray, 'page')} of no stream that begins here"),
        ]
        return [text for number, text in found if number]

    def _take(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, OpusHead):
                self.links.append(_describe_head(item))
            elif isinstance(item, OpusTags):
                self.links[-1].update(_describe_tags(item))
            elif isinstance(item, AudioPacket):
                self.links[-1]["packets"] += 1
                self.links[-1]["samples"] += item.samples - item.trim_start - item.trim_end
            elif isinstance(item, Hole):
                self.holes.append(item)
                self.links[-1]["samples"] += item.samples


def _describe_head(head: OpusHead) -> Entry:
    return {
        "serial": head.serial,
        "version": head.version,
        "channels": head.channels,
        "mapping_family": head.mapping_family,
        "streams": head.streams,
        "coupled": head.coupled,
        "mapping": list(head.mapping),
        "pre_skip": head.pre_skip,
        "input_sample_rate": head.input_sample_rate,
        "output_gain_db": head.output_gain_db,
        "vendor": None,
        "comments": [],
        "track_gain_db": None,
        "album_gain_db": None,
        "packets": 0,
        "samples": 0,
    }


def _describe_tags(tags: OpusTags) -> Entry:
    gains = {"track_gain_db": tags.track_gain, "album_gain_db": tags.album_gain}
    return {
        "vendor": tags.vendor,
        "comments": list(tags.comments),
        "padding": tags.padding,
        "problem": tags.problem,
        **{name: None if gain is None else gain / 256 for name, gain in gains.items()},
    }
