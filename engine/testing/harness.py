"""The harness: one strategy on the real kernel, gate and paper exchange, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from brokers.paper.broker import PaperBroker
from brokers.paper.config import PaperConfig
from engine.author import is_unwritten
from engine.core.group import Group
from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.seat import SeatConfig
from engine.core.timers import NEVER
from engine.errors import FileError
from engine.model.arithmetic import exactly
from engine.model.catalogue import Catalogue
from engine.model.effect import Say
from engine.model.instrument import Instrument
from engine.model.order import Order, Product
from engine.model.record import GroupMoved, Record
from engine.rules.clock_time import NS_PER_S, at_ns, ist_datetime
from engine.rules.sessions import Sessions, shares_with_derivatives
from engine.runtime.bus import Bus
from engine.runtime.effects import Effects
from engine.runtime.loader import params_type, state_type
from engine.runtime.runner import ReplayRunner
from engine.strategy import Strategy
from engine.testing.market import LEVEL_QUANTITY, Frames, Market, Quote, around, nifty_chain
from risk.gate import Gate
from risk.kill_switch import KillSwitch
from risk.limits import AccountLimits, StrategyLimits
from risk.throttle import Governor

TRADING_DATE = date(2026, 8, 19)
LIMITS = AccountLimits(max_uncovered_short_lots=20)


class _Batch(NamedTuple):
    first_frame: int
    received_at: list[int]
    payloads: list[bytes]


class _Records:
    """A journal that only remembers."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append_all(self, records: Iterable[Record], at: int) -> int:  # noqa: ARG002 - the port's form
        self.records.extend(records)
        return len(self.records)


class _NoLog:
    """A session log that forgets."""

    def dispatched_frames(self, *_: int) -> None:
        """Forget it."""

    def dispatched_event(self, *_: object) -> None:
        """Forget it."""

    def effects(self, *_: object) -> None:
        """Forget it."""


class _NeverStale:
    """A test says itself what its feed does."""

    def earliest(self, last_at: int) -> int:
        """Return that no silence is too long: only the first frame is told."""
        return NEVER if last_at else 0

    def due(self, last_at: int) -> int:
        """Return that none is a fault."""
        del last_at
        return NEVER

    def halt_to_tell(self, at: int, last_at: int) -> str:
        """Return that the market trades."""
        del at, last_at
        return ""


