"""A message socket as a broker's protocol sees it: connected, read and written, closed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.errors import LegworkError


class SocketClosed(LegworkError):
    """The socket is gone. ``code`` is the close code, 1006 when it just went away."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}{': ' if reason else ''}{reason}")
        self.code = code
        self.reason = reason


class WebSocket(Protocol):
    """One connection. After ``SocketClosed`` nothing else comes of it."""

    async def send(self, message: str | bytes) -> None:
        """Write one message. Raises ``SocketClosed``; then it may or may not have left."""

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ``SocketClosed``; an oversized message closes it."""

    async def close(self, code: int = 1000) -> None:
        """Close it; a second time does nothing."""


class Connector(Protocol):
    """Opens sockets."""

    async def connect(self, url: str, headers: Mapping[str, str]) -> WebSocket:
        """Open a socket.

        Raises ``NotSent`` without one, and ``BrokerRefused`` when the broker answers the handshake
        with a status of its own, which is then the code.
        """
