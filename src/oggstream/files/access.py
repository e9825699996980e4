"""Opening, reading, replacing and locking files, whatever a path turns out to be.

The rules, which hold wherever oggstream touches a file:

- A path that is not a regular file is never replaced or removed; it is written to as it is, or refused.
- Symbolic links are followed, as a shell's redirection follows them: the file behind the link is read or replaced,
  and the link stays. Drafts and locks are never written through a link.
- What is read whole is a regular file of bounded size. Opening a pipe or a device never waits, unless asked to.
- Private files have mode 0600.
- A regular file that is being read or written is not emptied: what is yet to be read of it would be lost, or two would
  write over each other. `open_input` and `empty` hold a lock (BSD's, on POSIX systems) until the descriptor is closed.

Every function raises `OSError` and nothing else; callers translate it into the error of their own.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_COMMON = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_RETRY_SECONDS = 0.003  # between two attempts to get a lock


def reason(error: Exception) -> str:
    """Why a file cannot be used, as it stands in a message."""
    return getattr(error, "strerror", None) or str(error)


def keeps_waiting(mode: int) -> bool:
    """Whether a file of this ``st_mode`` may keep its reader or writer waiting: a pipe, a terminal, a device."""
    return bool(mode) and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def mode_of(path: str | os.PathLike[str]) -> int:
    """The ``st_mode`` of what ``path`` leads to; 0 if there is nothing."""
    with _plain_errors():
        try:
            return os.stat(path).st_mode
        except FileNotFoundError:
            return 0


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is anything at ``path``, be it a link that leads nowhere."""
    with suppress(ValueError):
        return os.path.lexists(path)
    return False


def open_input(path: str | os.PathLike[str]) -> int:
    """A descriptor to read from. A pipe keeps the caller waiting for its writer.

    Until it is closed a regular file is not emptied; one that is being written is read as far as it has come.
    """
    with _plain_errors():
        descriptor = os.open(path, os.O_RDONLY | _COMMON)
    _hold(descriptor, to_write=False)
    return descriptor


def open_output(path: str | os.PathLike[str], *, wait: bool = False) -> int:
    """A descriptor to write to; a regular file keeps what it holds until it is truncated.

    A pipe that nobody reads is refused, or with ``wait`` keeps the caller waiting for its reader.
    """
    with _plain_errors():
        flags = os.O_WRONLY | os.O_CREAT | _COMMON
        if wait:
            return os.open(path, flags, 0o666)
        try:
            descriptor = os.open(path, flags | _AT_ONCE, 0o666)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise OSError(errno.ENXIO, "it is a pipe that nobody reads") from error
            raise
        if _AT_ONCE:
            os.set_blocking(descriptor, True)
        return descriptor


def empty(descriptor: int) -> None:
    """Truncate what is open, if it is a regular file; one that is read or written elsewhere is refused."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        if not _hold(descriptor, to_write=True):
            raise OSError(errno.EBUSY, "it is being read or written already; give another name")
        os.ftruncate(descriptor, 0)


def remove(path: str | os.PathLike[str], most: int = 0) -> None:
    """Remove a regular file of at most so many bytes; leave anything else alone."""
    with _plain_errors(), suppress(FileNotFoundError):
        state = os.lstat(path)
        if stat.S_ISREG(state.st_mode) and state.st_size <= most:
            os.unlink(path)


def read_whole(path: str | os.PathLike[str], limit: int) -> bytes:
    """All bytes of a regular file that has at most ``limit``."""
    with _plain_errors():
        descriptor = os.open(path, os.O_RDONLY | _COMMON | _AT_ONCE)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit} bytes")
        return data


def replace(path: str | os.PathLike[str], data: bytes, *, private: bool = False) -> None:
    """Make ``path`` a file that holds ``data``: all of it, or what was there before.

    A file that was there keeps its mode, unless it is to be ``private``. Anything but a regular file is an error.
    """
    with _plain_errors():
        target = _regular(path)
        draft = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:64]}.{os.urandom(4).hex()}")
        before = mode_of(target)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON | _NO_LINK
        descriptor = os.open(draft, flags, 0o600 if private else 0o666)
        try:
            with open(descriptor, "wb") as file:
                if before and not private and hasattr(os, "fchmod"):
                    os.fchmod(descriptor, stat.S_IMODE(before))
                file.write(data)
            os.replace(draft, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft)
            raise


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise `OSError` for what `replace` would refuse."""
    with _plain_errors():
        _regular(path)


def rename(old: str, new: str) -> None:
    """Move a file to ``new``, in place of a regular file or of nothing."""
    with _plain_errors():
        os.replace(old, _regular(new))


@contextmanager
def locked(path: str | os.PathLike[str], seconds: float) -> Iterator[None]:
    """Keep other processes out that lock the same ``path``, which need not exist.

    The lock is on a file beside it, ``PATH.lock``, which stays; it ends with the process at the latest. Raises
    `TimeoutError` (an `OSError`) if it is not to be had within ``seconds``. Where the file system has no locks, there
    is none.
    """
    with _plain_errors():
        target = _regular(path)
        descriptor = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | _COMMON | _AT_ONCE | _NO_LINK, 0o600)
    try:
        _lock(descriptor, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)  # which ends the lock


def _lock(descriptor: int, deadline: float) -> None:
    while not _try_lock(descriptor):
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process holds its lock")
        time.sleep(_RETRY_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _try_lock_on_windows(descriptor)
    return _flock(descriptor, fcntl.LOCK_EX)


def _hold(descriptor: int, *, to_write: bool) -> bool:
    """Whether nobody else holds what is open in a way that excludes this one; the lock ends with the descriptor."""
    try:
        import fcntl
    except ImportError:  # a lock on Windows keeps every program from reading
        return True
    return _flock(descriptor, fcntl.LOCK_EX if to_write else fcntl.LOCK_SH)


def _flock(descriptor: int, how: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR)  # any other: no locks on this file system
    return True


def _try_lock_on_windows(descriptor: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # on Windows it is there
    except OSError:
        return False
    return True


def _regular(path: str | os.PathLike[str]) -> str:
    """Where ``path`` leads, which is a regular file or nothing yet."""
    target = os.path.realpath(os.fspath(path))
    mode = mode_of(target)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if mode and not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return target


@contextmanager
def _plain_errors() -> Iterator[None]:
    """A path with a NUL is a `ValueError` to Python, one that cannot be encoded a `UnicodeError`."""
    try:
        yield
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
