"""Speech services by description: one source for all that answer an HTTP request with sound."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from ... import events
from ...errors import ConfigError, SourceError, UsageError
from ...options import AudioFormat
from ..http.client import HttpClient
from ..http.exchange import Request
from ..openai_api import check_text, endpoint_name, voice_name
from ..traits import SourceTraits
from .bodies import request_body
from .places import as_query, check_fields, check_path, in_url
from .table import Service, service as described
from .templates import MissingField, fill, fill_text

if TYPE_CHECKING:
    from ssl import SSLContext

    from ...options import SpeechOptions
    from ...voice.engine import VoiceInfo
    from ..http.exchange import HttpStream
    from ..source import ByteStream, Source

UNKNOWN_PATH = (404, 405)
"""HTTP's answers of a server that has nothing at a path, or not for such a request (RFC 9110 section 15.5)."""


class ServiceSource:
    """Speech from ``service``, a `Service` or the name of one.

    ``base_url``, ``api_key``, ``voice`` and ``model`` go before what the service's description and the environment say,
    and so do ``fields``, such as ``region`` for Azure; voice and model hold where `SpeechOptions` leave the choice.
    ``max_retries``, ``connect_timeout`` (seconds), ``trust_env`` and ``ssl_context`` are as in `OpenAISource`.
    Raises `UsageError` for what the service does not know.
    """

    def __init__(
        self,
        service: Service | str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        voice: str | None = None,
        model: str | None = None,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
        **fields: str,
    ) -> None:
        self._service = described(service) if isinstance(service, str) else service
        if not self._service.over_http:
            raise UsageError(f"{self._service.name} is asked over its socket only")
        self._fields = _settings(self._service, {**fields, "key": api_key, "base_url": base_url})
        self._voice = voice or self._service.voice
        self._model = model or self._service.model
        self._told: set[str] = set()
        self._sent: str | None = None  # as a key, once it is known
        try:
            url = self._fields.get("base_url") or self._service.filled_base_url(self._fields)
            if end := self._service.base_end:
                url = url.rstrip("/").removesuffix(end)
        except MissingField:
            url = ""  # told when it is used
        self._url = url
        self._client = HttpClient(
            url,
            max_retries=max_retries,
            connect_timeout=connect_timeout,
            trust_env=trust_env,
            ssl_context=ssl_context,
        )
        for name in self._service.credentials & self._fields.keys():
            self._client.secrets.add(self._fields[name])

    def __repr__(self) -> str:
        return f"ServiceSource({self._service.name!r}, base_url={self._client.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text``. Raises `TextError`, `UsageError`, `ConfigError` (no key, bad URL) and `SourceError`."""
        return self.open_after({}, text, options)

    @asynccontextmanager
    async def open_after(
        self, before: Mapping[str, Any], text: str, options: SpeechOptions
    ) -> AsyncIterator[ByteStream]:
        """The same, ``before`` being the fields that tell what was spoken before it."""
        check_text(text, self._service.longest_text or len(text))
        chosen = self._format(options)
        fields = {**before, **self._speech(text, options, chosen)}
        check_fields(fields)
        self._check(fields)
        self._warn(options)
        async with self._answered(fields, self._ipa(options)) as stream:
            stream.format = chosen
            kind = _kind_of_samples(fields) if chosen == "pcm" else ""
            if self._service.audio:
                yield _unwrapped(stream, text, self._service, kind)
                return
            _state_kind(stream, kind)
            yield stream

    @asynccontextmanager
    async def _answered(self, fields: Mapping[str, Any], ipa: str | None) -> AsyncIterator[HttpStream]:
        """The answer to a request; a server that does not know the path is asked at the other one, from then on."""
        asked = self._service
        async with AsyncExitStack() as stack:
            try:
                opening = self._client.open(self._request(asked, fields, ipa), self._advice)
                stream = await stack.enter_async_context(opening)
            except SourceError as error:
                other = asked.older if asked is self._service else self._service
                if other is None or error.status not in UNKNOWN_PATH:
                    raise
                opening = self._client.open(self._request(other, fields, ipa), self._advice)
                stream = await stack.enter_async_context(opening)
                self._service = other
            yield stream

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:
        """A speech whose pieces are asked for with what was spoken before them, where the service takes that."""
        return self._remembering(options)

    @asynccontextmanager
    async def _remembering(self, options: SpeechOptions) -> AsyncIterator[Source]:
        from .speech_source import SpeechSource

        yield SpeechSource(self, self._service.before, model=options.model or self._model)

    @property
    def traits(self) -> SourceTraits:
        """What its entry in the table says."""
        entry = self._service
        return SourceTraits(
            name=entry.name,
            formats=tuple(entry.formats),
            samples_known="pcm" in entry.formats and bool(entry.format_fields("pcm").get("rate")),
            longest_text=entry.longest_text,
            requests=entry.requests,
            ssml=entry.xml is not None,
            ipa=self._ipa,
            words=bool(entry.words),
            keeps_context=bool(entry.before),
            side_by_side=bool(entry.before),
            model=self._model,
            identity=self._identity,
            sound=self._sound,
        )

    def _ipa(self, options: SpeechOptions) -> str | None:
        """How the model, or the voice where that is the model, is given phonemes."""
        return self._service.ipa_of(options.model or self._model or voice_name(options.voice or self._voice or ""))

    def _identity(self, options: SpeechOptions) -> str:
        """Endpoint, model and voice, under which the behaviour of the service is remembered."""
        endpoint = f"{endpoint_name(self._client.shown)}{self._service.path}"
        return f"{endpoint}|{options.model or self._model or ''}|{voice_name(options.voice or self._voice or '')}"

    def _sound(self, options: SpeechOptions) -> str:
        """The identity, and all that is sent beside the speech and the credentials."""
        if self._sent is None:
            from .sent import sent

            self._sent = sent(self._service, self._fields)
        return f"{self._identity(options)}|{self._sent}"

    async def voices(self) -> list[VoiceInfo]:
        """The voices that the service lists. Raises `UsageError` where it has no list, `ConfigError` (no key, bad URL)
        and `SourceError`.
        """
        from ..voice_lists import fetch_list, voices_in

        entry = self._service
        if not entry.voices:
            raise UsageError(f"{entry.name} has no list of voices that is known: its documentation names them")
        fields = {**entry.defaults, **self._fields}
        self._check_needs(fields)
        headers = {name: str(value) for name, value in (fill(entry.headers, fields) or {}).items()}
        request = Request("GET", {**headers, "Accept": "application/json"}, target=entry.voices["path"])
        return voices_in(await fetch_list(self._client, request, self._advice), entry.name, entry.voices)

    async def warm(self) -> None:
        """Open a connection ahead of the first request. Never fails."""
        await self._client.warm()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _format(self, options: SpeechOptions) -> str:
        formats = tuple(self._service.formats)
        if options.format == "auto":
            return formats[0]
        if options.wire_format not in formats:
            raise UsageError(
                f"{self._service.name} gives no {options.wire_format}: use format auto or {' or '.join(formats)}"
            )
        return options.wire_format

    def _speech(self, text: str, options: SpeechOptions, chosen: str) -> dict[str, Any]:
        """All fields that have a value."""
        asked = {
            "text": text,
            "voice": voice_name(options.voice or self._voice or "") or None,
            "model": options.model or self._model,
            "instructions": options.instructions,
            "speed": options.speed,
            "language": options.language,
            "language_base": options.language and options.language.replace("_", "-").partition("-")[0].lower(),
        }
        fields = {**self._service.defaults, **self._service.format_fields(chosen), **self._fields}
        fields.update(self._rate(options, fields.get("rate")))
        return {**fields, **{name: value for name, value in asked.items() if value is not None}}

    def _rate(self, options: SpeechOptions, usual: int | None) -> dict[str, int]:
        """The sample rate that the option names, as a field of the request. Raises `UsageError`."""
        rate = AudioFormat.parse(options.format).rate
        if rate is None or rate == usual:
            return {}
        if usual is not None and "rate" not in self._service.used:
            raise UsageError(f"{self._service.name} gives pcm at {usual} Hz, not at {rate}: use format pcm")
        return {"rate": rate}

    def _check(self, fields: Mapping[str, Any]) -> None:
        """Raise `ConfigError` or `UsageError` for what the service cannot do without."""
        self._check_needs(fields, self._service.path, self._service.xml or "")

    def _check_needs(self, fields: Mapping[str, Any], *texts: str) -> None:
        """Raise for what is needed and not there, also in the fields of ``texts``."""
        for name in self._service.needs:
            if name not in fields:
                raise self._missing(name)
        for part in (self._service.base_url if not self._url else "", *texts):
            try:
                fill_text(part, fields)
            except MissingField as error:
                raise self._missing(error.names[0]) from error

    def _missing(self, name: str) -> ConfigError | UsageError:
        article = "an" if name[0] in "aeiou" else "a"
        variables = " or ".join(self._service.environment.get(name, ()))
        if variables:
            return ConfigError(f"{self._service.name} needs {article} {name}: set {variables}")
        return UsageError(f"{self._service.name} needs {article} {name}: give one")

    def _warn(self, options: SpeechOptions) -> None:
        """Tell once what of the options the service cannot do."""
        used = self._service.used
        for name in ("voice", "model", "instructions", "speed"):
            if getattr(options, name) is not None and name not in used and name not in self._told:
                self._told.add(name)
                events.emit(events.Warned, message=f"{self._service.name} takes no {name}: left out")

    def _request(self, service: Service, fields: Mapping[str, Any], ipa: str | None) -> Request:
        headers: dict[str, Any] = fill(service.headers, fields) or {}
        content_type, body = request_body(service, fields, ipa)
        if content_type:
            headers.setdefault("Content-Type", content_type)
        method = service.method or ("GET" if body is None else "POST")
        target = check_path(fill_text(service.path, fields, in_url)) + as_query(fill(service.query, fields) or {})
        sent = {name: str(value) for name, value in headers.items()}
        return Request(method, sent, body, len(fields["text"]), target)

    def _advice(self, status: int, said: str) -> str | None:  # noqa: ARG002  # the status decides
        if (word := self._service.advice.get(str(status))) is not None:
            return word
        variables = " or ".join(self._service.environment.get("key", ()))
        if status == 401 and variables:
            return f"check {variables}" if self._fields.get("key") else f"this server wants a key: set {variables}"
        if status == 404:
            return f"check the voice, the model and the URL of {self._service.name}"
        return None


