"""The day's journal, folded into a kernel that has not handled an event yet.

Restart is this fold and then the brokers' books (reliability.md 2.5): what was sent and not heard
of is in doubt, what was never sent is not sent any more, groups stand where they stood, and nothing
is worked until every account's books were held against it. The fold writes nothing; what follows
from it is decided, and journaled, when the kernel handles ``Started``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from engine.core.checkpoint import require_same
from engine.core.client_ids import parse
from engine.core.group import LegRun, Part
from engine.core.kernel import Kernel
from engine.core.leaving import LEAVING
from engine.core.merge import fill_of
from engine.core.state_digest import StateDigest
from engine.errors import FileError
from engine.model.event import KillMode, KillTripped
from engine.model.legs import GroupState
from engine.model.order import Fill, Lifecycle, Order
from engine.model.record import (
    AccountVerified,
    AlertRaised,
    Checkpoint,
    EntryWithdrawn,
    ForeignHeld,
    ForeignSeen,
    GroupMoved,
    GroupPlanned,
    HumanActed,
    KillRecorded,
    LegRepriced,
    OrderChanged,
    OrderFilled,
    Record,
    RiskJudged,
    SessionBooted,
    SessionClosed,
    SnapshotNoted,
    StateSaved,
    StrategyHalted,
)


class Restore:
    """Takes a journal in, record by record, oldest first; ``finish`` makes the kernel ready."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._orders: dict[str, Order] = {}
        self._fills: dict[str, Fill] = {}
        self._told: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._at = 0
        self._taken = 0
        self.digest = StateDigest(kernel)
        self._takers: Final[Mapping[type, Callable[[Any], None]]] = {
            SessionBooted: self._nothing,
            GroupPlanned: self._planned,
            RiskJudged: self._nothing,
            OrderChanged: self._order_changed,
            OrderFilled: self._filled,
            GroupMoved: self._moved,
            EntryWithdrawn: self._withdrawn,
            LegRepriced: self._repriced,
            StrategyHalted: self._halted,
            StateSaved: self._state_saved,
            KillRecorded: self._killed,
            SnapshotNoted: self._nothing,
            ForeignSeen: kernel.reconcile.foreign.restore,
            ForeignHeld: kernel.reconcile.restore_units,
            AccountVerified: self._nothing,
            HumanActed: self._acted,
            AlertRaised: self._nothing,
            SessionClosed: self._nothing,
            Checkpoint: self._checked,
        }

    def take(self, record: Record, at: int) -> None:
        """Fold one record in; ``at`` is the engine's time it was written at.

        Raises ``FileError`` for a checkpoint that the records before it do not lead to.
        """
        if at > self._at and not isinstance(record, SessionBooted):
            # A halt is written with its reason: whoever was not halted by now was not to be.
            self._reasons.clear()
        self._at = max(self._at, at)
        self._taken += 1
        self._takers[type(record)](record)
        self.digest.note(record)

    def finish(self) -> None:
        """Make the kernel ready: orders, groups and watches stand, and nothing is worked yet.

        Raises ``FileError`` for a strategy that no longer stands in the configuration while
        something of its is open, or was sent today: a broker may still tell more of it.
        """
        kernel = self._kernel
        kernel.desk.now = self._at
        for order in self._orders.values():
            kernel.blotter.restore(order)
            self._part(order.key.group_id, order.account).note(order)
        kernel.reconcile.books.restore(self._orders.values())
        sent = {
            order.key.group_id
            for order in self._orders.values()
            if order.lifecycle is not Lifecycle.DENIED
        }
        for group in kernel.placement.groups.values():
            for part in group.parts.values():
                for leg in part.legs:
                    _find_place(leg, self._orders)
            group.note_state()
            group.told = group.state
            # One that is over and holds something is opened again: recovery says why it may be.
            is_over = group.is_done and all(part.is_flat for part in group.parts.values())
            group.is_forgotten = is_over
            seat = kernel.seats.get(group.strategy)
            if seat is None and (not is_over or group.group_id in sent):
                raise FileError(
                    f"group {group.group_id} is {group.state}, and its strategy "
                    f"{group.strategy!r} no longer stands in the configuration, while a broker "
                    "may still tell more of its orders: put it back, or close what it holds at "
                    "the broker and start a new session"
                )
            if seat is not None and not is_over:
                kernel.listening.watch_legs(seat, (leg.instrument for leg in group.plan.legs))
        kernel.recovery.begin(
            (
                fill
                for client_id, fill in self._fills.items()
                if self._told.get(client_id, 0) < fill.filled_before + fill.quantity
            ),
            (
                partial(kernel.halting.halt, kernel.seats[strategy], why)
                for strategy, why in self._reasons.items()
                if strategy in kernel.seats
            ),
        )

    # -- records ---------------------------------------------------------------------------------

    def _nothing(self, _: Record) -> None:
        """It says something of a moment, and nothing that lasts."""

    def _planned(self, record: GroupPlanned) -> None:
        self._kernel.placement.restore(record.plan)

    def _order_changed(self, record: OrderChanged) -> None:
        order = record.order
        if order.client_id not in self._orders:
            leg = self._leg(order)
            (leg.exit_ids if order.key.exit else leg.entry_ids).append(order.client_id)
        before = self._orders.get(order.client_id) or Order.of(order.request)
        self._grow(before, order)
        why = self._kernel.halting.why_halt(order, before)
        if why is not None:
            self._reasons[order.strategy] = why
        self._orders[order.client_id] = order

    def _filled(self, record: OrderFilled) -> None:
        self._told[record.fill.client_id] = record.fill.filled_before + record.fill.quantity

    def _grow(self, before: Order, order: Order) -> None:
        """Count what an order filled, by its growth.

        The record of the fill itself is written behind that of the order, and a crash may come
        between the two: it is written again once the kernel runs.
        """
        quantity = order.filled_quantity - before.filled_quantity
        value = order.filled_value - before.filled_value
        if not quantity and not value:
            return
        fill = fill_of(before, quantity, value, order.updated_at)
        self._fills[order.client_id] = fill
        leg = self._leg(order)
        if order.key.exit:
            leg.left += quantity
        else:
            leg.entered += quantity
        self._kernel.desk.ledger.apply(fill)
        group = self._kernel.placement.groups[fill.group_id]
        group.note_fill(fill, is_exit=order.key.exit)

    def _moved(self, record: GroupMoved) -> None:
        part = self._part(record.group_id, record.account)
        if record.legs:
            for leg, plan in zip(part.legs, record.legs, strict=True):
                leg.plan = plan
        if record.after is GroupState.STUCK:
            part.came_from = record.before
            if record.before in LEAVING:
                part.exit_reason = record.why
        if record.after is GroupState.CHECKED:
            part.begin_at(record.at)
        if record.after in LEAVING:
            part.exit_reason = record.why
            part.leaving_since = record.at
        part.state = record.after
        part.why = record.why

    def _withdrawn(self, record: EntryWithdrawn) -> None:
        part = self._part(record.group_id, record.account)
        part.keeps_what_filled = True
        part.exit_reason = record.reason

    def _repriced(self, record: LegRepriced) -> None:
        part = self._part(record.group_id, record.account)
        part.legs[record.leg.number - 1].plan = record.leg

    def _halted(self, record: StrategyHalted) -> None:
        self._reasons.pop(record.strategy, None)
        seat = self._kernel.seats.get(record.strategy)
        if seat is not None:
            seat.is_halted = True
            seat.halted_why = record.why
        self._kernel.halting.restore_halt(record.strategy, record.why)

    def _state_saved(self, record: StateSaved) -> None:
        # Strategies were given their states when they were made.
        self._kernel.desk.states[record.strategy] = record.payload

    def _checked(self, record: Checkpoint) -> None:
        require_same(record, self.digest.sections(self._orders), self._taken)

    def _killed(self, record: KillRecorded) -> None:
        kill = KillTripped(record.scope, KillMode(record.mode), record.who, record.why)
        self._kernel.halting.restore_kill(kill, self._parts_in(record.scope))
        self._kernel.recovery.kills.append(kill)

    def _acted(self, record: HumanActed) -> None:
        self._kernel.reconcile.restore(record)
        if record.action == "arm":
            self._kernel.halting.restore_arm(record.subject, record.act_id)
            self._reasons.pop(record.subject, None)
            kills = self._kernel.recovery.kills
            kills[:] = [kill for kill in kills if kill.scope != record.subject]
            seat = self._kernel.seats.get(record.subject)
            if seat is not None:
                seat.is_halted = False

    # -- inside ----------------------------------------------------------------------------------

    def _part(self, group_id: str, account: str) -> Part:
        return self._kernel.placement.groups[group_id].parts[account]

    def _leg(self, order: Order) -> LegRun:
        key = order.key
        return self._part(key.group_id, key.account).legs[key.leg - 1]

    def _parts_in(self, scope: str) -> Iterable[Part]:
        for group in self._kernel.placement.groups.values():
            for part in group.parts.values():
                if scope in part.scopes:
                    yield part


