"""The terms of an order: quantity, price and trigger, as held, as asked for, or as a broker shows.

What a broker shows may be partial: an absent part says nothing and agrees with everything.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from engine.model.money import ZERO
from engine.model.order import Amend, Order
from engine.model.order_update import OrderUpdate


class Terms(NamedTuple):
    """Quantity in units, price and trigger in rupees; None where it is not shown."""

    quantity: int | None
    price: Decimal | None
    trigger_price: Decimal | None

    @classmethod
    def of(cls, subject: Order | Amend) -> Terms:
        """Return the terms an order has, or those a request carries."""
        return cls(subject.quantity, subject.price, subject.trigger_price)

    @classmethod
    def shown(cls, update: OrderUpdate) -> Terms:
        """Return the terms an update shows."""
        quantity = update.quantity if (update.quantity or 0) > 0 else None
        return cls(quantity, usable(update.price), usable(update.trigger_price))

    def contradicts(self, other: Order | Amend) -> bool:
        """Say whether anything shown here is other than an order has or a request carries."""
        quantity, price, trigger_price = self
        return (
            (quantity is not None and quantity != other.quantity)
            or (price is not None and price != other.price)
            or (trigger_price is not None and trigger_price != other.trigger_price)
        )


def usable(figure: Decimal | None) -> Decimal | None:
    """Return a broker's figure if it is a price at all: 0 and NaN are how some spell absent."""
    if figure is None or not figure.is_finite() or figure <= ZERO:
        return None
    return figure
