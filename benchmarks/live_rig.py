"""A live engine in one process for the benchmarks: real journal and lock, a broker at hand.

Everything between a hook and the socket is the engine's own; the broker is the simulation's, asked
directly, and its answers and updates come back on the same loop. Nothing is throttled: the
governor's windows are as wide as what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from brokers.transport.http import HttpClient, HttpReply, HttpRequest
from engine import Params, State, Strategy, Tick, buy
from engine.core.kernel import Kernel
from engine.core.seat import SeatConfig
from engine.live_parts import LiveParts, LiveSetup, join_live
from engine.model.event import OrderStreamChanged, OrderUpdated
from engine.model.instrument import Instrument, Kind
from engine.model.order import Product
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions
from engine.runtime.group_commit import in_thread
from engine.runtime.state_folder import StateFolder
from engine.testing.market import nifty_chain
from risk.gate import Gate
from risk.limits import AccountLimits, StrategyLimits
from risk.throttle import Governor, Window
from tests.simulation.adapter import SimExecution
from tests.simulation.broker import WORKING, Broker, Market
from tests.simulation.price_feed import NoLog, PriceFeed
from tests.simulation.world import START_NS, TRADING_DATE, boot

ACCOUNT = "A1"
STRIKES = range(23_600, 25_001, 50)
LOOKS_EVERY_S = 0.0005
"""No spinning: a loop that never sleeps keeps the interpreter from the thread that syncs."""
LIMITS = AccountLimits(
    max_loss_inr=1_000_000_000,
    max_order_value_inr={"premium": 100_000_000},
    max_order_lots=1_000,
    max_position_lots=1_000_000,
    max_uncovered_short_lots=1_000_000,
    max_open_orders=1_000_000,
    max_rejections=1_000_000,
    # Prices are printed once, at the start: a slow disk must not make them too old to be traded on.
    reference_max_age_s={"option": 3600},
)


class RealClock:
    """The day's time, as fast as the machine's: ns UTC from its start."""

    def __init__(self) -> None:
        self._zero = time.monotonic_ns()

    def now(self) -> int:
        return START_NS + time.monotonic_ns() - self._zero


class DirectHttp:
    """Hands a request to the broker at once. ``on_written`` is told when a byte would leave."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.on_written: Callable[[HttpRequest], None] = lambda _: None

    async def send(
        self, request: HttpRequest, on_written: Callable[[], None] = lambda: None
    ) -> HttpReply:
        self.on_written(request)
        on_written()
        path = request.url.partition("://")[2].partition("/")[2]
        status, text = self._broker.handle(request.method, path, request.body)
        return HttpReply(status=status, body=text.encode())

    async def warm(self, url: str) -> None:
        """Nothing is cold in memory."""

    async def close(self) -> None:
        """Nothing to let go."""


class Asker(Strategy[Params]):
    """Does in ``on_tick`` what it was last told to, and notes when that began."""

    state: State

    def on_start(self) -> None:
        self.work: Callable[[Asker], None] | None = None
        self.began_ns = 0
        self.entered = 0
        self.is_ready = False
        self.watch("NIFTY")
        chain = self.chain("NIFTY")
        self.options = [chain.strike(k, r) for k in STRIKES for r in ("CE", "PE")]
        for option in self.options:
            self.watch(option)

    def on_recovered(self) -> None:
        self.is_ready = True

    def on_tick(self, tick: Tick) -> None:
        if self.work is not None and tick.instrument.kind is Kind.INDEX:
            work, self.work = self.work, None
            self.began_ns = time.perf_counter_ns()
            work(self)

    def buy_one(self) -> None:
        """Enter one leg, unlike any of the second before: risk refuses what looks the same."""
        lots, option = divmod(self.entered, len(self.options))
        self.entered += 1
        self.enter(buy(self.options[option], 1 + lots % 25), name=f"g{self.entered}")


