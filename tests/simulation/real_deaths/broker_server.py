"""The simulated brokers behind loopback HTTP and WebSockets: they live on when an engine dies.

What reached the broker is carried out whether or not whoever asked still lives. Every reply takes a
random while, before and after the order is taken, so that a death may come between any two of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from random import Random
from typing import Any

from aiohttp import web

from tests.simulation.broker import Broker, Market

ON_THE_WAY_S = 0.02
"""At most so long, in real seconds, a message takes each way."""
MOVES_EVERY_S = 0.025
"""How often prices move, in real seconds."""


class BrokerServer:
    """Serves ``/{broker}/...`` as ``Broker.handle`` does, streams of orders, and the prices."""

    def __init__(self, brokers: Mapping[str, Broker], market: Market, dice: Random) -> None:
        self._brokers = brokers
        self._market = market
        self._dice = dice
        self._listeners: dict[str, set[asyncio.Queue[str]]] = {
            name: set() for name in (*brokers, "prices")
        }
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failures: list[BaseException] = []
        """What went wrong here: a day in which its brokers failed proves nothing."""
        self._runner: web.AppRunner | None = None
        for name, broker in brokers.items():
            broker.tell = lambda row, name=name: self._tell(name, row)  # type: ignore[misc]

    async def start(self) -> str:
        """Serve on a free port of the loopback; return the address before the broker's name."""
        app = web.Application()
        app.router.add_get("/{name}/stream", self._stream)
        app.router.add_route("*", "/{name}/{path:.*}", self._request)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._start_task(self._move_prices())
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    async def stop(self) -> None:
        """Serve nobody any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _request(self, request: web.Request) -> web.Response:
        body = await request.read()
        # A task of its own: a connection that breaks does not call the message back.
        carried_out = self._start_task(
            self._carry_out(
                request.match_info["name"], request.method, request.match_info["path"], body
            )
        )
        status, text = await asyncio.shield(carried_out)
        return web.Response(status=status, text=text, content_type="application/json")

    async def _carry_out(self, name: str, method: str, path: str, body: bytes) -> tuple[int, str]:
        if method == "GET":
            return self._brokers[name].handle(method, path, body)
        await asyncio.sleep(self._dice.uniform(0, ON_THE_WAY_S))
        answer = self._brokers[name].handle(method, path, body)
        await asyncio.sleep(self._dice.uniform(0, ON_THE_WAY_S))
        return answer

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        queue: asyncio.Queue[str] = asyncio.Queue()
        listeners = self._listeners[request.match_info["name"]]
        listeners.add(queue)
        pump = self._start_task(_pump(queue, socket))
        try:
            async for _ in socket:
                """Nobody has anything to say to us."""
        finally:
            listeners.discard(queue)
            pump.cancel()
        return socket

    def _tell(self, name: str, row: dict[str, Any]) -> None:
        text = json.dumps(row)
        for queue in self._listeners[name]:
            queue.put_nowait(text)

    async def _move_prices(self) -> None:
        while True:
            await asyncio.sleep(MOVES_EVERY_S)
            for key in self._market.step():
                for broker in self._brokers.values():
                    broker.move(key)
            self._tell("prices", self._market.prices)

    def _start_task(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.failures.append(error)


async def _pump(queue: asyncio.Queue[str], socket: web.WebSocketResponse) -> None:
    try:
        while True:
            await socket.send_str(await queue.get())
    except ConnectionError:
        return
