"""Cancels that were sent and that nobody answered: asked for again, whatever the books say.

The broker's own id makes a cancel idempotent, so sending it again is safe (reliability.md 1.3). It
must not wait for a look into the books: they may be what the broker fails to show, while a kill
waits for its orders to be gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.core.desk import Desk
from engine.core.timers import Timer
from engine.model.order import AmendKind, AmendState, Order
from engine.rules.clock_time import ns

AGAIN_S: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pauses before a cancel in doubt is asked for again; the last one from then on."""


class CancelChase:
    """``order_of`` finds an order as it stands, ``cancel_again`` sends its cancel once more."""

    def __init__(
        self,
        desk: Desk,
        order_of: Callable[[str], Order],
        cancel_again: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._order_of = order_of
        self._cancel_again = cancel_again
        self._asked: dict[str, int] = {}
        self._timers: dict[str, Timer] = {}

    def order_changed(self, order: Order) -> None:
        """Begin to wait for a cancel that came in doubt; forget an order that has ended."""
        client_id = order.client_id
        if order.lifecycle.is_terminal:
            self._asked.pop(client_id, None)
            timer = self._timers.pop(client_id, None)
            if timer is not None:
                timer.cancel()
        elif _is_in_doubt(order):
            timer = self._timers.get(client_id)
            if timer is None or not timer.is_pending:
                self._wait(client_id)

    def _wait(self, client_id: str) -> None:
        asked = self._asked.get(client_id, 0)
        self._asked[client_id] = asked + 1
        due = self._desk.now + ns(AGAIN_S[min(asked, len(AGAIN_S) - 1)])
        self._timers[client_id] = self._desk.timers.add(due, lambda: self._ask(client_id))

    def _ask(self, client_id: str) -> None:
        if _is_in_doubt(self._order_of(client_id)):
            self._cancel_again(client_id)
            # The governor may let go of it; then nothing is heard of it, and it is asked for anew.
            self._wait(client_id)


def _is_in_doubt(order: Order) -> bool:
    amend = order.amend
    return (
        amend is not None and amend.kind is AmendKind.CANCEL and amend.state is AmendState.IN_DOUBT
    )
