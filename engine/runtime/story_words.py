"""What happened, in the words of a trader: one sentence for every kind of journal record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from engine.model.instrument import plain
from engine.model.legs import GroupState
from engine.model.money import inr
from engine.model.order import Lifecycle
from engine.model.side import Side
from engine.runtime.readmodel_schema import (
    AlertRow,
    AskedLegRow,
    CheckRow,
    FillRow,
    GroupRow,
    HaltRow,
    JudgementRow,
    KillRow,
    LegRow,
    MoveRow,
    OrderEventRow,
    OrderRow,
)

_PRICE_STEP: Final = Decimal("0.0001")


class Words(NamedTuple):
    """Who, the state it led to, the sentence, and how bad it is: info, good, warning, critical."""

    who: str
    what: str
    text: str
    level: str = "info"


class Labels:
    """Short names of a group's orders: ``leg 3``, ``leg 3 exit``, ``leg 3 #2`` for a second one."""

    def __init__(
        self, orders: Iterable[OrderRow], legs: Sequence[LegRow], accounts: Collection[str]
    ) -> None:
        several = len(accounts) > 1
        counts: dict[tuple[str, int, bool], int] = {}
        self.by_client_id: dict[str, str] = {}
        for order in orders:
            key = (order.account, order.leg, order.is_exit)
            counts[key] = counts.get(key, 0) + 1
            label = f"leg {order.leg}" + (" exit" if order.is_exit else "")
            if counts[key] > 1:
                label += f" #{counts[key]}"
            if several:
                label += f" {order.account}"
            self.by_client_id[order.client_id] = label
        self._legs = {(leg.side, leg.symbol): f"leg {leg.number}" for leg in legs}

    def of(self, client_id: str) -> str:
        """Return an order's name."""
        return self.by_client_id[client_id]

    def subject(self, text: str) -> str:
        """Return a check's subject (``SELL 75 NIFTY ...``) as the leg it is about, if it is one."""
        side, _, rest = text.partition(" ")
        _, _, symbol = rest.partition(" ")
        try:
            way = Side(side)
        except ValueError:
            return text
        entry = self._legs.get((way, symbol))
        if entry is not None:
            return entry
        exit_of = self._legs.get((way.opposite, symbol))
        return f"{exit_of} exit" if exit_of is not None else text


# -- the group -----------------------------------------------------------------------------------


def plan_words(
    group: GroupRow, legs: Sequence[AskedLegRow], accounts: Mapping[str, int], *, waits: bool
) -> Words:
    """Who asked for what. ``waits``: it was not judged in the same moment."""
    asked = ", ".join(_leg_text(leg) for leg in legs)
    shares = ", ".join(f"{name} x{weight}" for name, weight in accounts.items() if weight != 1)
    where = f" ({shares})" if shares else ""
    text = f"{group.hook} asks for {group.name!r}: {asked}{where}"
    if waits:
        text += "; it waits until every leg has a price"
    return Words("group", GroupState.DRAFT, text)


def _leg_text(leg: AskedLegRow) -> str:
    lots = f"{leg.lots} lot{'' if leg.lots == 1 else 's'}"
    limit = f" limit {leg.limit_price}" if leg.limit_price is not None else ""
    trigger = f" trigger {leg.trigger_price}" if leg.trigger_price is not None else ""
    return f"{leg.side} {lots} {leg.symbol}{limit}{trigger}"


_GROUP_LEVEL: Final[Mapping[GroupState, str]] = {
    GroupState.DRAFT: "info",
    GroupState.REFUSED: "warning",
    GroupState.CHECKED: "info",
    GroupState.WORKING: "info",
    GroupState.HELD: "good",
    GroupState.PARTIAL_HELD: "critical",
    GroupState.UNWINDING: "warning",
    GroupState.UNWOUND: "warning",
    GroupState.EXITING: "info",
    GroupState.CLOSED: "good",
    GroupState.STUCK: "critical",
    GroupState.STRANDED: "critical",
    GroupState.KILLED: "critical",
}


def move_words(row: MoveRow, *, several: bool) -> Words:
    """The group moved, and why."""
    who = f"group {row.account}" if several else "group"
    return Words(who, row.after, row.why, _GROUP_LEVEL[row.after])


def judgement_words(
    row: JudgementRow, client_ids: Sequence[str], checks: Sequence[CheckRow], labels: Labels
) -> Words:
    """Risk judged: what, how many checks, and the refusal in full."""
    if client_ids:
        what = ", ".join(labels.of(c) for c in client_ids if c in labels.by_client_id)
    else:
        what = "the whole group, before anything is sent"
    if not row.approved:
        return Words("risk", "REFUSED", f"{what}: {row.text}", "warning")
    count = f"{len(checks)} check{'' if len(checks) == 1 else 's'}"
    return Words("risk", "passed", f"{what}: {count}", "good")


def alert_words(row: AlertRow) -> Words:
    """A person was told."""
    return Words("alert", row.level, row.text, row.level)


