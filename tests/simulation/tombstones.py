"""Orders that were proven absent, and what became of those that turned up after all (I7, I8)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from engine.model.order import AmendKind, Lifecycle, Order
from engine.model.record import AlertRaised, OrderChanged, Record
from tests.simulation.invariants import require

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.core.kernel import Kernel

ENDS = ("cancelled_after_proof", "filled_after_proof", "stranger_after_proof")
"""What may become of an order that turns up: a campaign must have met each."""


def strangers(kernel: Kernel, beyond: Iterable[str], untagged: Collection[str]) -> list[str]:
    """Return the orders that turned up where no tag tells whose they are.

    Nothing that such a broker shows tells them from somebody else's, so that they are counted as
    somebody else's, and never taken back.
    """
    orders = kernel.blotter.orders
    return [
        tag
        for tag in beyond
        if tag in orders
        and orders[tag].account in untagged
        and orders[tag].lifecycle is Lifecycle.NOT_PLACED
    ]


def were_handled(records: Sequence[Record], arrived: Collection[str]) -> Counter[str]:
    """I7 and I8: what turned up was marked, a person heard of it, and what worked was cancelled.

    ``arrived``: those of the strangers' that a broker has. Returns how many came to which end.
    """
    alerts = [r for r in records if isinstance(r, AlertRaised) and r.level == "critical"]
    paged = {alert.subject for alert in alerts if "resurrected" in alert.text}
    newest: dict[str, Order] = {}
    back: dict[str, Order] = {}
    cancelled: set[str] = set()
    for record in records:
        if not isinstance(record, OrderChanged):
            continue
        order, client_id = record.order, record.order.client_id
        before = newest.get(client_id)
        newest[client_id] = order
        is_back = order.lifecycle.is_working or order.lifecycle is Lifecycle.FILLED
        if is_back and before is not None and before.lifecycle is Lifecycle.NOT_PLACED:
            back[client_id] = order
        if client_id in back and order.amend is not None and order.amend.kind is AmendKind.CANCEL:
            cancelled.add(client_id)
    for client_id, order in back.items():
        require("I8", order.is_late, f"{client_id} turned up and is not marked")
        require("I7", client_id in paged, f"{client_id} turned up and nobody was told")
        is_over = newest[client_id].lifecycle.is_terminal
        require("I7", is_over, f"{client_id} turned up, and is {newest[client_id].lifecycle}")
        is_left = order.lifecycle.is_working and newest[client_id].lifecycle is Lifecycle.CANCELLED
        require("I7", not is_left or client_id in cancelled, f"{client_id} was not taken back")
    for client_id in arrived:
        told = any(client_id in alert.text and "looks like" in alert.text for alert in alerts)
        require("I7", told, f"what looks like {client_id} turned up and nobody was told")
    ends = Counter[str]()
    for client_id in back:
        filled = newest[client_id].filled_quantity > 0
        ends["filled_after_proof" if filled else "cancelled_after_proof"] += 1
    ends["stranger_after_proof"] += len(arrived)
    return +ends
