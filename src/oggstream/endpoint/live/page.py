"""The page of a room: files of this package, which load nothing from anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ..speech_request import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).with_name("page")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def serve_page(request: web.Request) -> web.StreamResponse:
    """GET /live/NAME: the page, for a room of any name; its other files have names with a dot, as no room has."""
    name = request.match_info["room"]
    path = _FOLDER / (name if "." in name else "room.html")
    if path.parent != _FOLDER or path.suffix not in _TYPES or not path.is_file():
        raise RefusedError(f"Invalid URL ({request.method} {request.path})", status=404)
    response = web.FileResponse(path, headers=_HEADERS)
    response.content_type = _TYPES[path.suffix]
    response.charset = "utf-8"
    return response
