"""The body of a request, in each of the forms in which services want one. Pure."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING, NamedTuple

from ...errors import UsageError
from ...text.ssml import is_ssml
from ..http.exchange import json_body
from .places import as_query, in_xml_with, shown
from .templates import Fields, fill, fill_text

if TYPE_CHECKING:
    from .table import Service


class Body(NamedTuple):
    """``content`` None: the request has no body."""

    content_type: str
    content: bytes | None


def request_body(service: Service, fields: Fields, ipa: str | None = None) -> Body:
    """The body that ``service`` wants, with its ``fields`` filled in. ``ipa``: how phonemes are marked in SSML.

    Raises `UsageError` for a value of the table that JSON does not have, such as a date or NaN, `MissingField` for a
    field of SSML without a value.
    """
    if service.json is not None:
        return Body("application/json", _json(service, fields))
    if service.xml is not None:
        text = fields["text"]
        document = text if is_ssml(text) else fill_text(service.xml, fields, in_xml_with(ipa))
        return Body("application/ssml+xml", document.encode())
    if service.form is not None:
        content = as_query(fill(service.form, fields) or {}).removeprefix("?")
        return Body("application/x-www-form-urlencoded", content.encode())
    if service.multipart is not None:
        return _multipart({name: shown(value) for name, value in (fill(service.multipart, fields) or {}).items()})
    return Body("", None)


def _json(service: Service, fields: Fields) -> bytes:
    try:
        return json_body(fill(service.json, fields) or {})
    except (TypeError, ValueError) as error:
        raise UsageError(f"the service {service.name!r} cannot be used: its json is none ({error})") from error


def _multipart(values: dict[str, str]) -> Body:
    """A form of several parts (RFC 7578), whose boundary stands in none of them."""
    boundary = "oggstream"
    while any(boundary in value for value in values.values()):
        boundary += "-"
    parts = [
        f"--{boundary}\r\nContent-Disposition: form-data; name={jsonlib.dumps(name)}\r\n\r\n{value}\r\n"
        for name, value in values.items()
    ]
    return Body(f"multipart/form-data; boundary={boundary}", f"{''.join(parts)}--{boundary}--\r\n".encode())
