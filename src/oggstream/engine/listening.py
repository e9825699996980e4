"""Hands the events of one speech to the function of its caller, which may be asynchronous and may raise."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from ..events import Event, Progress

if TYPE_CHECKING:
    from ..events import OnEvent


class Listener:
    """Calls ``on_event`` with each event, at once and in order; awaits what it returns, one after the other, in `run`.

    What the function raises never reaches the place where the event arose: `run` raises it, and no further event is
    handed on. While an asynchronous function is busy, events wait for it; `Progress`, which the next one supersedes, is
    passed over then, so that no more wait than the text has segments and words.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._waiting: deque[Any] = deque()  # awaitables
        self._failure: Exception | None = None
        self._ended = False
        self._changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        """Hand the event on. Never raises."""
        if self._ended or self._failure is not None or (self._waiting and isinstance(event, Progress)):
            return
        try:
            result: Any = self._on_event(event)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised by `run`
            self._failure = error
        else:
            if not hasattr(result, "__await__"):
                return
            self._waiting.append(result)
        self._changed.set()

    async def run(self) -> None:
        """Await what the function returns, until `end`; raise what it raises. On cancellation the rest is dropped."""
        try:
            while self._failure is None:
                await self._changed.wait()
                self._changed.clear()
                while self._waiting:
                    await self._waiting[0]
                    self._waiting.popleft()
                if self._ended:
                    break
            if self._failure is not None:
                raise self._failure
        finally:
            self.close()

    def end(self) -> None:
        """No event will come: let `run` return once all are handled."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Drop what waits."""
        self._ended = True
        self._failure = None
        for result in self._waiting:
            if (close := getattr(result, "close", None)) is not None:  # a coroutine that will never run
                close()
        self._waiting.clear()
