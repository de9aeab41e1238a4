"""The socket port over aiohttp, against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSCloseCode, web

from brokers.transport import aio_web_socket
from brokers.transport.aio_web_socket import AioConnector
from brokers.transport.web_socket import SocketClosed
from engine.errors import BrokerRefused, NotSent

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk, *, status: int | None = None) -> AsyncIterator[str]:
    async def handler(request: web.Request) -> web.StreamResponse:
        if status is not None:
            return web.Response(status=status, text="no")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await talk(socket)
        return socket

    app = web.Application()
    app.router.add_get("/feed", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"ws://127.0.0.1:{port}/feed"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connecting() -> AsyncIterator[AioConnector]:
    connector = AioConnector()
    try:
        yield connector
    finally:
        await connector.close()


async def silence(socket: web.WebSocketResponse) -> None:
    await socket.receive()


async def test_text_and_bytes_arrive_as_what_they_are() -> None:
    async def echo(socket: web.WebSocketResponse) -> None:
        await socket.send_str(await socket.receive_str())
        await socket.send_bytes(await socket.receive_bytes())

    async with serving(echo) as url, connecting() as connector:
        socket = await connector.connect(url, {})
        await socket.send("ping")
        assert await socket.receive() == "ping"
        await socket.send(b"\x01\x00")
        assert await socket.receive() == b"\x01\x00"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4001, 4500])
async def test_the_close_code_of_the_server_is_told(code: int) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.close(code=code, message=b"token expired")

    async with serving(leave) as url, connecting() as connector:
        socket = await connector.connect(url, {})
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == code
    assert closed.value.reason == "token expired"


async def test_a_server_that_vanishes_is_1006() -> None:
    async def vanish(socket: web.WebSocketResponse) -> None:
        transport = socket._req.transport if socket._req else None
        assert transport is not None
        transport.abort()

    async with serving(vanish) as url, connecting() as connector:
        socket = await connector.connect(url, {})
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
        assert closed.value.code == 1006
        with pytest.raises(SocketClosed):
            await socket.receive()


async def test_a_message_too_large_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_web_socket, "MESSAGE_BYTES_MAX", 1000)

    async def flood(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"x" * 2000)
        await socket.receive()

    async with serving(flood) as url, connecting() as connector:
        socket = await connector.connect(url, {})
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == WSCloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_a_refused_handshake_carries_the_status(status: int) -> None:
    async with serving(silence, status=status) as url, connecting() as connector:
        with pytest.raises(BrokerRefused) as refused:
            await connector.connect(url, {})
    assert refused.value.code == str(status)


async def test_no_server_is_not_sent() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with connecting() as connector:
        with pytest.raises(NotSent):
            await connector.connect(f"ws://127.0.0.1:{port}/", {})


async def test_sending_into_a_closed_socket_says_so() -> None:
    async with serving(silence) as url, connecting() as connector:
        socket = await connector.connect(url, {})
        await socket.close()
        await socket.close()
        with pytest.raises(SocketClosed):
            await socket.send("late")
