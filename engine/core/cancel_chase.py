"""Cancels that nobody answered: asked for again, whatever the books say. And those refused: told.

The broker's own id makes a cancel idempotent, so sending it again is safe (reliability.md 1.3). It
must not wait for a look into the books: they may be what the broker fails to show, while a kill
waits for its orders to be gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.core.desk import Desk
from engine.core.timers import Timer
from engine.model.order import AmendState, Order
from engine.rules.clock_time import ns

AGAIN_S: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pauses before a cancel in doubt is asked for again; the last one from then on."""
REFUSALS_TOLD: Final = 5
"""So often a cancel may be refused before a person hears of it; its group asks every second."""


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
        self._refused: dict[str, int] = {}
        self._timers: dict[str, Timer] = {}

    def order_changed(self, order: Order, before: Order) -> None:
        """Begin to wait for a cancel that came in doubt; forget an order that has ended.

        Of orders that carry a request: others were never to be cancelled.
        """
        client_id = order.client_id
        if order.lifecycle.is_terminal:
            self._asked.pop(client_id, None)
            self._refused.pop(client_id, None)
            timer = self._timers.pop(client_id, None)
            if timer is not None:
                timer.cancel()
        elif order.cancel_state is AmendState.REFUSED:
            if before.cancel_state is not AmendState.REFUSED:
                self._note_refusal(order)
        elif order.cancel_state is AmendState.IN_DOUBT:
            timer = self._timers.get(client_id)
            if timer is None or not timer.is_pending:
                self._wait(client_id)

    def _note_refusal(self, order: Order) -> None:
        times = self._refused[order.client_id] = self._refused.get(order.client_id, 0) + 1
        if times == REFUSALS_TOLD:
            why = order.amend.reason if order.amend is not None else ""
            self._desk.alert(
                "critical",
                order.client_id,
                f"{order.key}: not cancelled, its broker refused {times} times: {why}. It is asked "
                "for again and again; cancel it at the broker",
            )

    def _wait(self, client_id: str) -> None:
        asked = self._asked.get(client_id, 0)
        self._asked[client_id] = asked + 1
        due = self._desk.now + ns(AGAIN_S[min(asked, len(AGAIN_S) - 1)])
        self._timers[client_id] = self._desk.timers.add(due, lambda: self._ask(client_id))

    def _ask(self, client_id: str) -> None:
        if self._order_of(client_id).cancel_state is AmendState.IN_DOUBT:
            self._cancel_again(client_id)
            # The governor may let go of it; then nothing is heard of it, and it is asked for anew.
            self._wait(client_id)
