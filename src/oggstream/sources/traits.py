"""What sources may tell of themselves beside the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..options import SpeechOptions


def formats_of(source: object, options: SpeechOptions) -> tuple[str, ...]:
    """The formats that ``source`` can be asked for with ``options``; the first is what auto means. Empty: not known."""
    known = getattr(source, "formats_for", None)
    return tuple(known(options)) if known is not None else tuple(getattr(source, "formats", ()))


def source_name(source: object) -> str:
    """What the report calls ``source``: its ``name``, or that of its class."""
    return str(getattr(source, "name", None) or type(source).__name__)
