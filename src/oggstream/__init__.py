"""Speaks text with the lowest latency there is: streamed Ogg Opus, decoded packet by packet, from asyncio.

Everything public is here and is loaded when it is first used: ``import oggstream`` itself loads no aiohttp, no numpy,
no sounddevice and no C library.
"""

from __future__ import annotations
