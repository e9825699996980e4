"""What WHEP reads and writes of SDP (RFC 8866): lines of text, before and behind what aiortc makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple

from ..speech_request import RefusedError

MOST_SECTIONS = 4
"""Media sections of an offer, of which one is sound: the others are answered, and nothing is sent in them."""
MOST_CANDIDATES = 32
"""Addresses of one listener's that are tried: each of them costs packets, to whoever has it."""

_CANDIDATE = "a=candidate:"
_END = "a=end-of-candidates"
_OPUS = re.compile(r"^(a=rtpmap:(\d+) opus/48000/2\r\n)", re.MULTILINE | re.IGNORECASE)
_LISTENS = re.compile(r"a=(recvonly|sendrecv)")


class Fragment(NamedTuple):
    """What a listener adds later (RFC 8840 section 9): its candidates, as lines without ``a=``, and who it is."""

    user: str | None
    candidates: list[str]


def readable_offer(offer: str) -> str:
    """The offer as aiortc is to have it: with the candidates that can be used, and as if more of them might come.

    A browser hides its addresses behind names, which only its own network resolves; there, and wherever it is itself
    able to reach us, ICE learns its address from its first packet. Raises `RefusedError` for what is no offer to
    listen.
    """
    lines = offer.replace("\r\n", "\n").rstrip("\n").split("\n")
    sections = [at for at, line in enumerate(lines) if line.startswith("m=")]
    sounds = [at for at in sections if lines[at].startswith("m=audio ")]
    if lines[0] != "v=0" or not sections:
        raise bad_offer("it is no SDP")
    if len(sounds) != 1 or len(sections) > MOST_SECTIONS:
        raise bad_offer(f"it must have one section of audio, and at most {MOST_SECTIONS} sections")
    end = next((at for at in sections if at > sounds[0]), len(lines))
    if not any(map(_LISTENS.fullmatch, lines[sounds[0] : end])):
        raise bad_offer("its audio must be recvonly")
    plain = [line for line in lines[sections[0] :] if not line.startswith((_CANDIDATE, _END))]
    second = next((at for at, line in enumerate(plain) if at and line.startswith("m=")), len(plain))
    # All sections are bundled (RFC 9143): what is said of the first one's addresses is true of the others'.
    candidates = [f"a={candidate}" for candidate in islice(_usable(lines), MOST_CANDIDATES)]
    return "\r\n".join([*lines[: sections[0]], *plain[:second], *candidates, *plain[second:], ""])


def read_fragment(fragment: str) -> Fragment:
    """Read the body of a PATCH. Raises `RefusedError` for what says nothing of ICE."""
    lines = fragment.replace("\r\n", "\n").split("\n")
    if not any(line.startswith((_CANDIDATE, _END, "a=ice-")) for line in lines):
        raise RefusedError("Your SDP fragment says nothing of ICE.", code="invalid_sdp")
    return Fragment(user_of(lines), list(islice(_usable(lines), MOST_CANDIDATES)))


def user_of(lines: Iterable[str]) -> str | None:
    """The ICE user of SDP, which changes when a listener wants to begin ICE anew; None where it is not told."""
    prefix = "a=ice-ufrag:"
    return next((line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)), None)


def with_stereo(answer: str) -> str:
    """The answer, in which Opus may have two channels (RFC 7587 section 6.1): mono packets may come all the same."""
    return _OPUS.sub(r"\1a=fmtp:\2 sprop-stereo=1;stereo=1\r\n", answer)


def bad_offer(why: str) -> RefusedError:
    """The answer to an offer that cannot be taken."""
    return RefusedError(f"Your SDP offer cannot be answered: {why}.", code="invalid_sdp")


def _usable(lines: list[str]) -> Iterable[str]:
    """The candidates with an address of UDP, and no name in its place, without ``a=``."""
    return (line[2:] for line in lines if line.startswith(_CANDIDATE) and _is_usable(line.split()))


def _is_usable(words: list[str]) -> bool:
    """Whether a candidate (RFC 8839 section 5.1) can be tried."""
    try:
        ip_address(words[4])
        return words[2].lower() == "udp" and 0 < int(words[5]) < 1 << 16 and words[6] == "typ" and len(words) > 7
    except (IndexError, ValueError):
        return False
