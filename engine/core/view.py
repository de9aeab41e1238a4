"""What the risk gate may look at: the kernel's state, read only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from engine.core.desk import Desk
from engine.model.instrument import Instrument
from engine.model.market import Depth, Tick
from engine.model.order import Order
from engine.ports import TradingState

StateOf = Callable[[str, str], tuple[TradingState, str]]


class KernelView:
    """``engine.ports.RiskView`` over one kernel. ``cadence_s``: how often the feed prints."""

    def __init__(
        self,
        desk: Desk,
        orders: dict[str, Order],
        live: dict[str, Order],
        trading_state: StateOf,
        cadence_s: float,
    ) -> None:
        self._desk = desk
        self._orders = orders
        self._live = live
        self._trading_state = trading_state
        self.cadence_s: Final = cadence_s

    @property
    def now(self) -> int:
        """The time of the event being handled, ns UTC."""
        return self._desk.now

    def trading_state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        """Return the most restrictive state that applies, and why."""
        return self._trading_state(strategy, account)

    def tick(self, instrument: Instrument) -> Tick | None:
        """Return the newest tick, or None."""
        return self._desk.book.ticks[instrument.index]

    def orders(self) -> Iterable[Order]:
        """Every order that has not ended, oldest first."""
        return self._live.values()

    def order(self, client_id: str) -> Order | None:
        """Return one order, ended or not."""
        return self._orders.get(client_id)

    def position(self, instrument: Instrument, account: str | None = None) -> int:
        """Net units held, of one account or of all."""
        return self._desk.ledger.net(instrument, account)

    def positions(self, account: str | None = None) -> Iterable[tuple[Instrument, int]]:
        """Every instrument with a net quantity, of one account or of all."""
        return self._desk.ledger.nets(account)

    def strategy_position(self, strategy: str, instrument: Instrument) -> int:
        """Net units held by one strategy."""
        return self._desk.ledger.by_strategy(strategy, instrument).quantity

    def group_position(self, group_id: str, account: str, instrument: Instrument) -> int:
        """Net units a group holds in one account."""
        return self._desk.ledger.group_net(group_id, account, instrument)

    def strategy_positions(
        self, strategy: str, account: str | None = None
    ) -> Iterable[tuple[Instrument, int]]:
        """Every instrument a strategy holds net, in one account or in all."""
        return self._desk.ledger.strategy_nets(strategy, account)

    def depth(self, instrument: Instrument) -> Depth | None:
        """Return the newest book, or None."""
        return self._desk.book.depths[instrument.index]

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts in which anything was filled."""
        return self._desk.ledger.accounts()

    def day_pnl_inr(self, strategy: str | None = None, account: str | None = None) -> float:
        """Realised plus unrealised, before charges, of one strategy, one account or all."""
        return self._desk.ledger.pnl_inr(self._desk.book.ticks, strategy, account)
