"""Phrases that processes share, in a real Redis: each store and each cache here stands for a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oggstream.annotations import Word
from oggstream.errors import LibraryError, QuotaError, UsageError
from oggstream.options import SpeechOptions
from oggstream.sources.phrases import redis_store
from oggstream.sources.phrases.cached_source import CachedSource
from oggstream.sources.phrases.phrase import phrase_key
from oggstream.sources.phrases.phrase_cache import PhraseCache, cache_of
from oggstream.sources.phrases.redis_store import RedisStore
from oggstream.sources.phrases.stores import MemoryStore
from oggstream.sources.traits import SourceTraits
from redis_server import Redis, running_redis
from scripted import ScriptedSource, every, pages, spoken

BODY = spoken(1.0, packets_per_page=5)
OPTIONS = SpeechOptions()
WORD = Word(text="Hello", start=0, end=5, start_sample=0, end_sample=4800)
KEY = phrase_key("x", "Hello.", "", OPTIONS)
OPENED = {"open": '{"content_type": "audio/ogg"}'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(autouse=True)
async def _empty(server: Redis) -> None:
    store = RedisStore(server.url)
    await store._asked(lambda client: client.flushall())
    await store.aclose()


class Process:
    """A cache as one process has it, and the service that it asks."""

    def __init__(self, url: str, arrivals: Any) -> None:
        self.store = RedisStore(url)
        self.service = ScriptedSource(arrivals)
        self.service.traits = SourceTraits(name="service", identity="x")
        self.cache = PhraseCache([MemoryStore(), self.store], self.store)
        self.source = CachedSource(self.service, self.cache)

    async def listen(self) -> list[Any]:
        async with self.source.open("Hello.", OPTIONS) as stream:
            return [item async for item in stream]

    async def close(self) -> None:
        await self.cache.aclose()


def body(items: list[Any]) -> bytes:
    return b"".join(item for item in items if isinstance(item, bytes))


async def test_what_one_process_keeps_another_one_finds(server: Redis) -> None:
    one, other = (Process(server.url, every(0, pages(BODY))) for _ in range(2))
    await one.listen()
    await one.close()
    assert body(await other.listen()) == BODY
    assert (other.source.outcomes, other.service.opened) == (["hit"], 0)
    await other.store.remove(KEY)
    assert await one.store.get(KEY) is None
    await other.close()
    await one.close()


async def test_what_one_process_is_making_others_hear_from_its_beginning_with_its_words(server: Redis) -> None:
    arrivals = [*every(0.02, pages(BODY)), (0.1, WORD)]
    processes = [Process(server.url, arrivals) for _ in range(3)]
    heard = await asyncio.gather(*(process.listen() for process in processes for _ in range(5)))
    assert {body(items) for items in heard} == {BODY}
    assert all(WORD in items for items in heard)
    assert sum(process.service.opened for process in processes) == 1
    assert sorted(process.source.outcomes.count("miss") for process in processes) == [0, 0, 1]
    for process in processes:
        await process.close()


async def test_a_process_that_comes_when_it_has_just_been_made_hears_it_too(server: Redis) -> None:
    one, other = (Process(server.url, every(0, pages(BODY))) for _ in range(2))
    await one.listen()
    other.cache._stores = (MemoryStore(),)  # nothing is kept yet
    assert body(await other.listen()) == BODY
    assert other.service.opened == 0
    await one.close()
    await other.store.aclose()


async def test_the_makers_error_is_everybodys(server: Redis) -> None:
    one, other = (Process(server.url, [(0.2, QuotaError("no credit left"))]) for _ in range(2))
    results = await asyncio.gather(one.listen(), other.listen(), return_exceptions=True)
    assert [(type(result), str(result)) for result in results] == [(QuotaError, "no credit left")] * 2
    assert one.service.opened + other.service.opened == 1
    await one.close()
    await other.close()


async def test_where_the_maker_died_before_its_answer_another_one_makes_it(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.2)
    dead, other = (Process(server.url, every(0, pages(BODY))) for _ in range(2))
    assert await dead.store.claim(KEY, "dead") == "dead"
    assert body(await other.listen()) == BODY
    assert other.service.opened == 1
    await other.close()
    await dead.close()


async def test_where_it_died_in_mid_phrase_what_was_heard_stays_and_another_one_makes_the_rest(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "CLAIM_SECONDS", 0.2)
    dead, other = (Process(server.url, every(0, pages(BODY))) for _ in range(2))
    assert await dead.store.claim(KEY, "dead") == "dead"
    await dead.store.append("dead", 1, [OPENED, {"bytes": BODY[:500]}])
    async with other.source.open("Hello.", OPTIONS) as stream:
        assert await anext(stream) == BODY[:500]
        assert body([item async for item in stream]) == BODY[500:]
    assert other.service.opened == 1
    await other.close()
    await dead.close()


async def test_without_a_server_all_goes_on_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Process(f"unix://{tmp_path}/none.sock", every(0, pages(BODY)))
    for _ in range(2):
        assert body(await alone.listen()) == BODY
        await alone.close()
    assert alone.source.outcomes == ["miss", "hit"]
    assert [record.levelname for record in caplog.records if record.name == redis_store.__name__] == ["WARNING"]
    await alone.close()


async def test_a_server_that_goes_in_mid_phrase_costs_the_maker_nothing(tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        maker, follower = (Process(redis.url, every(0.02, pages(BODY))) for _ in range(2))
        async with maker.source.open("Hello.", OPTIONS) as stream:
            first = await anext(stream)
            following = asyncio.create_task(follower.listen())
            await asyncio.sleep(0.1)
            redis.kill()
            assert isinstance(first, bytes)
            assert first + body([item async for item in stream]) == BODY
        assert body(await following) == BODY
    await maker.close()
    await follower.close()


async def test_a_password_is_shown_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore("redis://user:hunter2@127.0.0.1:1/0")
    assert await store.get("x") is None
    assert "127.0.0.1:1" in caplog.text
    assert "hunter2" not in caplog.text
    await store.aclose()
    with pytest.raises(UsageError) as caught:
        RedisStore("redis://:hunter2@host:port/zero")
    assert "hunter2" not in str(caught.value)


def test_without_the_client_the_error_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(LibraryError, match=r"pip install 'oggstream\[redis\]'"):
        cache_of("redis://localhost/9")
