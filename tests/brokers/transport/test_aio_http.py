"""What a broken network says about whether a byte left, against real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from brokers.transport import aio_http
from brokers.transport.aio_http import AioHttpClient
from brokers.transport.http import HttpRequest
from engine.errors import NotSent, OutcomeUnknown

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Thing: Yes\r\n\r\nhi"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/orders?token=secret"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def client() -> AsyncIterator[AioHttpClient]:
    made = AioHttpClient()
    try:
        yield made
    finally:
        await made.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


def order(url: str) -> HttpRequest:
    return HttpRequest(
        method="POST", url=url, headers={"Authorization": "Bearer secret"}, body=b'{"qty":65}'
    )


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Written:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def test_a_reply_comes_back_whole_and_the_request_arrives_as_it_was_made() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()
        writer.close()

    written = Written()
    async with serving(handler) as url, client() as http:
        reply = await http.send(order(url), written)
    assert (reply.status, reply.body, reply.headers["x-thing"]) == (200, b"hi", "Yes")
    assert seen[0].startswith(b"POST /orders?token=secret HTTP/1.1\r\n")
    assert seen[0].endswith(b'\r\n\r\n{"qty":65}')
    assert written.times == 1


async def test_whoever_is_told_that_bytes_are_about_to_leave_may_keep_them_back() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(1))
        writer.close()

    def barred() -> None:
        raise NotSent("killed by asha")

    async with serving(handler) as url, client() as http:
        with pytest.raises(NotSent, match="killed by asha"):
            await http.send(order(url), barred)
        await asyncio.sleep(0.05)
    assert b"".join(seen) == b""


async def test_a_refused_connection_proves_that_nothing_left() -> None:
    written = Written()
    async with client() as http:
        with pytest.raises(NotSent):
            await http.send(order(f"http://127.0.0.1:{closed_port()}/"), written)
    assert written.times == 0


async def test_a_name_without_an_address_proves_that_nothing_left() -> None:
    async with client() as http:
        with pytest.raises(NotSent):
            await http.send(order("http://nowhere.invalid/"))


async def test_a_handshake_that_fails_proves_that_nothing_left() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"this is no TLS\r\n")
        await writer.drain()
        writer.close()

    written = Written()
    async with serving(handler) as url, client() as http:
        with pytest.raises(NotSent):
            await http.send(order(url.replace("http:", "https:")), written)
    assert written.times == 0


@pytest.mark.parametrize(
    "reply", [b"", OK[:9], OK[:-1], b"HTTP/1.1 200 OK\r\n\r", b"garbage\r\n\r\n"]
)
async def test_a_connection_that_ends_after_the_request_leaves_its_outcome_unknown(
    reply: bytes,
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)
        await writer.drain()
        writer.close()

    written = Written()
    async with serving(handler) as url, client() as http:
        with pytest.raises(OutcomeUnknown):
            await http.send(order(url), written)
    assert written.times == 1


async def test_a_reset_leaves_the_outcome_unknown_and_is_not_tried_again() -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with serving(handler) as url, client() as http:
        with pytest.raises(OutcomeUnknown):
            await http.send(order(url))
    assert requests == 1


async def test_a_warm_connection_that_the_server_closed_is_no_proof_that_nothing_left() -> None:
    """The request is written into a connection nobody reads: it must not go out again by itself."""
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        if requests == 1:
            writer.write(OK)
            await writer.drain()
            await read_request(reader)
            requests += 1
        writer.transport.abort()

    async with serving(handler) as url, client() as http:
        await http.send(order(url))
        with pytest.raises(OutcomeUnknown):
            await http.send(order(url))
    assert requests == 2


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with serving(handler) as url, client() as http:
        reply = await http.send(order(url))
    assert (reply.status, requests) == (301, 1)


async def test_a_cookie_of_one_reply_does_not_go_out_with_the_next_request() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await read_request(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    async with serving(handler) as url, client() as http:
        await http.send(order(url))
        await http.send(order(url))
    assert all(b"Cookie" not in request for request in seen)


async def test_a_reply_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_http, "REPLY_BYTES_MAX", 1000)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)
        writer.close()

    async with serving(handler) as url, client() as http:
        with pytest.raises(OutcomeUnknown):
            await http.send(order(url))


async def test_warming_makes_the_next_request_use_the_same_connection() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        head = await read_request(reader)
        assert head.startswith(b"HEAD / ")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        writer.close()

    async with serving(handler) as url, client() as http:
        await http.warm(url)
        await http.send(order(url))
    assert connections == 1


def test_a_request_and_its_url_do_not_show_what_is_secret() -> None:
    shown = repr(order("http://host/orders?token=secret"))
    assert "secret" not in shown
    assert "qty" not in shown


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        writer.close()

    async with serving(handler) as url, client() as http:
        assert (await http.send(order(url))).status == 200