class Rig:
    """One broker that lives on, and the engine's process, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = RealClock()
        self.catalogue = nifty_chain()
        prices = {
            i.key: 2_430_000 if i.kind is Kind.INDEX else 10_000
            for i in self.catalogue
            if i.kind in {Kind.INDEX, Kind.OPTION}
        }
        self.market = Market(Random(1), prices)
        lots = {i.key: i.lot_size for i in self.catalogue}
        self.broker = Broker(
            "T", Random(2), self.market, lots, self.clock.now, echoes_tag=True, reject_share=0.0
        )
        self.direct = DirectHttp(self.broker)
        self.http: HttpClient = self.direct
        self.host = "http://broker.test/"

    def join(self) -> Running:
        """Take the folder's journal up, or begin it."""
        return Running(self)


class Running:
    """An engine joined and, once ``start`` was awaited, running and recovered."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.folder = StateFolder.open(rig.folder)
        self.disk = self.folder.journal_disk(TRADING_DATE)
        by_key: Mapping[str, Instrument] = {i.key: i for i in rig.catalogue}
        self.feed = PriceFeed(rig.market, by_key)
        self.execution = SimExecution(
            rig.http, rig.catalogue, rig.clock, echoes_tag=True, source="book", host=rig.host
        )
        self.strategy: Asker
        sessions = Sessions()
        self.gate = Gate(LIMITS, {"alpha": StrategyLimits()}, sessions, TRADING_DATE)
        self.parts: LiveParts = join_live(
            LiveSetup(
                trading_date=TRADING_DATE,
                catalogue=rig.catalogue,
                sessions=sessions,
                gate=self.gate,
                governor=Governor([Window(1_000_000, NS_PER_S)]),
                executions={ACCOUNT: self.execution},
                feed=self.feed,
                clock=rig.clock,
                wall=rig.clock,
                log=NoLog(),
                seats=self._seat,
                boot=boot(1),
                say=lambda _: None,
                sync=in_thread,
                stopwatch=time.perf_counter_ns,
            ),
            self.disk,
        )
        self._tasks: list[asyncio.Task[Any]] = []

    def _seat(self, kernel: Kernel, _: Mapping[str, bytes]) -> None:
        config = SeatConfig(
            strategy_id="alpha", accounts={ACCOUNT: 1}, product=Product.INTRADAY, seed=1
        )
        seat, context = kernel.seat(config)
        self.strategy = Asker(Params(), State(), context)
        seat.sit(self.strategy, wants_ticks=True)

    async def start(self) -> None:
        """Run, and return once the books were weighed and prices are known."""
        parts, broker = self.parts, self.rig.broker
        broker.tell = self._tell
        self._tasks = [
            asyncio.ensure_future(parts.commit.run()),
            asyncio.ensure_future(parts.runner.run()),
        ]
        parts.bus.publish(OrderStreamChanged(ACCOUNT, is_up=True, why="connected"))
        books, recovery = parts.kernel.reconcile.books, parts.kernel.recovery
        while recovery.is_on or books.is_reading:  # noqa: ASYNC110 - a kernel tells nobody
            await asyncio.sleep(LOOKS_EVERY_S)
        self.tick()
        await self.quiet()

    def _tell(self, row: dict[str, Any]) -> None:
        self.parts.bus.publish(OrderUpdated(self.execution.update(dict(row))))

    def tick(self) -> None:
        """Print every watched instrument."""
        for tick in self.feed.ticks(self.rig.market.prices, self.rig.clock.now()):
            self.parts.bus.publish_tick(tick)

    def ask(self, work: Callable[[Asker], None]) -> None:
        """Have the strategy do something at the index's next tick, which is now."""
        self.strategy.work = work
        (tick,) = (
            t
            for t in self.feed.ticks(self.rig.market.prices, self.rig.clock.now())
            if t.instrument.kind is Kind.INDEX
        )
        self.parts.bus.publish_tick(tick)

    async def quiet(self) -> None:
        """Let every order fill; return once nothing is under way and everything is durable."""
        parts, broker = self.parts, self.rig.broker
        while True:
            while parts.bus or parts.effects.under_way:  # noqa: ASYNC110 - as above
                await asyncio.sleep(LOOKS_EVERY_S)
            working = {row.key for row in broker.rows.values() if row.status in WORKING}
            if not working:
                break
            for key in working:
                broker.move(key)
        await parts.commit.wait_for_all()

    async def stop(self) -> None:
        """End in order."""
        self.parts.runner.stop("measured")
        await self._tasks[1]
        self._tasks[0].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.parts.journal.close()
        self.folder.close()
