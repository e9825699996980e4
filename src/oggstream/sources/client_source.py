"""An ``openai.AsyncOpenAI`` (or Azure) client as a source: its connection, its credentials, its retries.

The client is recognised by the name of its class, because importing openai takes a second.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from .. import errors, events
from .http.exchange import request_id_of
from .http.redaction import Secrets, shown_url
from .hurry import hurried
from .openai_api import (
    FORMATS,
    LONGEST_TEXT,
    MODEL,
    OPENAI_PCM,
    VOICE,
    default_model,
    endpoint_name,
    is_openai,
    is_realtime,
    speech_advice,
    speech_fields,
    voice_name,
)
from .traits import SourceTraits, StreamTraits

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .openai_offers import Offers
    from .realtime.realtime_source import RealtimeSource
    from .source import ByteStream


class ClientSource:
    """Speech from the user's own client, which is never closed here.

    ``model`` and ``voice`` apply if `SpeechOptions` name none; the default model and the request are those of
    `OpenAISource`. Retries and timeouts are the client's: `Retrying` is reported afterwards, `RequestSent` when the
    client takes the request. Requests to models of the Realtime API go where the client's own ``realtime.connect``
    would send them, with its key (also a callable or an Azure token), headers and queries, but over connections made
    here, which `aclose` closes. Raises `UsageError` for any other object.
    """

    def __init__(
        self,
        client: Any,
        *,
        model: str | None = None,
        voice: str | dict[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not is_client(client):
            todo = "pass an openai.AsyncOpenAI or AsyncAzureOpenAI"
            raise errors.UsageError(f"{type(client).__name__} is not an asynchronous openai client: {todo}")
        self._client = client
        self._model = model
        self._voice = voice or VOICE
        self._clock = clock
        self._realtime: RealtimeSource | None = None
        self._offers: Offers | None = None

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Request ``text``. Raises `TextError`, `UsageError` and `SourceError`."""
        return self._open(text, options)

    @property
    def traits(self) -> SourceTraits:
        """The same traits as `OpenAISource`."""
        return SourceTraits(
            name="openai",
            formats=self._formats,
            samples_known=is_openai(str(self._client.base_url)),
            longest_text=LONGEST_TEXT,
            openai_names=True,
            identity=self._identity,
        )

    def _identity(self, options: SpeechOptions) -> str:
        """Endpoint, model and voice: the key of the service in the history."""
        endpoint = endpoint_name(str(self._client.base_url))
        return f"{endpoint}|{self._model_of(options)}|{voice_name(options.voice or self._voice)}"

    def _formats(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that can be requested; auto means the first one."""
        return ("pcm",) if is_realtime(self._model_of(options)) else FORMATS

    async def aclose(self) -> None:
        """Close the connections that were made here; the client stays open."""
        if self._realtime is not None:
            await self._realtime.aclose()

    def _model_of(self, options: SpeechOptions) -> str:
        default = default_model(self._clock()) if is_openai(str(self._client.base_url)) else MODEL
        return options.model or self._model or default

    def _successor(self) -> RealtimeSource:
        if self._realtime is None:
            from .realtime.realtime_source import RealtimeSource

            self._realtime = RealtimeSource(
                base_url=str(self._client.base_url),
                api_key="",
                voice=self._voice,
                max_retries=self._client.max_retries,
                locate=self._located,
            )
        return self._realtime

    async def _located(self, model: str) -> tuple[str, Mapping[str, str]]:
        from .realtime.client_address import client_address

        try:
            return await client_address(self._client, model)
        except Exception as error:  # noqa: BLE001 - openai's classes are known by name only
            translate = _Translator(self._client, model)
            translate.reraise(error, translate.opening(error))

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        model = self._model_of(options)
        if is_realtime(model):
            from dataclasses import replace

            async with self._successor().open(text, replace(options, model=model)) as stream:
                yield stream
            return
        async with self._speech(text, options, model) as stream:
            yield stream

    @asynccontextmanager
    async def _speech(self, text: str, options: SpeechOptions, model: str) -> AsyncIterator[ByteStream]:
        fields = speech_fields(text, options, model, self._voice)
        client = self._client.with_options(max_retries=0) if hurried() else self._client
        create = client.audio.speech.with_streaming_response.create
        translate = _Translator(self._client, fields["model"])
        context = create(**fields)
        events.emit(events.RequestSent, characters=len(text))
        try:
            response = await context.__aenter__()
        except Exception as error:  # noqa: BLE001 - openai's classes are known by name only
            translated = translate.opening(error)
            await self._explain(translated, translate.said)
            translate.reraise(error, translated)
        try:
            if (lost := translate.lost_post(getattr(response, "http_response", None))) is not None:
                raise lost
            for _ in range(getattr(response, "retries_taken", 0)):
                events.emit(events.Retrying, delay=0.0, reason="retried by the openai client")
            async with aclosing(response.iter_bytes()) as chunks:
                own_pcm = is_openai(str(self._client.base_url)) and options.wire_format == "pcm"
                stream = ClientStream(response.headers, chunks, translate, OPENAI_PCM if own_pcm else None)
                events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
                yield stream
        finally:
            await context.__aexit__(None, None, None)

    async def _explain(self, error: Exception, said: str) -> None:
        """Add the models or voices that the server has to ``error``, if it refused one."""
        if not isinstance(error, errors.SourceError) or is_openai(base_url := str(self._client.base_url)):
            return
        from .openai_offers import Offers, refused_subjects
        from .realtime.client_address import merged_headers

        if subjects := refused_subjects(error.status, said):
            headers = merged_headers(self._client.auth_headers, self._client.default_headers)
            self._offers = self._offers or Offers(base_url, headers, {})
            await self._offers.explain(error, subjects)


class ClientStream:
    """The body of an answer to the user's client, in chunks as they arrive."""

    __slots__ = ("_chunks", "_translate", "content_type", "request_id", "traits")

    def __init__(
        self, headers: Any, chunks: AsyncIterator[bytes], translate: _Translator, chosen: str | None = None
    ) -> None:
        self._chunks = chunks
        self._translate = translate
        self.content_type = translate.secrets.shown(headers.get("content-type", ""))
        self.request_id = request_id_of(headers, translate.secrets)
        self.traits = StreamTraits(format=chosen, headers=headers, secrets=translate.secrets)

    def __aiter__(self) -> ClientStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:  # noqa: BLE001 - openai's classes are known by name only
            self._translate.reraise(error, self._translate.body(error, self.request_id))


class _Translator:
    """Translates exceptions of openai and httpx, recognised by their names, to those of this package."""

    def __init__(self, client: Any, model: str) -> None:
        self._place = shown_url(str(client.base_url))
        self._own = is_openai(str(client.base_url))
        self._model = model
        self.said = ""  # the message of a refusal
        self.secrets = Secrets(_credentials(client))
        self.secrets.add_url(str(client.base_url))

    def opening(self, error: Exception) -> Exception:
        """The error for an exception before the answer's headers; ``error`` itself if it is not one of openai's."""
        kinds = _kinds(error)
        if "APIStatusError" in kinds:
            return self._status(error)
        if "APITimeoutError" in kinds and "ConnectTimeout" not in _kinds(error.__cause__):
            return errors.SourceTimeoutError(f"{self._place} did not answer within the openai client's own timeout")
        if "APIConnectionError" in kinds:
            reason = self.secrets.strike(str(error.__cause__ or error)).strip() or type(error.__cause__).__name__
            return errors.SourceConnectionError(
                f"cannot connect to {self._place}: {reason}; check that the service runs there"
            )
        if kinds & {"OpenAIError", "MissingCredentialsError"} or "APIError" in kinds:
            return errors.ConfigError(self.secrets.strike(" ".join(str(error).split())))
        return error

    def body(self, error: Exception, request_id: str | None) -> Exception:
        """The error for an exception in the middle of the body."""
        kinds = _kinds(error)
        if "TimeoutException" in kinds or "APITimeoutError" in kinds:
            message = f"{self._place} was silent for longer than the openai client's own timeout"
            return errors.SourceTimeoutError(message, request_id=request_id)
        if kinds & {"TransportError", "StreamError", "APIConnectionError", "ClientError"}:
            message = f"{self._place} broke off in the middle of its answer; try again"
            return errors.SourceBrokenError(message, request_id=request_id)
        return error

    def reraise(self, error: Exception, translated: Exception) -> NoReturn:
        """Raise ``translated`` in place of ``error``."""
        if translated is error:
            raise error
        raise translated from self.secrets.cause(error)

    def lost_post(self, response: Any) -> errors.SourceError | None:
        """The error for an answer to a GET: httpx turns a POST into one where it is redirected, and loses the text."""
        redirects = getattr(response, "history", None)
        if not redirects or response.request.method == "POST":
            return None
        first = redirects[0]
        here, goal = (self.secrets.strike(shown_url(str(answer.url))) for answer in (first, response))
        message = f"{here} redirects to {goal} (HTTP {first.status_code}); use that URL if you trust it"
        return errors.SourceError(message, status=first.status_code)

    def _status(self, error: Any) -> errors.SourceError:
        from .http.faults import http_error, read_body

        if (lost := self.lost_post(error.response)) is not None:
            return lost
        headers = error.response.headers
        # The client reads the body of a refusal before it raises.
        said = read_body(error.response.content, headers.get("content-type", ""))
        self.said = said.message
        advice = speech_advice(error.status_code, self._model, self.said, own=self._own)
        place = f"{self._place.rstrip('/')}/audio/speech"
        request_id = headers.get("x-request-id")
        return http_error(error.status_code, said, place, self.secrets, request_id=request_id, advice=advice)


def is_client(value: object) -> bool:
    """Whether ``value`` is an asynchronous client of the openai package, or of a subclass."""
    return any(c.__name__ == "AsyncOpenAI" and c.__module__.partition(".")[0] == "openai" for c in type(value).__mro__)


def _kinds(error: BaseException | None) -> set[str]:
    return {c.__name__ for c in type(error).__mro__}


def _credentials(client: Any) -> list[str]:
    """The credentials found in the client's attributes."""
    values = [getattr(client, name, None) for name in ("api_key", "admin_api_key", "_azure_ad_token")]
    headers = getattr(client, "_custom_headers", None) or {}
    return [value for value in [*values, *headers.values()] if isinstance(value, str)]
