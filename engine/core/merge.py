"""What a broker says of an order, merged into what is known of it (reliability.md 1.4).

One function for streams, replies and snapshots. It is idempotent, and the order in which truthful
updates arrive changes neither the lifecycle nor the quantity nor the value that comes out: fills
are the growth of a cumulative quantity that never falls, and quantities outweigh status words.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

import msgspec

from engine.core.terms import Terms, usable
from engine.model.amend_state import SEEN_OUTCOME, AmendTrigger
from engine.model.money import ZERO
from engine.model.order import AmendKind, AmendState, Fill, Lifecycle, Order
from engine.model.order_state import (
    TRANSITIONS,
    Step,
    Trigger,
    adopt_terms,
    advance,
    amend_step,
    mark,
)
from engine.model.order_update import AmendOutcome, OrderUpdate, RemoteStatus
from engine.model.verdict import Anomaly, Evidence, Verdict

_TRIGGER_OF: Final[dict[RemoteStatus, Trigger | None]] = {
    RemoteStatus.PENDING: Trigger.SEEN_PENDING,
    RemoteStatus.OPEN: Trigger.SEEN_OPEN,
    RemoteStatus.TRIGGER_PENDING: Trigger.SEEN_TRIGGER_PENDING,
    RemoteStatus.FILLED: Trigger.SEEN_FILLED,
    RemoteStatus.CANCELLED: Trigger.SEEN_CANCELLED,
    RemoteStatus.REJECTED: Trigger.SEEN_REJECTED,
    RemoteStatus.EXPIRED: Trigger.SEEN_EXPIRED,
    RemoteStatus.NONE: None,
    RemoteStatus.UNRECOGNISED: None,
}
_UNSENT: Final = (Lifecycle.INTENT, Lifecycle.APPROVED, Lifecycle.DENIED)
_ENDS: Final = (RemoteStatus.CANCELLED, RemoteStatus.REJECTED, RemoteStatus.EXPIRED)
_NOT_YET_REPLACED: Final = (AmendOutcome.REPLACE_ACKED, AmendOutcome.REPLACE_REFUSED)
_EXPECTED: Final = (Verdict.MOVE, Verdict.LATE)
_REQUEST_REFUSED: Final = (AmendOutcome.CANCEL_REFUSED, AmendOutcome.REPLACE_REFUSED)
_NO_EXCHANGE_ID: Final = frozenset({None, "", "0"})
# A fill's price is its value over its quantity, to eight places; the value itself stays exact.
_PRICE_STEP: Final = Decimal("1E-8")


class MergeResult(NamedTuple):
    """An order after an update.

    ``order`` is the same object when the update told nothing new. ``fill`` is the growth of its
    quantity (or, with quantity 0, a correction of its value). ``verdict`` is the weightiest of all
    that was found; ``anomalies`` are those not noted on the order before.
    """

    order: Order
    fill: Fill | None
    verdict: Verdict
    anomalies: tuple[Anomaly, ...]
    note: str = ""


def merge(
    order: Order, update: OrderUpdate, at: int, evidence: Evidence = Evidence.STREAM
) -> MergeResult:
    """Return ``order`` with ``update`` merged into it at ``at`` (ns UTC).

    ``evidence`` says how well the update is attested; the reports of the paper exchange are the
    truth itself and count as a snapshot. An update that cannot be of this order (another account,
    tag, broker id, contract or side, or an order never sent) changes nothing and is an ORPHAN.
    """
    stranger = _stranger(order, update)
    if stranger is not None:
        return stranger
    return _Merge(order, update, at, evidence).run()


def _stranger(order: Order, update: OrderUpdate) -> MergeResult | None:
    """Return the answer to an update that is not of this order, None when it is."""
    if order.lifecycle in _UNSENT:
        trigger = _TRIGGER_OF[update.status] or Trigger.SEEN_OPEN
        outcome = TRANSITIONS[order.lifecycle][trigger]
        found = () if outcome.anomaly is None else (outcome.anomaly,)
        return MergeResult(order, None, outcome.verdict, found, outcome.note)
    request = order.request
    if (
        update.account != request.key.account
        or (update.client_id is not None and update.client_id != request.client_id)
        or (update.instrument is not None and update.instrument.key != request.instrument.key)
        or (update.side is not None and update.side is not request.side)
    ):
        what = f"{update.side} {update.instrument.symbol if update.instrument else ''}"
        note = f"it speaks of {update.account}/{update.client_id} {what}".rstrip()
        return MergeResult(order, None, Verdict.ORPHAN, (Anomaly.IDENTITY_MISMATCH,), note)
    known, shown = order.broker_id, update.broker_id
    if known is not None and shown is not None and known != shown:
        return MergeResult(
            order,
            None,
            Verdict.ORPHAN,
            (Anomaly.BROKER_ID_CONFLICT,),
            f"the broker named it {known} and now {shown}: two may stand",
        )
    return None


class _Merge:
    """One merge under way: the order as it is so far, and what was found."""

    def __init__(self, order: Order, update: OrderUpdate, at: int, evidence: Evidence) -> None:
        self.before = order
        self.order = order
        self.update = update
        self.at = at
        self.evidence = evidence
        self.fill: Fill | None = None
        self.verdict = Verdict.STAY
        self.notes: list[str] = []
        self.tells_of_book = False
        seen, known = update.version, order.version
        self.is_older = seen is not None and known is not None and seen < known
        self.is_newer = seen is not None and (known is None or seen > known)

    def run(self) -> MergeResult:
        self._identity()
        self._terms()
        self._quantity()
        self._status()
        is_absent = self.order.lifecycle is Lifecycle.NOT_PLACED
        if is_absent and self.update.status is not RemoteStatus.NONE:
            # Whatever a broker says of an order that was proven absent, it says that there is one.
            self._advance(Trigger.SEEN_PENDING)
        if self.update.amend_outcome is not None:
            self._request(self.update.amend_outcome)
        before, order = self.before, self.order
        filled = order.filled_quantity
        if filled > order.quantity and filled > self._bound():
            self._odd(Anomaly.OVERFILL, f"{filled} filled of {order.quantity}")
            order = self.order
        version, known = self.update.version, order.status_version
        changes = {"version": version} if self.is_newer else {}
        if self.tells_of_book and version is not None and (known is None or version > known):
            changes["status_version"] = version
        if changes or order is not before:
            order = msgspec.structs.replace(order, **changes, updated_at=self.at)
        found: tuple[Anomaly, ...] = ()
        if order.anomalies != before.anomalies:
            found = tuple(Anomaly(a) for a in order.anomalies if a not in before.anomalies)
        return MergeResult(order, self.fill, self.verdict, found, "; ".join(self.notes))

    def _identity(self) -> None:
        """Learn the broker's and the exchange's ids; a real exchange id never reverts to 0."""
        update, order = self.update, self.order
        if order.broker_id is None and update.broker_id is not None:
            self.order = order = msgspec.structs.replace(order, broker_id=update.broker_id)
        if update.exchange_id in _NO_EXCHANGE_ID:
            return
        if order.exchange_id in _NO_EXCHANGE_ID:
            self.order = msgspec.structs.replace(order, exchange_id=update.exchange_id)
        elif order.exchange_id != update.exchange_id:
            self._odd(
                Anomaly.EXCHANGE_ID_CONFLICT,
                f"exchange id {order.exchange_id}, now {update.exchange_id}",
            )

    def _terms(self) -> None:
        """See a replace of ours come true, or somebody else change the order."""
        update, order, amend = self.update, self.order, self.order.amend
        if self.is_older or update.amend_outcome in _NOT_YET_REPLACED:
            return
        shown = Terms.shown(update)
        is_news = shown.contradicts(order)
        if not is_news and amend is None:
            return
        if amend is not None and amend.quantity is not None and amend.price is not None:
            came_late = amend.kind is AmendKind.REPLACE and amend.state is AmendState.REFUSED
            is_done = update.amend_outcome is AmendOutcome.REPLACE_DONE
            if (
                (amend.may_replace or came_late)
                and (is_news or is_done)
                and not shown.contradicts(amend)
            ):
                self._adopt(amend.quantity, amend.price, amend.trigger_price)
                return
        if not is_news or update.status in _ENDS or order.lifecycle.is_terminal:
            return
        quantity = shown.quantity or order.quantity
        price = shown.price or order.price
        trigger = shown.trigger_price or order.trigger_price
        if order.generation and not self.is_newer:
            # An unversioned report may be of an earlier generation: nothing says it is news.
            self._odd(Anomaly.TERMS_DIFFER, f"shown as {quantity} at {price}")
            return
        self.order = msgspec.structs.replace(
            order,
            quantity=max(quantity, order.filled_quantity),
            price=price,
            trigger_price=trigger,
            is_external_change=True,
        )
        self._odd(Anomaly.EXTERNAL_CHANGE, f"changed to {quantity} at {price}, not by us")

    def _adopt(self, quantity: int, price: Decimal, trigger: Decimal | None) -> None:
        was_ended = self.order.lifecycle.is_terminal
        self.order = adopt_terms(
            self.order, self.at, quantity=quantity, price=price, trigger_price=trigger
        )
        self._weigh(Verdict.LATE if was_ended else Verdict.MOVE, f"replaced: {quantity} at {price}")

    def _quantity(self) -> None:
        """Count the growth of the cumulative quantity, exactly once, whatever the status says."""
        update, order = self.update, self.order
        seen = update.filled_quantity
        if seen is None:
            return
        if seen < order.filled_quantity:
            if not self.is_older:
                self._odd(
                    Anomaly.QUANTITY_FELL,
                    f"filled {seen} shown after {order.filled_quantity}: the higher is kept",
                )
            return
        average = usable(update.average_price)
        if seen == order.filled_quantity:
            if seen and average is not None and Anomaly.PRICE_UNCERTAIN in order.anomalies:
                self._correct_value(average * seen)
            return
        growth = seen - order.filled_quantity
        if average is not None:
            value = average * seen
            if order.anomalies:
                settled = tuple(a for a in order.anomalies if a != Anomaly.PRICE_UNCERTAIN)
                order = msgspec.structs.replace(order, anomalies=settled)
        else:
            value = order.filled_value + order.price * growth
            self._odd(Anomaly.PRICE_UNCERTAIN, "no usable average price: valued at the limit")
            order = self.order
        self.fill = fill_of(order, growth, value - order.filled_value, self.at)
        self.order = msgspec.structs.replace(
            order,
            filled_quantity=seen,
            filled_value=value,
            is_late=order.is_late or self.before.lifecycle.is_terminal,
        )

    def _correct_value(self, value: Decimal) -> None:
        """Put right the value of what was filled at a price nobody had told yet."""
        order = self.order
        settled = tuple(a for a in order.anomalies if a != Anomaly.PRICE_UNCERTAIN)
        if value != order.filled_value:
            self.fill = fill_of(order, 0, value - order.filled_value, self.at)
        self.order = msgspec.structs.replace(order, filled_value=value, anomalies=settled)
        self._weigh(Verdict.MOVE, "the average price became known")

    def _bound(self) -> int:
        """Return the quantity at which the order is filled.

        While a larger replace may have come true unseen, a report that neither names a quantity
        nor says FILLED does not prove that the smaller one is all there is.
        """
        order, update = self.order, self.update
        amend = order.amend
        if (
            amend is not None
            and amend.quantity is not None
            and amend.may_replace
            and amend.state is not AmendState.WANTED
            and not update.quantity
            and update.status is not RemoteStatus.FILLED
        ):
            return max(order.quantity, amend.quantity)
        return order.quantity

    def _status(self) -> None:
        """Move the lifecycle: by quantity first, then by what the status says."""
        update = self.update
        grew = self.fill is not None and self.fill.quantity > 0
        filled = self.order.filled_quantity
        shows_all = (update.filled_quantity or 0) >= self.order.quantity
        if filled and filled >= self._bound():
            if shows_all or self.order.lifecycle is not Lifecycle.FILLED:
                self._advance(Trigger.SEEN_FILLED)
                self.tells_of_book = True
                return
        elif grew:
            self._advance(Trigger.SEEN_PART_FILLED)
        trigger = _TRIGGER_OF[update.status]
        if update.status is RemoteStatus.UNRECOGNISED:
            self._odd(Anomaly.UNKNOWN_STATUS, f"unknown status {update.raw_status!r}")
        if trigger is None or update.amend_outcome in _REQUEST_REFUSED:
            return
        if trigger is Trigger.SEEN_FILLED:
            seen = update.filled_quantity
            if not self.is_older and (seen is None or seen < self.order.quantity):
                self._odd(
                    Anomaly.FILLED_BUT_SHORT,
                    f"called filled with {seen} of {self.order.quantity}",
                )
            return
        seen_version, known = update.version, self.order.status_version
        if seen_version is not None and known is not None and seen_version < known:
            self._weigh(Verdict.STALE, f"{update.status} is older than what is known")
            return
        is_newer = seen_version is not None and (known is None or seen_version > known)
        step = self._advance(trigger, is_newer=is_newer)
        if trigger is Trigger.SEEN_CANCELLED and step.changed:
            self._note_external_cancel()
        # PENDING is the least thing a status can say, so it never makes an OPEN stale.
        self.tells_of_book = trigger is not Trigger.SEEN_PENDING

    def _note_external_cancel(self) -> None:
        amend = self.before.amend
        asked = (
            amend is not None
            and amend.kind is AmendKind.CANCEL
            and amend.state is not AmendState.WANTED
        )
        if not asked and self.before.lifecycle.is_working:
            self.order = msgspec.structs.replace(self.order, is_external_change=True)
            self._odd(Anomaly.EXTERNAL_CHANGE, "cancelled, not by us")

    def _request(self, outcome: AmendOutcome) -> None:
        """Move the request register by what the broker says of the request."""
        kind, trigger = SEEN_OUTCOME[outcome]
        if trigger is AmendTrigger.OBSERVED:
            amend = self.order.amend
            if (
                amend is None
                or amend.kind is not AmendKind.REPLACE
                or amend.state in {AmendState.DONE, AmendState.WANTED}
                or self.is_older
            ):
                return
            if Terms.of(self.order) == Terms.of(self.before):
                # Called done while the old terms are shown: accepted, not carried out.
                trigger = AmendTrigger.REPLY_OK
        self._take(amend_step(self.order, trigger, self.at, self.update.reason or "", kind=kind))

    def _advance(self, trigger: Trigger, *, is_newer: bool = False) -> Step:
        update = self.update
        step = advance(
            self.order,
            trigger,
            self.at,
            reason=update.reason or "",
            code=update.code or "",
            evidence=self.evidence,
            is_newer=is_newer,
            seen_quantity=update.filled_quantity,
        )
        self._take(step)
        return step

    def _take(self, step: Step) -> None:
        self.order = step.order
        if step.changed or step.verdict not in _EXPECTED:
            self._weigh(step.verdict, step.note)

    def _odd(self, anomaly: Anomaly, note: str) -> None:
        self.order = mark(self.order, anomaly, self.at)
        self._weigh(Verdict.ANOMALY, note)

    def _weigh(self, verdict: Verdict, note: str) -> None:
        if verdict.weight > self.verdict.weight:
            self.verdict = verdict
        if note:
            self.notes.append(note)


def fill_of(order: Order, quantity: int, value: Decimal, at: int) -> Fill:
    """Return the fill that lets ``order``, as it was before, grow by so much.

    ``quantity`` is units, ``value`` rupees; a quantity of 0 corrects the value alone.
    """
    if quantity and value > ZERO:
        price = (value / quantity).quantize(_PRICE_STEP, ROUND_HALF_EVEN).normalize()
        if price == price.to_integral_value():
            price = price.quantize(Decimal(1))
    else:
        # A correction of what was valued too high or too low before: its price means nothing.
        price = order.price
    request = order.request
    return Fill(
        client_id=request.client_id,
        group_id=request.key.group_id,
        strategy=request.strategy,
        account=request.key.account,
        instrument=request.instrument,
        side=request.side,
        product=request.product,
        quantity=quantity,
        price=price,
        at=at,
        filled_before=order.filled_quantity,
        exact_value=None if price * quantity == value and quantity else value,
    )
