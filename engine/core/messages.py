"""Which orders leave in one request: those approved together, where their broker takes several.

Together means in one event, for one group, account and purpose, and so in one lane and with one end
of being wanted. A request names its exchange, product and order type once, so these are the same
too. Where a broker echoes no tag, a request never carries two that look alike: nothing in its
reply would tell them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.core.desk import Desk
from engine.core.tickets import place_ticket
from engine.model.command import MessageKind, Ticket
from engine.model.effect import Enqueue
from engine.model.order import Order, OrderRequest


class Messages:
    """Queues placements at the governor. ``max_legs`` and ``untagged`` are as in the kernel's."""

    def __init__(
        self,
        desk: Desk,
        orders: Mapping[str, Order],
        max_legs: Mapping[str, int],
        untagged: Collection[str],
    ) -> None:
        self._desk = desk
        self._orders = orders
        self._max_legs = max_legs
        self._untagged = frozenset(untagged)

    def queue(self, requests: tuple[OrderRequest, ...]) -> None:
        """Queue orders that risk has just approved, in as few messages as may be."""
        desk = self._desk
        alone = [place_ticket(r, desk.now) for r in requests if self._most(r) == 1]
        if alone:
            desk.emit(Enqueue(tuple(alone)))
        if len(alone) == len(requests):
            return
        for request in requests:
            if self._most(request) > 1 and not self._joins(request):
                desk.emit(Enqueue((place_ticket(request, desk.now),)))

    def _most(self, request: OrderRequest) -> int:
        return self._max_legs.get(request.key.account, 1)

    def _joins(self, request: OrderRequest) -> bool:
        """Put an order into a message that this event has already queued; False when none fits."""
        outbox = self._desk.outbox
        for place, effect in enumerate(outbox):
            if not isinstance(effect, Enqueue):
                continue
            for number, ticket in enumerate(effect.tickets):
                if self._takes(ticket, request):
                    tickets = list(effect.tickets)
                    tickets[number] = ticket.of((*ticket.client_ids, request.client_id))
                    outbox[place] = Enqueue(tuple(tickets))
                    return True
        return False

    def _takes(self, ticket: Ticket, request: OrderRequest) -> bool:
        if ticket.kind is not MessageKind.PLACE or ticket.expires_at != request.expires_at:
            return False
        aboard = [self._orders[client_id].request for client_id in ticket.client_ids]
        if len(aboard) >= self._most(request) or _shared(aboard[0]) != _shared(request):
            return False
        if request.key.account not in self._untagged:
            return True
        return all(_look(other) != _look(request) for other in aboard)


def _shared(request: OrderRequest) -> tuple[object, ...]:
    """Return what all orders of a request have in common."""
    return (
        request.key.account,
        request.key.group_id,
        request.purpose,
        request.instrument.segment,
        request.product,
        request.order_type,
    )


def _look(request: OrderRequest) -> tuple[object, ...]:
    return request.instrument, request.side
