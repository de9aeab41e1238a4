"""What is held and what it earned: positions from fills, in exact rupees.

A position carries the cost of what is open, not an average: closing a share of it takes out that
share of the cost, and closing all of it takes out all, so that realised profit less the cost of
what is open always equals the cash that moved, to the last digit. Marks are floats, and so is
unrealised profit (DESIGN.md decision 4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from copy import copy
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Generic, TypeVar

from engine.model.arithmetic import ARITHMETIC
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.model.money import ZERO
from engine.model.order import Fill, Product
from engine.model.position import Position

K = TypeVar("K", bound=Hashable)

# A share of a cost is rounded to this; the rest of the cost keeps what rounding took.
_COST_STEP: Final = Decimal("1E-8")


_Held = tuple[str, Instrument, Product]


class _Line:
    """One position as it is kept, the how many-th of its scope.

    ``cost`` is what its open units cost; below 0 when short.
    """

    __slots__ = (
        "_view",
        "bought_quantity",
        "bought_value",
        "cost",
        "index",
        "instrument",
        "number",
        "quantity",
        "realised",
        "sold_quantity",
        "sold_value",
    )

    def __init__(self, instrument: Instrument, number: int) -> None:
        self.instrument = instrument
        self.number = number
        self.index = instrument.index
        self.quantity = 0
        self.cost = ZERO
        self.realised = ZERO
        self.bought_quantity = 0
        self.bought_value = ZERO
        self.sold_quantity = 0
        self.sold_value = ZERO
        self._view: Position | None = None

    def apply(self, units: int, value: Decimal, sign: int) -> Decimal | None:
        """Count a fill, a buy by ``sign`` +1, a sale by -1; return what it realised, if it did."""
        if sign > 0:
            self.bought_quantity += units
            self.bought_value += value
        else:
            self.sold_quantity += units
            self.sold_value += value
        held = self.quantity
        realised = None
        if not units:
            # A correction of value: it belongs to what is open, or to what was earned.
            if held:
                self.cost += sign * value
            else:
                realised = -sign * value
        elif held * sign >= 0:
            self.cost += sign * value
        else:
            closed = min(units, abs(held))
            closed_value = value if closed == units else _share(value, closed, units)
            cost = self.cost if closed == abs(held) else _share(self.cost, closed, abs(held))
            realised = -sign * closed_value - cost
            self.cost += sign * (value - closed_value) - cost
        self.quantity = held + sign * units
        if realised is not None:
            self.realised += realised
        self._view = None
        return realised

    @property
    def position(self) -> Position:
        """The position as others see it."""
        if self._view is None:
            self._view = Position(
                instrument=self.instrument,
                quantity=self.quantity,
                average_price=self._average_price(),
                realised_inr=self.realised,
                bought_quantity=self.bought_quantity,
                sold_quantity=self.sold_quantity,
                bought_value_inr=self.bought_value,
                sold_value_inr=self.sold_value,
            )
        return self._view

    def _average_price(self) -> Decimal:
        # Asked for in a hook as well, and then kept for the engine.
        return ARITHMETIC.divide(self.cost, self.quantity) if self.quantity else ZERO


Held = tuple[int, int, float]
"""What is held of one instrument: its index, units (below 0 when short), what they cost."""

Mark = Callable[[list[Held], Sequence[Tick | None]], float]


def mark(held: list[Held], ticks: Sequence[Tick | None]) -> float:
    """Return what closing all of ``held`` at the last prices would earn; without a price nothing.

    Every second for everything that is held, and more often for groups with a stop.
    """
    total = 0.0
    for index, quantity, cost in held:
        tick = ticks[index]
        if tick is not None:
            total += quantity * tick.last - cost
    return total


class _Scope(Generic[K]):
    """The positions of one strategy, account, group or of all, in order of first fill.

    ``open``: what is held, in that order too, kept up by each fill: sums of floats depend on it.
    """

    __slots__ = ("_mark", "_numbers", "lines", "open", "realised", "realised_float")

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self.lines: dict[K, _Line] = {}
        self.realised = ZERO
        self.realised_float = 0.0
        self.open: list[Held] = []
        self._numbers: list[int] = []

    def apply(self, key: K, instrument: Instrument, units: int, value: Decimal, sign: int) -> None:
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = _Line(instrument, len(self.lines))
        was_open = line.quantity != 0
        realised = line.apply(units, value, sign)
        if realised is not None:
            self.realised += realised
            self.realised_float = float(self.realised)
        place = bisect_left(self._numbers, line.number)
        if line.quantity:
            shown = (line.index, line.quantity, float(line.cost))
            if was_open:
                self.open[place] = shown
            else:
                self._numbers.insert(place, line.number)
                self.open.insert(place, shown)
        elif was_open:
            del self._numbers[place], self.open[place]

    def copy(self) -> _Scope[K]:
        """Return the same positions, to go their own way from here on."""
        other: _Scope[K] = _Scope(self._mark)
        other.lines = {key: copy(line) for key, line in self.lines.items()}
        other.realised, other.realised_float = self.realised, self.realised_float
        other.open, other._numbers = self.open.copy(), self._numbers.copy()
        return other

    def unrealised(self, ticks: Sequence[Tick | None]) -> float:
        return self._mark(self.open, ticks)

    def pnl(self, ticks: Sequence[Tick | None]) -> float:
        return self.realised_float + self._mark(self.open, ticks)


_Traded = tuple[tuple[_Scope[_Held], ...], tuple[_Scope[Instrument], ...]]
"""Every scope that a fill of one strategy in one account belongs to, but for its group's."""


