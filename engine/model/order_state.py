"""The three registers of an order, moved by pure functions (reliability.md 1.1 to 1.3).

The lifecycle follows ``order_table.TRANSITIONS``, the request on the order follows
``amend_state.AMEND_TRANSITIONS``, and the quantities are merged in ``engine.core.merge``. Every
function takes an ``Order`` and returns another; nothing here sends, stores or reads a clock.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.errors import InvariantBroken
from engine.model.amend_state import AmendTrigger, move_amend
from engine.model.command import Replacement
from engine.model.order import Amend, AmendKind, AmendState, Lifecycle, Order
from engine.model.order_table import TRANSITIONS, Outcome, Rule, Trigger, as_markdown
from engine.model.verdict import Anomaly, Evidence, Verdict

__all__ = [
    "TRANSITIONS",
    "AmendTrigger",
    "Step",
    "Trigger",
    "adopt_terms",
    "advance",
    "amend_step",
    "as_markdown",
    "is_amend_due",
    "mark",
    "sent",
    "want_cancel",
    "want_replace",
]

_UNSENT = (Lifecycle.INTENT, Lifecycle.APPROVED)
_NEVER_SENT = (*_UNSENT, Lifecycle.DENIED)
# What has filled in part has been open, whatever a broker calls it afterwards.
_BEFORE_OPEN = (Lifecycle.ACKED, Lifecycle.PENDING_NEW, Lifecycle.TRIGGER_PENDING)
_AFTER_ITS_END = (Verdict.LATE, Verdict.RESURRECT)
_IN_FLIGHT = (AmendState.SENDING, AmendState.ACKED, AmendState.IN_DOUBT)
_ENDS_WITH_REASON = (
    Lifecycle.DENIED,
    Lifecycle.CANCELLED,
    Lifecycle.REJECTED,
    Lifecycle.EXPIRED,
    Lifecycle.NOT_PLACED,
    Lifecycle.QUARANTINED,
)


class Step(msgspec.Struct, frozen=True):
    """An order after one trigger: ``order`` is the same object when nothing of it changed."""

    order: Order
    changed: bool
    verdict: Verdict
    note: str = ""
    anomaly: Anomaly | None = None


def advance(
    order: Order,
    trigger: Trigger,
    at: int,
    *,
    reason: str = "",
    code: str = "",
    broker_id: str | None = None,
    evidence: Evidence = Evidence.STREAM,
    is_newer: bool = False,
    seen_quantity: int | None = None,
) -> Step:
    """Return ``order`` after ``trigger`` at ``at`` (ns UTC).

    ``reason`` and ``code`` are the broker's or our own words, ``broker_id`` what a reply gave.
    ``is_newer`` says that an update's version is above the order's, ``seen_quantity`` is the
    cumulative quantity it showed. Raises ``InvariantBroken`` for a pair that only our own bug can
    bring about, such as sending what was denied.
    """
    state = order.lifecycle
    outcome = TRANSITIONS[state][trigger]
    if outcome.verdict is Verdict.IMPOSSIBLE:
        raise InvariantBroken(
            f"order {order.client_id} ({order.key}) is {state} and cannot meet "
            f"{trigger}: {outcome.note}"
        )
    if outcome.verdict is Verdict.ORPHAN:
        return Step(order, changed=False, verdict=Verdict.ORPHAN, note=outcome.note)
    if outcome.rule is not None:
        outcome = _decide(order, outcome, evidence, is_newer=is_newer, seen_quantity=seen_quantity)
    after, verdict, anomaly, _, note = outcome
    if order.filled_quantity and after in _BEFORE_OPEN and after is not state:
        after = Lifecycle.OPEN
    known = order.broker_id
    if broker_id is not None and known is not None and known != broker_id:
        anomaly = Anomaly.BROKER_ID_CONFLICT
        verdict = max(verdict, Verdict.ANOMALY, key=lambda v: v.weight)
        note = f"the broker named it {known} and now {broker_id}: two may stand"
    changes: dict[str, object] = {}
    if after is not state:
        changes["lifecycle"] = after
        if (reason or code) and after in _ENDS_WITH_REASON:
            changes["reason"] = reason or None
            changes["code"] = code or None
        if order.amend is not None and after.is_terminal:
            changes["amend"] = _settled(order.amend, after)
    elif reason and order.reason is None and state in _ENDS_WITH_REASON:
        changes["reason"] = reason
        changes["code"] = code or order.code
    if broker_id is not None and known is None:
        changes["broker_id"] = broker_id
    if (
        order.acked_at is None
        and (trigger is Trigger.REPLY_OK or trigger.is_remote)
        and state not in _NEVER_SENT
    ):
        changes["acked_at"] = at
    if verdict in _AFTER_ITS_END and not order.is_late:
        changes["is_late"] = True
    if anomaly is not None and anomaly not in order.anomalies:
        changes["anomalies"] = (*order.anomalies, anomaly)
    if not changes:
        return Step(order, changed=False, verdict=verdict, note=note, anomaly=anomaly)
    changes["updated_at"] = at
    moved = msgspec.structs.replace(order, **changes)
    return Step(moved, changed=True, verdict=verdict, note=note, anomaly=anomaly)


def sent(order: Order, at: int) -> Order:
    """Return ``order`` with the time at which its bytes left us."""
    return msgspec.structs.replace(order, sent_at=at, updated_at=at)


def mark(order: Order, anomaly: Anomaly, at: int) -> Order:
    """Return ``order`` with ``anomaly`` noted on it, itself when it was noted before."""
    if anomaly in order.anomalies:
        return order
    return msgspec.structs.replace(order, anomalies=(*order.anomalies, anomaly), updated_at=at)


def want_cancel(order: Order, at: int, reason: str) -> Step:
    """Latch the wish to cancel; it can be sent once the broker's id is known.

    An order that was never sent is DENIED at once. A cancel overtakes a replace, sent or not, and
    carries the terms of one whose outcome is not known, since they may still come true.
    """
    if order.lifecycle in _UNSENT:
        return advance(order, Trigger.DENY, at, reason=reason)
    amend = order.amend
    if order.lifecycle.is_terminal:
        return Step(order, changed=False, verdict=Verdict.STALE, note="it has ended")
    if amend is not None and amend.kind is AmendKind.CANCEL and amend.state.is_outstanding:
        return Step(order, changed=False, verdict=Verdict.STAY, note="a cancel is on its way")
    wanted = Amend(
        kind=AmendKind.CANCEL,
        state=AmendState.WANTED,
        generation=order.generation,
        reason=reason,
    )
    note = ""
    if amend is not None and amend.may_replace and amend.state is not AmendState.WANTED:
        wanted = msgspec.structs.replace(
            wanted,
            generation=amend.generation,
            quantity=amend.quantity,
            price=amend.price,
            trigger_price=amend.trigger_price,
        )
        note = "overtakes a replace whose outcome is not known"
    return _amended(order, wanted, at, Verdict.MOVE, note)


def want_replace(order: Order, replacement: Replacement, at: int) -> Step:
    """Latch a replace. While a request is out the newest one waits behind it; a cancel wins.

    Raises ``InvariantBroken`` when the replacement is for another order or an old generation.
    """
    if replacement.client_id != order.client_id or replacement.generation <= order.generation:
        raise InvariantBroken(
            f"order {order.client_id} at generation {order.generation} was asked for generation "
            f"{replacement.generation} of {replacement.client_id}"
        )
    amend = order.amend
    if order.lifecycle in _UNSENT:
        return Step(order, changed=False, verdict=Verdict.STALE, note="it was not sent yet")
    if order.lifecycle.is_terminal or order.lifecycle is Lifecycle.QUARANTINED:
        return Step(order, changed=False, verdict=Verdict.STALE, note=f"it is {order.lifecycle}")
    wanted = Amend(
        kind=AmendKind.REPLACE,
        state=AmendState.WANTED,
        generation=replacement.generation,
        quantity=replacement.quantity,
        price=replacement.price,
        trigger_price=replacement.trigger_price,
    )
    if amend is not None and amend.state.is_outstanding:
        if amend.kind is AmendKind.CANCEL:
            return Step(order, changed=False, verdict=Verdict.STALE, note="a cancel wins")
        if amend.state is not AmendState.WANTED:
            wanted = msgspec.structs.replace(amend, queued=wanted)
    elif amend is not None and amend.may_replace:
        return Step(
            order,
            changed=False,
            verdict=Verdict.STALE,
            note="an earlier replace is still in doubt: what the broker shows decides it first",
        )
    return _amended(order, wanted, at, Verdict.MOVE)


def is_amend_due(order: Order) -> bool:
    """True when a wanted cancel or replace can be sent: the broker's id is known, it stands."""
    return (
        order.amend is not None
        and order.amend.state is AmendState.WANTED
        and order.broker_id is not None
        and not order.lifecycle.is_terminal
    )


