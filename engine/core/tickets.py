"""The tickets an order takes at the message governor."""

from __future__ import annotations

from engine.model.command import LANE_OF, Lane, MessageKind, Ticket
from engine.model.order import Amend, AmendKind, AmendState, Order, OrderRequest
from engine.rules.clock_time import ns

AMEND_LIVES_S = 30.0
"""How long a cancel or replace waits at the governor (reliability.md 2.3: 30 s for exits)."""


def place_ticket(request: OrderRequest, now: int) -> Ticket:
    """Return the ticket of a placement: in its purpose's lane, while the order is wanted."""
    return Ticket(
        kind=MessageKind.PLACE,
        client_id=request.client_id,
        account=request.key.account,
        segment=request.instrument.segment,
        lane=LANE_OF[request.purpose],
        queued_at=now,
        expires_at=request.expires_at,
    )


def amend_ticket(order: Order, amend: Amend, lane: Lane | None, now: int) -> Ticket:
    """Return the ticket of a cancel or replace, in ``lane`` or its usual one."""
    is_cancel = amend.kind is AmendKind.CANCEL
    usual = Lane.CANCEL if is_cancel else Lane.MODIFY
    return Ticket(
        kind=MessageKind.CANCEL if is_cancel else MessageKind.REPLACE,
        client_id=order.client_id,
        account=order.account,
        segment=order.instrument.segment,
        lane=usual if lane is None else lane,
        queued_at=now,
        expires_at=now + ns(AMEND_LIVES_S),
        generation=amend.generation,
    )


def may_send(amend: Amend, ticket: Ticket) -> bool:
    """Say whether a released ticket still has something to send.

    A cancel that was sent and not carried out may be sent again (engine.model.amend_state).
    """
    if amend.state is AmendState.WANTED:
        return True
    return (
        ticket.kind is MessageKind.CANCEL
        and amend.kind is AmendKind.CANCEL
        and amend.state in {AmendState.ACKED, AmendState.IN_DOUBT}
    )


class WaitingCancels:
    """In which lane each cancel waits at the governor: a kill lifts those that wait lower."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def queued(self, ticket: Ticket) -> None:
        """Note a ticket that goes to the governor."""
        if ticket.kind is MessageKind.CANCEL:
            self._lanes[ticket.client_id] = ticket.lane

    def left(self, ticket: Ticket) -> None:
        """Note one that came back from it, released or expired."""
        if ticket.kind is MessageKind.CANCEL:
            self._lanes.pop(ticket.client_id, None)

    def is_overtaken(self, client_id: str, lane: Lane) -> bool:
        """Say whether an order's cancel waits in a less urgent lane than this one."""
        return self._lanes.get(client_id, lane) > lane
