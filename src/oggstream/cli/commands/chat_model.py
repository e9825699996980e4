"""A chat model behind the openai package, which takes a second to import and is imported in a thread."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from ... import errors
from ...sources.http.redaction import Secrets, shown_url
from ...sources.http.urls import usable_url
from ...sources.openai_api import BASE_URL, is_openai
from ...text.deltas import text_of
from ...threads import begin

if TYPE_CHECKING:
    import asyncio

MODEL = "gpt-6-luna"
"""OpenAI's small one; asked not to reason before it speaks, as it otherwise does."""
_AT_ONCE = {"reasoning_effort": "none"}
_RETRIES = 2


class ChatModel:
    """Answers conversations with ``model`` (None: `MODEL`) at ``base_url`` (None: the environment's, or OpenAI).

    The key is that of ``OPENAI_API_KEY``; a server that is not OpenAI's own may go without. ``patience`` is how many
    seconds it may be silent. Begins to load the openai package at once. Raises `ConfigError`.
    """

    def __init__(self, model: str | None, base_url: str | None, *, connect_timeout: float, patience: float) -> None:
        self._url = (base_url or os.environ.get("OPENAI_BASE_URL", "")).strip() or BASE_URL
        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        self._place = shown_url(self._url)
        self._model = model or MODEL
        self._extra: dict[str, Any] = {} if model else _AT_ONCE
        self._timeouts = connect_timeout, patience
        self._secrets = Secrets([self._key])
        self._secrets.add_url(self._url)
        if not usable_url(self._url):
            from ...sources.http.faults import unusable

            raise unusable(self._place)
        if is_openai(self._url) and not self._key:
            todo = "set OPENAI_API_KEY to your key, or --chat-base-url to a server that needs none"
            raise errors.ConfigError(f"OpenAI needs an API key: {todo}")
        self._loading: asyncio.Future[Any] = begin(self._load)

    async def answer(self, messages: list[dict[str, str]]) -> AsyncGenerator[Any, None]:
        """What the model says next, in the chunks of the openai package. Raises `SourceError` and `ConfigError`."""
        client = await self._loading
        begun = told = False
        try:
            create = client.chat.completions.create
            async with await create(model=self._model, messages=messages, stream=True, **self._extra) as stream:
                begun = True
                async for chunk in stream:
                    told = told or bool(text_of(chunk).strip())
                    yield chunk
        except errors.OggStreamError:
            raise
        except Exception as error:
            translated = self._translated(error, begun=begun)
            if translated is None:
                raise
            raise translated from self._secrets.cause(error)
        if not told:
            raise errors.SourceError(f"{self._place} gave an empty answer: ask again, or another --chat-model")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._loading.done() and not self._loading.exception():
            await self._loading.result().close()
        else:
            self._loading.cancel()

    def _load(self) -> Any:
        import openai

        connect, patience = self._timeouts
        return openai.AsyncOpenAI(
            api_key=self._key or "none",  # it wants one, whatever the server wants
            base_url=self._url,
            timeout=openai.Timeout(patience, connect=connect),
            max_retries=_RETRIES,
        )

    def _translated(self, error: Any, *, begun: bool) -> errors.OggStreamError | None:
        """The error for an exception of openai's, or of the HTTP client below it; None for any other.

        They are known by their names: which client it is depends on the version.
        """
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "APIStatusError" in kinds:
            return self._refusal(error)
        if kinds & {"APITimeoutError", "TimeoutException"}:
            return self._late(error)
        if begun and kinds & {"APIConnectionError", "TransportError", "StreamError"}:
            return errors.SourceBrokenError(f"{self._place} broke off in the middle of its answer; try again")
        said = self._secrets.strike(" ".join(str(error).split()))
        if "APIConnectionError" in kinds:
            reason = self._secrets.strike(str(error.__cause__ or error)).strip()
            return errors.SourceConnectionError(f"cannot connect to {self._place}: {reason}; check that it runs there")
        if "APIError" in kinds:
            return errors.ServerError(f"{self._place} failed while it answered: {said.rstrip('.')}; try again")
        return errors.ConfigError(said) if "OpenAIError" in kinds else None

    def _late(self, error: BaseException) -> errors.SourceError:
        connect, patience = self._timeouts
        if type(error.__cause__).__name__ == "ConnectTimeout":
            message = f"no connection to {self._place} within {connect:g} s; check the network"
            return errors.SourceConnectionError(message)
        return errors.SourceTimeoutError(f"{self._place} was silent for {patience:g} s; try again")

    def _refusal(self, error: Any) -> errors.SourceError:
        from ...sources.http.faults import http_error, read_body

        headers = error.response.headers
        said = read_body(error.response.content, headers.get("content-type", ""))  # the client has read it
        advice = None
        if error.status_code == 401 and not self._key:
            advice = "this server wants a key: set OPENAI_API_KEY"
        elif error.status_code == 404:
            advice = f"check that the service has the model {self._model!r} (--chat-model), and --chat-base-url"
        place = f"{self._place.partition('?')[0].rstrip('/')}/chat/completions"
        request_id = headers.get("x-request-id")
        return http_error(error.status_code, said, place, self._secrets, request_id=request_id, advice=advice)
