"""What a rule looks at: one order to be judged, beside the rest of its batch and the market.

A ``Case`` gathers, once per order, what several rules need. Rules are functions of a case that
return a ``Check``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeGuard

from engine.model.approval import Check
from engine.model.instrument import Instrument, Kind
from engine.model.market import Tick
from engine.model.money import inr
from engine.model.order import Lifecycle, Order, OrderRequest
from engine.ports import RiskView
from engine.rules.clock_time import NS_PER_S
from risk.hours import TradingHours
from risk.limits import AccountLimits

LimitKind = Literal["option", "future", "cash"]

LIMIT_KIND: Final[dict[Kind, LimitKind]] = {
    Kind.OPTION: "option",
    Kind.FUTURE: "future",
    Kind.EQUITY: "cash",
}
"""Which of the per-kind limits holds for an instrument that can be traded."""

CADENCES: Final = 2.5
"""A reference is never called stale before this many cadences of the recording (issue 2)."""


PRICE_EXPONENTS: Final = (-6, 8)
"""The powers of ten between which a price's first digit must stand."""


class Policy(NamedTuple):
    """The limits that hold for one strategy, and the names of those it set itself."""

    limits: AccountLimits
    account: AccountLimits
    own: frozenset[str]

    def scope(self, name: str) -> str:
        """Return whose limit ``name`` is."""
        return "strategy" if name in self.own else "account"


class Reference(NamedTuple):
    """The price an order is judged by, rupees, and where it comes from."""

    price: Decimal
    source: str


class Recent(NamedTuple):
    """An order that was approved a moment ago."""

    at: int
    group_id: str
    client_id: str


class LiveOrders:
    """Orders that have not ended, but for those being judged: sorted once for all the rules.

    Most judgements of a release ask for none of them, so nothing is looked at before it is.
    """

    def __init__(self, view: RiskView, judged: Collection[str]) -> None:
        self._view = view
        self._judged = judged
        self._of_account: dict[str, list[Order]] = {}
        self._of_strategy: dict[str, list[Order]] = {}

    def of_account(self, account: str) -> Sequence[Order]:
        """Return those of one account, oldest first."""
        found = self._of_account.get(account)
        if found is None:
            found = self._of_account[account] = [
                order
                for order in self._view.orders()
                if (request := order.request).key.account == account
                and request.client_id not in self._judged
            ]
        return found

    def of_strategy(self, strategy: str) -> Sequence[Order]:
        """Return those of one strategy in all its accounts, oldest first."""
        found = self._of_strategy.get(strategy)
        if found is None:
            found = self._of_strategy[strategy] = [
                order
                for order in self._view.orders()
                if (request := order.request).strategy == strategy
                and request.client_id not in self._judged
            ]
        return found