def halt_words(row: HaltRow) -> Words:
    """The strategy was halted."""
    return Words("strategy", "halted", row.why, "critical")


def kill_words(row: KillRow) -> Words:
    """The kill switch was tripped."""
    return Words("kill", row.mode, f"{row.scope}, by {row.who}: {row.why}", "critical")


# -- orders --------------------------------------------------------------------------------------

_STATE_LEVEL: Final[Mapping[Lifecycle, str]] = {
    Lifecycle.INTENT: "info",
    Lifecycle.DENIED: "warning",
    Lifecycle.APPROVED: "info",
    Lifecycle.SENDING: "info",
    Lifecycle.IN_DOUBT: "critical",
    Lifecycle.ACKED: "info",
    Lifecycle.PENDING_NEW: "info",
    Lifecycle.TRIGGER_PENDING: "info",
    Lifecycle.OPEN: "info",
    Lifecycle.FILLED: "good",
    Lifecycle.CANCELLED: "info",
    Lifecycle.REJECTED: "critical",
    Lifecycle.EXPIRED: "warning",
    Lifecycle.NOT_PLACED: "warning",
    Lifecycle.QUARANTINED: "critical",
}


def order_words(who: str, event: OrderEventRow, order: OrderRow, *, is_first: bool) -> Words:
    """An order changed. ``is_first``: nothing was said of it before, so say what it is."""
    speak = _SENTENCES.get(event.trigger)
    # A trigger these sentences do not know is shown under its own name, not guessed at.
    text = f"{event.trigger}{_after(event.note)}" if speak is None else speak(event, order)
    if is_first and event.trigger != "APPROVE":
        text = f"{_description(order)}; {text}"
    if event.anomalies and event.after.is_unknown:
        text += f" ({event.anomalies})"
    return Words(who, event.after, text, _STATE_LEVEL[event.after])


def sent_words(who: str, event: OrderEventRow, order: OrderRow) -> Words:
    """The governor released it and it left in the same moment."""
    return Words(who, event.after, f"{_released(event, order)}, and sent")


def fill_words(who: str, event: OrderEventRow, fill: FillRow, order: OrderRow) -> Words:
    """Units changed hands, at what price beside the one that was seen when it was decided."""
    done = "bought" if fill.side is Side.BUY else "sold"
    progress = f"{event.filled_quantity} of {event.quantity} filled"
    if not fill.quantity:
        text = f"the broker puts the value right by Rs {inr(fill.value)}; {progress}"
    else:
        text = f"{done} {fill.quantity} at {price_text(fill.price)}{_slip(fill, order)}; {progress}"
    if event.after in (Lifecycle.CANCELLED, Lifecycle.REJECTED, Lifecycle.EXPIRED):
        text += f", the rest is {event.after}{_because(event)}"
    return Words(who, event.after, text, "good")


def slippage(fill: FillRow, order: OrderRow) -> Decimal | None:
    """Return what each unit cost more than the price at decision, rupees; negative when less."""
    seen = _seen(order)
    return None if seen is None else (fill.price - seen) * fill.side.sign


def price_text(price: Decimal) -> str:
    """Return a price with two places at least and four at most."""
    exact = plain(price.quantize(_PRICE_STEP))
    whole, _, places = exact.partition(".")
    return f"{whole}.{places.ljust(2, '0')}"


def coded(code: str | None, words: str | None) -> str:
    """Return a broker's code and words; the code once, where the words begin with it."""
    if not code or (words or "").startswith(code):
        return words or ""
    return f"{code}: {words}" if words else code


def _seen(order: OrderRow) -> Decimal | None:
    """Return the price seen at decision; half of the smallest tick is more than a float's error."""
    if order.decision_price is None:
        return None
    return Decimal(repr(order.decision_price)).quantize(_PRICE_STEP)


def _slip(fill: FillRow, order: OrderRow) -> str:
    each = slippage(fill, order)
    price = _seen(order)
    if each is None or price is None:
        return ""
    seen = price_text(price)
    if not each:
        return f", just the {seen} seen when decided"
    ticks = plain((abs(each) / order.tick_size).quantize(Decimal("0.1")))
    better = "better" if each < 0 else "worse"
    unit = "tick" if ticks == "1" else "ticks"
    rupees = inr(abs(each) * fill.quantity)
    return f", {ticks} {unit} (Rs {rupees}) {better} than the {seen} seen when decided"


def _description(order: OrderRow) -> str:
    trigger = f", trigger {price_text(order.trigger_price)}" if order.trigger_price else ""
    limit = price_text(order.asked_price)
    parts = [
        f"{order.side} {order.asked_quantity} {order.symbol} limit {limit}{trigger}",
        str(order.purpose),
    ]
    if order.slice:
        parts.append(f"slice {order.slice + 1}")
    if order.attempt > 1:
        parts.append(f"attempt {order.attempt}")
    return f"{', '.join(parts)}; id {order.client_id}"


def _approved(_: OrderEventRow, order: OrderRow) -> str:
    return f"{_description(order)}; waits for the message governor"


