"""A phrase that one process makes for others, in a Redis that goes, comes back empty, refuses, or holds nonsense."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import oggstream
from oggstream.errors import ServerError
from oggstream.options import PlaybackOptions
from oggstream.sources.phrases import redis_store, shared_making
from oggstream.sources.phrases.cached_source import CachedSource
from patience import PATIENCE
from redis_server import Redis, running_redis
from scripted import ScriptedSource, every, pages
from speech_server import _KEY, CERTIFICATE, free_port, until
from test_sources_phrases_redis_store import BODY, KEY, OPENED, OPTIONS, Process, body

SLOWLY = every(0.02, pages(BODY))
AT_ONCE = every(0, pages(BODY))
NO_HISTORY = PlaybackOptions(history=None)


@contextlib.asynccontextmanager
async def processes(server: Redis, arrivals: Any, count: int = 2) -> AsyncIterator[list[Process]]:
    made = [Process(server.url, arrivals) for _ in range(count)]
    try:
        yield made
    finally:
        for process in made:
            await process.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with running_redis(tmp_path) as redis:
        yield redis


async def spoken_by(process: Process) -> int:
    """The packets of a whole speech, as an application gets them."""
    source = CachedSource(process.service, process.cache)
    return len([packet async for packet in oggstream.stream_packets("Hello.", source=source, options=NO_HISTORY)])


WHOLE = 51  # packets of BODY


async def test_whoever_follows_a_maker_that_dies_makes_the_rest_itself_and_the_speech_is_whole(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.3)
    async with processes(server, AT_ONCE, 3) as (dead, *others):
        assert await dead.store.claim(KEY, "dead") == "dead"
        await dead.store.append("dead", 1, [{"maker": "dead"}, OPENED, {"bytes": BODY[: len(BODY) // 2]}])
        counts = await asyncio.gather(*map(spoken_by, others))
        assert sum(other.service.opened for other in others) == 1
    assert all(count >= WHOLE for count in counts)


@pytest.mark.parametrize("restarted", [False, True])
async def test_where_the_server_goes_or_forgets_all_in_mid_phrase_every_speech_goes_on(
    server: Redis, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.3)
    async with processes(server, SLOWLY) as (maker, follower):
        making = asyncio.create_task(spoken_by(maker))
        await until(lambda: maker.service.opened)
        following = asyncio.create_task(spoken_by(follower))
        await asyncio.sleep(0.08)
        server.kill()
        if restarted:
            await asyncio.to_thread(server.start)
        assert await making == WHOLE
        assert await following >= WHOLE


async def test_a_maker_that_lost_its_beginning_there_is_not_followed(server: Redis) -> None:
    async with processes(server, AT_ONCE) as (maker, other):
        assert await maker.store.claim(KEY, "maker") == "maker"
        await maker.store.append("maker", 3, [{"bytes": BODY}, {"end": b"whole"}])
        assert body(await other.listen()) == BODY
        assert other.service.opened == 1


async def test_a_tape_with_a_gap_is_followed_up_to_it_and_the_rest_is_made(server: Redis) -> None:
    async with processes(server, AT_ONCE) as (maker, other):
        assert await maker.store.claim(KEY, "maker") == "maker"
        await maker.store.append("maker", 1, [{"maker": "maker"}, OPENED, {"bytes": BODY[:500]}])
        await maker.store.append("maker", 5, [{"bytes": BODY[900:]}, {"end": b"whole"}])
        assert body(await other.listen()) == BODY
        assert other.service.opened == 1


async def test_what_was_written_twice_is_heard_once(server: Redis) -> None:
    async with processes(server, AT_ONCE) as (maker, other):
        assert await maker.store.claim(KEY, "maker") == "maker"
        for _ in range(2):
            await maker.store.append("maker", 1, [{"maker": "maker"}, OPENED, {"bytes": BODY}])
        await maker.store.append("maker", 4, [{"end": b"whole"}])
        assert body(await other.listen()) == BODY
        assert other.service.opened == 0


async def test_a_maker_that_gives_up_keeps_nobody_from_making_it(server: Redis) -> None:
    async with processes(server, SLOWLY) as (first, second):
        async with first.source.open("Hello.", OPTIONS) as stream:
            await anext(stream)
        assert body(await second.listen()) == BODY
        assert second.source.outcomes == ["miss"]


async def test_an_error_is_for_those_who_wait_and_not_for_later_ones(server: Redis) -> None:
    async with processes(server, [(0.0, ServerError("it failed", status=500))]) as (first, second):
        with pytest.raises(ServerError):
            await first.listen()
        second.service.arrivals = AT_ONCE
        assert body(await second.listen()) == BODY


async def test_a_phrase_that_takes_longer_than_a_claim_is_made_once(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.4)
    monkeypatch.setattr(shared_making, "CLAIM_SECONDS", 0.4)
    monkeypatch.setattr(shared_making, "RENEWED_SECONDS", 0.1)
    async with processes(server, every(0.15, pages(BODY))) as (first, second):
        making = asyncio.create_task(first.listen())
        await asyncio.sleep(0.8)
        assert body(await second.listen()) == body(await making) == BODY
        assert second.service.opened == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        {"open": "{"},
        {"open": "[]"},
        {"what": "another version says"},
        {"error": "7"},
        {"word": '{"no": "word"}'},
        {"end": "perhaps"},
    ],
)
@pytest.mark.parametrize("after", [[], [OPENED]], ids=["as its beginning", "in the middle"])
async def test_nonsense_on_a_tape_is_the_end_of_it(server: Redis, nonsense: dict[str, str], after: Any) -> None:
    async with processes(server, AT_ONCE) as (maker, other):
        assert await maker.store.claim(KEY, "maker") == "maker"
        await maker.store.append("maker", 1, [*after, nonsense])
        assert await spoken_by(other) >= WHOLE


async def pushed(name: str, client: Any) -> None:
    await client.lpush(name, "x")


async def test_what_has_another_type_there_is_as_nothing(server: Redis) -> None:
    async with processes(server, AT_ONCE) as (first, second):
        for kind in ("phrase", "claim"):
            await first.store._asked(partial(pushed, f"oggstream:{kind}:{KEY}"))
        assert body(await first.listen()) == body(await second.listen()) == BODY


OPTIONS_OF_SERVERS = {
    "full": ["--maxmemory", "1", "--maxmemory-policy", "noeviction"],
    "without streams": ["--rename-command", "XADD", ""],
    "without expiry": ["--rename-command", "PEXPIRE", ""],
    "wants a password": ["--requirepass", "hunter2-and-more"],
    "read only": ["--replicaof", "127.0.0.1", "1"],
}


@pytest.mark.parametrize("options", OPTIONS_OF_SERVERS.values(), ids=OPTIONS_OF_SERVERS)
async def test_a_server_that_does_not_do_all_is_told_of_once_and_speech_goes_on(
    tmp_path: Path, options: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.3)
    with running_redis(tmp_path, *options) as server:
        async with processes(server, AT_ONCE) as (first, second):
            for number in range(3):
                for process in (first, second):
                    async with process.source.open(f"Hello {number}.", OPTIONS) as stream:
                        assert body([item async for item in stream]) == BODY
    told = [record.message for record in caplog.records if record.name == redis_store.__name__]
    assert {message for message in told if told.count(message) > 2} == set()  # one a process
    assert told


async def test_a_server_that_hangs_costs_one_wait(
    server: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_store, "PATIENCE_SECONDS", 0.2)
    async with processes(server, AT_ONCE, 1) as (process,):
        await process.store._asked(lambda client: client.execute_command("CLIENT", "PAUSE", "60000"))
        for number in range(3):
            async with process.source.open(f"Hello {number}.", OPTIONS) as stream:
                assert body([item async for item in stream]) == BODY
    assert len([record for record in caplog.records if record.name == redis_store.__name__]) == 1


async def test_with_its_password_it_opens(tmp_path: Path) -> None:
    with running_redis(tmp_path, "--requirepass", "hunter2-and-more") as server:
        server.url = server.url.replace("unix://", "unix://:hunter2-and-more@")
        async with processes(server, AT_ONCE) as (first, second):
            await first.listen()
            await first.close()
            await second.listen()
            assert second.source.outcomes == ["hit"]


async def test_it_may_be_reached_by_tls(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(_KEY)
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    port = free_port()
    files = ["--tls-cert-file", tmp_path / "cert.pem", "--tls-key-file", tmp_path / "key.pem"]
    options = ["--tls-port", port, *files, "--tls-ca-cert-file", tmp_path / "cert.pem", "--tls-auth-clients", "no"]
    with running_redis(tmp_path, *map(str, options)) as server:
        server.url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'cert.pem'}"
        async with processes(server, AT_ONCE) as (first, second):
            await first.listen()
            await first.close()
            await second.listen()
            assert second.source.outcomes == ["hit"]


async def test_a_speech_lets_go_of_its_connection_and_what_it_made_is_kept(server: Redis, tmp_path: Path) -> None:
    made = ScriptedSource(AT_ONCE)
    made.traits = oggstream.SourceTraits(name="service", identity="x")

    async def clients() -> int:
        client = redis_store.RedisStore(server.url)
        found = await client._asked(lambda client: client.execute_command("CLIENT", "LIST"))
        await client.aclose()
        return len(found) if isinstance(found, list) else found.count(b"\n")

    async def until_one_client() -> None:  # the one that asks
        async with asyncio.timeout(PATIENCE):
            while await clients() > 1:  # noqa: ASYNC110 - the server closes it
                await asyncio.sleep(0.01)

    sink = f"wav:{tmp_path / 'x.wav'}"
    for _ in range(2):
        await oggstream.play_stream("Hello.", source=made, sink=sink, cache=server.url, options=NO_HISTORY)
        await until_one_client()
    other = f"wav:{tmp_path / 'y.wav'}"
    async with oggstream.Player(source=made, sink=other, cache=server.url, options=NO_HISTORY) as player:
        await player.say("Hello again.")
        await oggstream.play_stream("Hello.", source=made, sink=sink, cache=server.url, options=NO_HISTORY)
        assert await clients() > 1
    await until_one_client()
    assert made.opened == 2