def amend_step(
    order: Order,
    trigger: AmendTrigger,
    at: int,
    reason: str = "",
    *,
    kind: AmendKind | None = None,
) -> Step:
    """Return ``order`` after something happened to the request on it.

    ``kind`` says which request a reply answers: a late answer to a replace that a cancel overtook
    is then not taken for the cancel's. A request that is settled makes room for the one queued
    behind it. Raises ``InvariantBroken`` as ``move_amend`` does.
    """
    amend = order.amend
    if amend is None or (kind is AmendKind.CANCEL and amend.kind is AmendKind.REPLACE):
        anomaly = Anomaly.UNEXPECTED_AMEND
        return Step(
            mark(order, anomaly, at),
            changed=anomaly not in order.anomalies,
            verdict=Verdict.ANOMALY,
            note=f"{trigger} of a request that was not made",
            anomaly=anomaly,
        )
    if kind is AmendKind.REPLACE and amend.kind is AmendKind.CANCEL:
        return _overtaken(order, amend, trigger, at)
    moved, verdict, note = move_amend(amend, trigger, reason=reason)
    if moved is amend:
        if verdict is Verdict.ANOMALY:
            marked = mark(order, Anomaly.UNEXPECTED_AMEND, at)
            return Step(marked, marked is not order, verdict, note, Anomaly.UNEXPECTED_AMEND)
        return Step(order, changed=False, verdict=verdict, note=note)
    if not moved.state.is_outstanding and moved.queued is not None:
        moved = moved.queued
    return _amended(order, moved, at, verdict, note)


