"""Whose order a broker is speaking of: ours, a stranger's, or one whose reply is still to come.

An update may arrive before the reply that names the order, and some brokers echo no tag at all.
What could be ours is kept aside until the reply, a snapshot or ``HOLD_S`` decides (reliability.md
1.4 rules 1, 6 and 7). A fingerprint decides only when one row and one order in doubt have it: two
that look alike are never told apart by guessing (section 2.4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from engine.core.client_ids import parse
from engine.core.desk import Desk
from engine.core.foreign import Foreign
from engine.model.order import Lifecycle, Order
from engine.model.order_update import OrderUpdate
from engine.model.verdict import Evidence
from engine.rules.clock_time import ns

HOLD_S: Final = 120.0
"""How long an update may wait for its order: a broker's worst late visibility (A1)."""
HELD_MAX: Final = 10_000
"""More than this and the books are read instead of guessing which are missing."""
_EARLY_NS: Final = ns(2.0)
_LATE_NS: Final = ns(HOLD_S)

_UNNAMED: Final = frozenset({Lifecycle.SENDING, Lifecycle.IN_DOUBT, Lifecycle.QUARANTINED})


class Held(NamedTuple):
    """An update nobody claims yet, since ``at`` (ns UTC)."""

    at: int
    update: OrderUpdate
    evidence: Evidence