class Ledger:
    """Every position, by account, by strategy and by group; each fill costs the same, O(1).

    The same fills are netted three ways, and each way splits its profit between realised and
    unrealised by its own netting: two strategies that hold opposite quantities in one account are
    both open though the account is flat. The sums agree.

    What would be the same is kept once: the only account is all there is, and a strategy has only
    what it has in its only account. They part with the first fill in a second one.
    """

    def __init__(self, mark: Mark = mark) -> None:
        self.mark = mark
        self._all: _Scope[_Held] = _Scope(mark)
        self._accounts: dict[str, _Scope[_Held]] = {}
        self._strategies: dict[str, _Scope[Instrument]] = {}
        self._shares: dict[tuple[str, str], _Scope[Instrument]] = {}
        self._traded: dict[tuple[str, str], _Traded] = {}
        self._groups: dict[str, _Scope[Instrument]] = {}
        self._group_net: dict[tuple[str, str, Instrument], int] = {}
        self._net: dict[Instrument, int] = {}
        self._account_net: dict[str, dict[Instrument, int]] = {}

    def apply(self, fill: Fill) -> None:
        """Count a fill into every position it belongs to."""
        instrument, account, group_id = fill.instrument, fill.account, fill.group_id
        units, value, sign = fill.quantity, fill.value, fill.side.sign
        held = (account, instrument, fill.product)
        whose = (fill.strategy, account)
        by_product, by_instrument = self._traded.get(whose) or self._begin(*whose)
        group = self._groups.get(group_id)
        if group is None:
            group = self._groups[group_id] = _Scope(self.mark)
        for product_scope in by_product:
            product_scope.apply(held, instrument, units, value, sign)
        for scope in by_instrument:
            scope.apply(instrument, instrument, units, value, sign)
        group.apply(instrument, instrument, units, value, sign)
        signed = units * sign
        share = (group_id, account, instrument)
        self._group_net[share] = self._group_net.get(share, 0) + signed
        self._net[instrument] = self._net.get(instrument, 0) + signed
        nets = self._account_net.setdefault(account, {})
        nets[instrument] = nets.get(instrument, 0) + signed

    def position(self, account: str, instrument: Instrument, product: Product) -> Position:
        """Return what an account holds of an instrument under a product."""
        return _position(self._all, (account, instrument, product), instrument)

    def by_strategy(
        self, strategy: str, instrument: Instrument, account: str | None = None
    ) -> Position:
        """Return what a strategy holds of an instrument, in one account or netted over all."""
        scope = (
            self._strategies.get(strategy)
            if account is None
            else self._shares.get((strategy, account))
        )
        return _position(scope, instrument, instrument)

    def by_group(self, group_id: str) -> tuple[Position, ...]:
        """Return what a group holds or held, in order of first fill."""
        return _positions(self._groups.get(group_id))

    def positions(self) -> Iterator[tuple[str, Product, Position]]:
        """Return every (account, product, position) ever held, in order of first fill."""
        for (account, _, product), line in self._all.lines.items():
            yield account, product, line.position

    def positions_of(self, strategy: str) -> tuple[Position, ...]:
        """Return what a strategy holds or held, netted over accounts, in order of first fill."""
        return _positions(self._strategies.get(strategy))

    def strategies(self) -> tuple[str, ...]:
        """Return the strategies that have traded, in order of first fill."""
        return tuple(self._strategies)

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that have traded, in order of first fill."""
        return tuple(self._accounts)

    def net(self, instrument: Instrument, account: str | None = None) -> int:
        """Return the net units held, over products, of one account or of all."""
        if account is None:
            return self._net.get(instrument, 0)
        return self._account_net.get(account, {}).get(instrument, 0)

    def nets(self, account: str | None = None) -> list[tuple[Instrument, int]]:
        """Return every instrument with a net quantity, of one account or of all."""
        nets = self._net if account is None else self._account_net.get(account, {})
        return [held for held in nets.items() if held[1]]

    def holds_any(self) -> bool:
        """Return True while any strategy holds anything, whatever the accounts net to."""
        return any(scope.open for scope in self._strategies.values())

    def group_net(self, group_id: str, account: str, instrument: Instrument) -> int:
        """Return the net units a group holds in one account."""
        return self._group_net.get((group_id, account, instrument), 0)

    def strategy_nets(
        self, strategy: str, account: str | None = None
    ) -> Iterator[tuple[Instrument, int]]:
        """Return every instrument a strategy holds net, in one account or over all."""
        scope = (
            self._strategies.get(strategy)
            if account is None
            else self._shares.get((strategy, account))
        )
        lines = () if scope is None else scope.lines.values()
        return ((line.instrument, line.quantity) for line in lines if line.quantity)

    def open_instruments(self, strategy: str | None = None) -> tuple[Instrument, ...]:
        """Return what a strategy (or any) holds now, in order of first fill."""
        scope = self._scope_of(strategy, None)
        lines = () if scope is None else scope.lines.values()
        return tuple(dict.fromkeys(line.instrument for line in lines if line.quantity))

    def unmarked(self, ticks: Sequence[Tick | None]) -> tuple[Instrument, ...]:
        """Return what is held without a last price: ``unrealised_inr`` counts it at cost."""
        return tuple(i for i in self.open_instruments() if ticks[i.index] is None)

    def realised_inr(self, strategy: str | None = None, account: str | None = None) -> Decimal:
        """Return what closing has earned before charges, of one strategy, account, both or all."""
        scope = self._scope_of(strategy, account)
        return ZERO if scope is None else scope.realised

    def unrealised_inr(
        self,
        ticks: Sequence[Tick | None],
        strategy: str | None = None,
        account: str | None = None,
    ) -> float:
        """Return what closing all at the last prices would earn before charges.

        ``ticks`` is the kernel's list of newest ticks, by ``Instrument.index``. What has no price
        counts at cost; ``unmarked`` names it.
        """
        scope = self._scope_of(strategy, account)
        return 0.0 if scope is None else scope.unrealised(ticks)

    def pnl_inr(
        self,
        ticks: Sequence[Tick | None],
        strategy: str | None = None,
        account: str | None = None,
    ) -> float:
        """Return realised plus unrealised before charges; see ``unrealised_inr``."""
        scope = self._scope_of(strategy, account)
        return 0.0 if scope is None else scope.pnl(ticks)

    def standing(
        self, strategy: str | None, account: str | None
    ) -> tuple[float, list[Held]] | None:
        """Return what was realised and what is held, until the next fill; None without a fill."""
        scope = self._scope_of(strategy, account)
        return None if scope is None else (scope.realised_float, scope.open)

    def group_pnl_inr(self, group_id: str, ticks: Sequence[Tick | None]) -> float:
        """Return realised plus unrealised of a group, before charges."""
        scope = self._groups.get(group_id)
        return 0.0 if scope is None else scope.pnl(ticks)

    def _begin(self, strategy: str, account: str) -> _Traded:
        """Make room for the first fill of a strategy in an account."""
        accounts, strategies, shares = self._accounts, self._strategies, self._shares
        whose = strategy, account
        if account not in accounts:
            if len(accounts) == 1:
                self._all = self._all.copy()
            accounts[account] = _Scope(self.mark) if accounts else self._all
        if whose not in shares:
            self._traded.clear()  # What was one scope may become two.
            so_far = strategies.get(strategy)
            if so_far is not None and so_far in shares.values():
                strategies[strategy] = so_far.copy()
            shares[whose] = _Scope(self.mark)
            strategies.setdefault(strategy, shares[whose])
        scopes = self._traded[whose] = (
            tuple(dict.fromkeys((self._all, accounts[account]))),
            tuple(dict.fromkeys((strategies[strategy], shares[whose]))),
        )
        return scopes

    def _scope_of(
        self, strategy: str | None, account: str | None
    ) -> _Scope[_Held] | _Scope[Instrument] | None:
        if strategy is None:
            return self._all if account is None else self._accounts.get(account)
        if account is None:
            return self._strategies.get(strategy)
        return self._shares.get((strategy, account))


def _position(scope: _Scope[K] | None, key: K, instrument: Instrument) -> Position:
    line = None if scope is None else scope.lines.get(key)
    return Position(instrument=instrument) if line is None else line.position


def _positions(scope: _Scope[Instrument] | None) -> tuple[Position, ...]:
    return () if scope is None else tuple(line.position for line in scope.lines.values())


def _share(value: Decimal, part: int, whole: int) -> Decimal:
    return (value * part / whole).quantize(_COST_STEP, ROUND_HALF_EVEN)
