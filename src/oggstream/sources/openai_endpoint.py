"""What is asked of OpenAI's speech endpoint, or of a server like it, and where. Knows no connection.

Apart from `OpenAISource`, so that the command line can tell the first request before it has loaded what asks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .http.exchange import Request, json_body
from .openai_api import (
    BASE_URL,
    FORMATS,
    LONGEST_TEXT,
    MODEL,
    VOICE,
    default_model,
    endpoint_name,
    endpoint_url,
    environment,
    is_openai,
    is_realtime,
    request_headers,
    speech_fields,
    voice_name,
)
from .traits import SourceTraits

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..options import SpeechOptions


class OpenAIEndpoint:
    """One endpoint, and who asks. The parameters are `OpenAISource`'s."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        model: str | None = None,
        voice: str | dict[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.base_url = base_url or environment("OPENAI_BASE_URL") or BASE_URL
        self.api_key = api_key.strip() if api_key is not None else environment("OPENAI_API_KEY")
        self.own = is_openai(self.base_url)
        self.url = endpoint_url(self.base_url, "audio/speech")
        self.headers = request_headers(
            self.api_key,
            organization or environment("OPENAI_ORG_ID"),
            project or environment("OPENAI_PROJECT_ID"),
        )
        self._name = endpoint_name(self.base_url)
        self._model = model
        self._voice = voice
        self._clock = clock

    @property
    def lacks_key(self) -> bool:
        """Whether it is OpenAI's own, which answers nobody without a key."""
        return self.own and not self.api_key

    @property
    def default_model(self) -> str:
        """The model where none is asked for."""
        return self._model or (default_model(self._clock()) if self.own else MODEL)

    def model_of(self, options: SpeechOptions) -> str:
        """The model that speaks."""
        return options.model or self.default_model

    def fields(self, text: str, options: SpeechOptions) -> dict[str, Any]:
        """The fields of the request for ``text``. Raises `TextError`."""
        return speech_fields(text, options, self.model_of(options), self._voice or VOICE)

    def request(self, fields: dict[str, Any]) -> Request:
        """The request with ``fields``."""
        return Request("POST", self.headers, json_body(fields), len(fields["input"]))

    def traits(self, name: str) -> SourceTraits:
        """The traits of a source called ``name`` that asks here."""
        return SourceTraits(
            name=name,
            formats=self._formats,
            samples_known=self.own,
            longest_text=LONGEST_TEXT,
            openai_names=True,
            identity=self._identity,
        )

    def _identity(self, options: SpeechOptions) -> str:
        """Endpoint, model and voice: the key of the service in the history."""
        return f"{self._name}|{self.model_of(options)}|{voice_name(options.voice or self._voice or VOICE)}"

    def _formats(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that can be requested; auto means the first one."""
        return ("pcm",) if is_realtime(self.model_of(options)) else FORMATS
