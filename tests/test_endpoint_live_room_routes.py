"""Rooms over HTTP: speaking, stopping, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream.endpoint.live import rooms
from oggstream.errors import ServerError
from rooms import LONG, ROOM, live_source, serving, source
from scripted import ScriptedSource


async def test_what_is_to_be_said_is_answered_at_once_with_its_number() -> None:
    async with serving(source(LONG)) as served, served.say() as answer:
        assert answer.status == 202
        told = await answer.json()
    assert told == {"room": "kitchen", "speech": told["speech"], "listeners": 0}
    assert told["speech"] > 0


async def test_who_waits_gets_the_report_once_it_has_been_heard() -> None:
    async with serving() as served, served.say(path=f"{ROOM}?wait") as answer:
        assert answer.status == 200
        report = (await answer.json())["report"]
    assert report["completed"]
    assert report["sink"] == "broadcast"
    assert report["audio"]["seconds"] == pytest.approx(0.4)


async def test_delete_silences_the_room_and_tells_what_was_heard() -> None:
    async with serving(live_source()) as served:
        async with served.say("One two three four five six seven eight."):
            pass
        async with served.client.delete(ROOM) as answer:
            assert answer.status == 200
            told = await answer.json()
        assert told["room"] == "kitchen"
        assert set(told["heard"]) == {"text", "chars", "seconds", "exact"}
        async with served.client.get(ROOM) as answer:
            assert not (await answer.json())["speaking"]


async def test_speeches_follow_one_another_unless_one_interrupts() -> None:
    speech = live_source()
    async with serving(speech) as served:
        for text, interrupt in (("One.", False), ("Two.", False), ("Three.", True)):
            async with served.say(text, interrupt=interrupt) as answer:
                assert answer.status == 202
        async with served.client.delete(ROOM):
            pass
    assert speech.closed == speech.opened


async def test_the_state_of_a_room_names_the_ways_to_listen() -> None:
    async with serving() as served, served.client.get(f"{ROOM}?open") as answer:
        told = await answer.json()
    assert (told["room"], told["listeners"], told["speaking"]) == ("kitchen", 0, False)
    assert {"packets", "captions"} <= set(told["ways"])


async def test_a_voice_that_is_not_known_is_told_in_the_header() -> None:
    async with serving(voices={"anna": "anna"}) as served, served.say(voice="anna") as answer:
        assert "X-Oggstream-Voice" not in answer.headers


async def test_what_fails_is_told_to_who_waits() -> None:
    broken = ScriptedSource([(0.0, ServerError("no voice today"))])
    async with serving(broken) as served, served.say(path=f"{ROOM}?wait") as answer:
        assert answer.status == 502
        assert "no voice today" in (await answer.json())["error"]["message"]


NOWHERE: list[tuple[str, str, int, str | None]] = [
    ("DELETE", "/v1/live/nowhere", 404, "room_not_found"),
    ("GET", "/v1/live/nowhere", 404, "room_not_found"),
    ("GET", "/v1/live/nowhere/packets", 404, "room_not_found"),
    ("GET", "/v1/live/nowhere/captions", 404, "room_not_found"),
    ("POST", "/v1/live/a.b", 400, "invalid_value"),
    ("POST", "/v1/live/..", 404, None),
    ("POST", "/v1/live/%2e%2e", 404, None),
    ("POST", "/v1/live/a%2Fb", 400, "invalid_value"),
    ("POST", "/v1/live/a/b", 404, None),
    ("POST", f"/v1/live/{'a' * 65}", 400, "invalid_value"),
    ("POST", "/v1/live/k%C3%BCche", 400, "invalid_value"),
    ("POST", "/v1/live/a%0Ab", 400, "invalid_value"),
    ("GET", "/v1/live/a.b/packets", 400, "invalid_value"),
    ("GET", "/v1/live/a%2Fb/captions?open", 400, "invalid_value"),
    ("POST", "/v1/live/a.b/ticket", 400, "invalid_value"),
    ("PUT", ROOM, 405, None),
]


async def test_a_room_that_is_none_is_refused_in_openais_shape() -> None:
    async with serving() as served:
        for method, path, status, code in NOWHERE:
            async with served.client.request(method, path, json={"input": "Hi."}) as answer:
                error = (await answer.json())["error"]
                assert (method, path, answer.status, error["code"]) == (method, path, status, code)
                assert error["type"] == "invalid_request_error"
        assert not len(served.server.rooms)


@pytest.mark.parametrize(
    ("body", "param"), [({}, "input"), ({"input": " "}, "input"), ({"input": "Hi.", "speed": 9}, "speed")]
)
async def test_a_text_that_cannot_be_spoken_opens_no_room(body: dict[str, Any], param: str) -> None:
    async with serving() as served, served.client.post(ROOM, json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["param"] == param
        assert not len(served.server.rooms)


async def test_beyond_so_many_rooms_none_opens_while_all_are_in_use() -> None:
    async with serving(source(LONG), rooms=2) as served:
        for name in ("one", "two"):
            async with served.say(path=f"/v1/live/{name}") as answer:
                assert answer.status == 202
        async with served.say(path="/v1/live/three") as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"]
            assert (await answer.json())["error"]["code"] == "rate_limit_exceeded"


async def test_the_room_that_has_rested_longest_makes_place() -> None:
    async with serving(rooms=2) as served:
        for name in ("one", "two", "three"):
            async with served.say(path=f"/v1/live/{name}?wait") as answer:
                assert answer.status == 200
        assert list(served.server.rooms._rooms) == ["two", "three"]


async def test_without_rooms_there_are_no_such_paths() -> None:
    async with serving(rooms=0) as served, served.say() as answer:
        assert answer.status == 404


async def test_too_many_speeches_in_one_room_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_SPEECHES", 2)
    async with serving(source(LONG)) as served:
        for _ in range(2):
            async with served.say() as answer:
                assert answer.status == 202
        async with served.say() as answer:
            assert answer.status == 429


async def test_too_many_listeners_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LISTENERS_OF_A_ROOM", 1)
    async with serving() as served, served.listening(), served.client.get(f"{ROOM}/captions") as answer:
        assert answer.status == 429


async def test_a_server_that_stops_leaves_no_room_behind() -> None:
    speech = live_source()
    async with serving(speech) as served:
        async with served.listening(), served.say():
            await served.server.stop()
        assert not len(served.server.rooms)
    assert speech.closed == speech.opened


KEY = {"Authorization": "Bearer sesame"}


async def test_nobody_comes_in_without_the_key() -> None:
    ways = [("POST", ""), ("DELETE", ""), ("GET", ""), ("GET", "/packets"), ("GET", "/captions"), ("POST", "/ticket")]
    async with serving(key="sesame") as served:
        for method, path in ways:
            async with served.client.request(method, f"{ROOM}{path}?open", json={"input": "x"}) as answer:
                assert (method, path, answer.status) == (method, path, 401)
        assert not len(served.server.rooms)


async def ticket_for(served: Any, room: str, **fields: Any) -> Any:
    async with served.client.post(f"/v1/live/{room}/ticket", json=fields, headers=KEY) as answer:
        assert answer.status == 200
        return (await answer.json())["ticket"]


async def test_a_ticket_lets_one_listen_in_its_room_and_do_nothing_else() -> None:
    async with serving(key="sesame") as served:
        of_another_server = await ticket_for(served, "kitchen")
    async with serving(key="sesame") as served:
        other = {"Authorization": f"Bearer {await ticket_for(served, 'hall')}"}
        mine = {"Authorization": f"Bearer {await ticket_for(served, 'kitchen')}"}
        for headers, method, path, status in (
            (mine, "HEAD", f"{ROOM}/captions?open", 200),
            (other, "HEAD", f"{ROOM}/captions?open", 401),
            ({}, "HEAD", f"{ROOM}/captions?open&ticket={of_another_server}", 401),
            ({}, "HEAD", f"{ROOM}/captions?open&ticket={mine['Authorization'].split()[1]}", 200),
            (mine, "GET", f"{ROOM}?open", 200),
            ({**mine, "Upgrade": "websocket", "Connection": "Upgrade"}, "GET", f"{ROOM}?open", 401),
            (mine, "POST", ROOM, 401),
            (mine, "DELETE", ROOM, 401),
            (mine, "POST", f"{ROOM}/ticket", 401),
            (mine, "POST", "/v1/audio/speech", 401),
        ):
            async with served.client.request(method, path, headers=headers) as answer:
                assert (method, path, answer.status) == (method, path, status)


async def test_a_ticket_lasts_no_longer_than_a_day() -> None:
    async with serving() as served:
        for seconds in (0, -1, 1e9, "60", True, None):
            async with served.client.post(f"{ROOM}/ticket", json={"seconds": seconds}) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["param"] == "seconds"


async def test_a_page_comes_without_a_key_and_names_nothing_else_to_load() -> None:
    async with serving(key="sesame") as served:
        async with served.client.get("/live/kitchen") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
        assert "://" not in page
        for name in ("page.js", "packets.js", "elements.js", "captions.js", "worklet.js", "page.css"):
            async with served.client.get(f"/live/{name}") as answer:
                assert answer.status == 200, name
                assert "://" not in await answer.text()


async def test_a_page_has_no_other_files() -> None:
    async with serving() as served:
        for name in ("x.js", "..%2Frooms.py", "%2e%2e%2ftap.py", "page.py", ".", "room.htm"):
            async with served.client.get(f"/live/{name}") as answer:
                assert (name, answer.status) == (name, 404)
