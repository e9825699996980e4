"""Figures of one link for ``inspect``: its bitrate, what the container costs, how long packets and pages are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

RATE = 48000

Entry = dict[str, Any]


def by_link(pages: list[Entry]) -> list[list[Entry]]:
    """The pages of each link that has audio, in the order of links."""
    links: dict[int, list[Entry]] = {}
    for page in pages:
        if page["link"] is not None:
            links.setdefault(page["link"], []).append(page)
    return [link for link in links.values() if any(_durations(link))]


def figures(pages: list[Entry], samples: int) -> Entry:
    """What the pages of a link, which plays for ``samples``, come to.

    ``bytes`` are those of all its pages, ``overhead`` the share of them that is not audio, the bitrates (of all
    bytes, and of the audio alone) are bits per second, None if nothing is played. Durations are seconds.
    """
    size = sum(page["bytes"] for page in pages)
    packets = [packet for page in pages for packet in page["packets"]]
    audio = sum(packet["bytes"] for packet in packets if packet["kind"] == "audio")
    seconds = samples / RATE
    return {
        "bytes": size,
        "audio_bytes": audio,
        "overhead": 1 - audio / size,
        "bitrate": 8 * size / seconds if samples else None,
        "audio_bitrate": 8 * audio / seconds if samples else None,
        "packet_duration": _spread(packet["samples"] for packet in packets if packet["kind"] == "audio"),
        "page_duration": _spread(_durations(pages)),
    }


def _durations(pages: list[Entry]) -> Iterable[int]:
    """Samples on each page with audio."""
    for page in pages:
        samples = sum(packet["samples"] for packet in page["packets"] if packet["kind"] == "audio")
        if samples:
            yield samples


def _spread(samples: Iterable[int]) -> Entry:
    values = [value / RATE for value in samples]
    return {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}
