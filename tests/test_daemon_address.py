from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from oggstream.daemon import address


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "oggstream"


def test_the_folder_is_made_for_this_user_alone(place: Path) -> None:
    assert address.make_folder() == str(place)
    assert place.stat().st_mode & 0o777 == 0o700
    address.make_folder()


def test_without_a_runtime_folder_it_is_named_after_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert address.folder() == str(tmp_path / f"oggstream-{os.getuid()}")


def test_a_runtime_folder_that_is_no_whole_path_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert address.folder().startswith("/")


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_refused(place: Path, mode: int) -> None:
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(address.AddressError, match="open to other users"):
        address.make_folder()


def test_a_link_to_a_folder_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "real")
    with pytest.raises(address.AddressError, match="no folder"):
        address.make_folder()


def test_a_folder_of_another_user_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(address.AddressError, match="another user's"):
        address.make_folder()


def test_a_socket_that_others_may_use_or_that_is_none_is_refused(place: Path) -> None:
    path = Path(address.make_folder(), address.NAME)
    path.write_text("")
    with pytest.raises(address.AddressError, match="no socket"):
        address.find()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        assert address.find() == str(path)
        path.chmod(0o666)
        with pytest.raises(address.AddressError, match="open to other users"):
            address.find()
