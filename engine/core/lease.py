"""One unresolved order a look: where a broker echoes no tag, two alike could not be told apart.

At most one order of the same account, instrument, side and product may be on its way with its
outcome unseen; another group's waits for it at this side of the wire (reliability.md 2.1). Slices
and attempts of one group follow each other by its own rules and do not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from engine.core.desk import Desk
from engine.model.command import Ticket
from engine.model.effect import Enqueue
from engine.model.instrument import Instrument
from engine.model.order import Lifecycle, Order, Product
from engine.model.side import Side

_Look = tuple[str, Instrument, Side, Product]
_UNSEEN: Final = frozenset(
    {Lifecycle.SENDING, Lifecycle.IN_DOUBT, Lifecycle.QUARANTINED, Lifecycle.ACKED}
)


class Leases:
    """Who holds a look, and which tickets wait for it. Only ``accounts`` (without tags) have any.

    Nobody else's orders need to be shown to it.
    ``expire`` is told of a ticket that waited until nobody wanted its order any more.
    """

    def __init__(
        self, desk: Desk, accounts: Collection[str], expire: Callable[[Ticket], None]
    ) -> None:
        self._desk = desk
        self.accounts = frozenset(accounts)
        self._expire = expire
        self._holders: dict[_Look, dict[str, str]] = {}
        self._waiting: dict[_Look, dict[str, Ticket]] = {}

    def holder(self, order: Order) -> str | None:
        """Return the client id of another group's order that must be seen first, if there is one.

        For an order that may go, None.
        """
        if order.account not in self.accounts:
            return None
        for client_id, group_id in self._holders.get(_look(order), {}).items():
            if group_id != order.key.group_id:
                return client_id
        return None

    def wait(self, order: Order, ticket: Ticket) -> None:
        """Keep the ticket of an order until the look is free, or the order is no longer wanted."""
        look = _look(order)
        self._waiting.setdefault(look, {})[order.client_id] = ticket
        self._desk.timers.add(ticket.expires_at, lambda: self._give_up(look, order.client_id))

    def order_changed(self, order: Order) -> None:
        """Take or give back the order's look; who waited for it goes to the governor again."""
        if order.account not in self.accounts:
            return
        look = _look(order)
        holders = self._holders.setdefault(look, {})
        if order.lifecycle in _UNSEEN:
            holders[order.client_id] = order.key.group_id
            return
        if holders.pop(order.client_id, None) is None or holders:
            return
        waiting = self._waiting.pop(look, {})
        if waiting:
            self._desk.emit(Enqueue(tuple(waiting.values())))

    def _give_up(self, look: _Look, client_id: str) -> None:
        ticket = self._waiting.get(look, {}).pop(client_id, None)
        if ticket is not None:
            self._expire(ticket)


def _look(order: Order) -> _Look:
    return order.account, order.instrument, order.side, order.request.product
