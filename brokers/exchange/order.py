"""An order as the exchange holds it: integer ticks, whole units, changed in place."""

from __future__ import annotations

from enum import StrEnum

from engine.model.instrument import Instrument
from engine.model.side import Side


class Stage(StrEnum):
    """Where an order is at the exchange.

    STOPPED waits for its trigger. ARRIVING has met no usable market yet. RESTING stands in the
    book. ENDED is filled, cancelled, rejected or expired.
    """

    STOPPED = "stopped"
    ARRIVING = "arriving"
    RESTING = "resting"
    ENDED = "ended"


class BookOrder:
    """One order. ``price``, ``trigger`` and ``value`` are ticks; ``value`` sums quantity x price.

    ``trigger`` is None for a plain limit, and once a stop has fired.

    ``sequence`` is its place in time. ``ahead`` is how many units stand before it at its price,
    None while that cannot be seen. ``fillable`` caps what may ever fill (a scripted fault), None
    for all of it.
    """

    __slots__ = (
        "ahead",
        "fillable",
        "filled",
        "instrument",
        "order_id",
        "price",
        "quantity",
        "sequence",
        "sign",
        "stage",
        "trigger",
        "value",
    )

    def __init__(
        self,
        *,
        order_id: str,
        instrument: Instrument,
        side: Side,
        quantity: int,
        price: int,
        trigger: int | None = None,
        fillable: int | None = None,
    ) -> None:
        self.order_id = order_id
        self.instrument = instrument
        self.sign = side.sign
        self.quantity = quantity
        self.price = price
        self.trigger = trigger
        self.fillable = fillable
        self.filled = 0
        self.value = 0
        self.sequence = 0
        self.ahead: int | None = None
        self.stage = Stage.ARRIVING if trigger is None else Stage.STOPPED

    @property
    def open_quantity(self) -> int:
        """Units that may still fill."""
        most = self.quantity if self.fillable is None else min(self.quantity, self.fillable)
        return max(0, most - self.filled)

    @property
    def is_complete(self) -> bool:
        """Everything asked for has filled."""
        return self.filled >= self.quantity

    def reaches(self, ticks: int) -> bool:
        """Return whether this order may trade at ``ticks``: at its limit or better."""
        return (self.price - ticks) * self.sign >= 0

    def is_passed_by(self, ticks: int) -> bool:
        """Return whether a trade at ``ticks`` went through its limit: strictly better for it."""
        return (self.price - ticks) * self.sign > 0

    def is_triggered_by(self, ticks: int) -> bool:
        """Return whether a trade at ``ticks`` fires the stop: at or beyond the trigger."""
        return self.trigger is not None and (ticks - self.trigger) * self.sign >= 0

    def no_worse(self, ticks: int) -> int:
        """Return ``ticks``, or the limit where ``ticks`` lies beyond it."""
        return ticks if self.reaches(ticks) else self.price

    def fill(self, quantity: int, ticks: int) -> None:
        """Book ``quantity`` units at ``ticks``."""
        self.filled += quantity
        self.value += quantity * ticks
        if self.is_complete:
            self.stage = Stage.ENDED
