"""What the exchange says about an order, as a copy of the order at that moment."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from brokers.exchange.order import BookOrder


class ReportKind(StrEnum):
    """What happened."""

    OPENED = "opened"
    STOP_ACCEPTED = "stop_accepted"
    TRIGGERED = "triggered"
    FILLED = "filled"
    REPLACED = "replaced"
    REPLACE_REFUSED = "replace_refused"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Why(StrEnum):
    """Why the exchange says no. A broker's own words for each stand in its ``errors`` table."""

    NOT_TRADABLE = "not_tradable"
    MARKET_CLOSED = "market_closed"
    QUANTITY = "quantity"
    LOT = "lot"
    FREEZE = "freeze"
    PRICE = "price"
    TICK = "tick"
    TRIGGER_TICK = "trigger_tick"
    CIRCUIT = "circuit"
    PRICE_PROTECTION = "price_protection"
    STOP_TRIGGER = "stop_trigger"
    STOP_LIMIT = "stop_limit"
    STOP_GAP = "stop_gap"
    ENDED = "ended"


class Rejection(NamedTuple):
    """A no: the rule, the figure it looked at and the limit it held it against."""

    why: Why
    figure: str
    limit: str


class Report(NamedTuple):
    """``filled`` and ``value`` (ticks) are cumulative; ``price`` and ``trigger`` are ticks."""

    kind: ReportKind
    order_id: str
    at: int
    filled: int
    value: int
    quantity: int
    price: int
    trigger: int | None
    is_complete: bool
    rejection: Rejection | None = None


def report(
    kind: ReportKind, order: BookOrder, at: int, rejection: Rejection | None = None
) -> Report:
    """Return what is to be said of ``order`` as it is now."""
    return Report(
        kind,
        order.order_id,
        at,
        order.filled,
        order.value,
        order.quantity,
        order.price,
        order.trigger,
        order.is_complete,
        rejection,
    )
