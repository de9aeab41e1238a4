"""What came of a group or an order: profit, charges, slippage, time without a hedge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.model.legs import GroupState, Policy
from engine.model.money import ZERO
from engine.model.side import Side
from engine.rules.charges import KINDS, NO_CHARGES, Charges
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import (
    ChargeRow,
    FillRow,
    GroupRow,
    MoveRow,
    OrderRow,
    PartRow,
)
from engine.runtime.story_words import slippage

TROUBLE: Final = (
    GroupState.STRANDED,
    GroupState.STUCK,
    GroupState.PARTIAL_HELD,
    GroupState.KILLED,
    GroupState.UNWOUND,
    GroupState.UNWINDING,
    GroupState.REFUSED,
)
"""States of a group that did not go by plan."""


class LegOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was traded through one leg in one account. ``cash_inr``: received minus paid."""

    account: str
    number: int
    side: Side
    symbol: str
    entered_quantity: int
    entered_price: Decimal | None
    left_quantity: int
    left_price: Decimal | None
    cash_inr: Decimal

    @property
    def open_quantity(self) -> int:
        """Units still held, unsigned."""
        return self.entered_quantity - self.left_quantity


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result. Money is before charges unless it says net; None where it is not known.

    ``slippage_inr`` is what the fills cost beside the prices seen at decision. ``naked_ns`` is how
    long a sold option stood without its hedge, ``naked_limit_s`` how long it might have; both are
    None where the group has no hedge.
    """

    traded: tuple[LegOutcome, ...]
    realised_inr: Decimal | None
    unrealised_inr: Decimal | None
    charges: Charges | None
    charges_unknown: str
    slippage_inr: Decimal | None
    naked_ns: int | None = None
    naked_limit_s: float | None = None

    @property
    def gross_inr(self) -> Decimal | None:
        """Realised plus unrealised."""
        if self.realised_inr is None or self.unrealised_inr is None:
            return None
        return self.realised_inr + self.unrealised_inr

    @property
    def net_inr(self) -> Decimal | None:
        """What is left after charges."""
        if self.gross_inr is None or self.charges is None:
            return None
        return self.gross_inr - self.charges.total


def group_outcome(
    model: ReadModel, group: GroupRow, parts: Sequence[PartRow], policy: Policy
) -> Outcome:
    """Return what came of a whole group."""
    orders = model.orders(group_id=group.group_id)
    fills = model.rows(FillRow, group_id=group.group_id)
    naked = [part.naked_ns for part in parts if part.naked_ns is not None]
    return Outcome(
        traded=_legs(orders, fills),
        realised_inr=group.realised_inr,
        unrealised_inr=group.unrealised_inr,
        charges=_charges(orders, model.charges(group_id=group.group_id)),
        charges_unknown=model.session.charges_unknown,
        slippage_inr=_slippage(orders, fills),
        naked_ns=max(naked) if naked else None,
        naked_limit_s=policy.max_naked_s if naked else None,
    )


def order_outcome(model: ReadModel, order: OrderRow) -> Outcome:
    """Return what came of one order; profit belongs to its group and is None here."""
    fills = model.rows(FillRow, client_id=order.client_id)
    return Outcome(
        traded=_legs([order], fills),
        realised_inr=None,
        unrealised_inr=None,
        charges=_charges([order], model.charges(client_id=order.client_id)),
        charges_unknown=model.session.charges_unknown,
        slippage_inr=_slippage([order], fills),
    )


def first_trouble(moves: Iterable[MoveRow]) -> MoveRow | None:
    """Return the move with which it stopped going by plan, None when it never did."""
    return next((move for move in moves if move.after in TROUBLE), None)


def total_charges(rows: Iterable[ChargeRow]) -> Charges:
    """Add up what executed orders cost."""
    return sum((charges_of(row) for row in rows), start=NO_CHARGES)


def charges_of(row: ChargeRow) -> Charges:
    """Return what one executed order cost."""
    return Charges(**{kind: getattr(row, kind) for kind in KINDS})


def _charges(orders: Iterable[OrderRow], rows: Iterable[ChargeRow]) -> Charges | None:
    if any(order.charges_inr is None for order in orders):
        return None
    return total_charges(rows)


def _slippage(orders: Iterable[OrderRow], fills: Sequence[FillRow]) -> Decimal | None:
    by_id = {order.client_id: order for order in orders}
    total = ZERO
    for fill in fills:
        each = slippage(fill, by_id[fill.client_id])
        if each is None:
            return None
        total += each * fill.quantity
    return total


def _legs(orders: Iterable[OrderRow], fills: Sequence[FillRow]) -> tuple[LegOutcome, ...]:
    """Add the fills up by account and leg, in order of the legs."""
    by_id = {order.client_id: order for order in orders}
    totals: dict[tuple[str, int], _Total] = {}
    for fill in fills:
        order = by_id[fill.client_id]
        total = totals.setdefault((order.account, order.leg), _Total(order))
        total.add(order, fill)
    return tuple(totals[key].outcome() for key in sorted(totals))


class _Total:
    def __init__(self, order: OrderRow) -> None:
        self._order = order
        self._quantity = {False: 0, True: 0}
        self._value = {False: ZERO, True: ZERO}
        self._cash = ZERO

    def add(self, order: OrderRow, fill: FillRow) -> None:
        self._quantity[order.is_exit] += fill.quantity
        self._value[order.is_exit] += fill.value
        self._cash -= fill.value * fill.side.sign

    def outcome(self) -> LegOutcome:
        order = self._order
        return LegOutcome(
            account=order.account,
            number=order.leg,
            side=order.side.opposite if order.is_exit else order.side,
            symbol=order.symbol,
            entered_quantity=self._quantity[False],
            entered_price=self._average(is_exit=False),
            left_quantity=self._quantity[True],
            left_price=self._average(is_exit=True),
            cash_inr=self._cash,
        )

    def _average(self, *, is_exit: bool) -> Decimal | None:
        units = self._quantity[is_exit]
        return self._value[is_exit] / units if units else None
