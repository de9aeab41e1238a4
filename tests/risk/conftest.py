"""A small market and a view of it that tests set by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.command import Batch, Replacement
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Depth, Tick
from engine.model.order import (
    ChildKey,
    Lifecycle,
    Order,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
)
from engine.model.side import Side
from engine.ports import TradingState
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.sessions import Sessions
from risk.gate import Gate
from risk.limits import AccountLimits, StrategyLimits

DAY = date(2026, 8, 19)
EXPIRY = date(2026, 8, 25)
FAR_EXPIRY = date(2026, 9, 1)
ACCOUNT = "A1"
STRATEGY = "straddle"


class FakeView:
    """A ``RiskView`` of plain dictionaries."""

    def __init__(self) -> None:
        self.now = at_ns(DAY, time(10, 0))
        self.cadence_s = 0.0
        self.states: dict[tuple[str, str], tuple[TradingState, str]] = {}
        self.ticks: dict[Instrument, Tick] = {}
        self.books: dict[Instrument, Depth] = {}
        self.all_orders: dict[str, Order] = {}
        self.held: dict[tuple[str, str, Instrument], int] = {}
        self.held_by_group: dict[tuple[str, str, Instrument], int] = {}
        self.pnl: dict[tuple[str | None, str | None], float] = {}

    def trading_state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        return self.states.get((strategy, account), (TradingState.ACTIVE, ""))

    def tick(self, instrument: Instrument) -> Tick | None:
        return self.ticks.get(instrument)

    def depth(self, instrument: Instrument) -> Depth | None:
        return self.books.get(instrument)

    def orders(self) -> Iterable[Order]:
        return [o for o in self.all_orders.values() if not o.lifecycle.is_terminal]

    def order(self, client_id: str) -> Order | None:
        return self.all_orders.get(client_id)

    def position(self, instrument: Instrument, account: str | None = None) -> int:
        return dict(self.positions(account)).get(instrument, 0)

    def positions(self, account: str | None = None) -> Iterable[tuple[Instrument, int]]:
        return self._net(None, account)

    def strategy_position(self, strategy: str, instrument: Instrument) -> int:
        return dict(self._net(strategy, None)).get(instrument, 0)

    def group_position(self, group_id: str, account: str, instrument: Instrument) -> int:
        of_strategy = self.held.get((STRATEGY, account, instrument), 0)
        return self.held_by_group.get((group_id, account, instrument), of_strategy)

    def strategy_positions(
        self, strategy: str, account: str | None = None
    ) -> Iterable[tuple[Instrument, int]]:
        return self._net(strategy, account)

    def accounts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a for _, a in self.pnl if a is not None))

    def day_pnl_inr(self, strategy: str | None = None, account: str | None = None) -> float:
        return self.pnl.get((strategy, account), 0.0)

    def _net(self, strategy: str | None, account: str | None) -> list[tuple[Instrument, int]]:
        net: dict[Instrument, int] = {}
        for (whose, where, instrument), units in self.held.items():
            if strategy in (None, whose) and account in (None, where):
                net[instrument] = net.get(instrument, 0) + units
        return [(instrument, units) for instrument, units in net.items() if units]


class World:
    """Instruments, a view, and builders with sensible defaults."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self.view = FakeView()
        self.day = DAY
        self.far_expiry = FAR_EXPIRY
        self.segment = Segment
        self.sessions = Sessions()
        self.index = self.add(Kind.INDEX, segment=Segment.NSE_CM)
        self.future = self.add(Kind.FUTURE, tick_size=Decimal("0.10"))
        self.call = self.add(Kind.OPTION, strike=24500, right=Right.CALL)
        self.put = self.add(Kind.OPTION, strike=24500, right=Right.PUT)
        self.far_call = self.add(Kind.OPTION, strike=25000, right=Right.CALL)
        self.far_put = self.add(Kind.OPTION, strike=24000, right=Right.PUT)
        self.later_call = self.add(Kind.OPTION, strike=25000, right=Right.CALL, expiry=FAR_EXPIRY)
        self.old_call = self.add(
            Kind.OPTION, strike=25000, right=Right.CALL, expiry=date(2026, 8, 18)
        )
        self.share = self.add(
            Kind.EQUITY, segment=Segment.NSE_CM, underlying="SBIN", tick_size=Decimal("0.05")
        )
        for instrument, last in (
            (self.future, 24600.0),
            (self.call, 120.0),
            (self.put, 100.0),
            (self.far_call, 20.0),
            (self.far_put, 15.0),
            (self.later_call, 60.0),
            (self.share, 800.0),
        ):
            self.quote(instrument, last)
        self._made = 0

    def add(
        self,
        kind: Kind,
        *,
        segment: Segment = Segment.NSE_FO,
        underlying: str = "NIFTY",
        strike: int | None = None,
        right: Right | None = None,
        expiry: date = EXPIRY,
        tick_size: Decimal = Decimal("0.05"),
        lot_size: int | None = None,
    ) -> Instrument:
        derivative = kind in (Kind.FUTURE, Kind.OPTION)
        return self.catalogue.intern(
            InstrumentFacts(
                segment=segment,
                kind=kind,
                underlying=underlying,
                expiry=expiry if derivative else None,
                strike=Decimal(strike) if strike is not None else None,
                right=right,
                lot_size=lot_size or (65 if derivative else 1),
                tick_size=tick_size,
            )
        )

    def quote(
        self,
        instrument: Instrument,
        last: float,
        *,
        bid: float | None = None,
        ask: float | None = None,
        age_s: float = 0.5,
        previous_close: float | None = None,
    ) -> None:
        at = self.view.now - round(age_s * NS_PER_S)
        self.view.ticks[instrument] = Tick(
            instrument, "test", last, at, at, previous_close=previous_close, bid=bid, ask=ask
        )

    def request(
        self,
        instrument: Instrument,
        side: Side = Side.BUY,
        lots: int = 1,
        price: str | None = None,
        **changes: Any,
    ) -> OrderRequest:
        self._made += 1
        account = changes.pop("account", ACCOUNT)
        group = changes.pop("group", f"g{self._made}")
        last = self.view.ticks[instrument].last if instrument in self.view.ticks else 1.0
        facts: dict[str, Any] = {
            "client_id": f"ID{self._made:012}",
            "key": ChildKey(group, 0, account, 0, 1),
            "strategy": STRATEGY,
            "instrument": instrument,
            "side": side,
            "quantity": lots * instrument.lot_size,
            "order_type": OrderType.LIMIT,
            "price": Decimal(price if price is not None else repr(last)),
            "trigger_price": None,
            "product": Product.INTRADAY,
            "purpose": Purpose.ENTRY,
            "decision_price": last,
            "created_at": self.view.now,
            "expires_at": self.view.now + 10 * NS_PER_S,
        }
        return OrderRequest(**(facts | changes))

    def order(
        self, request: OrderRequest, lifecycle: Lifecycle = Lifecycle.OPEN, **now: Any
    ) -> Order:
        """Make an order of ``request`` known to the view."""
        order = msgspec.structs.replace(Order.of(request), lifecycle=lifecycle, **now)
        self.view.all_orders[order.client_id] = order
        return order

    def hold(
        self, instrument: Instrument, lots: int, *, strategy: str = STRATEGY, account: str = ACCOUNT
    ) -> None:
        self.view.held[strategy, account, instrument] = lots * instrument.lot_size

    def gate_on(self, day: date) -> Gate:
        """A gate of the default limits on another trading date."""
        return Gate(AccountLimits(), {STRATEGY: StrategyLimits()}, self.sessions, day)

    @staticmethod
    def replacement(order: Order, **to: Any) -> Replacement:
        """A change of an order; what is left out stays."""
        facts: dict[str, Any] = {
            "client_id": order.client_id,
            "generation": order.generation + 1,
            "quantity": order.quantity,
            "price": order.price,
            "trigger_price": order.trigger_price,
            "purpose": order.request.purpose,
        }
        return Replacement(**(facts | to))

    def gate(self, own: dict[str, Any] | None = None, **account: Any) -> Gate:
        return Gate(
            AccountLimits.model_validate(account),
            {STRATEGY: StrategyLimits.model_validate(own or {}), "other": StrategyLimits()},
            self.sessions,
            DAY,
        )

    @staticmethod
    def batch(*requests: OrderRequest, whole: bool = False) -> Batch:
        return Batch(requests=requests, whole=whole)


@pytest.fixture
def world() -> World:
    return World()
