"""What is warm before a client comes: modules and libraries in the daemon, the device in the process ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from threading import Thread

from ..errors import OggStreamError
from ..sinks import device_stream
from ..sinks.device_sink import IDLE_SECONDS
from ..sources.http import dialling
from ..voice.pools import pool_of
from ..voice.registry import engine_info

LINE_SECONDS = 60.0
"""For how long a connection to the service waits for the next client; then there is none until something speaks."""
CONNECT_SECONDS = 10.0

MODULES = (
    *("aiohttp", "numpy", "argparse", "json", "difflib", "traceback", "_strptime", "encodings.idna"),
    *("oggstream.streams", "oggstream.player", "oggstream.report", "oggstream.history"),
    *("oggstream.engine.words", "oggstream.engine.heard", "oggstream.engine.listening", "oggstream.engine.loading"),
    *("oggstream.engine.output.decoding", "oggstream.engine.output.ring_writer"),
    *("oggstream.sources.resolve_source", "oggstream.sources.openai_source", "oggstream.sources.http.url_source"),
    *("oggstream.sources.http.client", "oggstream.sources.http.tls", "oggstream.sources.http.proxies"),
    *("oggstream.sources.services.service_source", "oggstream.sources.offline_voice", "oggstream.sources.file_source"),
    *("oggstream.sources.http.faults", "oggstream.sources.failover", "oggstream.body.pcm_reader"),
    *("oggstream.body.wav_reader", "oggstream.playout.stretch", "oggstream.playout.seams"),
    *("oggstream.speaking", "oggstream.text.piece", "oggstream.sources.unhurried", "oggstream.cli.service_choice"),
    *("oggstream.sources.http.direct", "oggstream.sources.http.retries"),
    *("oggstream.sources.openai_offers", "oggstream.cli.fallback", "tomllib", "encodings.ascii", "soxr"),
    *("oggstream.voice.choice", "oggstream.voice.synthesis", "oggstream.voice.pools", "oggstream.codec.encoder"),
    *("oggstream.opus.opus_writer", "oggstream.ogg.page_writer", "oggstream.text.charmap"),
    *("oggstream.engine.pause_matching", "oggstream.engine.word_estimate", "oggstream.text.word_weights"),
    *("oggstream.sinks.device_sink", "oggstream.sinks.native", "oggstream.sinks.wav_sink", "oggstream.sinks.null_sink"),
    *("oggstream.sinks.resolve_sink", "oggstream.sinks.sink_list"),
)
"""What a speech loads sooner or later, beside what the command line names."""


def load(modules: tuple[str, ...]) -> None:
    """Load modules and libraries. What is missing on this machine is the first client's to tell of."""
    from ..engine import loading

    for name in (*MODULES, *modules):
        with suppress(ImportError):
            import_module(name)
    for step in (loading._load_codec, loading._load_resampler):  # noqa: SLF001  # as `load_codec`, without its threads
        with suppress(OggStreamError, ImportError):
            step()


def begin_voice(engine: str) -> None:
    """Start the process of an engine, which loads its model meanwhile; an empty name is that of none."""
    if engine:
        with suppress(OggStreamError):
            pool_of(engine_info(engine)).prepare()


def place_to_dial() -> str:
    """The origin of the service that this process spoke with, where a connection begun ahead saves time; else nothing.

    Without TLS it is a server on this machine or beside it: near, and perhaps one that serves one connection at a time.
    """
    place = dialling.last_place()
    return place.origin if place is not None and place.scheme == "https" else ""


def begin_line(origin: str) -> None:
    """Begin a connection to where the last client spoke."""
    dialling.hang_up()
    dialling.dial(origin, CONNECT_SECONDS, LINE_SECONDS)


def keep_line(*, alike: bool) -> None:
    """Let a client have the connection, if it is there and the client would make one in the same way (``alike``)."""
    if alike:
        dialling.keep_open_ones()
    else:
        dialling.hang_up()


class KeptDevice:
    """The default device, opened in a thread for the next `DeviceSink` of this process.

    It is closed again after `IDLE_SECONDS`, as a `Player` does, so that other programs and the battery get it back;
    PortAudio stays loaded.
    """

    def __init__(self) -> None:
        self._until = time.monotonic() + IDLE_SECONDS
        self._thread: Thread | None = None

    def open(self) -> None:
        """Begin to open it."""
        self._thread = Thread(target=_quietly, args=(device_stream.keep,), daemon=True)
        self._thread.start()

    @property
    def seconds_left(self) -> float:
        """Until it should rest."""
        return max(0.01, self._until - time.monotonic())

    def settle(self, seconds: float) -> bool:
        """Wait until it is open or has failed; return whether it is. Meanwhile its library redirects standard error."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def rest(self) -> None:
        """Close the stream."""
        if self.settle(IDLE_SECONDS):
            _quietly(device_stream.rest)

    def give_up(self) -> None:
        """It is not the one that the client means: forget it, and PortAudio's list of devices with it."""
        _quietly(device_stream.give_up)


def _quietly(call: Callable[[], None]) -> None:
    with suppress(OggStreamError):
        call()