def adopt_terms(
    order: Order,
    at: int,
    *,
    quantity: int,
    price: Decimal,
    trigger_price: Decimal | None,
) -> Order:
    """Return ``order`` with the terms of the replace it carries, seen to have come true.

    The generation becomes the replace's. A quantity no larger than what has filled means that it
    is filled: FIX C.3.b says the quantity then equals what filled.
    """
    amend = order.amend
    if amend is None or amend.quantity is None:
        raise InvariantBroken(f"order {order.client_id} has no replace whose terms it could adopt")
    settled: Amend | None
    if amend.kind is AmendKind.REPLACE:
        settled = move_amend(amend, AmendTrigger.OBSERVED)[0]
        if settled.queued is not None and not order.lifecycle.is_terminal:
            settled = settled.queued
    else:
        settled = msgspec.structs.replace(amend, quantity=None, price=None, trigger_price=None)
    replaced = msgspec.structs.replace(
        order,
        amend=settled,
        generation=max(amend.generation, order.generation + 1),
        quantity=max(quantity, order.filled_quantity),
        price=price,
        trigger_price=trigger_price,
        updated_at=at,
    )
    if not replaced.lifecycle.is_terminal and 0 < replaced.quantity == replaced.filled_quantity:
        return advance(replaced, Trigger.SEEN_FILLED, at).order
    return replaced


def _decide(
    order: Order,
    outcome: Outcome,
    evidence: Evidence,
    *,
    is_newer: bool,
    seen_quantity: int | None,
) -> Outcome:
    """Return the cell as it applies to this order: the rules of the table, in words of its own."""
    state, rule = order.lifecycle, outcome.rule
    if rule is Rule.IF_NEWER:
        if is_newer and not order.filled_quantity:
            return outcome
        return Outcome(state, Verdict.STALE)
    if rule is Rule.IF_AGREED:
        if evidence is Evidence.AGREED:
            return outcome
        return Outcome(
            state, Verdict.ANOMALY, Anomaly.OPEN_AFTER_END, note="waits for two snapshots to agree"
        )
    if rule is Rule.IF_SHORT:
        is_short = seen_quantity is not None and seen_quantity < order.quantity
        if is_newer and is_short:
            return outcome._replace(verdict=Verdict.ANOMALY)
        return outcome._replace(anomaly=None)
    if rule is Rule.IF_UNSEEN:
        if order.broker_id is None and not order.filled_quantity:
            return outcome
        return TRANSITIONS[Lifecycle.ACKED][Trigger.SNAPSHOT_ABSENT]
    amend = order.amend
    if (
        rule is Rule.REJECT
        and evidence is Evidence.STREAM
        and amend is not None
        and amend.state in _IN_FLIGHT
    ):
        return Outcome(
            state,
            Verdict.HELD,
            Anomaly.REJECT_HELD,
            note=f"the rejection may be of the {amend.kind.lower()}: ask the broker",
        )
    if order.filled_quantity:
        return outcome._replace(next=Lifecycle.CANCELLED, note="what had filled stays")
    return outcome


def _settled(amend: Amend, end: Lifecycle) -> Amend:
    """Return the request on an order that has just ended."""
    amend = msgspec.structs.replace(amend, queued=None)
    if not amend.state.is_outstanding:
        return amend
    observed = amend.kind is AmendKind.CANCEL and end is Lifecycle.CANCELLED
    trigger = AmendTrigger.OBSERVED if observed else AmendTrigger.ORDER_ENDED
    return move_amend(amend, trigger)[0]


def _overtaken(order: Order, amend: Amend, trigger: AmendTrigger, at: int) -> Step:
    """Answer for a replace that a cancel overtook: refused or aborted, its terms are dead."""
    dead = trigger in {AmendTrigger.REPLY_REFUSED, AmendTrigger.ABORTED}
    if amend.quantity is None or not dead:
        return Step(order, changed=False, verdict=Verdict.STALE, note="a cancel overtook it")
    bare = msgspec.structs.replace(amend, quantity=None, price=None, trigger_price=None)
    return _amended(order, bare, at, Verdict.MOVE, "the overtaken replace was refused")


def _amended(order: Order, amend: Amend, at: int, verdict: Verdict, note: str = "") -> Step:
    changed = msgspec.structs.replace(order, amend=amend, updated_at=at)
    return Step(changed, changed=True, verdict=verdict, note=note)
