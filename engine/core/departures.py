"""Which orders of a released message leave (reliability.md 2.3 step 4).

Every order is looked at alone, and what still passes leaves in one request: one that nobody wants
any more or that risk refuses now is denied, one whose look is taken waits for it. A sold option
does not leave when a hedge of its own group was denied in the same event: the group, which decides
what becomes of the rest, looks at it only when the event is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.core.desk import Desk
from engine.core.lease import Leases
from engine.model.approval import Approved, Refusal
from engine.model.command import Batch, Ticket
from engine.model.effect import Transmit
from engine.model.order import Lifecycle, Order, OrderRequest, Purpose
from engine.model.order_state import Trigger
from engine.model.side import Side
from engine.ports import RiskGate, RiskView

KeepJudgement = Callable[[tuple[OrderRequest, ...], Approved[Batch] | Refusal], None]


class Departures:
    """Judges placements again and transmits them. ``settle`` moves an order by a trigger."""

    def __init__(
        self,
        desk: Desk,
        gate: RiskGate,
        view: RiskView,
        orders: Mapping[str, Order],
        leases: Leases,
        settle: Callable[[str, Trigger, str], None],
        keep_judgement: KeepJudgement,
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._view = view
        self._orders = orders
        self._leases = leases
        self._settle = settle
        self._keep_judgement = keep_judgement
        self._unhedged: list[tuple[str, str]] = []

    def begin(self) -> None:
        """Begin with the messages of one release."""
        self._unhedged.clear()

    def place(self, ticket: Ticket) -> None:
        """Let the orders of one message go, as far as they may."""
        requests = [
            order.request
            for order in map(self._orders.__getitem__, ticket.client_ids)
            if order.lifecycle is Lifecycle.APPROVED and self._may_go(order, ticket)
        ]
        if not requests:
            return
        rechecked = self._gate.recheck_each(requests, self._view)
        for request, refusal in rechecked.refused:
            self._keep_judgement((request,), refusal)
            self._deny(request, refusal.text)
        if rechecked.approved is not None:
            for request in rechecked.approved.item.requests:
                self._settle(request.client_id, Trigger.SEND_START, "")
            self._desk.emit(Transmit(rechecked.approved))

    def _may_go(self, order: Order, ticket: Ticket) -> bool:
        """Say whether an order is still to be judged; one that is not was denied, or waits."""
        request = order.request
        if self._desk.now > request.expires_at:
            self._deny(request, "no longer wanted when released")
            return False
        unhedged = self._unhedged
        if unhedged and _is_sold_option(request) and _part(request) in unhedged:
            self._deny(request, "a hedge of its group was denied when it was released")
            return False
        if self._leases.holder(order) is not None:
            self._leases.wait(order, ticket.of((request.client_id,)))
            return False
        return True

    def _deny(self, request: OrderRequest, why: str) -> None:
        if request.purpose is Purpose.HEDGE:
            self._unhedged.append(_part(request))
        self._settle(request.client_id, Trigger.DENY, why)


def _part(request: OrderRequest) -> tuple[str, str]:
    return request.key.group_id, request.key.account


def _is_sold_option(request: OrderRequest) -> bool:
    return (
        request.purpose is Purpose.ENTRY
        and request.side is Side.SELL
        and request.instrument.right is not None
    )