class Case:
    """One order to be judged. ``earlier`` are the orders before it in the same batch.

    ``whole`` and ``batch`` are those of the batch; ``standing`` is the order a replacement changes,
    whose own reservation must not be counted twice. ``tick`` is the newest that names a price at
    all, ``age_s`` how long ago it came.
    """

    def __init__(
        self,
        *,
        request: OrderRequest,
        batch: tuple[OrderRequest, ...],
        position: int,
        whole: bool,
        live: LiveOrders,
        view: RiskView,
        policy: Policy,
        hours: TradingHours,
        trading_date: date,
        rejections: int,
        recent: Recent | None,
        standing: Order | None = None,
    ) -> None:
        self.request = request
        self.batch = batch
        self.earlier = batch[:position]
        self.whole = whole
        self.live = live
        self.view = view
        self.policy = policy
        self.limits = policy.limits
        self.hours = hours
        self.trading_date = trading_date
        self.rejections = rejections
        self.recent = recent
        self.standing = standing
        self.instrument: Instrument = request.instrument
        self.subject = f"{request.side} {request.quantity} {request.instrument.symbol}"
        tick = view.tick(request.instrument)
        self.tick: Tick | None = tick if tick is not None and is_price(tick.last) else None
        # Found once, by hand: functools.cached_property takes a lock until Python 3.12.
        self._age_limit: tuple[float, str] | None = None
        self._reference: Reference | None = None
        self.age_s: float | None = None
        if self.tick is not None:
            self.age_s = max(0, view.now - self.tick.received_at) / NS_PER_S

    # -- the market ------------------------------------------------------------------------------

    @property
    def age_limit(self) -> tuple[float, str]:
        """How old the reference may be, seconds, and which limit that is."""
        if self._age_limit is None:
            self._age_limit = self._find_age_limit()
        return self._age_limit

    def _find_age_limit(self) -> tuple[float, str]:
        configured: float = getattr(self.limits.reference_max_age_s, self.kind)
        by_cadence = CADENCES * self.view.cadence_s
        if by_cadence > configured:
            return by_cadence, f"{by_cadence:g} s ({CADENCES} x cadence {self.view.cadence_s:g} s)"
        return configured, f"{configured:g} s"

    @property
    def is_fresh(self) -> bool:
        """True while the newest tick is young enough to judge by."""
        return self.age_s is not None and self.age_s <= self.age_limit[0]

    @property
    def reference(self) -> Reference | None:
        """The mid of a fresh book that is not crossed, else the last price; None without a tick."""
        if self._reference is None:
            self._reference = self._find_reference()
        return self._reference

    def _find_reference(self) -> Reference | None:
        tick = self.tick
        if tick is None:
            return None
        bid, ask = tick.bid, tick.ask
        if self.is_fresh and is_price(bid) and is_price(ask) and bid < ask:
            return Reference((exact(bid) + exact(ask)) / 2, "mid")
        return Reference(exact(tick.last), "last")

    @property
    def waiting_trigger(self) -> Decimal | None:
        """The trigger of a stop that has not been triggered, rupees; None for any other order.

        A stop that stands OPEN has been triggered: it is a limit order from then on.
        """
        if self.standing is not None and self.standing.lifecycle is Lifecycle.OPEN:
            return None
        return self.request.trigger_price

    @property
    def kind(self) -> LimitKind:
        """Which of the per-kind limits holds."""
        return LIMIT_KIND[self.instrument.kind]

    @property
    def fresh_units(self) -> int:
        """Units this order could still add; for a change, at the larger of old and new."""
        if self.standing is None:
            return self.request.quantity
        larger = max(self.standing.quantity, self.request.quantity)
        return larger - self.standing.filled_quantity

    # -- the rest of the account -----------------------------------------------------------------

    def others(self, *, strategy: bool) -> Sequence[Order]:
        """Live orders of this account, or of this strategy in all its accounts."""
        if strategy:
            return self.live.of_strategy(self.request.strategy)
        return self.live.of_account(self.request.key.account)

    def batch_mates(
        self, requests: Iterable[OrderRequest], *, strategy: bool
    ) -> Iterable[OrderRequest]:
        """Those of ``requests`` in the same scope."""
        if strategy:
            return (r for r in requests if r.strategy == self.request.strategy)
        account = self.request.key.account
        return (r for r in requests if r.key.account == account)

    def holdings(self, *, strategy: bool) -> Iterable[tuple[Instrument, int]]:
        """Net units by instrument, of this account or of this strategy in all its accounts."""
        if strategy:
            return self.view.strategy_positions(self.request.strategy)
        return self.view.positions(self.request.key.account)

    # -- the answer ------------------------------------------------------------------------------

    def check(
        self,
        rule: str,
        *,
        passed: bool,
        figure: str,
        limit: str,
        scope: str = "order",
        largest: int | None = None,
        note: str = "",
        subject: str = "",
    ) -> Check:
        """Return a rule's answer about this order, or about ``subject``."""
        return Check(
            rule=rule,
            passed=passed,
            figure=figure,
            limit=limit,
            scope=scope,
            subject=subject or self.subject,
            largest_quantity=largest,
            note=note,
        )

    def whole_lots(self, units: int) -> int:
        """Return the largest whole-lot quantity within ``units``, 0 when there is none."""
        lot = self.instrument.lot_size
        return max(0, units) // lot * lot

    def lots_text(self, units: int) -> str:
        """Return ``units`` as a trader counts them, e.g. ``3 lots (195)``."""
        lots, rest = divmod(abs(units), self.instrument.lot_size)
        sign = "-" if units < 0 else ""
        if rest:
            return f"{units} units"
        return f"{sign}{lots} lot{'' if lots == 1 else 's'} ({units})"


Rule = Callable[[Case], Check]


def is_price(value: float | None) -> TypeGuard[float]:
    """True for a finite price above 0."""
    return value is not None and math.isfinite(value) and value > 0


def is_computable(request: OrderRequest) -> bool:
    """True unless the contract or a price of ``request`` is such that no rule could compute."""
    trigger = request.trigger_price
    return (
        request.instrument.is_tradable
        and is_in_range(request.price)
        and (trigger is None or is_in_range(trigger))
    )


def is_in_range(price: Decimal) -> bool:
    """True for a finite number no larger, and unless 0 no smaller, than any market prints."""
    if not price.is_finite():
        return False
    return price.is_zero() or PRICE_EXPONENTS[0] <= price.adjusted() <= PRICE_EXPONENTS[1]


def exact(price: float) -> Decimal:
    """Return an observed price as the decimal a person reads."""
    return Decimal(repr(price))


@lru_cache(maxsize=4096)
def rupees(amount: Decimal) -> str:
    """Return ``amount`` as ``Rs 11,70,000`` or ``Rs 118.35``.

    One judgement says the same prices and limits several times over.
    """
    return f"Rs {inr(amount, 0 if amount == amount.to_integral_value() else 2)}"
