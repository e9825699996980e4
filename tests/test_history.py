"""The history of services, stored between runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oggstream import history
from oggstream.files.access import locked
from oggstream.history import KEYS, History, default_path
from oggstream.playout.habits import Habits, Utterance

HABITS = Habits().with_utterance(Utterance(0.25, 0.2, 0.1, 13.0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "history.json"


def test_what_is_put_is_there_for_the_next_process(path: Path) -> None:
    History(path).put("host|model|voice", HABITS)
    assert History(path).get("host|model|voice") == HABITS
    assert History(path).get("host|model|other") is None


def test_the_same_object_gives_what_it_was_given(path: Path) -> None:
    kept = History(path)
    assert kept.get("key") is None
    kept.put("key", HABITS)
    assert kept.get("key") is HABITS


def test_without_a_path_it_lives_in_memory() -> None:
    kept = History(None)
    assert kept.get("key") is None
    kept.put("key", HABITS)
    assert kept.get("key") == HABITS


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"{}", b'{"key": {"schema": 1}}', b'{"key": {"schema": 99}}', b'{"a":' * 100_000, b"\0" * 100],
)
def test_a_damaged_file_is_ignored_and_rewritten(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    kept = History(path)
    assert kept.get("key") is None
    kept.put("key", HABITS)
    assert History(path).get("key") == HABITS


def test_a_file_that_is_far_too_long_is_not_read_whole(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"key": HABITS.to_dict(), "more": "x" * history.MOST_BYTES}))
    assert History(path).get("key") is None


def test_a_folder_in_its_place_does_no_harm(path: Path) -> None:
    path.mkdir(parents=True)
    kept = History(path)
    kept.put("key", HABITS)
    assert kept.get("key") == HABITS
    assert path.is_dir()
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_made_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "history.json", "no\0name"):
        kept = History(place)
        kept.put("key", HABITS)
        assert kept.get("key") == HABITS


def test_a_file_that_vanishes_is_written_again(path: Path) -> None:
    kept = History(path)
    kept.put("key", HABITS)
    path.unlink()
    assert kept.get("key") == HABITS
    kept.put("key", HABITS)
    assert path.exists()


def test_two_processes_keep_each_others_keys(path: Path) -> None:
    one, other = History(path), History(path)
    assert one.get("b") is None
    assert other.get("a") is None
    one.put("a", HABITS)
    other.put("b", HABITS)
    assert History(path).get("a") == HABITS
    assert History(path).get("b") == HABITS


def test_nothing_but_the_file_and_its_lock_is_left(path: Path) -> None:
    History(path).put("key", HABITS)
    assert sorted(path.parent.iterdir()) == [path, path.with_name("history.json.lock")]


@pytest.mark.parametrize(
    "contents",
    [b"[1]", b"null", b"3", b"\xff\xfe", b'{"key": 3}', b'{"name": {"a": 1}}', b"OggS", b"key = 1\n", b"[" * 9999],
)
def test_a_file_that_is_no_history_is_left_alone(path: Path, contents: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(contents)
    kept = History(path)
    assert kept.get("key") is None
    kept.put("key", HABITS)
    assert kept.get("key") == HABITS
    assert path.read_bytes() == contents


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
def test_a_pipe_or_a_device_is_left_alone_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    for place in (pipe, link, "/dev/null", "/dev/zero"):
        kept = History(place)
        assert kept.get("key") is None
        kept.put("key", HABITS)
        assert kept.get("key") == HABITS
        assert not Path(place).is_file()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_and_the_file_behind_it_is_written(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere.json")
    History(path).put("key", HABITS)
    assert path.is_symlink()
    assert History(tmp_path / "elsewhere.json").get("key") == HABITS


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
def test_nobody_else_may_read_it(path: Path) -> None:
    for _ in range(2):
        History(path).put("key", HABITS)
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)


def test_what_two_processes_learnt_of_the_same_key_is_joined(path: Path) -> None:
    History(path).put("key", HABITS)
    one, other = History(path), History(path)
    for kept, delay in ((one, 0.25), (other, 0.5)):
        known = kept.get("key")
        assert known is not None
        kept.put("key", known.with_utterance(Utterance(0.25, delay, 0.1, 13.0)))
    # Each time from what both knew at first: the file is read once.
    one.put("key", one.get("key").with_utterance(Utterance(0.25, 0.75, 0.1, 13.0)))  # type: ignore[union-attr]
    habits = History(path).get("key")
    assert habits is not None
    assert [utterance.delay for utterance in habits.utterances] == [0.2, 0.25, 0.5, 0.75]
    assert habits.seen == 4


def test_twenty_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writer = Path(__file__).with_name("history_writer.py")
    commands = [[sys.executable, str(writer), str(path), str(number), "3"] for number in range(20)]
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait() for process in processes] == [0] * 20
    kept = History(path)
    shared = kept.get("shared")
    assert shared is not None
    assert shared.seen == 60
    owns = [kept.get(f"own {number}") for number in range(20)]
    assert [own.seen for own in owns if own is not None] == [3] * 20


def test_while_another_process_holds_the_lock_it_is_kept_for_the_next_call(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOCK_SECONDS", 0.01)
    path.parent.mkdir()
    kept = History(path)
    with locked(path, 0):
        kept.put("a", HABITS)
        kept.put("b", HABITS)
    assert not path.exists()
    kept.put("c", HABITS)
    assert {key for key in "abc" if History(path).get(key) == HABITS} == set("abc")


def test_the_keys_not_heard_of_for_longest_are_forgotten(path: Path) -> None:
    kept = History(path)
    for number in range(KEYS):
        kept.put(str(number), HABITS)
    kept.put("0", HABITS)
    kept.put("one more", HABITS)
    assert kept.get("0") == History(path).get("0") == HABITS
    assert kept.get("1") is None
    assert len(json.loads(path.read_text())) == KEYS


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [("linux", "XDG_CACHE_HOME", ()), ("win32", "LOCALAPPDATA", ()), ("darwin", None, ("Library", "Caches"))],
)
def test_the_default_is_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str | None, end: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os.path, "expanduser", lambda _: str(tmp_path))
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert default_path() == str(tmp_path.joinpath(*end, "oggstream", "history.json"))


@pytest.mark.parametrize(("platform", "end"), [("linux", (".cache",)), ("win32", ("AppData", "Local"))])
def test_the_default_lies_in_the_home_folder_where_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, end: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os.path, "expanduser", lambda _: str(tmp_path))
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    assert default_path() == str(tmp_path.joinpath(*end, "oggstream", "history.json"))
