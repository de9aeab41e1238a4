"""What a person must hear of an order: of doubt, of what is odd, of a change not made."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.desk import Desk
from engine.model.legs import LegPlan
from engine.model.order import AmendKind, AmendState, Lifecycle, Order
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


def tell_unchanged(desk: Desk, before: Order, order: Order, plan: LegPlan) -> None:
    """Tell of a change that its author asked for and that was not made: a stop protects less.

    Not of a chase, which asks again by itself, nor of one that a newer one or a cancel overtook.
    """
    asked, now = before.amend, order.amend
    if asked is None or now is None or order.lifecycle.is_terminal or order.key.exit:
        return
    was_out = asked.kind is AmendKind.REPLACE and asked.state.is_outstanding
    is_refused = now.kind is AmendKind.REPLACE and now.state is AmendState.REFUSED
    if not (was_out and is_refused) or (plan.limit is None and plan.trigger is None):
        return
    is_stop = order.trigger_price is not None and order.lifecycle is not Lifecycle.OPEN
    terms = "" if order.trigger_price is None else f" with its trigger at {order.trigger_price}"
    desk.alert(
        "critical" if is_stop else "warning",
        order.key.group_id,
        f"not modified: {now.reason or 'no reason given'}; {order.side} {order.quantity} "
        f"{order.instrument.symbol} stays at {order.price}{terms}",
    )
