"""One engine process: real files, real sockets, real time; it trades until somebody kills it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import time
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from brokers.transport.aio_http import AioHttpClient
from brokers.transport.aio_web_socket import AioConnector
from brokers.transport.web_socket import SocketClosed
from engine.core.kernel import Kernel
from engine.core.seat import SeatConfig
from engine.errors import NotSent
from engine.live_parts import LiveParts, LiveSetup, join_live
from engine.model.catalogue import Catalogue
from engine.model.codec import encode
from engine.model.order import Product
from engine.ports import Clock, Execution
from engine.rules.sessions import Sessions
from engine.runtime.clock import stopwatch_ns
from engine.runtime.group_commit import in_thread
from engine.runtime.state_folder import StateFolder
from engine.testing.market import nifty_chain
from risk.gate import Gate
from risk.limits import StrategyLimits
from risk.throttle import Governor
from tests.simulation.adapter import OrderStream, SimExecution
from tests.simulation.broker import Market
from tests.simulation.day import is_quiet
from tests.simulation.invariants import nothing_left_running
from tests.simulation.price_feed import NoLog, PriceFeed
from tests.simulation.real_deaths.pace import PacedClock
from tests.simulation.trader import Trader, TraderParams, TraderState
from tests.simulation.world import ACCOUNTS, LIMITS, MAX_LEGS, START_NS, TRADING_DATE, boot

RECONNECTS_AFTER_S = 0.5
QUIET_EVERY_S = 2.0
QUIET_TIMES = 4
"""So many looks in a row must find nothing under way before the day is over."""
STATE = "state"
LAST_WORDS = "last-words"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told. ``until`` (IST, ISO): the strategies leave everything from then on.

    ``ends_at_rest``: it is not killed, but stops by itself once nothing is under way, and leaves
    the digest of what it knows in ``LAST_WORDS``. ``at_most_s``: real seconds after which the
    system ends it in any case.
    """

    folder: str
    url: str
    zero_ns: int
    pace: int
    number: int
    seed: int
    every_s: float
    until: str
    ends_at_rest: bool
    at_most_s: int


async def live(life: Life) -> None:
    """Take up what the folder holds and trade. Raises what the engine died of."""
    clock = PacedClock(START_NS, life.zero_ns, life.pace)
    folder = StateFolder.open(Path(life.folder) / STATE)
    disk = folder.journal_disk(TRADING_DATE)
    market = Market(Random(0), {})
    https = {name: AioHttpClient() for name in ACCOUNTS}
    connector = AioConnector()
    catalogue = nifty_chain()
    by_key = {i.key: i for i in catalogue}
    executions = {
        name: SimExecution(
            https[name],
            catalogue,
            clock,
            echoes_tag=name == "tagged",
            source=name,
            host=f"{life.url}{name}/",
            max_legs=MAX_LEGS[name],
        )
        for name in ACCOUNTS
    }
    feed = PriceFeed(market, by_key)
    parts = join_live(
        setup_of(
            life,
            clock,
            catalogue,
            {account: executions[name] for name in ACCOUNTS for account in ACCOUNTS[name]},
            feed,
        ),
        disk,
    )
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    loop.set_exception_handler(lambda _, context: _fail(failed, context))
    running = asyncio.ensure_future(parts.runner.run())
    others = [
        asyncio.ensure_future(work)
        for work in (
            parts.commit.run(),
            _watch_prices(connector, f"{life.url}prices/stream", market, feed, clock, parts),
            *(
                OrderStream(
                    connector,
                    executions[name],
                    accounts,
                    Random(life.seed),
                    parts.bus.publish,
                    f"{life.url}{name}/stream",
                ).run()
                for name, accounts in ACCOUNTS.items()
            ),
        )
    ]
    if life.ends_at_rest:
        others.append(asyncio.ensure_future(_stop_at_rest(parts)))
    done, _ = await asyncio.wait(
        {running, failed, *others[:3]}, return_when=asyncio.FIRST_COMPLETED
    )
    for task in done:
        task.result()
    # The runner stops by itself at rest and at no other time; nobody else ever does.
    await running
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    nothing_left_running(parts, loop)
    journal_reached = parts.journal.sequence
    parts.journal.close()
    for http in https.values():
        await http.close()
    await connector.close()
    folder.close()
    words = {"digest": digest(parts.kernel), "records": journal_reached}
    (Path(life.folder) / LAST_WORDS).write_text(json.dumps(words))


def setup_of(
    life: Life,
    clock: Clock,
    catalogue: Catalogue,
    executions: Mapping[str, Execution],
    feed: PriceFeed,
) -> LiveSetup:
    """Return what a live run of this day is made of."""
    sessions = Sessions()
    strategies = {name: StrategyLimits() for name in ("alpha", "beta")}
    return LiveSetup(
        trading_date=TRADING_DATE,
        catalogue=catalogue,
        sessions=sessions,
        gate=Gate(LIMITS, strategies, sessions, TRADING_DATE),
        governor=Governor.of(LIMITS),
        executions=executions,
        feed=feed,
        clock=clock,
        wall=clock,
        log=NoLog(),
        seats=lambda kernel, states: _seats(life, kernel, states),
        boot=boot(life.number),
        say=lambda _: None,
        sync=in_thread,
        stopwatch=stopwatch_ns,
    )


def digest(kernel: Kernel) -> str:
    """Return a hash of every order and every position a kernel knows."""
    orders = sorted(kernel.blotter.orders.items())
    held = sorted((a, p.instrument.key, p.quantity) for a, _, p in kernel.desk.ledger.positions())
    return sha256(
        b"\n".join([*(encode(order) for _, order in orders), repr(held).encode()])
    ).hexdigest()


def _seats(life: Life, kernel: Kernel, states: Mapping[str, bytes]) -> None:
    params = TraderParams(every_s=life.every_s, until=time.fromisoformat(life.until))
    for number, (name, accounts) in enumerate((("alpha", {"A1": 1, "B1": 1}), ("beta", {"A2": 1}))):
        config = SeatConfig(
            strategy_id=name,
            accounts=accounts,
            product=Product.INTRADAY,
            seed=life.seed * 10 + number,
        )
        seat, context = kernel.seat(config)
        payload = states.get(name)
        state = TraderState() if payload is None else msgspec.json.decode(payload, type=TraderState)
        seat.sit(Trader(params, state, context), wants_ticks=True)


async def _watch_prices(
    connector: AioConnector,
    url: str,
    market: Market,
    feed: PriceFeed,
    clock: Clock,
    parts: LiveParts,
) -> None:
    """Publish prices as they come."""
    while True:
        try:
            socket = await connector.connect(url, {})
            while True:
                market.prices = json.loads(await socket.receive())
                for tick in feed.ticks(market.prices, clock.now()):
                    parts.bus.publish_tick(tick)
        except (NotSent, SocketClosed):
            await asyncio.sleep(RECONNECTS_AFTER_S)


async def _stop_at_rest(parts: LiveParts) -> None:
    quiet = 0
    while quiet < QUIET_TIMES:
        await asyncio.sleep(QUIET_EVERY_S)
        quiet = quiet + 1 if is_quiet(parts.kernel) else 0
    parts.runner.stop("the day is over")


def _fail(failed: asyncio.Future[None], context: dict[str, Any]) -> None:
    error = context.get("exception") or RuntimeError(context["message"])
    if not failed.done():
        failed.set_exception(error)
