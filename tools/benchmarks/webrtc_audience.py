"""Many listeners over WebRTC in one process, which decodes nothing, for the benchmarks; a program like `audience`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # run by its path, so that nothing is imported but what it needs
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.benchmarks.audience import MARK, STAMP

if TYPE_CHECKING:
    from aiohttp import ClientSession


class Audience:
    """What ``count`` listeners have got: bytes of RTP, and for each packet its delays to all of them."""

    def __init__(self) -> None:
        self.got: dict[int, int] = defaultdict(int)
        self.delays: dict[int, list[int]] = defaultdict(list)

    def listen(self) -> None:
        """Take what aiortc has decrypted, in the place of its jitter buffers and decoders."""
        from aiortc.rtcdtlstransport import RTCDtlsTransport

        async def take(transport: Any, data: bytes, arrival_time_ms: int) -> None:  # noqa: ARG001  # aiortc's name
            self.take(id(transport), data)

        RTCDtlsTransport._handle_rtp_data = take  # noqa: SLF001

    def take(self, listener: int, data: bytes) -> None:
        """A packet has come."""
        self.got[listener] += len(data)
        at = data.find(MARK)
        if at >= 0:
            sent, number = STAMP.unpack_from(data, at + len(MARK))
            self.delays[number].append(time.monotonic_ns() - sent)

    def figures(self) -> dict[str, Any]:
        """As those of `audience`."""
        packets = {number: [len(each), max(each) / 1e9] for number, each in self.delays.items()}
        return {"bytes": list(self.got.values()), "packets": packets}


async def join(session: ClientSession, url: str) -> Any:
    """One more listener, which is connected."""
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("audio", direction="recvonly")
    await peer.setLocalDescription()
    offer = peer.localDescription.sdp
    async with session.post(url, data=offer, headers={"Content-Type": "application/sdp"}) as response:
        if response.status != 201:
            raise RuntimeError(await response.text())
        answer = await response.text()
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    while peer.connectionState != "connected":  # noqa: ASYNC110  # its events have no end
        await asyncio.sleep(0.01)
    return peer


async def main(port: int, path: str, count: int) -> None:
    """Listen until standard input ends."""
    import aiohttp

    audience = Audience()
    audience.listen()
    async with aiohttp.ClientSession() as session:
        peers = [await join(session, f"http://127.0.0.1:{port}{path}") for _ in range(count)]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps(audience.figures()), flush=True)
        await asyncio.gather(*(peer.close() for peer in peers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
