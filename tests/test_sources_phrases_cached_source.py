"""A source behind a cache: each phrase is made once, and all who ask hear it from its beginning."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import oggstream
from contexts import ContextService
from oggstream.annotations import Word
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ServerError, UsageError
from oggstream.options import SpeechOptions
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.failover import Failover, Member
from oggstream.sources.phrases import tape
from oggstream.sources.phrases.cached_source import CachedSource
from oggstream.sources.phrases.phrase_cache import PhraseCache, cache_of
from oggstream.sources.phrases.stores import DiskStore, MemoryStore
from oggstream.sources.traits import SourceTraits
from patience import PATIENCE
from scripted import ScriptedSource, ScriptedStream, every, pages, spoken

BODY = spoken(1.0, packets_per_page=5)
WORD = Word(text="Hello", start=0, end=5, start_sample=0, end_sample=4800)
OPTIONS = SpeechOptions()


def service(*, seconds: float = 0.0, identity: str | None = "host|model|voice", more: Any = ()) -> ScriptedSource:
    source = ScriptedSource([*every(seconds, pages(BODY)), *more])
    source.traits = SourceTraits(name="service", identity=identity)
    return source


async def listened(source: CachedSource, text: str = "Hello.") -> list[Any]:
    async with source.open(text, OPTIONS) as stream:
        items = [item async for item in stream]
    await kept(source)
    return items


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


async def kept(source: CachedSource) -> None:
    """Wait until what was made is in the stores."""
    async with asyncio.timeout(PATIENCE):
        while source._cache._making:  # noqa: ASYNC110 - a thread may be at work
            await asyncio.sleep(0.001)


def body(items: list[Any]) -> bytes:
    return b"".join(item for item in items if isinstance(item, bytes))


async def test_the_second_time_the_service_is_not_asked_and_the_same_comes_with_its_words() -> None:
    made = service(more=[(0, WORD)])
    source = CachedSource(made, PhraseCache([MemoryStore()]))
    first, second = await listened(source), await listened(source)
    assert body(first) == body(second) == BODY
    assert WORD in second
    assert (made.opened, source.outcomes) == (1, ["miss", "hit"])


@pytest.mark.looptime
async def test_who_asks_while_it_is_being_made_hears_it_from_its_first_packet_and_all_are_one_request() -> None:
    made = service(seconds=0.1)
    cache = PhraseCache([MemoryStore()])
    sources = [CachedSource(made, cache) for _ in range(100)]

    async def later(number: int) -> bytes:
        await asyncio.sleep(number * 0.009)
        return body(await listened(sources[number]))

    assert set(await asyncio.gather(*map(later, range(100)))) == {BODY}
    assert made.opened == made.closed == 1
    assert [source.outcomes[0] for source in sources] == ["miss"] + ["joined"] * 99


@pytest.mark.looptime
async def test_the_first_asker_may_leave_and_the_last_one_ends_it() -> None:
    made = service(seconds=0.1)
    cache = PhraseCache([MemoryStore()])
    first, second = (asyncio.create_task(listened(CachedSource(made, cache))) for _ in range(2))
    await asyncio.sleep(0.3)
    first.cancel()
    await asyncio.sleep(0.1)
    assert (made.opened, made.closed) == (1, 0)
    second.cancel()
    await asyncio.wait((first, second))
    assert (made.opened, made.closed) == (1, 1)
    assert body(await listened(CachedSource(made, cache))) == BODY
    assert made.opened == 2


@pytest.mark.looptime
async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    made = service(seconds=0.1)
    good, made.arrivals = made.arrivals, [*made.arrivals[:3], (0.3, ServerError("it failed", status=500))]
    cache = PhraseCache([MemoryStore()])
    results = await asyncio.gather(*(listened(CachedSource(made, cache)) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["it failed"] * 3
    made.arrivals = good
    assert body(await listened(CachedSource(made, cache))) == BODY


async def test_a_refusal_before_the_answer_reaches_all() -> None:
    class Refusing(ScriptedSource):
        def open(self, text: str, options: SpeechOptions) -> Any:
            raise ServerError("full", status=503)

    made = Refusing([])
    made.traits = SourceTraits(identity="x")
    source = CachedSource(made, PhraseCache([MemoryStore()]))
    results = await asyncio.gather(listened(source), listened(source), return_exceptions=True)
    assert [type(result) for result in results] == [ServerError, ServerError]


async def test_a_source_without_an_identity_is_asked_every_time() -> None:
    made = service(identity=None)
    source = CachedSource(made, PhraseCache([MemoryStore()]))
    await listened(source)
    await listened(source)
    assert made.opened == 2


async def test_a_damaged_phrase_is_made_again(tmp_path: Path) -> None:
    made = service()
    await listened(CachedSource(made, PhraseCache([DiskStore(tmp_path)])))
    (path,) = tmp_path.glob("*/*")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    source = CachedSource(made, PhraseCache([DiskStore(tmp_path)]))
    assert body(await listened(source)) == BODY
    assert (made.opened, source.outcomes) == (2, ["miss"])


async def test_a_slower_store_fills_the_faster_one(tmp_path: Path) -> None:
    made = service()
    await listened(CachedSource(made, PhraseCache([DiskStore(tmp_path)])))
    memory = MemoryStore()
    await listened(CachedSource(made, PhraseCache([memory, DiskStore(tmp_path)])))
    assert made.opened == 1
    assert memory.size > len(BODY)


async def test_many_who_ask_at_once_are_one_look_at_a_slow_store() -> None:
    class Slow(MemoryStore):
        looks = 0

        async def get(self, key: str) -> bytes | None:
            self.looks += 1
            await asyncio.sleep(0.01)
            return await super().get(key)

    slow = Slow()
    made = service()
    await listened(CachedSource(made, PhraseCache([MemoryStore(), slow])))
    slow.looks = 0
    cache = PhraseCache([MemoryStore(), slow])
    heard = await asyncio.gather(*(listened(CachedSource(made, cache)) for _ in range(100)))
    assert {body(items) for items in heard} == {BODY}
    assert (slow.looks, made.opened) == (1, 1)


async def test_what_another_source_of_a_chain_said_is_not_kept_as_the_first_ones() -> None:
    first, second = service(identity="first"), service(identity="second")
    first.arrivals = [(0.0, ServerError("it failed", status=500))]
    chain = Failover([Member(first, owned=False), Member(second, owned=False)])
    source = CachedSource(chain, PhraseCache([MemoryStore()]))
    assert body(await listened(source)) == BODY
    first.arrivals = second.arrivals
    assert body(await listened(source)) == BODY
    assert (source.outcomes, first.opened) == (["miss", "miss"], 2)


async def test_samples_are_kept_as_opus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedStream, "content_type", "audio/pcm")
    made = ScriptedSource([(0.0, bytes(48000))])
    made.traits = SourceTraits(name="service", identity="x", formats=("pcm",))
    memory = MemoryStore()
    source = CachedSource(made, PhraseCache([memory]))
    options = SpeechOptions(format="pcm:24000")
    for _ in range(2):
        async with source.open("Hello.", options) as stream:
            items = [item async for item in stream]
        await kept(source)
    assert source.outcomes == ["miss", "hit"]
    assert body(items).startswith(b"OggS")
    assert memory.size < 10_000


@pytest.mark.looptime
async def test_what_is_too_long_to_be_kept_is_passed_on_no_faster_than_it_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded: list[tape.Tape] = []

    def made(opening: Any, longest: int) -> tape.Tape:
        recorded.append(tape.Tape(opening, 1000))
        return recorded[-1]

    monkeypatch.setattr("oggstream.sources.phrases.phrase_cache.Tape", made)
    endless = ScriptedSource([(0.0, bytes(600)) for _ in range(50)])
    endless.traits = SourceTraits(identity="x")
    cache = PhraseCache([MemoryStore()])
    async with CachedSource(endless, cache).open("Hello.", OPTIONS) as stream:
        await anext(stream)
        await asyncio.sleep(1)
        assert recorded[0].size == 1200
        assert len([item async for item in stream]) == 49
    assert sum(map(len, recorded[0].items[:-1])) == 0  # type: ignore[arg-type]


async def test_a_piece_behind_another_one_in_a_context_is_another_phrase() -> None:
    contexts = ContextService(lambda number, text: [BODY])
    contexts.traits = SourceTraits(name="contexts", keeps_context=True, identity="x")
    source = CachedSource(contexts, PhraseCache([MemoryStore()]))
    for _ in range(2):
        async with source.context(OPTIONS) as inside:
            for text in ("One.", "Two.", "One."):
                async with inside.open(text, OPTIONS) as stream:
                    assert body([item async for item in stream]) == BODY
                await kept(source)
    assert source.outcomes == ["miss"] * 3 + ["hit"] * 3


async def test_a_speech_that_was_spoken_once_sounds_again_without_its_service(tmp_path: Path) -> None:
    made = service()
    for _ in range(2):
        report = await oggstream.play_stream(
            "Hello there.", source=made, sink=f"wav:{tmp_path / 'x.wav'}", cache=tmp_path / "c"
        )
        assert report.completed
    async with oggstream.Player(source=made, sink=f"wav:{tmp_path / 'y.wav'}", cache=tmp_path / "c") as player:
        await player.say("Hello there.")
    assert made.opened == 1


async def test_the_endpoint_says_how_it_found_a_phrase() -> None:
    server = SpeechServer(source=service(), cache=PhraseCache([MemoryStore()]))
    await server.start()
    told = []
    for _ in range(2):
        request = {"input": "Hello.", "response_format": "opus"}
        async with aiohttp.request("POST", f"{server.base_url}/audio/speech", json=request) as response:
            told.append((response.headers["X-Cache"], len(await response.read())))
        await asyncio.sleep(0.1)
    await server.stop()
    assert [outcome for outcome, _ in told] == ["miss", "hit"]


async def endpoint_twice(source: Any, **fields: Any) -> list[tuple[str, bytes]]:
    """The same asked of the endpoint twice: how it was found, and the bodies."""
    cache = PhraseCache([MemoryStore()])
    server = SpeechServer(source=source, cache=cache)
    await server.start()
    told = []
    for _ in range(2):
        request = {"input": "Hello.", "response_format": "opus", **fields}
        async with aiohttp.request("POST", f"{server.base_url}/audio/speech", json=request) as response:
            told.append((response.headers["X-Cache"], await response.read()))
        await kept(CachedSource(source, cache))
    await server.stop()
    return told


async def test_a_kept_body_is_sent_as_the_service_sent_it() -> None:
    (_, first), (outcome, second) = await endpoint_twice(service())
    assert (outcome, second) == ("hit", BODY)
    assert packets(first) == packets(second)


@pytest.mark.parametrize("odd", [BODY + BODY, BODY[:-40], BODY.replace(b"test", b"tost"), spoken(0.5) + b"junk"])
async def test_one_that_is_odd_is_read_and_written_anew_each_time(odd: bytes) -> None:
    source = service()
    source.arrivals = every(0, [odd])
    (_, first), (outcome, second) = await endpoint_twice(source)
    assert outcome == "hit"
    assert second != odd
    assert packets(first) == packets(second)


async def test_what_is_kept_takes_no_place_among_the_speeches_that_are_made() -> None:
    source = service()
    server = SpeechServer(source=source, cache=PhraseCache([MemoryStore()]), jobs=1, queue=0)
    await server.start()
    async with aiohttp.ClientSession() as client:

        async def ask(text: str) -> int:
            request = {"input": text, "response_format": "opus"}
            async with client.post(f"{server.base_url}/audio/speech", json=request) as response:
                await response.read()
                return response.status

        assert await ask("Hello.") == 200
        assert server._cache is not None
        await kept(CachedSource(source, server._cache))
        source.arrivals = every(60, pages(BODY))
        request = asyncio.create_task(ask("Another one."))
        while not server.jobs.running:  # noqa: ASYNC110 - another task counts it
            await asyncio.sleep(0.001)
        assert (await ask("Hello."), await ask("A third one.")) == (200, 429)
        request.cancel()
    await server.stop()


def test_a_cache_is_named_by_its_folder(tmp_path: Path) -> None:
    assert cache_of("none") is cache_of(None) is None
    assert cache_of(tmp_path) is cache_of(str(tmp_path))
    assert cache_of("memory") is not None
    with pytest.raises(UsageError, match="cache must be a folder"):
        cache_of(3)
    with pytest.raises(UsageError, match="no cache at ftp://"):
        cache_of("ftp://host/0")
