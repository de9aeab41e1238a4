"""At which price closing a position, with all its charges, leaves nothing won and nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.model.money import ZERO
from engine.model.order import Product
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.rules.charges.amounts import Charges
from engine.rules.charges.plans import BrokeragePlan
from engine.rules.charges.trades import Traded, day_charges, order_charges

EXACT_STEP: Final = Decimal("0.0001")
"""How finely the price that is on no grid is found, rupees."""


class BreakEven(msgspec.Struct, frozen=True, kw_only=True):
    """Where ``quantity`` open units can be closed by ``side`` without a loss, charges included.

    ``price`` is on the tick grid, rounded away from the user: the lowest price at which a sale, the
    highest at which a purchase does not lose. ``exact`` is the same on a grid of 0.0001 rupees.
    ``points`` is how far ``price`` lies from the position's average, in the user's disfavour when
    above 0. ``closing`` is what closing at ``price`` costs, ``net_inr`` what is left there.
    """

    side: Side
    quantity: int
    average: Decimal
    price: Decimal
    exact: Decimal
    points: Decimal
    closing: Charges
    net_inr: Decimal


def break_even(
    trades: Sequence[Traded], day: date, plan: BrokeragePlan, tariff: Tariff, tick: Decimal
) -> BreakEven | None:
    """Return where the position that ``trades`` of one contract and product leave breaks even.

    None when nothing is left open, when a delivery sale is (it closes a holding), and when no price
    would do: charges exceed what a sold option brought in. Shares for delivery are closed on
    another day, everything else on the same, at the rates of ``day``. Raises as ``day_charges``.
    """
    position = sum(trade.quantity * trade.side.sign for trade in trades)
    first = trades[0]
    if not position or (position < 0 and first.product is Product.DELIVERY):
        return None
    side = Side.SELL if position > 0 else Side.BUY
    quantity = abs(position)
    charges = day_charges(trades, day, plan, tariff)
    cash = -sum((trade.value * trade.side.sign for trade in trades), start=ZERO)
    paid = sum((each.total for each in charges), start=ZERO)

    def closing(price: Decimal) -> Charges:
        trade = Traded(
            contract=first.contract,
            side=side,
            product=first.product,
            quantity=quantity,
            value=price * quantity,
        )
        return order_charges(trade, day, plan, tariff)

    def net(price: Decimal) -> Decimal:
        return cash - paid - side.sign * price * quantity - closing(price).total

    price = _last_without_loss(net, side, tick)
    exact = _last_without_loss(net, side, EXACT_STEP)
    if price is None or exact is None:
        return None
    average = _average(trades, position)
    return BreakEven(
        side=side,
        quantity=quantity,
        average=average,
        price=price,
        exact=exact,
        points=-side.sign * (price - average),
        closing=closing(price),
        net_inr=net(price),
    )


def _average(trades: Sequence[Traded], position: int) -> Decimal:
    """Return the mean price of the side that is open, rupees."""
    opened = [trade for trade in trades if trade.side.sign * position > 0]
    units = sum(trade.quantity for trade in opened)
    return sum((trade.value for trade in opened), start=ZERO) / units


def _last_without_loss(
    net: Callable[[Decimal], Decimal], side: Side, step: Decimal
) -> Decimal | None:
    """Return the worst price, in whole steps of at least one, at which ``net`` is not below 0.

    What is left rises with the price of a sale and falls with that of a purchase, since no rate
    comes near the whole value. None when even one step loses on a purchase.
    """
    if side is Side.SELL:
        low, high = 0, 1
        while net(high * step) < ZERO:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if net(middle * step) < ZERO else (low, middle)
        return high * step
    if net(step) < ZERO:
        return None
    low, high = 1, 2
    while net(high * step) >= ZERO:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if net(middle * step) >= ZERO else (low, middle)
    return low * step
