"""What a request to a service holds beside the speech: as a key, without any credential."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields as fields_of, is_dataclass
from typing import TYPE_CHECKING, Any

from ..http.redaction import is_secret_name

if TYPE_CHECKING:
    from .table import Service

_ENTRIES = (
    *("path", "method", "query", "headers", "json", "xml", "form", "multipart", "defaults", "formats", "before"),
    "socket",
)
_ELSEWHERE = ("key", "base_url")  # a credential; and the identity has the address, without any


def sent(service: Service, fields: Mapping[str, str]) -> str:
    """A digest of what ``service`` is sent with ``fields``: its templates, and what fills them.

    A text with the name of a credential is left out, unless it is a template, which holds none.
    """
    kept = {name: value for name, value in fields.items() if name not in _ELSEWHERE and not is_secret_name(name)}
    parts = [{name: _without_credentials(getattr(service, name)) for name in _ENTRIES}, kept]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _without_credentials(value: Any) -> Any:
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields_of(value)}
    if isinstance(value, Mapping):
        return {str(name): _without_credentials(part) for name, part in value.items() if not _is_credential(name, part)}
    if isinstance(value, list | tuple):
        return [_without_credentials(part) for part in value]
    return value


def _is_credential(name: object, value: Any) -> bool:
    return isinstance(value, str) and is_secret_name(str(name)) and "{" not in value
