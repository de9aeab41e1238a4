"""``HttpClient`` over aiohttp: one pool of warm connections, no retry, no redirect, no proxy.

aiohttp tells when it begins to write a request (its trace ``on_request_headers_sent``); before that
provably nothing left, after it nothing is certain until the whole reply is here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

from brokers.transport.http import HttpReply, HttpRequest
from engine.errors import NotSent, OutcomeUnknown

CONNECT_WITHIN_S: Final = 2.0
"""Address, connection and handshake (reliability.md 2.3)."""
REPLY_WITHIN_S: Final = 75.0
"""A reply is waited for longer than anybody waits for its outcome: a late one settles a doubt."""
KEEP_WARM_S: Final = 15.0
"""An idle connection is let go sooner than servers do: writing into one they closed is a doubt."""
REPLY_BYTES_MAX: Final = 16 << 20
"""A larger reply is no order book; reading on would be the sender's choice of our memory."""


class AioHttpClient:
    """Use one for each broker, from one event loop. ``tls`` replaces the system's trust."""

    def __init__(self, *, connections: int = 8, tls: ssl.SSLContext | None = None) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_written)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=KEEP_WARM_S, ssl=tls or True
            ),
            timeout=aiohttp.ClientTimeout(
                total=REPLY_WITHIN_S, connect=CONNECT_WITHIN_S, sock_connect=CONNECT_WITHIN_S
            ),
            trace_configs=[trace],
            trust_env=False,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(
        self, request: HttpRequest, on_written: Callable[[], None] = lambda: None
    ) -> HttpReply:
        """Write a request once and return its whole reply. See ``HttpClient``."""
        state = SimpleNamespace(is_written=False, on_written=on_written)
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body or None,
                headers=dict(request.headers),
                allow_redirects=False,
                trace_request_ctx=state,
            ) as reply:
                body = await _whole(reply)
                headers = {name.lower(): value for name, value in reply.headers.items()}
                return HttpReply(status=reply.status, headers=headers, body=body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            what = f"{request.method} {URL(request.url).host}: {_words(error)}"
            if state.is_written:
                raise OutcomeUnknown(what) from error
            raise NotSent(what) from error

    async def warm(self, url: str) -> None:
        """Have a connection ready, by asking for the headers of the host's root."""
        root = URL(url).origin()
        await self.send(HttpRequest(method="HEAD", url=str(root)))

    async def close(self) -> None:
        """Let every connection go."""
        await self._session.close()
        # aiohttp closes TLS transports in the background; one turn lets plain ones go now.
        await asyncio.sleep(0)


async def _written(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    __: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    state = context.trace_request_ctx
    if not state.is_written:
        state.on_written()
        state.is_written = True


async def _whole(reply: aiohttp.ClientResponse) -> bytes:
    """Return the body; refuse one that never ends."""
    parts: list[bytes] = []
    size = 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > REPLY_BYTES_MAX:
            raise ValueError(f"the reply has more than {REPLY_BYTES_MAX >> 20} MB")
        parts.append(part)
    return b"".join(parts)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
