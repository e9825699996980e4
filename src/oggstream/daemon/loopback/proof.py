"""Both sides of a connection show that they know the user's token, and neither tells it. Knows no socket.

Anyone on this machine can connect to a port, and can take one that a daemon has left. So the client asks first: it
tells nothing of its arguments and environment before the other end has answered.
"""

from __future__ import annotations

import hmac
import os

from ..frames import FrameError, frame

HELLO, PROOF = b"hello", b"proof"
TOKEN_BYTES = 32
_CLIENT, _DAEMON = b"client", b"daemon"  # neither can send back what it was sent


class ProofError(FrameError):
    """The other end is not this user's."""


class Proof:
    """The client's side, of a connection to ``port``."""

    def __init__(self, token: bytes, port: int) -> None:
        self._token = token
        self._port = port
        self._nonce = _new_nonce()

    @property
    def hello(self) -> bytes:
        """What is sent first."""
        return frame(HELLO, self._nonce)

    def answer(self, fields: list[bytes]) -> bytes:
        """What is sent to the daemon's answer. Raises `ProofError` if that is not our daemon's."""
        if len(fields) != 3 or fields[0] != PROOF:
            raise ProofError("no proof")
        nonces = self._nonce, fields[1]
        if not hmac.compare_digest(fields[2], _seal(self._token, _DAEMON, self._port, *nonces)):
            raise ProofError("another token")
        return frame(PROOF, _seal(self._token, _CLIENT, self._port, *nonces))


class Gate:
    """The daemon's side, of a connection to its ``port``. ``is_open`` once the client has shown whose it is."""

    def __init__(self, token: bytes, port: int) -> None:
        self.is_open = False
        self._token = token
        self._port = port
        self._nonces: tuple[bytes, bytes] | None = None

    def take(self, fields: list[bytes]) -> bytes:
        """What is sent back to the client's next frame, if anything. Raises `ProofError`."""
        if self._nonces is None:
            if len(fields) != 2 or fields[0] != HELLO:
                raise ProofError("no hello")
            self._nonces = fields[1], _new_nonce()
            return frame(PROOF, self._nonces[1], _seal(self._token, _DAEMON, self._port, *self._nonces))
        told = fields[1] if len(fields) == 2 and fields[0] == PROOF else b""
        if not hmac.compare_digest(told, _seal(self._token, _CLIENT, self._port, *self._nonces)):
            raise ProofError("another token")
        self.is_open = True
        return b""


def new_token() -> bytes:
    """A secret, as letters and digits."""
    return os.urandom(TOKEN_BYTES).hex().encode()


_new_nonce = new_token


def _seal(token: bytes, who: bytes, port: int, *nonces: bytes) -> bytes:
    """What only one who knows the token can say of this connection; of its port, so that no other passes it on."""
    return hmac.digest(token, b"\0".join((who, b"%d" % port, *nonces)), "sha256").hex().encode()
