"""The paths of the endpoint, in all the spellings that clients have, and what every request passes through.

Imports aiohttp: to be imported once a server starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .answers import answer_errors, name_request
from .connections import tell_connections, trace
from .live.room_routes import RoomRoutes

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from .browsers import Browsers
    from .server import SpeechServer

MAX_BODY_BYTES = 1 << 20
"""A text of 150,000 characters, each escaped, takes that much."""
STOP_SECONDS = 0.5  # for answers under way that are no speech; speeches are cancelled at once
PREFIXES = ("/v1", "", "/openai/v1", "/openai/deployments/{deployment}")
"""Before each path: OpenAI's, none (a base URL without it), and Azure's two."""


def runner_of(server: SpeechServer, browsers: Browsers) -> web.AppRunner:
    """The application that serves for ``server``."""
    guards: list[Middleware] = [
        tell_connections,
        trace,
        web.middleware(answer_errors),
        web.middleware(browsers.middleware()),
    ]
    if server.trusted_proxies:
        guards.insert(1, web.middleware(server.trusted_proxies.middleware()))
    if server.metrics is not None:
        guards.insert(-2, web.middleware(server.metrics.middleware()))
    live = RoomRoutes(server) if server.rooms.most else None
    if server.keys:
        guards.append(web.middleware(server.keys.middleware(live.admits if live is not None else _nobody)))
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=guards)
    for method, path, handler in [*_routes(server), *(live.routes() if live is not None else ())]:
        for spelling in (path, f"{path}/"):
            app.router.add_route(method, spelling, handler)
            if method == "GET" and handler != server.realtime:
                app.router.add_route("HEAD", spelling, handler)
    if live is not None:
        app.on_shutdown.append(live.shut_down)
    app.on_response_prepare.append(name_request)
    app.on_response_prepare.append(browsers.mark)
    app.on_response_prepare.append(server.under_way.mark)
    # A client that goes away cancels its handler, and so the synthesis.
    return web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_SECONDS)


def _nobody(_request: web.Request) -> bool:
    return False


def _routes(server: SpeechServer) -> list[tuple[str, str, Handler]]:
    """Method, path and handler."""
    of_the_api: list[tuple[str, str, Handler]] = [
        ("POST", "/audio/speech", server.speech),
        ("GET", "/realtime", server.realtime),
        ("GET", "/models", server.listing.models),
        ("GET", "/audio/models", server.listing.models),
        ("GET", "/audio/voices", server.listing.voices),
    ]
    routes = [(method, prefix + path, handler) for prefix in PREFIXES for method, path, handler in of_the_api]
    routes += [("GET", prefix + "/models/{name:.+}", server.listing.model) for prefix in PREFIXES]
    if server.metrics is not None:
        routes.append(("GET", "/metrics", server.figures))
    routes += [("GET", "/health", server.health), ("GET", "/ready", server.ready)]
    return routes
