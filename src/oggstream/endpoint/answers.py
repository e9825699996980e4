"""What the speech endpoint answers apart from speech: JSON, and every error in OpenAI's shape.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ..errors import OggStreamError
from .failures import refusal_of
from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler


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
    except web.HTTPMethodNotAllowed as error:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": error.headers["Allow"]})
        return _refuse(_translate(request, error))
    except web.HTTPException as error:
        return _refuse(_translate(request, error))
    except OggStreamError as error:
        return _refuse(refusal_of(error))


def _translate(request: web.Request, error: web.HTTPException) -> RefusedError:
    """What aiohttp refuses by itself: no such path, another method, too long a body."""
    where = f"{request.method} {request.path}"
    if error.status == 404:
        return RefusedError(f"Invalid URL ({where})", status=404)
    if error.status == 405:
        return RefusedError(f"Not allowed: {where}", status=405, headers={"Allow": error.headers["Allow"]})
    if error.status == 413:
        message = f"The body of your request is too long: it may have {request.client_max_size} bytes."
        return RefusedError(message, status=413, code="string_above_max_length")
    return RefusedError(error.reason, status=error.status)


def _refuse(refusal: RefusedError) -> web.Response:
    from aiohttp import web

    return web.Response(
        text=refusal.as_json(), status=refusal.status, content_type="application/json", headers=refusal.headers
    )
