"""Listeners over WebRTC: aiortc listens to what a broadcast says, over real sockets."""

from __future__ import annotations

import asyncio
import re
import sys
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

import oggstream
from oggstream.endpoint.live import whep_listener
from oggstream.endpoint.live.whep import FRAGMENT, MOST_SDP_BYTES, Whep
from patience import PATIENCE
from rooms import ROOM, Served, serving, source
from scripted import ScriptedSource, spoken
from stand_ins import until
from webrtc import Listener, WhepServer, adding, asking, loopback, whep_server

__all__ = ["loopback"]
pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.once]

SOUND = spoken(0.4)


async def samples(body: bytes) -> NDArray[np.float32]:
    """The first channel of what there is to be heard."""
    frames = [frame.pcm async for frame in oggstream.stream_frames("Hello.", source=ScriptedSource([(0, body)]))]
    return np.concatenate(frames)[:, 0]


async def difference(body: bytes, listener: Listener) -> float:
    """The most by which a sample that was heard differs from what there was to be heard, wherever that stands.

    A last packet of which a third sounds is not sent: RTP knows no trimming.
    """
    sound, heard = (await samples(body))[:-960], listener.heard
    size = 1 << (len(sound) + len(heard)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
    at = int(likeness[: len(heard)].argmax())
    return float(np.abs(heard[at : at + len(sound)] - sound).max())


async def say(server: WhepServer, body: bytes) -> None:
    await oggstream.play_stream("Hello.", source=ScriptedSource([(0, body)]), sink=server.broadcast)


@pytest.mark.parametrize("channels", [1, 2])
async def test_what_is_said_is_heard_as_the_service_sent_it(channels: int) -> None:
    sound = spoken(0.4, channels=channels)
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        await say(server, sound)
        await listener.until(len(listener.frames) + 20)
    assert await difference(sound, listener) < 2 / 32768
    assert "sprop-stereo=1" in listener.answer


async def test_the_listener_hears_sound_without_a_gap_between_speeches_too() -> None:
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        await say(server, SOUND)
        await listener.until(len(listener.frames) + 10)
        await say(server, SOUND)
        await listener.until(len(listener.frames) + 10)
    assert {after - before for before, after in pairwise(listener.timestamps)} == {960}


async def test_many_listen_and_each_leaves_alone() -> None:
    async with whep_server() as server, Listener() as one, Listener() as two:
        await asyncio.gather(one.join(server.url), two.join(server.url))
        assert (len(server.whep), server.places, server.broadcast.listeners) == (2, 2, 2)
        await one.leave()
        assert (len(server.whep), server.places, server.broadcast.listeners) == (1, 1, 1)
        await say(server, SOUND)
        await two.until(len(two.frames) + 20)
        assert await difference(SOUND, two) < 2 / 32768


async def test_an_interruption_drops_what_is_not_sent() -> None:
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        async with oggstream.Player(source=ScriptedSource([(0, spoken(5.0))]), sink=server.broadcast) as player:
            _ = player.say("Hello.")
            await until(lambda: np.abs(listener.frames[-1]).max() > 1000)
            heard = await player.stop()
        await listener.until(len(listener.frames) + 30)
    assert np.abs(np.concatenate(listener.frames[-10:])).max() < 10
    assert heard.seconds < 5.0


async def test_a_listener_who_vanishes_makes_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        vanish(listener)
        await until(lambda: len(server.whep) == 0)
        assert (server.places, server.broadcast.listeners) == (0, 0)


def vanish(listener: Listener) -> None:
    """Close the listener's sockets, as its machine would that lost its power."""
    for transceiver in listener.connection.getTransceivers():
        for protocol in transceiver.receiver.transport.transport._connection._protocols:
            protocol.transport.abort()


async def test_a_listener_who_says_good_bye_makes_place() -> None:
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        await listener.aclose()
        await until(lambda: len(server.whep) == 0)
        assert server.places == 0


async def test_who_never_connects_is_gone_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whep_listener, "CONNECT_SECONDS", 0.05)
    async with whep_server() as server, Listener() as listener:
        async with asking(server.url, await listener.offer()) as response:
            assert response.status == 201
            assert len(server.whep) == 1
        await until(lambda: len(server.whep) == 0)
        assert (server.places, server.broadcast.listeners) == (0, 0)


