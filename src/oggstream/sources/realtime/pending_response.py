"""One piece of text that the Realtime API was asked to speak, and what has come of it so far."""

from __future__ import annotations

import asyncio
import binascii
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .coding import AudioCoding
from .dialect import Dialect

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ..http.redaction import Secrets

UNREAD_BYTES = 20 << 20
"""Most PCM that may wait unread: seven minutes; the longest text takes five. A service that sends more is cut off."""
CHUNK_BYTES = 64
"""What a chunk costs besides its samples. It counts as unread, so that chunks of one sample are bounded too."""
LONGEST_TRANSCRIPT = 8 << 10
"""Characters of a transcript that are kept: the longest text has 4096."""
MOST_PARTS = 64
"""Parts of a response whose transcripts are kept."""

_numbers = itertools.count(1)


class MalformedAudio(Exception):  # noqa: N818 - caught where it is translated
    """An audio event that cannot be taken; the message says what the service sent."""


class PendingResponse:
    """Asked for, then created (the service named its response), then ended, well or with a failure.

    One consumer awaits `wait_created`, `wait_audio` and `next_chunk`; cancelling it loses nothing.

    ``secrets`` are struck out of what it tells: a service may repeat any of them.
    ``retry_headers``: after a failure, the headers that say when to ask once more, None for not at all.
    ``on_kept_connection``: it was sent on a connection that was open before, and may have been dead.
    """

    def __init__(self, text: str, style: str | None = None, secrets: Secrets | None = None) -> None:
        self.id = f"oggstream_{next(_numbers)}"
        self.text = text
        self.style = style
        self.secrets = secrets
        self.dialect = Dialect()  # the one of the last request
        self.response_id: str | None = None
        self.coding = AudioCoding()
        self.retry_headers: Mapping[str, str] | None = None
        self.on_kept_connection = False
        self.ended = False
        self.has_audio = False
        self._failure: OggStreamError | None = None
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._rest = b""  # the first byte of a sample whose second one has not come
        self._transcripts: dict[tuple[str, str], str] = {}
        self._characters = 0
        self._changed = asyncio.Event()

    @property
    def content_type(self) -> str:
        """The media type of its chunks; the sampling rate stands in it."""
        return f"audio/pcm;rate={self.coding.rate}"

    @property
    def request_id(self) -> str | None:
        """The name that the service gave the response, safe to show."""
        return self.response_id and (self.secrets.shown(self.response_id) if self.secrets else self.response_id)

    @property
    def transcript(self) -> str:
        """The service's transcript of its own speech, safe to show."""
        words = " ".join(self._transcripts.values())
        return self.secrets.strike(words) if self.secrets else words

    def created(self, response_id: str, coding: AudioCoding) -> None:
        """The service created the response; its audio has the coding ``coding``."""
        self.response_id = response_id
        self.coding = coding
        self._changed.set()

    def feed(self, delta: object) -> None:
        """Take audio in base64. Raises `MalformedAudio` for anything else, and for more than `UNREAD_BYTES`."""
        try:
            data = binascii.a2b_base64(delta, strict_mode=True)  # type: ignore[arg-type]
        except (TypeError, ValueError):  # binascii.Error is one
            raise MalformedAudio("audio that is not base64") from None
        data = self._rest + data if self._rest else data
        whole = len(data) // self.coding.sample_bytes * self.coding.sample_bytes
        self._rest = data[whole:]
        if not whole:
            return
        pcm = self.coding.decoded(data[:whole])
        self._unread += len(pcm) + CHUNK_BYTES
        if self._unread > UNREAD_BYTES:
            raise MalformedAudio(f"more than {UNREAD_BYTES >> 20} MB of speech ahead of what was heard")
        self.has_audio = True
        self._chunks.append(pcm)
        self._changed.set()

    def add_transcript(self, part: tuple[str, str], words: object, *, whole: bool = False) -> None:
        """Append to the transcript of a ``part`` of the response, or replace it with the ``whole``."""
        if not isinstance(words, str) or self._characters + len(words) > LONGEST_TRANSCRIPT:
            return
        if part not in self._transcripts and len(self._transcripts) == MOST_PARTS:
            return
        self._characters += len(words)
        self._transcripts[part] = words if whole else self._transcripts.get(part, "") + words

    def end(self) -> None:
        """The response is complete."""
        self.ended = True
        self._changed.set()

    def fail(
        self, error: OggStreamError, retry_headers: Mapping[str, str] | None = None, *, connection_lost: bool = False
    ) -> None:
        """End with ``error``, which is raised after the audio that has come. Without effect once it has ended."""
        if not self.ended:
            self._failure = error
            self.retry_headers = retry_headers
            self.on_kept_connection = self.on_kept_connection and connection_lost  # a refusal is no sign of a dead one
            self.end()

    async def wait_created(self) -> None:
        """Return when the service has named its response. Raises what it failed with."""
        await self._until(lambda: self.response_id is not None)
        if self.response_id is None and self._failure is not None:
            raise self._failure

    async def wait_audio(self) -> None:
        """Return when audio has come, or the end. Raises what it failed with before any."""
        await self._until(lambda: self.has_audio)
        if not self.has_audio and self._failure is not None:
            raise self._failure

    async def next_chunk(self) -> bytes | None:
        """The next chunk of PCM, whole samples; None at the end. Raises what it failed with, after the last chunk."""
        await self._until(lambda: bool(self._chunks))
        if self._chunks:
            chunk = self._chunks.popleft()
            self._unread -= len(chunk) + CHUNK_BYTES
            return chunk
        if self._failure is not None:
            raise self._failure
        return None

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not (condition() or self.ended):
            self._changed.clear()
            await self._changed.wait()
