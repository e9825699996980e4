"""The rows of the table, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    arrival,
    barge,
    browsers,
    busy,
    clicks,
    cold,
    company,
    crowd,
    daemon,
    dead,
    decode,
    device,
    endpoint,
    growing,
    hedging,
    lag,
    layers,
    listeners,
    memory,
    networks,
    openings,
    other_proxy,
    playout,
    radio,
    resampling,
    service,
    soak,
    sockets,
    telephone,
    voices,
)

if TYPE_CHECKING:
    from .row import Row

ROWS: list[Row] = [
    *cold.ROWS,
    *lag.ROWS,
    *daemon.ROWS,
    *arrival.ROWS,
    *device.ROWS,
    *company.ROWS,
    *busy.ROWS,
    *playout.ROWS,
    *networks.ROWS,
    *hedging.ROWS,
    *dead.ROWS,
    *clicks.ROWS,
    *decode.ROWS,
    *memory.ROWS,
    *soak.ROWS,
    *service.ROWS,
    *endpoint.ROWS,
    *other_proxy.ROWS,
    *browsers.ROWS,
    *crowd.ROWS,
    *growing.ROWS,
    *openings.ROWS,
    *sockets.ROWS,
    *telephone.ROWS,
    *radio.ROWS,
    *barge.ROWS,
    *listeners.ROWS,
    *layers.ROWS,
    *resampling.ROWS,
    *voices.ROWS,
]
