"""What brokers and people tell the kernel beside replies: streams, books, verdicts on doubt.

Joins the parts that hold what is known against what is so: strangers' orders, updates nobody
claims yet, doubts and the books of every account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.core.blotter import Blotter
from engine.core.books import Books
from engine.core.cancel_chase import CancelChase
from engine.core.claims import Claims
from engine.core.desk import Desk
from engine.core.foreign import Foreign
from engine.model.event import (
    HumanAdjusted,
    HumanResolved,
    JournalStalled,
    OrderStreamChanged,
    Resolution,
    SnapshotMerged,
)
from engine.model.nearest import nearest_first
from engine.model.order import Order
from engine.model.order_state import Trigger
from engine.model.order_update import OrderUpdate
from engine.model.record import ForeignHeld, HumanActed
from engine.model.verdict import Evidence

_RESOLVES: Final = {
    Resolution.NOT_PLACED: Trigger.RESOLVED_NOT_PLACED,
    Resolution.CANCELLED: Trigger.RESOLVED_CANCELLED,
    Resolution.REJECTED: Trigger.RESOLVED_REJECTED,
}


class Reconcile:
    """Everything that is held against our own orders.

    ``accounts`` are those whose broker has books to read, ``untagged`` those of them whose broker
    echoes no tag. In others (paper has none) an update
    about an order nobody sent is at once a stranger's. ``on_foreign`` is told of somebody else who
    trades our account, ``on_settled`` when an account's books have been weighed.
    """

    def __init__(
        self,
        desk: Desk,
        blotter: Blotter,
        accounts: Iterable[str],
        untagged: Iterable[str],
        on_foreign: Callable[[str], None],
        on_settled: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._blotter = blotter
        self._accounts = frozenset(accounts)
        self._on_foreign = on_foreign
        self._adjustments: set[str] = set()
        self._half_done: HumanActed | None = None
        self.foreign = Foreign(desk)
        self.claims = Claims(
            desk,
            blotter.orders,
            blotter.by_broker_id,
            self.foreign,
            on_foreign,
            lambda account: self.books.read(account, "more updates than fit are unclaimed"),
            untagged,
        )
        self.books = Books(
            desk, blotter, self.claims, self.foreign, sorted(self._accounts), on_settled
        )
        self._cancels = CancelChase(desk, blotter.orders.__getitem__, blotter.cancel_again)
        self.handlers: Mapping[type, Callable[[Any], None]] = {
            SnapshotMerged: lambda e: self.books.merged(e.snapshot),
            OrderStreamChanged: lambda e: self.books.stream_changed(
                e.account, e.why, is_up=e.is_up
            ),
            JournalStalled: self._stalled,
            HumanResolved: self._resolved,
            HumanAdjusted: self._adjusted,
        }

    def adjustments(self) -> list[str]:
        """Return the ids of the differences that people accepted."""
        return sorted(self._adjustments)

    def order_changed(self, order: Order, before: Order) -> None:
        """Note what happened to one of our orders."""
        if order.amend is not None:
            self._cancels.order_changed(order, before)
        if order.request.key.account in self._accounts:
            self.books.order_changed(order, before)

    def restore(self, act: HumanActed) -> None:
        """Know an act of an earlier process, so that it counts once.

        An accepted difference is done with the record of its units, which stands right behind: a
        crash may have cut that off, and then the act, which is taken up again, counts.
        """
        self._half_done = act if act.action == "adjust" else None

    def restore_units(self, record: ForeignHeld) -> None:
        """Take up units that are nobody's of ours, and the act that accepted them."""
        self.foreign.restore(record)
        act, self._half_done = self._half_done, None
        if act is not None and (act.who, act.why) == (record.who, record.why):
            self._adjustments.add(act.act_id)

    def unclaimed(self, update: OrderUpdate) -> None:
        """Decide about an update that names none of our orders."""
        if update.account in self._accounts:
            self.claims.take(update, Evidence.STREAM)
            return
        self._on_foreign(
            f"{update.source} speaks of an order in {update.account} that we did not send: "
            f"broker id {update.broker_id}, {update.status}, filled {update.filled_quantity}"
        )

    def _stalled(self, event: JournalStalled) -> None:
        self._desk.alert(
            "critical",
            "journal",
            f"nothing became durable for {event.waited_ms:.0f} ms: nothing new is sent until it is",
        )

    def _resolved(self, event: HumanResolved) -> None:
        desk = self._desk
        order = self._blotter.orders.get(event.client_id)
        if order is None or not order.lifecycle.is_unknown:
            state = "unknown here" if order is None else order.lifecycle
            desk.alert(
                "warning",
                event.client_id,
                f"{event.who} resolved it as {event.resolution}, but it is {state}: nothing done",
            )
            return
        desk.keep(
            HumanActed(
                desk.now,
                desk.kseq,
                "resolve",
                event.client_id,
                event.who,
                event.why,
                event.act_id,
            )
        )
        why = f"{event.who} says so: {event.why}"
        self._blotter.advance(event.client_id, _RESOLVES[event.resolution], why)
        self.books.settled_by_hand(order)

    def _adjusted(self, event: HumanAdjusted) -> None:
        desk = self._desk
        if event.act_id and event.act_id in self._adjustments:
            # Taken up again after a crash: it is in the journal, and the units are counted.
            return
        subject = f"{event.account} {event.quantity:+d} {event.instrument.symbol} {event.product}"
        if event.account not in self._accounts:
            desk.alert(
                "critical",
                subject,
                f"{event.who} accepted it ({event.why}), but no account {event.account!r} has "
                f"books here; {nearest_first(event.account, self._accounts)}: nothing done",
            )
            return
        self._adjustments.add(event.act_id)
        desk.keep(
            HumanActed(desk.now, desk.kseq, "adjust", subject, event.who, event.why, event.act_id)
        )
        row = event.instrument, event.product, event.quantity
        self.foreign.hold(event.account, row, event.who, event.why)
        self.books.read(event.account, f"{event.who} accepted a difference")
