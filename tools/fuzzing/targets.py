"""The fuzz targets: bodies, text, deltas, events of Realtime services and of sockets, requests to the endpoint, calls,
TOML, history, captures.

Each target takes any bytes, and raises a finding: an undocumented exception, or a result that depends on how the bytes
were divided. A documented refusal is not a finding.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from oggstream.errors import CaptureError, OggStreamError, UsageError

from . import target as bodies


class Finding(Exception):  # noqa: N818  # that is what it is
    """A violated invariant."""


class Target(NamedTuple):
    """A part of oggstream that reads untrusted bytes; ``seeds`` are initial inputs."""

    what: str
    examine: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()


def timed(target: Target) -> Callable[[bytes], float]:
    """A function that examines an input and returns the CPU seconds."""

    def run(data: bytes) -> float:
        began = time.process_time()
        target.examine(data)
        return time.process_time() - began

    return run


def _body(data: bytes) -> None:
    bodies.examine(data)


def _text(data: bytes) -> None:
    """Any division of a text gives the same pieces, which cover it in order."""
    from oggstream.text.segmenter import Segmenter

    text = data.decode("utf-8", "replace")
    chance = random.Random(len(data))  # noqa: S311  # no secret

    def pieces(portions: list[str]) -> list[tuple[str, int, int]]:
        segmenter = Segmenter(speakable=True)
        found = []
        for portion in portions:
            segmenter.feed(portion)
        segmenter.finish()
        while (piece := segmenter.take(0.0)) is not None:
            found.append((piece.text, piece.start, piece.end))
        return found

    whole = pieces([text])
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(min(len(text), 20)))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    if pieces(parts) != whole:
        raise Finding("portions give other pieces")
    before = 0
    for piece, start, end in whole:
        if not piece.strip() or not before <= start <= end <= len(text):
            raise Finding(f"a piece {piece[:20]!r} at {start}-{end} behind {before}")
        before = end


def _deltas(data: bytes) -> None:
    """Whatever a model's stream contains, its text is a str."""
    from oggstream.text.deltas import ModelText

    reader = ModelText()
    try:
        for line in data.splitlines():
            try:
                item: Any = json.loads(line)
            except (ValueError, RecursionError):
                item = line.decode("utf-8", "replace")
            if not isinstance(reader.read(item), str):
                raise Finding("a delta that is no text")
        reader.finish()
    except OggStreamError:
        return


def _realtime(data: bytes) -> None:
    """Events of a Realtime service, one per line, for a client with one response under way."""
    from oggstream.sources.http.redaction import Secrets
    from oggstream.sources.realtime import messages
    from oggstream.sources.realtime.coding import AudioCoding
    from oggstream.sources.realtime.pending_response import PendingResponse
    from oggstream.sources.realtime.protocol import RealtimeProtocol
    from oggstream.sources.sockets.messages import parse_message

    setup = messages.Setup("model", "voice", None, AudioCoding())
    protocol = RealtimeProtocol("ws://host", Secrets(), setup)
    protocol.set_up(setup)
    protocol.ask(PendingResponse("Hello."))
    for line in data.splitlines():
        try:
            event = parse_message(line.decode("utf-8", "replace"))
        except ValueError:
            protocol.malformed("event")
            return
        protocol.receive(event)


def _endpoint(data: bytes) -> None:
    """A request for speech, and an event of a Realtime client."""
    from oggstream.endpoint import realtime_messages, speech_request

    for parse in (speech_request.parse, lambda body: realtime_messages.parse(body.decode("utf-8", "replace"))):
        try:
            parse(data)
        except speech_request.RefusedError as refusal:
            json.loads(refusal.as_json())


