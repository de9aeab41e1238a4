"""Every order of the session, and the only way one is sent, changed or taken back.

The path (reliability.md 2.3): judged and reserved in one step without an await; queued at the
governor; judged again when released; journaled as sending; transmitted. What comes back is merged
by ``engine.core.merge``; nothing here ever sends an order a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Final

from engine.core.answers import AMEND_REPLIES, EVIDENCE_OF, PLACE_REPLIES
from engine.core.departures import Departures
from engine.core.desk import Desk
from engine.core.lease import Leases
from engine.core.merge import merge
from engine.core.messages import Messages
from engine.core.order_alerts import page_unknown, tell_anomalies
from engine.core.tickets import WaitingCancels, amend_ticket, may_send
from engine.model import order_state
from engine.model.approval import Approved, Refusal
from engine.model.command import Batch, Lane, MessageKind, Replacement, Ticket
from engine.model.effect import Enqueue, Forget, TransmitCancel, TransmitReplace
from engine.model.event import ReplyClassified, SendAborted, SendReleased, SendWritten
from engine.model.order import Amend, AmendKind, AmendState, Fill, Lifecycle, Order, OrderRequest
from engine.model.order_state import AmendTrigger, Trigger
from engine.model.order_update import OrderUpdate
from engine.model.record import OrderChanged, OrderFilled, RiskJudged
from engine.model.verdict import Anomaly, Evidence, Verdict
from engine.ports import RiskGate, RiskView

STANDS_THOUGH_ENDED: Final = "it stands though it had ended"

OnChange = Callable[[Order, Order, Fill | None], None]


class Blotter:
    """Orders by our id and by the broker's; ``live`` holds those that have not ended, oldest first.

    ``on_change`` is told of every change, with the order as it was before and the fill when there
    was one; ``on_unclaimed`` of an update that names none of our orders; ``on_foreign`` of one
    that names an order of ours and cannot be of it: somebody else trades the account.
    ``untagged``: the accounts whose broker echoes no tag. ``max_legs``: how many orders one request
    may place, by account.
    """

    def __init__(
        self,
        desk: Desk,
        gate: RiskGate,
        view: RiskView,
        orders: dict[str, Order],
        live: dict[str, Order],
        on_change: OnChange,
        on_foreign: Callable[[str], None],
        on_unclaimed: Callable[[OrderUpdate], None],
        untagged: Collection[str],
        max_legs: Mapping[str, int],
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._view = view
        self._on_change = on_change
        self._on_foreign = on_foreign
        self._on_unclaimed = on_unclaimed
        self._leases = Leases(desk, untagged, lambda t: self.expired((t,), "one that looks alike"))
        self._waiting = WaitingCancels()
        self._messages = Messages(desk, orders, max_legs, untagged)
        self._departures = Departures(
            desk, gate, view, orders, self._leases, self.advance, self._keep_judgement
        )
        self.orders = orders
        self.live = live
        self.by_broker_id: dict[tuple[str, str], str] = {}

    # -- asking ----------------------------------------------------------------------------------

    def place(self, requests: tuple[OrderRequest, ...], *, whole: bool) -> Refusal | None:
        """Judge these together; queue all of them, or none and return why."""
        verdict = self._gate.judge(Batch(requests=requests, whole=whole), self._view)
        self._keep_judgement(requests, verdict)
        if isinstance(verdict, Refusal):
            for request in requests:
                self._begin(request, Trigger.DENY, verdict.text)
            return verdict
        self.accept(requests)
        return None

    def accept(self, requests: tuple[OrderRequest, ...]) -> None:
        """Queue orders that risk has just approved; it judges each again when it is released."""
        for request in requests:
            self._begin(request, Trigger.APPROVE)
        self._messages.queue(requests)

    def _begin(self, request: OrderRequest, trigger: Trigger, reason: str = "") -> None:
        self.orders[request.client_id] = self.live[request.client_id] = Order.of(request)
        self.advance(request.client_id, trigger, reason)

    def cancel(self, client_id: str, reason: str, *, lane: Lane = Lane.CANCEL) -> None:
        """Take back what has not filled of an order; one that was never sent ends at once."""
        order = self.orders[client_id]
        if order.lifecycle.is_terminal:
            return
        if order.lifecycle is Lifecycle.APPROVED:
            self._desk.emit(Forget((client_id,)))
            self.advance(client_id, Trigger.DENY, f"taken back before it was sent: {reason}")
            return
        step = order_state.want_cancel(order, self._desk.now, reason)
        if step.changed:
            self._store(step.order, "WANT_CANCEL", reason, lane=lane)
        elif order.amend is not None and self._waiting.is_overtaken(client_id, lane):
            self._desk.emit(Forget((client_id,)))
            self._queue_amend(order, order.amend, lane)

    def replace(
        self,
        client_id: str,
        *,
        price: Decimal,
        quantity: int,
        trigger_price: Decimal | None,
        waits: bool = False,
    ) -> str | None:
        """Ask for other terms of a working order; return why that is refused, None if it is not.

        While a request is out nothing is asked, unless it ``waits`` behind that or is refused.
        """
        desk = self._desk
        order = self.orders[client_id]
        if order.amend is not None and order.amend.state.is_outstanding and not waits:
            return None
        wanted = Replacement(
            client_id=client_id,
            generation=order.generation + 1,
            quantity=quantity,
            price=price,
            trigger_price=trigger_price,
            purpose=order.request.purpose,
        )
        verdict = self._gate.judge_replacement(order, wanted, self._view)
        if isinstance(verdict, Refusal):
            self._keep_judgement((order.request,), verdict)
            return verdict.text
        step = order_state.want_replace(order, wanted, desk.now)
        if step.changed:
            self._store(step.order, "WANT_REPLACE", f"to {price}")
        elif waits and order.lifecycle is not Lifecycle.APPROVED:
            return step.note  # One that is APPROVED is changed once it is sent.
        return None

    def restore(self, order: Order) -> None:
        """Know an order of an earlier process, as its journal left it."""
        if order.sent_at is not None:
            self._gate.remember(order.request, order.request.created_at)
        self.orders[order.client_id] = order
        if not order.lifecycle.is_terminal:
            self.live[order.client_id] = order
        if order.broker_id is not None:
            self.by_broker_id[order.account, order.broker_id] = order.client_id
        self._leases.order_changed(order)

    # -- answers of the shell --------------------------------------------------------------------

    def released(self, event: SendReleased) -> None:
        """The governor lets these go: judge again, then transmit."""
        self._departures.begin()
        for ticket in event.tickets:
            if ticket.kind is MessageKind.PLACE:
                self._departures.place(ticket)
                continue
            self._waiting.left(ticket)
            order = self.orders[ticket.client_id]
            if order.amend is not None and may_send(order.amend, ticket):
                self._release_amend(order, order.amend)

    def expired(self, tickets: Iterable[Ticket], by: str = "the message governor") -> None:
        """These were held until nobody wanted them."""
        for ticket in tickets:
            self._waiting.left(ticket)
            order = self.orders[ticket.client_id]
            waited = (self._desk.now - ticket.queued_at) / 1e9
            why = f"held by {by} for {waited:.1f} s"
            if ticket.kind is MessageKind.PLACE:
                for client_id in ticket.client_ids:
                    if self.orders[client_id].lifecycle is Lifecycle.APPROVED:
                        self.advance(client_id, Trigger.DENY, why)
            elif order.amend is not None and order.amend.state is AmendState.WANTED:
                self._give_up_amend(order, "AMEND_EXPIRED", why, ticket.lane)

    def written(self, event: SendWritten) -> None:
        """The bytes left us."""
        if event.kind is not MessageKind.PLACE:
            return
        for client_id in event.client_ids:
            order = self.orders[client_id]
            if order.sent_at is None:
                self._store(order_state.sent(order, self._desk.now), "SEND_WRITTEN")

    def aborted(self, event: SendAborted) -> None:
        """The last test said no: provably nothing left."""
        for client_id in event.client_ids:
            if event.kind is MessageKind.PLACE:
                self.advance(client_id, Trigger.SEND_ABORTED, event.reason)
            else:
                self._give_up_amend(self.orders[client_id], "AMEND_ABORTED", event.reason)

    def replied(self, reply: ReplyClassified) -> None:
        """A reply, or its absence, to one message."""
        client_id, broker_id = reply.client_id, reply.broker_id
        order = self.orders[client_id]
        if reply.kind is MessageKind.PLACE:
            named = None if broker_id is None else self.by_broker_id.get((order.account, broker_id))
            if named is not None and named != client_id:
                # It answers another request, so it proves nothing of this one.
                why = f"the reply names {broker_id}, which is order {named}"
                self.advance(client_id, Trigger.REPLY_AMBIGUOUS, why)
                return
            trigger = PLACE_REPLIES[reply.outcome]
            self.advance(client_id, trigger, reply.text, code=reply.code, broker_id=broker_id)
            return
        why = f"{reply.code}: {reply.text}" if reply.code else reply.text
        kind = AmendKind.CANCEL if reply.kind is MessageKind.CANCEL else AmendKind.REPLACE
        step = order_state.amend_step(
            order, AMEND_REPLIES[reply.outcome], self._desk.now, why, kind=kind
        )
        if step.changed:
            self._store(step.order, f"{reply.kind.upper()}_{reply.outcome}", why)

    def updated(self, update: OrderUpdate) -> None:
        """A broker said something about an order: find it, merge it."""
        client_id = update.client_id
        if client_id is None and update.broker_id is not None:
            client_id = self.by_broker_id.get((update.account, update.broker_id))
        if client_id is None or client_id not in self.orders:
            self._on_unclaimed(update)
            return
        self.take(client_id, update, EVIDENCE_OF.get(update.source, Evidence.STREAM))

    def take(self, client_id: str, update: OrderUpdate, evidence: Evidence) -> None:
        """Merge what a broker said about an order of ours, however well it is attested."""
        order = self.orders[client_id]
        result = merge(order, update, self._desk.now, evidence)
        if result.verdict is Verdict.ORPHAN:
            # A kill, which tells of it: once, however often the books show it.
            self._on_foreign(f"order {update.broker_id} is taken for {order.key}: {result.note}")
            return
        if result.anomalies:
            tell_anomalies(self._desk, order, result.anomalies)
        if result.order is not order and result.order != order:
            note = update.reason or ""
            self._store(result.order, f"SEEN_{update.status}", note, result.fill)
        if order.lifecycle.is_terminal:
            self._take_back_late(order)

    # -- what happens to orders ------------------------------------------------------------------

    def advance(
        self,
        client_id: str,
        trigger: Trigger,
        why: str = "",
        *,
        code: str = "",
        broker_id: str | None = None,
    ) -> None:
        """Move an order by what a reply (``code``, ``broker_id``), proof or a person says."""
        order = self.orders[client_id]
        step = order_state.advance(
            order, trigger, self._desk.now, reason=why, code=code, broker_id=broker_id
        )
        if step.anomaly is not None:
            tell_anomalies(self._desk, order, (step.anomaly,))
            if step.anomaly is Anomaly.BROKER_ID_CONFLICT and step.changed:
                self._on_foreign(f"a reply about {order.key}: {step.note}")
        if step.changed:
            self._store(step.order, str(trigger), why)
        if order.lifecycle.is_terminal:
            self._take_back_late(order)

    def settle_amend(self, client_id: str, trigger: AmendTrigger, why: str) -> None:
        """Move the request on an order by what was proven about it."""
        step = order_state.amend_step(self.orders[client_id], trigger, self._desk.now, why)
        if step.changed:
            self._store(step.order, "AMEND_SETTLED", why)

    def cancel_again(self, client_id: str) -> None:
        """Send a cancel once more that was not carried out: the broker's id makes it idempotent."""
        order = self.orders[client_id]
        if order.amend is not None and order.broker_id is not None:
            self._queue_amend(order, order.amend, Lane.CANCEL)

    # -- inside ----------------------------------------------------------------------------------

    def _release_amend(self, order: Order, amend: Amend) -> None:
        desk = self._desk
        if order.lifecycle.is_terminal or order.broker_id is None:
            return
        if amend.kind is AmendKind.CANCEL:
            step = order_state.amend_step(order, AmendTrigger.SENT, desk.now)
            self._store(step.order, "CANCEL_SENT")
            desk.emit(TransmitCancel(order.account, order.client_id, order.broker_id))
            return
        if amend.quantity is None or amend.price is None:
            return
        wanted = Replacement(
            client_id=order.client_id,
            generation=amend.generation,
            quantity=amend.quantity,
            price=amend.price,
            trigger_price=amend.trigger_price,
            purpose=order.request.purpose,
        )
        verdict = self._gate.judge_replacement(order, wanted, self._view)
        if isinstance(verdict, Refusal):
            self._keep_judgement((order.request,), verdict)
            step = order_state.amend_step(order, AmendTrigger.ABORTED, desk.now, verdict.text)
            self._store(step.order, "REPLACE_DENIED", verdict.text)
            return
        step = order_state.amend_step(order, AmendTrigger.SENT, desk.now)
        self._store(step.order, "REPLACE_SENT")
        desk.emit(TransmitReplace(order.account, order.broker_id, verdict))

    def _give_up_amend(
        self, order: Order, trigger: str, why: str, lane: Lane = Lane.CANCEL
    ) -> None:
        """A cancel or replace was not sent: a cancel is still wanted, a replace is stale."""
        step = order_state.amend_step(order, AmendTrigger.ABORTED, self._desk.now, why)
        if step.changed:
            self._store(step.order, trigger, why)
        elif order_state.is_amend_due(step.order) and step.order.amend is not None:
            self._queue_amend(step.order, step.order.amend, min(lane, Lane.CANCEL))

    def _queue_amend(self, order: Order, amend: Amend, lane: Lane | None) -> None:
        ticket = amend_ticket(order, amend, lane, self._desk.now)
        self._waiting.queued(ticket)
        self._desk.emit(Enqueue((ticket,)))

    def _take_back_late(self, before: Order) -> None:
        """Cancel an order that stands though it had ended: nobody counts on it any more."""
        if self.orders[before.client_id].lifecycle.is_working:
            self.cancel(before.client_id, STANDS_THOUGH_ENDED)

    def _store(
        self,
        order: Order,
        trigger: str,
        note: str = "",
        fill: Fill | None = None,
        *,
        lane: Lane | None = None,
    ) -> None:
        """Keep the new state of an order, tell the journal, then whoever listens.

        A cancel or replace that can be sent now, and could not before, is queued in ``lane``.
        """
        desk = self._desk
        request, lifecycle = order.request, order.lifecycle
        client_id, account = request.client_id, request.key.account
        before = self.orders[client_id]
        self.orders[client_id] = order
        if lifecycle.is_terminal:
            self.live.pop(client_id, None)
        else:
            self.live[client_id] = order
        desk.keep(OrderChanged(desk.now, desk.kseq, trigger, order, note))
        if order.broker_id is not None and before.broker_id is None:
            self.by_broker_id[account, order.broker_id] = client_id
        if account in self._leases.accounts:
            self._leases.order_changed(order)
        amend = order.amend
        if amend is not None and order_state.is_amend_due(order):
            known = before.amend if order_state.is_amend_due(before) else None
            if known is None or (known.kind, known.generation) != (amend.kind, amend.generation):
                self._queue_amend(order, amend, lane)
        if fill is not None:
            desk.keep(OrderFilled(desk.now, desk.kseq, fill))
            desk.ledger.apply(fill)
        if lifecycle.is_unknown and lifecycle is not before.lifecycle:
            page_unknown(desk, order, note)
        self._on_change(order, before, fill)

    def _keep_judgement(
        self, requests: tuple[OrderRequest, ...], verdict: Approved[Batch] | Refusal
    ) -> None:
        desk = self._desk
        desk.keep(
            RiskJudged(
                desk.now,
                desk.cause(),
                requests[0].strategy,
                requests[0].key.group_id,
                tuple(request.client_id for request in requests),
                isinstance(verdict, Approved),
                verdict.text if isinstance(verdict, Refusal) else "",
                verdict.checks,
            )
        )