async def test_who_has_another_certificate_than_was_said_is_gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whep_listener, "CONNECT_SECONDS", 3600.0)
    async with whep_server() as server, Listener() as listener:
        offer = re.sub(r"(a=fingerprint:\S+ )\w\w", r"\1--", await listener.offer())
        await listener.connect(server.url, offer)
        await until(lambda: len(server.whep) == 0)
        assert (server.places, server.broadcast.listeners) == (0, 0)


async def test_a_broadcast_that_ends_ends_its_listeners() -> None:
    async with whep_server() as server, Listener() as listener:
        await listener.join(server.url)
        await server.broadcast.aclose()
        await until(lambda: len(server.whep) == 0)


async def test_no_more_listen_than_may() -> None:
    async with whep_server(Whep(most=1)) as server, Listener() as one, Listener() as two:
        await one.join(server.url)
        async with asking(server.url, await two.offer()) as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"
            assert "1 listen over WebRTC" in (await response.json())["error"]["message"]
        await one.leave()
        await two.join(server.url)


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ("", "no SDP"),
        ("Hello.", "no SDP"),
        ('{"type": "offer"}', "no SDP"),
        ("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=recvonly\r\n", "malformed"),
        ("v=0\r\nm=audio\r\nm=audio what is this\r\na=recvonly\r\n", "malformed"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n", "one section of audio"),
    ],
)
async def test_what_is_no_offer_is_refused_and_leaves_nothing_open(offer: str, why: str) -> None:
    async with whep_server() as server, asking(server.url, offer) as response:
        assert response.status == 400
        error = (await response.json())["error"]
        assert why in error["message"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_sdp")
        assert (len(server.whep), server.places) == (0, 0)


async def test_an_offer_without_opus_is_refused() -> None:
    async with whep_server() as server, Listener() as listener:
        offer = (await listener.offer()).replace("opus/48000/2", "L16/48000/2")
        async with asking(server.url, offer) as response:
            assert response.status == 400
            assert "no Opus" in (await response.json())["error"]["message"]
        assert server.places == 0


async def test_a_body_of_another_type_or_length_is_refused() -> None:
    async with whep_server() as server:
        async with asking(server.url, "v=0", "text/plain") as response:
            assert response.status == 415
        async with asking(server.url, "v=0\n" * MOST_SDP_BYTES) as response:
            assert response.status == 413


async def test_candidates_may_come_later() -> None:
    async with whep_server() as server, Listener() as listener:
        lines = (await listener.offer()).split("\r\n")
        candidates = [line for line in lines if line.startswith("a=candidate")]
        await listener.join(server.url, "\r\n".join(line for line in lines if line not in candidates))
        async with adding(listener.place, "\r\n".join(candidates)) as response:
            assert response.status == 204
            assert await response.read() == b""


@pytest.mark.parametrize(
    ("fragment", "content_type", "status"),
    [
        ("a=ice-ufrag:another\r\na=ice-pwd:word", FRAGMENT, 422),
        ("Hello.", FRAGMENT, 400),
        ("a=end-of-candidates", "text/plain", 415),
        ("a=candidate:1 1 udp 1 nowhere.local 9 typ host", FRAGMENT, 204),
        ("a=candidate:1 1 udp x 127.0.0.1 9 typ host", FRAGMENT, 204),
        ("a=candidate:1 1 udp 1 127.0.0.1 9 typ made-up", FRAGMENT, 204),
    ],
)
async def test_what_is_added_later_may_be_nonsense(fragment: str, content_type: str, status: int) -> None:
    async with whep_server() as server, Listener() as listener:
        async with asking(server.url, await listener.offer()) as response:
            place = str(response.url.with_path(response.headers["Location"]))
        async with adding(place, fragment, content_type) as response:
            assert response.status == status


async def test_a_listener_who_is_not_there_is_not_found() -> None:
    async with whep_server() as server, Listener() as listener:
        async with adding(f"{server.url}/nobody", "a=end-of-candidates") as response:
            assert response.status == 404
        await listener.join(server.url)
        await listener.leave()
        async with adding(listener.place, "a=end-of-candidates") as response:
            assert response.status == 404


async def test_without_aiortc_the_answer_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiortc", None)
    async with whep_server() as server, asking(server.url, "v=0") as response:
        assert response.status == 501
        assert "pip install 'oggstream[webrtc]'" in (await response.json())["error"]["message"]
        assert server.places == 0


async def test_a_server_that_stops_hangs_up() -> None:
    async with Listener() as listener:
        async with whep_server() as server:
            await listener.join(server.url)
        async with asyncio.timeout(PATIENCE):
            while listener.connection.connectionState != "closed":  # noqa: ASYNC110  # aiortc's events have no end
                await asyncio.sleep(0.005)


WHEP = f"{ROOM}/whep"


def url(served: Served) -> str:
    return f"http://127.0.0.1:{served.server.bound_port}"


async def test_a_room_of_the_endpoint_is_heard_by_whoever_comes_and_empty_once_they_have_gone() -> None:
    async with serving(source(SOUND)) as served, Listener() as listener:
        await listener.join(f"{url(served)}{WHEP}?open")
        async with served.client.get(ROOM) as answer:
            told = await answer.json()
        assert told["listeners"] == 1
        assert "whep" in told["ways"]
        async with served.say(path=f"{ROOM}?wait") as answer:
            assert answer.status == 200
        await listener.until(len(listener.frames) + 20)
        await listener.leave()
        async with served.client.get(ROOM) as answer:
            assert (await answer.json())["listeners"] == 0
    assert await difference(SOUND, listener) < 2 / 32768


async def test_who_listens_needs_a_key_or_a_ticket() -> None:
    async with serving(key="secret") as served, Listener() as listener:
        offer = await listener.offer()
        async with served.client.post(f"{ROOM}/ticket", headers={"Authorization": "Bearer secret"}) as answer:
            ticket = (await answer.json())["ticket"]
        for shown, status in ((None, 401), ("nothing", 401), (ticket, 201), ("secret", 201)):
            headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {shown}"} if shown else {})
            async with served.client.post(f"{WHEP}?open", data=offer, headers=headers) as answer:
                assert answer.status == status
            if status == 201:
                async with served.client.delete(answer.headers["Location"]) as without:
                    assert without.status == 401
                async with served.client.delete(answer.headers["Location"], headers=headers) as answer:
                    assert answer.status == 200


@pytest.mark.parametrize(("path", "status"), [("/v1/live/nowhere/whep", 404), ("/v1/live/a.b/whep?open", 400)])
async def test_a_room_that_is_none_has_no_listeners(path: str, status: int) -> None:
    async with serving() as served, asking(f"{url(served)}{path}", "v=0") as response:
        assert response.status == status
        assert "error" in await response.json()


async def test_a_page_elsewhere_may_listen_if_its_origin_may() -> None:
    asked = {"Origin": "https://here.example", "Access-Control-Request-Method": "PATCH"}
    async with serving(origins=["https://here.example"]) as served:
        async with served.client.options(f"{WHEP}/someone", headers=asked) as answer:
            assert answer.status == 204
            assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        async with served.client.post(WHEP, headers={"Origin": "https://here.example"}) as answer:
            assert "Location" in answer.headers["Access-Control-Expose-Headers"]
