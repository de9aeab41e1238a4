"""What a rule looks at: one order to be judged, beside the rest of its batch and the market.

A ``Case`` gathers, once per order, what several rules need. Rules are functions of a case that
return a ``Check``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeGuard

from engine.errors import FileError
from engine.model.approval import Check
from engine.model.instrument import Instrument, Kind
from engine.model.market import Tick
from engine.model.money import inr
from engine.model.order import Lifecycle, Order, OrderRequest
from engine.model.side import Side
from engine.ports import RiskView
from engine.rules.clock_time import NS_PER_S, ns
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


PRICE_EXPONENTS: Final = range(-6, 9)
"""The powers of ten between which a price's first digit must stand."""


class Policy:
    """The limits that hold for one strategy, and the names of those it set itself.

    The times among them in ns as well: what every order asks is worked out once.
    """

    __slots__ = (
        "account",
        "duplicate_window_ns",
        "entries_after_open_ns",
        "entries_before_close_ns",
        "limits",
        "own",
    )

    def __init__(self, limits: AccountLimits, account: AccountLimits, own: frozenset[str]) -> None:
        self.limits = limits
        self.account = account
        self.own = own
        self.duplicate_window_ns = ns(limits.duplicate_window_s)
        self.entries_after_open_ns = ns(limits.entries_after_open_s)
        self.entries_before_close_ns = ns(limits.entries_before_close_s)

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


Fingerprint = tuple[str, str, Instrument, Side, int, Decimal, Decimal | None]
"""What two orders have in common of which one is a duplicate."""


def fingerprint(request: OrderRequest) -> Fingerprint:
    """Return the fingerprint of ``request``, whose prices are computable: a NaN has no hash."""
    return (
        request.strategy,
        request.key.account,
        request.instrument,
        request.side,
        request.quantity,
        request.price,
        request.trigger_price,
    )


