"""What WHEP reads of a listener's SDP, and what it adds to the answer."""

from __future__ import annotations

import pytest

from oggstream.endpoint.live.whep_sdp import MOST_CANDIDATES, MOST_SECTIONS, read_fragment, readable_offer, with_stereo
from oggstream.endpoint.speech_request import RefusedError

HEAD = ["v=0", "o=- 73 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"]
SOUND = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:WPXM", "a=mid:0", "a=recvonly", "a=rtpmap:111 opus/48000/2"]
PICTURES = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=recvonly"]
USABLE = "a=candidate:9 1 udp 2113937151 192.0.2.2 40248 typ host generation 0"
HIDDEN = "a=candidate:8 1 udp 2113937151 03f36fee-9528-4c57-bf28-0ddbcd0bf81c.local 40248 typ host generation 0"
OVER_TCP = "a=candidate:7 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active"


def text(*lines: str) -> str:
    return "\r\n".join([*lines, ""])


def test_an_offer_passes_as_it_is() -> None:
    assert readable_offer(text(*HEAD, *SOUND)) == text(*HEAD, *SOUND)


def test_lines_may_end_as_those_of_unix() -> None:
    assert readable_offer("\n".join([*HEAD, *SOUND])) == text(*HEAD, *SOUND)


@pytest.mark.parametrize(
    "line",
    [
        HIDDEN,
        OVER_TCP,
        "a=candidate:",
        "a=candidate:9 1 udp 21 example.org 40248 typ host",
        USABLE.replace("40248", "0"),
        USABLE.replace("40248", "99999"),
        USABLE.replace("typ", "type"),
        "a=end-of-candidates",
    ],
)
def test_what_cannot_be_tried_is_left_out(line: str) -> None:
    assert readable_offer(text(*HEAD, *SOUND, line)) == text(*HEAD, *SOUND)


def test_candidates_are_those_of_the_first_section_wherever_they_stand() -> None:
    sixth = USABLE.replace("192.0.2.2", "2001:db8::1")
    offer = text(*HEAD, *SOUND, USABLE, *PICTURES, sixth)
    assert readable_offer(offer) == text(*HEAD, *SOUND, USABLE, sixth, *PICTURES)


def test_only_so_many_candidates_are_tried() -> None:
    many = [USABLE.replace("40248", str(port)) for port in range(1000, 1100)]
    assert readable_offer(text(*HEAD, *SOUND, *many)) == text(*HEAD, *SOUND, *many[:MOST_CANDIDATES])
    assert len(read_fragment(text(*many)).candidates) == MOST_CANDIDATES


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ("", "no SDP"),
        ("Hello.", "no SDP"),
        (text(*HEAD), "no SDP"),
        (text(*HEAD, *PICTURES), "one section of audio"),
        (text(*HEAD, *SOUND, *SOUND), "one section of audio"),
        (text(*HEAD, *SOUND, *PICTURES * MOST_SECTIONS), f"at most {MOST_SECTIONS} sections"),
        (text(*HEAD, *SOUND).replace("recvonly", "sendonly"), "recvonly"),
        (text(*HEAD, *SOUND[:-2], *PICTURES), "recvonly"),
    ],
)
def test_what_is_no_offer_to_listen_is_refused(offer: str, why: str) -> None:
    with pytest.raises(RefusedError, match=f"Your SDP offer cannot be answered: .*{why}") as caught:
        readable_offer(offer)
    assert caught.value.status == 400


def test_a_fragment_says_who_it_is_of_and_what_to_try() -> None:
    fragment = read_fragment(text(*SOUND, USABLE, HIDDEN, "a=end-of-candidates"))
    assert fragment.user == "WPXM"
    assert fragment.candidates == [USABLE.removeprefix("a=")]


def test_a_fragment_need_not_say_who_it_is_of() -> None:
    assert read_fragment(text(USABLE)).user is None


@pytest.mark.parametrize("fragment", ["", "Hello.", text(*HEAD)])
def test_what_is_no_fragment_is_refused(fragment: str) -> None:
    with pytest.raises(RefusedError, match="says nothing of ICE"):
        read_fragment(fragment)


def test_the_answer_says_that_sound_may_be_stereo() -> None:
    answer = text(*HEAD, *SOUND, "a=end-of-candidates")
    told = text(*HEAD, *SOUND, "a=fmtp:111 sprop-stereo=1;stereo=1", "a=end-of-candidates")
    assert with_stereo(answer) == told
