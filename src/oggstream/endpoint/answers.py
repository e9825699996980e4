"""What the speech endpoint answers apart from speech: JSON, and every error in OpenAI's shape.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import hmac
import uuid
from typing import TYPE_CHECKING

from ..errors import OggStreamError
from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

OPEN_PATHS = ("/health",)
"""What may be asked without a key: whether the server lives, which says nothing about anybody."""


def json_answer(value: object) -> web.Response:
    """``value`` as JSON."""
    from aiohttp import web

    return web.json_response(value)


async def name_request(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Give every answer an identifier, which OpenAI's client keeps."""
    response.headers["x-request-id"] = f"req_{uuid.uuid4().hex}"


async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what ``handler`` raises in OpenAI's shape."""
    from aiohttp import web

    try:
        return await handler(request)
    except RefusedError as refusal:
        return _refuse(refusal)
    except web.HTTPException as error:
        return _refuse(_translate(request, error))
    except OggStreamError as error:
        return _refuse(RefusedError(str(error), status=500, kind="server_error"))


def key_asker(key: str) -> Middleware:
    """A middleware that lets nobody in without ``key`` as the bearer token (RFC 6750 section 2.1)."""
    expected = key.encode()

    async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        token = given.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""
        # In constant time: how long it takes does not tell how much of a guess was right.
        if request.path not in OPEN_PATHS and not hmac.compare_digest(token, expected):
            raise _unauthorized(given=bool(token))
        return await handler(request)

    return ask


def _unauthorized(*, given: bool) -> RefusedError:
    """OpenAI's two answers; the key that came is not repeated."""
    missing = "You didn't provide an API key: send it in the header Authorization: Bearer YOUR_KEY."
    return RefusedError(
        "Incorrect API key provided." if given else missing,
        status=401,
        code="invalid_api_key" if given else None,
        headers={"WWW-Authenticate": "Bearer"},
    )


def _translate(request: web.Request, error: web.HTTPException) -> RefusedError:
    """What aiohttp refuses by itself: no such path, another method, too long a body."""
    where = f"{request.method} {request.path}"
    if error.status == 404:
        return RefusedError(f"Invalid URL ({where})", status=404)
    if error.status == 405:
        return RefusedError(f"Not allowed: {where}", status=405, headers={"Allow": error.headers["Allow"]})
    return RefusedError(error.reason, status=error.status)


def _refuse(refusal: RefusedError) -> web.Response:
    from aiohttp import web

    return web.Response(
        text=refusal.as_json(), status=refusal.status, content_type="application/json", headers=refusal.headers
    )