class Memory(NamedTuple):
    """What the gate remembers from one judgement to the next.

    ``recent``: what it approved a moment ago, oldest first. ``rejections``: how often each strategy
    was rejected in a row.
    """

    recent: dict[Fingerprint, Recent]
    rejections: dict[str, int]


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
    all, ``age_s`` how long ago it came, ``age_limit`` how long ago that may be and in words, and
    ``is_fresh`` True while it is young enough to judge by.
    """

    __slots__ = (
        "_memory",
        "age_limit",
        "age_s",
        "batch",
        "earlier",
        "hours",
        "instrument",
        "is_fresh",
        "limits",
        "live",
        "policy",
        "request",
        "standing",
        "subject",
        "tick",
        "trading_date",
        "view",
        "whole",
    )

    def __init__(
        self,
        request: OrderRequest,
        view: RiskView,
        policy: Policy,
        hours: TradingHours,
        memory: Memory,
        live: LiveOrders,
        *,
        batch: tuple[OrderRequest, ...],
        earlier: tuple[OrderRequest, ...] = (),
        whole: bool = False,
        standing: Order | None = None,
    ) -> None:
        self.request = request
        self.view = view
        self.policy = policy
        self.limits = policy.limits
        self.hours = hours
        self.trading_date = hours.trading_date
        self._memory = memory
        self.live = live
        self.batch = batch
        self.earlier = earlier
        self.whole = whole
        self.standing = standing
        self.instrument = instrument = request.instrument
        self.subject = f"{request.side} {request.quantity} {instrument.symbol}"
        # What cannot be traded has no limit, and is refused before anybody asks for one.
        max_age_s = 0.0
        if instrument.is_tradable:
            max_age_s = getattr(policy.limits.reference_max_age_s, LIMIT_KIND[instrument.kind])
        self.age_limit = _age_limit(max_age_s, view.cadence_s)
        tick = view.tick(instrument)
        self.tick: Tick | None = None
        self.age_s: float | None = None
        self.is_fresh = False
        if tick is not None and is_price(tick.last):
            self.tick = tick
            self.age_s = max(0, view.now - tick.received_at) / NS_PER_S
            self.is_fresh = self.age_s <= self.age_limit[0]

    @property
    def waiting_trigger(self) -> Decimal | None:
        """The trigger of a stop that has not been triggered, rupees; None for any other order.

        A stop that stands OPEN has been triggered: it is a limit order from then on.
        """
        if self.standing is not None and self.standing.lifecycle is Lifecycle.OPEN:
            return None
        return self.request.trigger_price

    @property
    def fresh_units(self) -> int:
        """Units this order could still add; for a change, at the larger of old and new."""
        if self.standing is None:
            return self.request.quantity
        larger = max(self.standing.quantity, self.request.quantity)
        return larger - self.standing.filled_quantity

    # -- what went before ------------------------------------------------------------------------

    @property
    def recent(self) -> Recent | None:
        """The same order for another group, where it was approved inside the window."""
        request = self.request
        recent = self._memory.recent.get(fingerprint(request))
        if recent is None or recent.group_id == request.key.group_id:
            return None
        return recent if self.view.now - recent.at < self.policy.duplicate_window_ns else None

    @property
    def rejections(self) -> int:
        """How often the strategy was rejected in a row."""
        return self._memory.rejections.get(self.request.strategy, 0)

    # -- the rest of the account -----------------------------------------------------------------

    def others(self, *, strategy: bool) -> Sequence[Order]:
        """Live orders of this account, or of this strategy in all its accounts."""
        if strategy:
            return self.live.of_strategy(self.request.strategy)
        return self.live.of_account(self.request.key.account)

    def mates(self, requests: Iterable[OrderRequest], *, strategy: bool) -> Sequence[OrderRequest]:
        """Those of ``requests`` in the same scope."""
        if strategy:
            return [r for r in requests if r.strategy == self.request.strategy]
        account = self.request.key.account
        return [r for r in requests if r.key.account == account]

    def earlier_mates(self, *, strategy: bool) -> Sequence[OrderRequest]:
        """Orders of the batch that come before this one, in the same scope."""
        return self.mates(self.earlier, strategy=strategy) if self.earlier else ()

    def holdings(self, *, strategy: bool) -> Iterable[tuple[Instrument, int]]:
        """Net units by instrument, of this account or of this strategy in all its accounts."""
        if strategy:
            return self.view.strategy_positions(self.request.strategy)
        return self.view.positions(self.request.key.account)

    # -- in words --------------------------------------------------------------------------------

    def unknown(self, rule: str, figure: str, why: FileError, *, passed: bool = False) -> Check:
        """Return the answer of a rule that the tables tell nothing about this contract or day."""
        return Check(
            rule=rule,
            subject=self.subject,
            passed=passed,
            figure=figure,
            limit="unknown",
            note=str(why),
        )

    def whole_lots(self, units: int) -> int:
        """Return the largest whole-lot quantity within ``units``, 0 when there is none."""
        lot = self.instrument.lot_size
        return max(0, units) // lot * lot

    def lots_text(self, units: int) -> str:
        """Return ``units`` as a trader counts them, e.g. ``3 lots (195)``."""
        return _lots_text(units, self.instrument.lot_size)


Rule = Callable[[Case], Check]


def is_price(value: float | None) -> TypeGuard[float]:
    """True for a finite price above 0."""
    return value is not None and math.isfinite(value) and value > 0


def is_computable(request: OrderRequest) -> bool:
    """True unless the contract or a price of ``request`` is such that no rule could compute."""
    if not request.instrument.is_tradable or not is_in_range(request.price):
        return False
    trigger = request.trigger_price
    return trigger is None or is_in_range(trigger)


def is_in_range(price: Decimal) -> bool:
    """True for a finite number no larger, and unless 0 no smaller, than any market prints."""
    if not price.is_finite():
        return False
    return price.is_zero() or price.adjusted() in PRICE_EXPONENTS


@lru_cache(maxsize=64)
def _age_limit(configured: float, cadence_s: float) -> tuple[float, str]:
    by_cadence = CADENCES * cadence_s
    if by_cadence > configured:
        return by_cadence, f"{by_cadence:g} s ({CADENCES} x cadence {cadence_s:g} s)"
    return configured, f"{configured:g} s"


@lru_cache(maxsize=1024)
def _lots_text(units: int, lot_size: int) -> str:
    lots, rest = divmod(abs(units), lot_size)
    sign = "-" if units < 0 else ""
    if rest:
        return f"{units} units"
    return f"{sign}{lots} lot{'' if lots == 1 else 's'} ({units})"


def exact(price: float) -> Decimal:
    """Return an observed price as the decimal a person reads."""
    return Decimal(repr(price))


@lru_cache(maxsize=4096)
def rupees(amount: Decimal) -> str:
    """Return ``amount`` as ``Rs 11,70,000`` or ``Rs 118.35``.

    One judgement says the same prices and limits several times over.
    """
    return f"Rs {inr(amount, 0 if amount == amount.to_integral_value() else 2)}"