def _services(data: bytes) -> None:
    """A file of services, and its templates with odd values."""
    from oggstream.options import SpeechOptions
    from oggstream.sources.services.service_source import ServiceSource
    from oggstream.sources.services.table import Service

    try:
        table = tomllib.loads(data.decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    for name, entry in table.items():
        if not isinstance(entry, dict):
            continue
        try:
            source = ServiceSource(Service(name=name, **entry))
            source.open("Hello.", SpeechOptions(voice="a\r\nb: c"))
        except OggStreamError:
            continue
        except TypeError as error:
            if "argument" not in str(error):  # a field that there is not: refused where the file is read
                raise


def _history(data: bytes) -> None:
    """A history file: damaged habits are dropped."""
    from oggstream.history import History

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.json"
        path.write_bytes(data)
        history = History(path)
        known = history.get("a|b|c|1")
        if known is not None:
            history.put("a|b|c|1", known)
            if History(path).get("a|b|c|1") is None:
                raise Finding("habits that are lost by keeping them")


def _capture(data: bytes) -> None:
    """The arrivals of a capture."""
    from oggstream.sources.captures.capture import load

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.ogg").write_bytes(b"OggS" * 25)
        (Path(folder) / "a.arrivals.jsonl").write_bytes(data)
        try:
            load(str(Path(folder) / "a"))
        except (CaptureError, UsageError):
            return


def _socket(data: bytes) -> None:
    """What a service says on its socket."""
    from . import sockets

    sockets.examine(data)


def _call(data: bytes) -> None:
    """What a carrier of telephone calls says, message by message, and what an Icecast answers."""
    from oggstream.body.media import MediaType
    from oggstream.sinks.radio.mount import Refusal, check_answer
    from oggstream.sinks.telephone.messages import Began, MediaStream

    stream = MediaStream()
    for text in (_START + data).decode("utf-8", "replace").split("\n"):
        message = stream.read(text)
        if isinstance(message, Began):
            MediaType.parse(message.encoding).form  # noqa: B018
            json.loads(stream.mark("m"))
    try:
        check_answer(data)
    except Refusal as refusal:
        if not str(refusal).isprintable():
            raise Finding("a refusal that quotes what was said") from refusal


def _socket_seeds() -> tuple[bytes, ...]:
    from . import sockets

    return sockets.seeds()


_EVENT = b'{"type": "response.output_audio.delta", "response_id": "r", "delta": "AAAA"}\n'
_START = b'{"event": "start", "start": {"streamSid": "M", "mediaFormat": {"encoding": "audio/x-mulaw"}}}\n'
_SAID = (
    b'{"event": "media", "media": {"track": "inbound", "payload": "/38="}}\n{"event": "mark", "mark": {"name": "m"}}\n'
)
_ENTRY = b'[mine]\nbase_url = "http://h"\njson = { text = "{text}", voice = "{voice|a}" }\nformats = { opus = "o" }\n'
_HABITS = (
    b'{"a|b|c|1": {"schema": 1, "utterances": [[0.1, 0, 0, 14]], "seen": 1, "first_packet": {"opus": 1}, "link": 9}}'
)
_ARRIVALS = b'{"capture": 1, "url": null, "status": 200, "headers": {}, "request": {}, "recorded_at": ""}\n[0.1, 100]\n'

TARGETS = {
    "bodies": Target("bodies of any container", _body),
    "text": Target("text, cut while it grows", _text, (b"Hello **there**. It is 3.5 km. <think>no</think> `code`",)),
    "deltas": Target("streams of chat models", _deltas, (b'{"choices": [{"delta": {"content": "Hi."}}]}\n',)),
    "realtime": Target("events of a Realtime service", _realtime, (b'{"type": "session.created"}\n' + _EVENT,)),
    "sockets": Target("what services say on their sockets", _socket, _socket_seeds()),
    "endpoint": Target(
        "requests to the endpoint", _endpoint, (b'{"model": "tts-1", "input": "Hi.", "voice": "coral"}',)
    ),
    "calls": Target("what carriers of telephone calls say", _call, (_START + _SAID, b"HTTP/1.0 403 No\r\n\r\nNo")),
    "services": Target("files of services", _services, (_ENTRY,)),
    "history": Target("the history file", _history, (_HABITS,)),
    "capture": Target("captures", _capture, (_ARRIVALS,)),
}