class Claims:
    """Finds the order an update is of, and keeps those whose order is not known yet.

    ``on_impostor`` is told of an order that carries a tag of ours which the journal never gave
    out: another engine trades the account, or the journal was lost. ``on_overflow``: of an account
    whose updates no longer fit. ``untagged``: the accounts whose broker echoes no tag.
    """

    def __init__(
        self,
        desk: Desk,
        orders: Mapping[str, Order],
        by_broker_id: Mapping[tuple[str, str], str],
        foreign: Foreign,
        on_impostor: Callable[[str], None],
        on_overflow: Callable[[str], None],
        untagged: Iterable[str] = (),
    ) -> None:
        self._desk = desk
        self._orders = orders
        self._by_broker_id = by_broker_id
        self._foreign = foreign
        self._on_impostor = on_impostor
        self._on_overflow = on_overflow
        self._untagged = frozenset(untagged)
        self._held: deque[Held] = deque()
        self._is_timed = False

    @property
    def held(self) -> int:
        """How many updates wait for their order."""
        return len(self._held)

    def owner(self, update: OrderUpdate) -> Order | None:
        """Return our order that ``update`` names, by tag or by the broker's id; None when none."""
        client_id = update.client_id
        if client_id is None and update.broker_id is not None:
            client_id = self._by_broker_id.get((update.account, update.broker_id))
        return None if client_id is None else self._orders.get(client_id)

    def take(self, update: OrderUpdate, evidence: Evidence) -> None:
        """Decide about an update that names none of our orders: a stranger's, or wait and see."""
        key = update.account, update.broker_id or ""
        if self._is_impostor(update):
            self._foreign.see(update)
            self._on_impostor(
                f"order {update.broker_id} in {update.account} has our tag {update.client_id}, "
                "which this journal never gave out: another engine trades the account, or the "
                "journal was lost"
            )
        elif key in self._foreign.orders or not self._may_be_ours(update):
            self._see_stranger(update)
        else:
            self._hold(update, evidence)

    def named(self, account: str, broker_id: str) -> list[Held]:
        """Take out what was held for an order whose id has just become known, oldest first."""
        mine = [
            held
            for held in self._held
            if (held.update.account, held.update.broker_id) == (account, broker_id)
        ]
        if mine:
            self._held = deque(held for held in self._held if held not in mine)
        return mine

    def matches(self, order: Order, update: OrderUpdate) -> bool:
        """Say whether an untagged order at the broker looks like ``order`` of ours.

        Everything shown must agree, and it must have been placed around the time ours was sent.
        Where tags are echoed one of ours has its tag, and one known for a stranger's is no other's.
        """
        is_known = (update.account, update.broker_id or "") in self._foreign.orders
        if is_known or update.account not in self._untagged or not self._resembles(order, update):
            return False
        sent = order.sent_at or order.request.created_at
        return update.placed_at is None or (
            sent - _EARLY_NS <= update.placed_at <= order.updated_at + _LATE_NS
        )

    def has_lookalike(self, order: Order) -> bool:
        """Say whether something held looks like ``order``, whenever it was placed.

        It is not claimed, since another clock may be wrong; but ``order`` is not absent either.
        """
        return any(self._resembles(order, held.update) for held in self._held)

    @staticmethod
    def _resembles(order: Order, update: OrderUpdate) -> bool:
        request = order.request
        if update.account != order.account or update.client_id is not None:
            return False
        shown = (
            (update.instrument, request.instrument),
            (update.side, request.side),
            (update.product, request.product),
            (update.quantity, request.quantity),
            (update.price, request.price),
        )
        return all(theirs is not None and theirs == ours for theirs, ours in shown)

    def _is_impostor(self, update: OrderUpdate) -> bool:
        if update.client_id is None or update.client_id in self._orders:
            return False
        return parse(update.client_id) is not None

    def _may_be_ours(self, update: OrderUpdate) -> bool:
        """Say whether a reply still to come may name this order as ours.

        Where the broker echoes tags, an order of ours has one.
        """
        if update.account not in self._untagged:
            return False
        return any(order.account == update.account for order in self._unnamed())

    def _unnamed(self) -> Iterator[Order]:
        """Return our orders that may be at a broker under an id we do not know."""
        return (
            order
            for order in self._orders.values()
            if order.broker_id is None and order.lifecycle in _UNNAMED
        )

    def _see_stranger(self, update: OrderUpdate) -> None:
        if not self._foreign.see(update):
            return
        what = update.instrument.symbol if update.instrument else "something"
        level, rest = "warning", "it is counted and left alone"
        twin = self._absent_like(update)
        if twin is not None:
            level = "critical"
            rest += (
                f". It looks like {twin.client_id} ({twin.key}), which was proven absent and may "
                "have come late: look at the broker's order book, and cancel or close it there if "
                "nobody placed it by hand"
            )
        self._desk.alert(
            level,
            update.account,
            f"order {update.broker_id} is not ours: {update.side or ''} "
            f"{update.quantity or ''} {what} {update.status}; {rest}",
        )

    def _absent_like(self, update: OrderUpdate) -> Order | None:
        """Return an order proven absent that a stranger's, shown without a tag, looks like."""
        if update.account not in self._untagged:
            return None
        return next(
            (
                order
                for order in self._orders.values()
                if order.lifecycle is Lifecycle.NOT_PLACED and self._resembles(order, update)
            ),
            None,
        )

    def _hold(self, update: OrderUpdate, evidence: Evidence) -> None:
        if len(self._held) >= HELD_MAX:
            lost = self._held.popleft()
            self._on_overflow(lost.update.account)
        self._held.append(Held(self._desk.now, update, evidence))
        if not self._is_timed:
            self._is_timed = True
            self._desk.timers.add(self._desk.now + ns(HOLD_S), self._expire)

    def _expire(self) -> None:
        """Nobody claimed them in time: they are strangers'.

        What looks like an order of ours that is not known yet waits on with it: counted as a
        stranger's, it would be counted twice once it is claimed.
        """
        desk = self._desk
        unnamed = list(self._unnamed())
        kept: dict[OrderUpdate, Evidence] = {}
        while self._held and self._held[0].at + ns(HOLD_S) <= desk.now:
            held = self._held.popleft()
            if any(self._resembles(order, held.update) for order in unnamed):
                kept[held.update] = held.evidence
            else:
                self._see_stranger(held.update)
        waiting = dict.fromkeys(held.update for held in self._held)
        for update, evidence in kept.items():
            if update not in waiting:
                self._held.append(Held(desk.now, update, evidence))
        self._is_timed = bool(self._held)
        if self._held:
            desk.timers.add(self._held[0].at + ns(HOLD_S), self._expire)
