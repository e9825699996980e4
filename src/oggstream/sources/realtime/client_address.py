"""Where an openai client's own ``realtime.connect`` would go for a model, and with which headers.

openai, which takes a second to import, is not imported here: the client is asked, old versions of it as new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_OF_A_BODY = ("accept", "content-type")  # which a handshake does not have


async def client_address(client: Any, model: str) -> tuple[str, dict[str, str]]:
    """The URL of the WebSocket for ``model``, and the headers of its handshake, by the settings of ``client``.

    Those are its base URL (``websocket_base_url`` before ``base_url``), key or the callable that gives one, Azure
    deployment, version and token, default headers and default queries. Raises what the client and its callables raise.
    """
    refresh = getattr(client, "_refresh_api_key", None)
    key = await refresh() if refresh is not None else client.api_key
    if hasattr(client, "_configure_realtime"):
        url, credentials = await _azure_address(client, model, key)
    else:
        url, credentials = _with_query(client, {"model": model}), client.auth_headers
    return url, merged_headers(credentials, client.default_headers)


async def _azure_address(client: Any, model: str, key: str) -> tuple[str, Mapping[str, Any]]:
    """What Azure's client makes of its deployment, its version, and its key or token."""
    configure = getattr(client, "_configure_realtime_with_api_key", None)
    if configure is not None:
        place, credentials = await configure(model, {}, api_key=key)
    else:
        place, credentials = await client._configure_realtime(model, {})  # noqa: SLF001 - it has no public name
    if isinstance(place, Mapping):  # versions before 1.66 give the query only
        return _with_query(client, place), credentials
    parts = urlsplit(str(place))
    plain = str(client.base_url).startswith("http://") and _websocket_base(client) is None
    return parts._replace(scheme="http").geturl() if plain else parts.geturl(), credentials


def _with_query(client: Any, query: Mapping[str, Any]) -> str:
    """The endpoint's URL. ``query`` overrides that of the base URL, and that overrides the client's defaults."""
    parts = urlsplit(str(_websocket_base(client) or client.base_url))
    own = dict(parse_qsl(parts.query, keep_blank_values=True))
    whole = {**client.default_query, **own, **query}
    path = f"{parts.path.rstrip('/')}/realtime"
    return parts._replace(path=path, query=client.qs.stringify(whole)).geturl()


def _websocket_base(client: Any) -> Any:
    return getattr(client, "websocket_base_url", None)


def merged_headers(*sets: Mapping[str, Any]) -> dict[str, str]:
    """All headers; later sets override earlier ones, whatever their case. What openai marks as omitted is left out."""
    found: dict[str, tuple[str, Any]] = {}
    for headers in sets:
        found.update({name.lower(): (name, value) for name, value in headers.items()})
    return {name: value for lower, (name, value) in found.items() if isinstance(value, str) and lower not in _OF_A_BODY}