def next_sequence(records: Iterable[Record]) -> int:
    """Return the first number of the day that no client id of a journal has: none is used twice."""
    highest = 0
    for record in records:
        if isinstance(record, OrderChanged):
            parsed = parse(record.order.client_id)
            if parsed is not None:
                highest = max(highest, parsed[1])
    return highest + 1


def _find_place(leg: LegRun, orders: Mapping[str, Order]) -> None:
    """Say where a leg stands among its slices and attempts, from the orders that served it.

    The newest order's own end is left to be noticed again: that is how it is noticed at all.
    """
    if leg.entry_ids:
        newest = orders[leg.entry_ids[-1]]
        leg.slice, leg.attempt = newest.key.slice, newest.key.attempt
        leg.decision_price = newest.request.decision_price
        leg.failures = _failures(leg.entry_ids[:-1], orders)
    if leg.exit_ids:
        newest = orders[leg.exit_ids[-1]]
        leg.exit_slice, leg.exit_attempt = newest.key.slice, newest.key.attempt


def _failures(client_ids: Iterable[str], orders: Mapping[str, Order]) -> int:
    """Return how many of these ended without filling."""
    return sum(
        orders[c].lifecycle.is_terminal and orders[c].lifecycle is not Lifecycle.FILLED
        for c in client_ids
    )
