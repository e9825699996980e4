"""What the endpoint lists: the models and the voices that may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import json_answer
from .speech_request import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from .speaker import Speaker


class Listing:
    """The lists of whoever speaks."""

    def __init__(self, speaker: Callable[[], Speaker]) -> None:
        self._speaker = speaker

    async def models(self, _request: web.Request) -> web.Response:
        """GET /v1/models, and /v1/audio/models."""
        data = [_model(name) for name in self._speaker().models]
        return json_answer({"object": "list", "data": data, "models": data})

    async def model(self, request: web.Request) -> web.Response:
        """GET /v1/models/NAME."""
        name = request.match_info["name"].rstrip("/")
        models = self._speaker().models
        if name not in models:
            message = f"The model '{name}' does not exist; models are {', '.join(models)}."
            raise RefusedError(message, status=404, param="model", code="model_not_found")
        return json_answer(_model(name))

    async def voices(self, _request: web.Request) -> web.Response:
        """GET /v1/audio/voices."""
        return json_answer({"voices": [{"id": name, "name": name} for name in self._speaker().voices.all]})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "oggstream"}
