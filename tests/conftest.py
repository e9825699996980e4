"""Fixtures for every test: a clean environment, no network beyond this machine, and a check for leaks."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import ipaddress
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import oggstream.body.body_reader
import oggstream.history
import oggstream.opus.opus_reader
import oggstream.speaking
import oggstream.text.piece  # noqa: F401  # in virtual time nobody waits for the thread that would import these
import once_more
import scratch
from oggstream.threads import LoopThread
from once_more import pytest_report_teststatus, pytest_runtest_protocol, pytest_terminal_summary
from patience import PATIENCE
from pulse import forget_jack

__all__ = ["pytest_report_teststatus", "pytest_runtest_protocol", "pytest_terminal_summary"]

AUDIO_THREAD = "oggstream-audio"  # it calls PortAudio, and is kept
GRACE_SECONDS = PATIENCE  # for what was told to end and is about to
CPU_SECONDS = 20.0  # that a test may take; its limit of time is longer, for other programs take their share
SERVER_TASK = "RequestHandler.start"  # aiohttp's server keeps one per connection until its runner is cleaned up

settings.register_profile("oggstream", deadline=None, print_blob=True)  # wall-clock time is never asserted
settings.load_profile("oggstream")


def pytest_configure(config: pytest.Config) -> None:
    """Take what users and shells set out of the environment, for this process and those that tests start."""
    for name in list(os.environ):
        ours = name in ("OGGSTREAM_SERVICE", "OGGSTREAM_VOICE", "OGGSTREAM_DEVICE") or name.endswith("_API_KEY")
        if ours or name.startswith(("OPENAI_", "AZURE_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["OGGSTREAM_DAEMON"] = "off"  # the user's own
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it runs in the background
    if not hasattr(config, "workerinput"):
        forget_jack()
        folder = scratch.begin()
        config.add_cleanup(lambda: scratch.end(folder))
    # looptime asks for the current loop around every test, and up to Python 3.13 asking would make one.
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session", autouse=True)
def _private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give what is kept between runs a folder of its own, so that no test reads or changes the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(autouse=True)
def _one_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """espeak-ng speaks, whatever else is installed: it is quick, and the same everywhere."""
    for module in ("choice", "listing"):
        monkeypatch.setattr(
            import_module(f"oggstream.voice.{module}"), "is_installed", lambda info: info.name == "espeak"
        )


@pytest.fixture(autouse=True)
def _nothing_learnt(_private_folders: None) -> None:
    """No test depends on what another one taught about a service or a device."""
    kept = Path(os.environ["XDG_CACHE_HOME"], "oggstream")
    for path in (kept / "history.json", kept / "devices.json", *kept.glob("told-*")):
        path.unlink(missing_ok=True)


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Refuse connections to other machines; their names are not found."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise ConnectionRefusedError(f"a test tried to reach {address[0]}")

    def local_connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def local_connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    def local_names(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket.socket, "connect_ex", local_connect_ex)
        patch.setattr(socket, "getaddrinfo", local_names)
        yield


def _threads() -> set[threading.Thread]:
    """Return the threads that Python started, but for the one that stays; those of a device only pass through."""
    return {
        thread
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread) and thread.name != AUDIO_THREAD
    }


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Remember which threads there were before the fixtures."""
    item.stash[_THREADS_BEFORE] = _threads()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Allow fixtures their threads, but no call that was begun; fail a test that takes too much of the CPU."""
    item.stash[_THREADS_BEFORE] |= {thread for thread in _threads() if not isinstance(thread, LoopThread)}
    before = time.process_time()
    result = yield
    took = time.process_time() - before
    if took > CPU_SECONDS:
        pytest.fail(f"it took {took:.0f} s of the CPU, of {CPU_SECONDS:g} s", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember that a test failed."""
    if call.excinfo is not None and not isinstance(call.excinfo.value, pytest.skip.Exception):
        item.stash[_FAILED] = True
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that leaves a thread behind, so that none is blamed on tests after it."""
    result = yield
    grace = GRACE_SECONDS
    if item.stash.get(_FAILED, False):  # what it left open is its own fault, not the next test's
        grace = 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    before = item.stash.get(_THREADS_BEFORE, None)
    if before is not None:
        left = [thread for thread in _threads() - before if not _ends(thread, grace)]
        if left:
            pytest.fail(f"threads left behind: {', '.join(thread.name for thread in left)}", pytrace=False)
    return result


_FAILED = pytest.StashKey[bool]()
_THREADS_BEFORE = pytest.StashKey[set[threading.Thread]]()


def _ends(thread: threading.Thread, seconds: float) -> bool:
    thread.join(seconds)
    return not thread.is_alive()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in real time, and put the check for tasks left behind around each asyncio test."""
    once_more.mark(items)
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = _leaving_no_task(item.obj)
        elif isinstance(item, pytest.Function) and hasattr(item.obj, "hypothesis"):
            test = item.obj.hypothesis
            if inspect.iscoroutinefunction(test.inner_test) and not hasattr(test.inner_test, "__wrapped__"):
                test.inner_test = _leaving_no_task(test.inner_test)


def _leaving_no_task(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def checked(*args: Any, **kwargs: Any) -> None:
        before = asyncio.all_tasks()
        await test(*args, **kwargs)
        left = {task for task in asyncio.all_tasks() - before if SERVER_TASK not in repr(task.get_coro())}
        if left:
            _, left = await asyncio.wait(left, timeout=GRACE_SECONDS)
        if left:
            pytest.fail(f"tasks left behind: {', '.join(map(repr, left))}", pytrace=False)

    return checked
