"""From a strategy's intent to the permission to send, the durable write included.

    python -m benchmarks.order_path --intents 300

On the loop a run gets (uvloop's, where the extra ``fast`` is installed), or asyncio's own
(``--asyncio``). One intent: from the first line of the hook that calls ``enter`` to the moment the
first byte would leave: risk, reserve, governor, re-check, every record appended, ``fdatasync``
beside the loop, the last kill test, the request encoded, read back and compared. Beside it, in the
same round, the very bytes this intent appended are appended to another file and synced, with
nothing around it. Then 200 intents in one hook (on asyncio's loop), and the same request through
aiohttp on the loopback, server and client on one loop.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from aiohttp import web

from benchmarks.harness import Target
from benchmarks.live_rig import Asker, Rig, Running
from brokers.transport.aio_http import AioHttpClient
from brokers.transport.http import HttpRequest
from engine.model.money import trap_float_mixing
from engine.runtime.loop import loop_factory

AT_ONCE = 200
BARE_RATIO_MAX = 2.0
WARM_UP = 20


class Callbacks:
    """Measures every callback of the loop while it is on; ``longest_ns`` is the worst of them."""

    def __init__(self) -> None:
        self.longest_ns = 0

    def __enter__(self) -> Self:
        self._run = asyncio.events.Handle._run
        run: Callable[[Any], None] = self._run

        def timed(handle: Any) -> None:
            began = time.perf_counter_ns()
            run(handle)
            self.longest_ns = max(self.longest_ns, time.perf_counter_ns() - began)

        asyncio.events.Handle._run = timed  # type: ignore[assignment,method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.events.Handle._run = self._run  # type: ignore[method-assign]


class Samples(NamedTuple):
    """One list entry per intent. ``decided``, ``took``: ns from the hook until every record is
    appended, and until the first byte would leave; ``bare``: ns of the bare write of the same
    bytes, of which there are ``sizes``.
    """

    decided: list[int]
    took: list[int]
    bare: list[int]
    sizes: list[int]


async def one_by_one(folder: Path, intents: int) -> Samples:
    """Let one intent after the other through, each with the bare write of its bytes behind it."""
    rig = Rig(folder / "state")
    running = rig.join()
    await running.start()
    written: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
    rig.direct.on_written = lambda request: (
        written.put_nowait((time.perf_counter_ns(), running.disk.length))
        if request.method == "POST"
        else None
    )
    sender, handed_over = running.parts.sender, list[int]()
    send = sender.send

    def noting(effect: Any, sequence: int) -> None:
        handed_over.append(time.perf_counter_ns())
        send(effect, sequence)

    sender.send = noting  # type: ignore[method-assign]
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    samples = Samples([], [], [], [])
    for number in range(WARM_UP + intents):
        before = running.disk.length
        running.ask(Asker.buy_one)
        at, size = await written.get()
        await running.quiet()
        data = os.pread(running.disk._descriptor, size - before, before)
        began = time.perf_counter_ns()
        os.write(bare, data)
        os.fdatasync(bare)
        ended = time.perf_counter_ns()
        if number >= WARM_UP:
            samples.decided.append(handed_over[number] - running.strategy.began_ns)
            samples.took.append(at - running.strategy.began_ns)
            samples.bare.append(ended - began)
            samples.sizes.append(len(data))
    os.close(bare)
    await running.stop()
    return samples


async def at_once(folder: Path) -> tuple[int, int, int]:
    """Return ns of 200 intents: the longest event, the longest callback, until the last leaves."""
    rig = Rig(folder / "state")
    running: Running = rig.join()
    await running.start()
    running.ask(Asker.buy_one)
    await running.quiet()
    written: asyncio.Queue[int] = asyncio.Queue()
    rig.direct.on_written = lambda request: (
        written.put_nowait(time.perf_counter_ns()) if request.method == "POST" else None
    )

    def many(strategy: Asker) -> None:
        for _ in range(AT_ONCE):
            strategy.buy_one()

    running.parts.runner.longest_event_ns = 0
    with Callbacks() as callbacks:
        running.ask(many)
        at = [await written.get() for _ in range(AT_ONCE)]
    last = at[-1] - running.strategy.began_ns
    longest = running.parts.runner.longest_event_ns
    await running.stop()
    return longest, callbacks.longest_ns, last


async def through_aiohttp(requests: int) -> tuple[list[int], list[int]]:
    """Return ns from ``send`` until the server has the request, and until the reply is here."""
    arrived = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal arrived
        await request.read()
        arrived = time.perf_counter_ns()
        return web.json_response({"status": True, "data": {"order_id": "T00001"}})

    app = web.Application()
    app.router.add_post("/orders", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = AioHttpClient()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/orders"
    request = HttpRequest(method="POST", url=url, body=b"{" + b" " * 190 + b"}")
    there, back = [], []
    for number in range(WARM_UP + requests):
        began = time.perf_counter_ns()
        await client.send(request)
        if number >= WARM_UP:
            there.append(arrived - began)
            back.append(time.perf_counter_ns() - began)
    await client.close()
    await runner.cleanup()
    return there, back


def main() -> int:
    """Measure and print; 1 when the target was missed."""
    trap_float_mixing()
    reader = argparse.ArgumentParser(prog="python -m benchmarks.order_path")
    reader.add_argument("--intents", type=int, default=300)
    reader.add_argument("--folder", type=Path, help="on the disk to be measured")
    reader.add_argument("--asyncio", action="store_true", help="on asyncio's own loop")
    asked = reader.parse_args()
    factory = None if asked.asyncio else loop_factory()
    with (
        tempfile.TemporaryDirectory(dir=asked.folder) as name,
        asyncio.Runner(loop_factory=factory) as runner,
    ):
        folder = Path(name)
        for part in ("one", "many"):
            (folder / part).mkdir()
        decided, took, bare, sizes = runner.run(one_by_one(folder / "one", asked.intents))
        there, back = runner.run(through_aiohttp(asked.intents))
        on = type(runner.get_loop()).__module__.partition(".")[0]
        # Its callbacks can be timed in asyncio's own loop alone.
        longest, callback, last = asyncio.run(at_once(folder / "many"))
    print(f"{len(took)} intents one by one on {on}, {statistics.median(sizes):.0f} bytes each")
    print(f"  intent to every record appended {_spread(decided)}")
    print(f"  intent to permission to send    {_spread(took)}")
    print(f"  the same bytes and fdatasync    {_spread(bare)}")
    ratio = statistics.median(a / b for a, b in zip(took, bare, strict=True))
    apart = statistics.median(took) / statistics.median(bare)
    waited = statistics.median(t - d for t, d in zip(took, decided, strict=True))
    print(f"  ratio: {ratio:.2f} (median of the pairs), {apart:.2f} (of the medians)")
    after = waited / statistics.median(bare)
    print(f"  from the last record to the permission: {after:.2f} times the bare write")
    print(f"{AT_ONCE} intents in one hook")
    print(f"  longest event in the kernel and its effects  {longest / 1e6:8.2f} ms")
    print(f"  longest callback of the loop                 {callback / 1e6:8.2f} ms")
    print(f"  from the hook to the last one's first byte   {last / 1e6:8.2f} ms")
    print("the request through aiohttp on the loopback")
    print(f"  until the server has it        {_spread(there)}")
    print(f"  until the reply is here        {_spread(back)}")
    target = Target("intent to permission, p50 against a bare append", apart, BARE_RATIO_MAX)
    print(target)
    return 0 if target.is_met else 1


def _spread(samples: list[int]) -> str:
    ordered = sorted(samples)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {p50 / 1000:8.0f} us   p99 {p99 / 1000:8.0f} us"


if __name__ == "__main__":
    sys.exit(main())
