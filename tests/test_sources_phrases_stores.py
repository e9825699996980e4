"""Where phrases are kept: bounded, and never in the way of a speech."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from oggstream.sources.phrases import stores
from oggstream.sources.phrases.stores import DiskStore, MemoryStore, PhraseStore


def key(number: int) -> str:
    return f"{number:02}" + "0" * 62


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PhraseStore:
    return MemoryStore(1000) if request.param == "memory" else DiskStore(tmp_path / "kept", 1000)


async def test_what_was_put_is_there_until_it_is_removed(store: PhraseStore) -> None:
    assert await store.get(key(1)) is None
    await store.put(key(1), b"one")
    await store.put(key(1), b"won")
    assert await store.get(key(1)) == b"won"
    await store.remove(key(1))
    await store.remove(key(1))
    assert await store.get(key(1)) is None
    await store.aclose()


async def test_the_least_recently_used_goes_first(store: PhraseStore, tmp_path: Path) -> None:
    for number in range(4):
        await store.put(key(number), bytes(240))
    for age, number in enumerate((1, 2, 3, 0)):  # as if they had been used in this order
        assert await store.get(key(number)) is not None
        for path in tmp_path.glob(f"kept/*/{key(number)}"):
            os.utime(path, (1000 + age, 1000 + age))
    await store.put(key(4), bytes(240))
    found = [await store.get(key(number)) is not None for number in range(5)]
    assert found[1] is False
    assert (found[0], found[3], found[4]) == (True, True, True)


async def test_what_is_longer_than_all_room_is_not_kept(store: PhraseStore) -> None:
    await store.put(key(1), bytes(1001))
    assert await store.get(key(1)) is None


async def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    await DiskStore(tmp_path / "kept").put(key(1), b"one")
    (path,) = (tmp_path / "kept").glob("*/*")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_another_object_of_the_folder_finds_them(tmp_path: Path) -> None:
    await DiskStore(tmp_path).put(key(1), b"one")
    assert await DiskStore(tmp_path).get(key(1)) == b"one"


async def test_a_folder_that_cannot_be_written_is_said_once_and_keeps_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_bytes(b"a file")
    store = DiskStore(tmp_path / "kept")
    for number in range(3):
        await store.put(key(number), b"one")
    assert await store.get(key(1)) is None
    assert [record.name for record in caplog.records] == [stores.__name__]
