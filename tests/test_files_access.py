"""Tests of opening, reading, replacing and locking files, for every kind of path."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oggstream.files import access

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes, devices and modes in the file system")


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def device(_: Path) -> Path:
    return Path("/dev/null")


def endless(_: Path) -> Path:
    return Path("/dev/zero")


def folder(folder: Path) -> Path:
    return folder


def link_to_device(folder: Path) -> Path:
    (folder / "link").symlink_to("/dev/null")
    return folder / "link"


ODD = pytest.mark.parametrize("make", [pipe, device, endless, folder, link_to_device])


@POSIX
@ODD
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before = path.lstat()
    draft = tmp_path / "draft"
    draft.touch()
    uses: list[Callable[[], object]] = [
        lambda: access.replace(path, b"new"),
        lambda: access.check_replaceable(path),
        lambda: access.rename(str(draft), str(path)),
        access.locked(path, 0.0).__enter__,
    ]
    for use in uses:
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            use()
    access.remove(path)
    assert path.lstat().st_ino == before.st_ino
    assert {entry.name for entry in tmp_path.iterdir()} <= {"draft", "pipe", "link"}


@POSIX
@ODD
def test_what_is_no_regular_file_is_not_read_whole_and_keeps_nobody_waiting(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
        access.read_whole(make(tmp_path), 100)


def test_a_longer_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    assert access.read_whole(path, 100) == bytes(100)
    with pytest.raises(OSError, match="it has more than 99 bytes"):
        access.read_whole(path, 99)


@pytest.mark.parametrize("path", ["nul\0byte", "lone\ud800surrogate"])
def test_a_path_that_cannot_be_is_an_error_of_the_system(path: str) -> None:
    for use in (
        lambda: access.read_whole(path, 9),
        lambda: access.replace(path, b""),
        lambda: access.open_output(f"{path}/x"),
        lambda: access.open_input(path),
        lambda: access.locked(path, 0.0).__enter__(),
    ):
        with pytest.raises(OSError):  # noqa: PT011  # of whatever kind
            use()
    assert not access.exists(path)


@POSIX
def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to("file")
    access.replace(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


@POSIX
def test_a_file_keeps_its_mode_and_a_private_one_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o640)
    access.replace(path, b"1")
    assert path.stat().st_mode & 0o777 == 0o640
    access.replace(path, b"2", private=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_there_stays_where_replacing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(_old: str, _new: str) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(PermissionError):
        access.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@POSIX
def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is a pipe that nobody reads"):
        access.open_output(pipe(tmp_path))


@POSIX
def test_only_an_empty_regular_file_is_removed(tmp_path: Path) -> None:
    full, empty, link = tmp_path / "full", tmp_path / "empty", tmp_path / "link"
    full.write_bytes(b"x")
    empty.touch()
    link.symlink_to("empty")
    for path in (full, link, empty, tmp_path / "missing"):
        access.remove(path)
    assert sorted(tmp_path.iterdir()) == [full, link]


def writing(path: Path) -> int:
    descriptor = access.open_output(path)
    access.empty(descriptor)
    return descriptor


@POSIX
@pytest.mark.parametrize("use", [access.open_input, writing])
def test_a_file_that_is_read_or_written_is_not_emptied_by_any_of_its_names(
    use: Callable[[Path], int], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    os.link(path, tmp_path / "other")
    held = use(path)
    path.write_bytes(b"content")
    for name in ("file", "link", "other"):
        descriptor = access.open_output(tmp_path / name)
        with pytest.raises(OSError, match="it is being read or written already"):
            access.empty(descriptor)
        os.close(descriptor)
    assert path.read_bytes() == b"content"
    os.close(held)
    os.close(writing(tmp_path / "link"))
    assert path.read_bytes() == b""


@POSIX
def test_a_file_that_is_written_may_be_read_meanwhile(tmp_path: Path) -> None:
    descriptor = writing(tmp_path / "file")
    os.write(descriptor, b"some")
    reading = access.open_input(tmp_path / "file")
    assert os.read(reading, 9) == b"some"
    access.empty(descriptor)
    for each in (descriptor, reading):
        os.close(each)


@POSIX
def test_what_is_no_regular_file_may_be_written_by_several() -> None:
    for descriptor in [writing(Path(os.devnull)), writing(Path(os.devnull))]:
        os.close(descriptor)


def test_a_lock_keeps_others_out_until_it_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    refused = pytest.raises(TimeoutError, match="another process holds its lock")
    with access.locked(path, 0.0), refused, access.locked(path, 0.01):
        pass
    with access.locked(path, 0.0):
        pass
    assert not path.exists()


@POSIX
def test_a_lock_is_not_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file.lock").symlink_to("elsewhere")
    with pytest.raises(OSError), access.locked(tmp_path / "file", 0.0):  # noqa: PT011  # ELOOP, EMLINK on some
        pass
    assert not (tmp_path / "elsewhere").exists()