class StrategyHarness:
    """One strategy, one account, one day, in the test's hands.

    Keyword arguments are the strategy's parameters. ``start`` is the clock time at which
    ``on_start`` runs. ``limits`` and ``paper`` are those of the YAML's ``risk`` and ``paper``;
    without ``paper`` orders arrive at once.
    """

    @exactly
    def __init__(
        self,
        strategy: type[Strategy[Any]],
        /,
        *,
        start: str = "09:15:00",
        limits: AccountLimits = LIMITS,
        paper: PaperConfig | None = None,
        catalogue: Catalogue | None = None,
        trading_date: date = TRADING_DATE,
        product: Product = Product.INTRADAY,
        accounts: dict[str, int] | None = None,
        **params: Any,
    ) -> None:
        self.catalogue = nifty_chain() if catalogue is None else catalogue
        self._date = trading_date
        self._now = at_ns(trading_date, time.fromisoformat(start))
        self._frames = 0
        self.said: list[Say] = []
        self._sink = _Records()
        self._ticks = Frames()
        sessions = Sessions(closing_auction=shares_with_derivatives(self.catalogue))
        self._market = Market(self.catalogue, sessions)
        gate = Gate(limits, {"strategy": StrategyLimits()}, sessions, trading_date)
        config = paper or PaperConfig(latency_ms=0, reply_latency_ms=0)
        self.broker = PaperBroker(
            self.catalogue,
            self._ticks,
            config,
            trading_date=trading_date,
            cadence_s=0.0,
            sessions=sessions,
        )
        self._subscribed = subscribed = bytearray(len(self.catalogue))
        wants_depth = bytearray(len(self.catalogue))
        governor = Governor.of(limits)
        effects = Effects(
            self._sink, governor, self.broker, subscribed, wants_depth, self.said.append
        )
        self._kernel = Kernel(
            KernelConfig(trading_date=trading_date),
            self.catalogue,
            sessions,
            gate,
            KillSwitch(),
        )
        seat, context = self._kernel.seat(
            SeatConfig(strategy_id="strategy", accounts=accounts or {"paper": 1}, product=product)
        )
        made = strategy(params_type(strategy)(**params), state_type(strategy)(), context)
        seat.sit(made, wants_ticks=not is_unwritten(made.on_tick))
        self.strategy = made
        self._seat = seat
        self._runner = ReplayRunner(
            self._kernel,
            self.broker,
            governor,
            effects,
            self._ticks,
            _NoLog(),
            Bus(),
            subscribed=subscribed,
            wants_depth=wants_depth,
            source="test",
            silence=_NeverStale(),
        )
        self._is_started = False

    # -- moving the market -----------------------------------------------------------------------

    @exactly
    def start(self) -> None:
        """Run ``on_start`` now; the first price or ``advance`` does it otherwise."""
        if not self._is_started:
            self._is_started = True
            self._runner.begin(self._now)
            self._settle()

    @exactly
    def spot(
        self, price: float, underlying: str = "NIFTY", *, volatility: float | None = None
    ) -> None:
        """Move the index to ``price`` and everything on it with it, options by Black-76."""
        self.start()
        if volatility is not None:
            self._market.volatility = volatility
        moved = self._market.move(underlying, price, self._now)
        for instrument in moved:
            # The whole market moves before the strategy hears of any of it: no test should
            # depend on the order in which its instruments happen to print.
            tick, depth = self._market.show(instrument, 0, self._now)
            self.broker.on_frame(instrument.index, tick, self._ticks.add(tick, depth))
            if self._kernel.desk.book.ticks[instrument.index] is not None:
                self._kernel.desk.book.ticks[instrument.index] = tick
        for instrument in moved:
            self._print(instrument, LEVEL_QUANTITY)

    @exactly
    def quote(
        self,
        instrument: Instrument,
        last: float,
        *,
        bid: float | None = None,
        ask: float | None = None,
        quantity: int = LEVEL_QUANTITY,
    ) -> None:
        """Print one instrument: last price, and a touch one tick either side unless given."""
        self.start()
        near = around(instrument, last)
        self._market.quotes[instrument] = Quote(
            near.last, near.bid if bid is None else bid, near.ask if ask is None else ask
        )
        self._print(instrument, quantity)

    @exactly
    def advance(self, to: str | time) -> None:
        """Let the clock run to ``to`` (IST), every watched price printing once a second."""
        self.start()
        until = at_ns(self._date, time.fromisoformat(to) if isinstance(to, str) else to)
        while self._now < until:
            self._now = min(self._now + NS_PER_S, until)
            self._settle()
            for instrument in list(self._market.quotes):
                if self._subscribed[instrument.index]:
                    self._print(instrument, 0)
            self._settle()

    def seconds(self, count: float) -> None:
        """Let the clock run for ``count`` seconds."""
        self.advance((self.now + timedelta(seconds=count)).time())

    @exactly
    def stop(self) -> None:
        """End the session: ``on_stop`` runs."""
        self.start()
        self._runner.end("the test ended")
        self._settle()

    # -- looking ---------------------------------------------------------------------------------

    @property
    def now(self) -> Any:
        """The time, as the strategy sees it."""
        return ist_datetime(self._now)

    @property
    def orders(self) -> list[Order]:
        """Every order the strategy's groups placed, oldest first, as it stands now."""
        return list(self._kernel.blotter.orders.values())

    @property
    def records(self) -> list[Record]:
        """Everything that was journaled."""
        return self._sink.records

    @property
    def states(self) -> list[str]:
        """The states the groups went through, as ``name: STATE``, in order."""
        return [
            f"{r.group_id.split('.')[1]}: {r.after}"
            for r in self.records
            if isinstance(r, GroupMoved)
        ]

    @property
    def halted(self) -> str:
        """Why the strategy was halted; empty while it runs."""
        return self._seat.halted_why

    @property
    def log(self) -> list[str]:
        """What the strategy and the engine said, oldest first, as ``level: text name=value``."""
        return [
            " ".join([f"{line.level}: {line.text}", *(f"{k}={v}" for k, v in line.fields.items())])
            for line in self.said
        ]

    def group(self, name: str) -> Group:
        """Return the newest group of that name, done or not. Raises ``FileError`` without one."""
        found = self._kernel.placement.newest("strategy", name)
        if found is None:
            raise FileError(f"the strategy entered no group {name!r}")
        return found

    def position(self, instrument: Instrument) -> int:
        """Return the net units the strategy holds."""
        return self._kernel.desk.ledger.net(instrument)

    def instrument(self, words: str) -> Instrument:
        """Return the instrument a symbol or an underlying means."""
        return self.catalogue.find(words)

    def option(self, strike: float, right: str, underlying: str = "NIFTY") -> Instrument:
        """Return an option of the catalogue."""
        for instrument in self.catalogue:
            if (
                instrument.underlying == underlying
                and instrument.right == right
                and instrument.strike == Decimal(repr(strike))
            ):
                return instrument
        raise FileError(f"no {underlying} {strike:g} {right} in this harness's catalogue")

    def future(self, underlying: str = "NIFTY") -> Instrument:
        """Return the nearest future."""
        return self.catalogue.future(underlying)

    @exactly
    def call_hook(self, hook: Callable[[], None]) -> None:
        """Run a hook of the strategy by hand, guarded as the engine guards it."""
        self.start()
        self._seat.call(getattr(hook, "__name__", "hook"), hook)
        self.seconds(0.001)

    # -- inside ----------------------------------------------------------------------------------

    def _print(self, instrument: Instrument, traded: int) -> None:
        tick, depth = self._market.show(instrument, traded, self._now)
        batch = _Batch(self._frames, [self._now], [self._ticks.add(tick, depth)])
        self._frames += 1
        self._settle()
        self._runner.step(batch, 0, 1)
        self._settle()

    def _settle(self) -> None:
        """Let everything happen that is due by now, background work included."""
        while not self._runner.advance(self._now):
            asyncio.run(self._runner.settle())