def _settings(service: Service, given: Mapping[str, str | None]) -> dict[str, str]:
    """What is given, and what the environment has beside it. Raises `UsageError` for what the service does not know."""
    allowed = {"key", "base_url", *service.environment, *service.defaults}
    for name in given:
        if name not in allowed:
            raise UsageError(f"{service.name} takes no {name}; it takes {', '.join(sorted(allowed - {'key'}))}")
    found = {
        name: next((value for variable in variables if (value := os.environ.get(variable, "").strip())), "")
        for name, variables in service.environment.items()
    }
    found.update({name: value.strip() for name, value in given.items() if value is not None})
    check_fields(found)
    return {name: value for name, value in found.items() if value}


def _unwrapped(stream: HttpStream, text: str, service: Service, kind: str) -> ByteStream:
    from .unwrapped import UnwrappedAnswer, UnwrappedStream

    return UnwrappedStream(stream, UnwrappedAnswer(text, service.audio, service.words), service.name, kind)


def _kind_of_samples(fields: Mapping[str, Any]) -> str:
    """The media type of samples that were asked for; empty where their rate is not known."""
    rate, form = fields.get("rate"), fields.get("samples")
    return f"audio/pcm;rate={rate}{f';encoding={form}' if form else ''}" if rate else ""


def _state_kind(stream: HttpStream, kind: str) -> None:
    """Put what was asked for in place of a type of samples that says no rate; a type of text stays as it is."""
    from ...body.media import OCTETS, MediaType

    media = MediaType.parse(stream.content_type)
    bare = media.names_samples or media.name in OCTETS
    if kind and not (bare and media.has_rate) and (bare or media.name.startswith("audio/")):
        stream.content_type = kind
