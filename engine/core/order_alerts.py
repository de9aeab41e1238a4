"""What a person must hear of an order: that its outcome is unknown, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.desk import Desk
from engine.model.order import Lifecycle, Order
from engine.model.verdict import Anomaly


def page_unknown(desk: Desk, order: Order, note: str) -> None:
    """Tell a person of an order whose outcome is not known, and again when it is theirs."""
    rest = "It will not be sent again; its risk stays reserved"
    if order.lifecycle is Lifecycle.QUARANTINED:
        rest += "; look at the broker's order book, and settle it with `engine resolve`"
    desk.alert(
        "critical",
        order.client_id,
        f"{order.key}: {order.side} {order.quantity} {order.instrument.symbol} was sent "
        f"and its outcome is unknown ({order.lifecycle}): {note or 'no reply'}. {rest}",
    )


def tell_anomalies(desk: Desk, before: Order, anomalies: Iterable[Anomaly]) -> None:
    """Tell of what was found odd about an order, once: ``before`` is the order as it was."""
    for anomaly in anomalies:
        if anomaly not in before.anomalies:
            level = "critical" if anomaly.is_alarm else "warning"
            desk.alert(level, before.client_id, f"{before.key}: {anomaly}")
