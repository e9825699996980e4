"""One speech, from the arguments of a public function to its end. Importing this takes 40 ms: see `preloading`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from .engine.account import Account
from .engine.loading import load_arrays, load_codec
from .engine.logs import log_events, log_received
from .engine.memory import Memory
from .engine.output.pacing import CHARACTERS_PER_SECOND
from .engine.requests.requester import Requester
from .engine.requests.saying import replacements_of
from .engine.requests.script import Script
from .engine.session import Session, first_failure
from .events import Recorder, RequestSent, using
from .parts import borrow, borrow_sinks, cached, captions_of, history_of, listener_of, use
from .sinks.sink import PacketSink, traits_of as sink_traits_of
from .sources.context import SpeechContext
from .sources.resolve_source import coerce as coerce_source
from .sources.traits import traits_of
from .sources.unhurried import Unhurried
from .tracing import speech_span

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine.requests.delivery import Delivery
    from .events import Event
    from .options import PlaybackOptions, SpeechOptions
    from .report import PlaybackReport
    from .sources.phrases.phrase_cache import PhraseCache
    from .sources.source import Source
    from .types import OnEvent, SinkLike, SourceLike, TextLike


async def speak(  # noqa: PLR0917  # the arguments of its callers, one for one
    text: TextLike,
    source: SourceLike,
    sink: SinkLike,
    options: PlaybackOptions,
    on_event: OnEvent | None,
    speech: SpeechOptions,
    *,
    cache: PhraseCache | None = None,
) -> PlaybackReport:
    """`play_stream`. For a file that keeps packets the source is asked for its usual format."""
    loop = asyncio.get_running_loop()
    listener = listener_of(on_event)
    recorder = Recorder(loop.time, loop.time(), listener)
    account = Account(recorder)
    with using(recorder):
        async with AsyncExitStack() as stack:
            stack.callback(recorder.end)
            # Closed in reverse order, also on cancellation: the sink, which may be playing, before the connection.
            await use(stack, cache)
            voice = cached(borrow(stack, coerce_source(source)), cache)
            sinks = borrow_sinks(stack, sink, options)
            if isinstance(sinks.leader, PacketSink) and sink_traits_of(sinks.leader).at_once:
                voice = Unhurried(voice)
            captions = captions_of(stack, options)
            session = Session(
                text,
                source=voice,
                sinks=sinks,
                speech=speech,
                options=options,
                recorder=recorder,
                account=account,
                history=history_of(options),
                listener=listener,
            )
            if captions is not None:
                captions.follow(session, recorder, at_once=lambda: sink_traits_of(sinks.leader).at_once)
            return await session.run()


def script_of(text: TextLike, source: Source, speech: SpeechOptions, options: PlaybackOptions) -> Script:
    """What cuts ``text`` into the pieces that ``source`` is asked for."""
    traits = traits_of(source)
    return Script(
        text,
        options,
        whole=traits.whole,
        rate=CHARACTERS_PER_SECOND * (speech.speed or 1.0),
        limit=traits.longest_text,
        ssml=traits.ssml,
        language=speech.language,
        replacements=replacements_of(options, speech, traits),
        first_cut=traits.first_cut,
    )


async def receive(  # noqa: PLR0917  # as above
    text: TextLike,
    source: SourceLike,
    speech: SpeechOptions,
    options: PlaybackOptions,
    delivery: Delivery,
    on_event: Callable[[Event], object] | None = None,
) -> None:
    """Receive all of ``text`` into ``delivery``; close everything made for it at the end. Raises any error.

    ``on_event`` is called for each event.
    """
    loop = asyncio.get_running_loop()
    try:
        async with AsyncExitStack() as stack:
            voice = borrow(stack, coerce_source(source))
            delivery.characters_per_second = CHARACTERS_PER_SECOND * (speech.speed or 1.0)
            script = script_of(text, voice, speech, options)
            context = SpeechContext(voice, speech)
            delivery.memory = memory = Memory(history_of(options), voice, speech)
            recorder = Recorder(loop.time, loop.time())
            requester = Requester(
                script,
                source=voice,
                context=context,
                speech=speech,
                options=options,
                outlet=delivery,
                recorder=recorder,
            )
            log_events(recorder)
            if on_event is not None:
                recorder.listen(on_event)
            recorder.listen(lambda event: delivery.request_out.set() if isinstance(event, RequestSent) else None)
            with using(recorder), speech_span(recorder, traits_of(voice).name):
                await _run(script, requester, context, delivery)
                memory.keep(requester)
                failure = requester.failure or script.failure
                log_received(recorder.speech, requester.segments, failure)
                if failure is not None:
                    raise failure
    finally:
        delivery.close()


async def _run(script: Script, requester: Requester, context: SpeechContext, delivery: Delivery) -> None:
    try:
        async with context, asyncio.TaskGroup() as group:
            making_ready = group.create_task(_make_ready(delivery, requester))
            async with asyncio.TaskGroup() as receiving:
                reading = None if script.complete else receiving.create_task(script.read())
                await requester.run(receiving, delivery.request_out.set)
                if reading is not None:
                    reading.cancel()
            if not delivery.request_out.is_set():
                making_ready.cancel()  # no request and no audio: there is nothing to make
    except BaseExceptionGroup as failures:
        raise first_failure(failures) from None
    finally:
        requester.close()


async def _make_ready(delivery: Delivery, requester: Requester) -> None:
    """Load what the consumer's items are made with, while the request is under way."""
    await delivery.request_out.wait()
    samples = requester.expects_samples
    if delivery.decodes or samples:
        await load_codec(samples=samples)
        await load_arrays()
    delivery.prepare()
    delivery.ready.set()
