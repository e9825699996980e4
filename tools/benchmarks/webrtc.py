"""Measures how many can listen to a room over WebRTC."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from .listeners import PER_CORE, ROOM, per_core
from .row import Outcome, Row, Skip

if TYPE_CHECKING:
    from .row import Run

LISTENERS = PER_CORE["whep"]


def measure(run: Run) -> Outcome:
    """Speak to as many as one core is asked to serve: joining takes ten times as long as listening."""
    if find_spec("aiortc") is None:
        raise Skip("no aiortc here: pip install 'oggstream[webrtc]'")
    return per_core("whep", f"{ROOM}/whep?open", LISTENERS)(run)


ROWS = [
    Row("listeners-whep", "listeners of a room per core: WebRTC (WHEP), packets of 20 ms", f">= {LISTENERS}", measure)
]
