"""Bodies in codecs that nobody asked for: refused, with the option that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import WrongContainerError
from ..sniff import describe

if TYPE_CHECKING:
    from ..opus.items import StreamStats
    from .container import Container


def reader_of(container: Container, first: bytes, stats: StreamStats) -> NoReturn:  # noqa: ARG001
    """Raise `WrongContainerError`, which names the container and what to do."""
    raise WrongContainerError(
        f"the body is {describe(first)} from byte 0 on, Ogg Opus, WAV or PCM expected; ask the service for opus, wav "
        "or pcm (--format), or convert the file",
        offset=0,
    )
