"""``WebSocket`` and ``Connector`` over aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

from brokers.transport.aio_http import CONNECT_WITHIN_S
from brokers.transport.web_socket import SocketClosed, WebSocket
from engine.errors import BrokerRefused, NotSent

MESSAGE_BYTES_MAX: Final = 4 << 20
"""A larger message closes the socket: no broker sends one, and a gzip bomb would be one."""
LOST: Final = 1006


class AioConnector:
    """Opens sockets through one pool. ``heartbeat_s`` sends pings and closes a silent peer."""

    def __init__(self, *, heartbeat_s: float | None = None) -> None:
        self._heartbeat_s = heartbeat_s
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN_S),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def connect(self, url: str, headers: Mapping[str, str]) -> WebSocket:
        """Open a socket. See ``Connector``."""
        try:
            socket = await self._session.ws_connect(
                URL(url, encoded=True),
                headers=dict(headers),
                heartbeat=self._heartbeat_s,
                max_msg_size=MESSAGE_BYTES_MAX,
                autoping=True,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise BrokerRefused(str(error.status), error.message) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotSent(f"{URL(url).host}: {str(error) or type(error).__name__}") from error
        return AioWebSocket(socket)

    async def close(self) -> None:
        """Close every socket."""
        await self._session.close()


class AioWebSocket:
    """One aiohttp socket behind the port."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        """Write one message."""
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise SocketClosed(self._socket.close_code or LOST, str(error)) from error

    async def receive(self) -> str | bytes:
        """Return the next message."""
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            data: str | bytes = message.data
            return data
        reason = message.extra or "" if message.type is aiohttp.WSMsgType.CLOSE else ""
        raise SocketClosed(self._socket.close_code or LOST, str(reason))

    async def close(self, code: int = 1000) -> None:
        """Close it."""
        await self._socket.close(code=code)