def _released(event: OrderEventRow, order: OrderRow) -> str:
    waited = (event.at - order.created_at) / 1e9
    how = f"after {waited:.3f} s" if waited >= 0.0005 else "at once"
    return f"released by the governor {how}, journaled"


def _accepted(event: OrderEventRow, order: OrderRow) -> str:
    name = f" as {event.broker_id}" if event.broker_id is not None else ""
    if order.sent_at is None:
        return f"the broker takes it{name}"
    return f"the broker takes it{name}, {(event.at - order.sent_at) / 1e6:.0f} ms after it was sent"


def _refused(event: OrderEventRow, _: OrderRow) -> str:
    return f"the broker refuses it{_because(event)}"


def _working(event: OrderEventRow, _: OrderRow) -> str:
    if event.price != event.price_before:
        was = price_text(event.price_before)
        return f"works at its new price {price_text(event.price)}, it was {was}"
    if event.before is event.after:
        return f"the broker shows it open{_after(event.note)}"
    at_exchange = f", number {event.exchange_id} there" if event.exchange_id else ""
    return f"works at the exchange at {price_text(event.price)}{at_exchange}"


def _cancelled(event: OrderEventRow, _: OrderRow) -> str:
    filled = f" after {event.filled_quantity} of {event.quantity}" if event.filled_quantity else ""
    return f"cancelled{filled}{_because(event)}"


def _new_price(event: OrderEventRow, _: OrderRow) -> str:
    if event.amend_price is None:
        return f"a change is asked for{_after(event.note)}"
    wanted, now = price_text(event.amend_price), price_text(event.price)
    return f"chased: {wanted} is asked for instead of {now}"


def _because(event: OrderEventRow) -> str:
    reason = coded(event.code, event.reason or event.note)
    return f": {reason}" if reason else ""


def _after(note: str) -> str:
    return f": {note}" if note else ""


def _said(sentence: str) -> Callable[[OrderEventRow, OrderRow], str]:
    return lambda event, _: f"{sentence}{_after(event.note)}"


def _with_reason(sentence: str) -> Callable[[OrderEventRow, OrderRow], str]:
    return lambda event, _: f"{sentence}{_because(event)}"


_SENTENCES: Final[Mapping[str, Callable[[OrderEventRow, OrderRow], str]]] = {
    "APPROVE": _approved,
    "DENY": _with_reason("not sent"),
    "SEND_START": _released,
    "SEND_WRITTEN": lambda _e, _o: "sent",
    "SEND_ABORTED": _with_reason("stopped before the socket, nothing left us"),
    "REPLY_OK": _accepted,
    "REPLY_REFUSED": _refused,
    "REPLY_AMBIGUOUS": _said("no answer that settles it, and it is never sent twice"),
    "SEEN_PENDING": _said("the broker is checking it"),
    "SEEN_TRIGGER_PENDING": _said("waits at the exchange for its trigger"),
    "SEEN_OPEN": _working,
    "SEEN_PART_FILLED": _said("the broker shows it partly filled"),
    "SEEN_FILLED": _said("the broker shows it filled"),
    "SEEN_CANCELLED": _cancelled,
    "SEEN_REJECTED": _with_reason("rejected by the broker"),
    "SEEN_EXPIRED": _with_reason("expired"),
    "SEEN_NONE": _said("the broker answers a request about it"),
    "SEEN_UNRECOGNISED": _said("the broker says something no table has"),
    "SNAPSHOT_ABSENT": _said("proven absent from the broker's books: it was never placed"),
    "PROOF_IMPOSSIBLE": _said("whether it was placed cannot be proven: a person is needed"),
    "DAY_END": _said("gone from the next day's books"),
    "RESOLVED_NOT_PLACED": _said("a person says it was never placed"),
    "RESOLVED_CANCELLED": _said("a person says it was cancelled"),
    "RESOLVED_REJECTED": _said("a person says it was rejected"),
    "WANT_CANCEL": _said("a cancel is wanted"),
    "CANCEL_SENT": lambda _e, _o: "cancel sent",
    "CANCEL_ACCEPTED": _said("the broker takes the cancel"),
    "CANCEL_REFUSED": _said("the broker refuses the cancel"),
    "CANCEL_AMBIGUOUS": _said("no answer to the cancel"),
    "WANT_REPLACE": _new_price,
    "REPLACE_SENT": lambda _e, _o: "the new price is sent",
    "REPLACE_ACCEPTED": _said("the broker takes the new price"),
    "REPLACE_REFUSED": _said("the broker refuses the new price"),
    "REPLACE_AMBIGUOUS": _said("no answer to the new price"),
    "REPLACE_DENIED": _said("the new price is not sent"),
    "AMEND_EXPIRED": _said("the request was not sent"),
    "AMEND_SETTLED": _said("what became of the request is settled"),
    "AMEND_ABORTED": _said("the request was stopped before the socket"),
}
KNOWN_TRIGGERS: Final = frozenset(_SENTENCES)
"""Every trigger that has a sentence of its own."""
