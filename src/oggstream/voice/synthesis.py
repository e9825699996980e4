"""Text to a stream of bytes: spoken by a child process, shaped and encoded in a thread, handed to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from threading import Thread

from ..errors import TextError, UsageError
from ..threads import in_thread
from .bodies import make_body
from .choice import AUTO, engines_for
from .engine import MAX_SPEED, MIN_SPEED
from .handover import Handover
from .names import DEFAULT_VOICE
from .pools import pool_of
from .speech import Speech, SpeechItem, VoiceChoice

AHEAD_ITEMS = 100
"""Pieces of `speech.SLICE_SECONDS` of sound that may wait for the consumer: 6 s, beyond which speaking waits."""

LEAVE_SECONDS = 0.25
"""So long a stream that is left waits for its engine to notice; after that its thread is left to itself."""


async def load(engine: str = AUTO) -> None:
    """Start, load and warm the engine that speaks English, or the one named, off the event loop's thread.

    Raises `LibraryError` where none can be loaded.
    """

    def warm() -> None:
        last: Exception | None = None
        for info in engines_for("en", engine):
            try:
                with pool_of(info).worker() as worker:
                    worker.warm()
            except Exception as error:  # noqa: BLE001 - the next one may do
                last = error
            else:
                break
        else:
            VoiceChoice.nothing("en", last)
        body = make_body("opus")
        body.begin()
        body.feed(bytes(4800))  # libopus, for the first speech

    await in_thread(warm)


async def synthesize(
    text: str,
    *,
    voice: str | None = DEFAULT_VOICE,
    speed: float = 1.0,
    format: str = "opus",  # noqa: A002 - the word that the service uses
    engine: str = AUTO,
    language: str | None = None,
) -> AsyncGenerator[bytes, None]:
    """`speak` without the words and notices."""
    items = speak(text, voice=voice, speed=speed, format=format, engine=engine, language=language)
    async with aclosing(items):
        async for item in items:
            if isinstance(item, bytes):
                yield item


async def speak(
    text: str,
    *,
    voice: str | None = DEFAULT_VOICE,
    speed: float = 1.0,
    format: str = "opus",  # noqa: A002 - the word that the service uses
    engine: str = AUTO,
    language: str | None = None,
) -> AsyncGenerator[SpeechItem, None]:
    """Speak ``text``; yields the body as it is made, of Ogg Opus whole pages (a packet each) and the headers first.

    Between the bytes come the words, where the engine tells them, who speaks (`Speaker`), and notices of what went
    wrong.
    ``voice`` is one of OpenAI's names, or an id that an engine lists (None: the usual one); one that no engine has is
    replaced by the usual one, with a notice. ``speed`` is 0.25 to 4, ``format`` a key of `bodies.CONTENT_TYPES`,
    ``engine`` a name or "auto", ``language`` a BCP 47 tag (None: told from the text). A piece of the text at which an
    engine fails is spoken by the next one.

    A consumer that falls behind makes the synthesis wait (`AHEAD_ITEMS`) with the next piece. Closing the generator, or
    cancelling the task that reads it, ends the synthesis. Raises `TextError` for a text without anything in it, and
    once `speech.MOST_SECONDS` are spoken and more is to come; `UsageError`; `LibraryError` where nothing speaks the
    language; `EngineError` where every engine failed.
    """
    if not text.strip():
        raise TextError("there is no text to speak")
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"speed {speed:g} is outside {MIN_SPEED:g} to {MAX_SPEED:g}")
    handover: Handover[SpeechItem] = Handover(AHEAD_ITEMS)
    body = make_body(format, f"{engine} {voice} {speed:g} {text}")
    choice = VoiceChoice(text, engine, voice, language)
    speech = Speech(text, choice, speed, body, handover)
    thread = Thread(target=_run, args=(speech, handover), name="oggstream-voice", daemon=True)
    thread.start()
    try:
        while (item := await handover.get()) is not None:
            yield item
    finally:
        handover.close()
        speech.cancel()
        await _left(handover, thread)


def _run(speech: Speech, handover: Handover[SpeechItem]) -> None:
    """The thread."""
    error: BaseException | None = None
    try:
        speech.run()
    except BaseException as caught:  # noqa: BLE001 - raised again where it is awaited
        error = caught
    handover.end(error)


async def _left(handover: Handover[SpeechItem], thread: Thread) -> None:
    """Wait for the thread, but not for an engine that takes its time: the thread ends when that does."""
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await handover.finished()
    except TimeoutError:
        return
    thread.join()
