"""A source that is asked for what is to be kept and not for what sounds first."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from .wrapper import SourceWrapper

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .source import ByteStream, Source
    from .traits import SourceTraits


class Unhurried(SourceWrapper):
    """Another source, which is asked for its usual format, never for samples because these may sound sooner."""

    @property
    def traits(self) -> SourceTraits:
        """Those of the source, but for its samples."""
        return replace(super().traits, samples_known=False)

    def opened(self, source: Source, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open ``source``."""
        return source.open(text, options)
