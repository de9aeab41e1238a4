"""What must hold, checked against what really happened (reliability.md 6.3)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from engine.core.state_digest import StateDigest
from engine.model.order import Lifecycle, Order
from engine.model.record import OrderChanged, OrderFilled, Record
from engine.runtime.journal_reader import read_journal
from tests.simulation.adapter import CANARY
from tests.simulation.witness import untold_fills

if TYPE_CHECKING:
    from engine.core.kernel import Kernel
    from engine.live_parts import LiveParts
    from engine.model.catalogue import Catalogue
    from engine.ports import Disk
    from tests.simulation.broker import Broker
    from tests.simulation.witness import Witness


TERMINAL = frozenset(lifecycle for lifecycle in Lifecycle if lifecycle.is_terminal)


class Told(Protocol):
    """Something said to a person."""

    @property
    def level(self) -> str:
        """``critical`` pages."""

    @property
    def subject(self) -> str:
        """What it is about."""


class World(Protocol):
    """What really happened, and what an engine left behind."""

    @property
    def brokers(self) -> Mapping[str, Broker]:
        """The truth."""

    @property
    def said(self) -> Sequence[Told]:
        """What a person was told."""

    @property
    def story(self) -> Sequence[str]:
        """Every line that was said."""

    @property
    def untrue(self) -> Sequence[str]:
        """Ends that were believed and were wrong."""

    @property
    def early(self) -> Sequence[str]:
        """Tags that left before they were durable."""

    @property
    def stale(self) -> Sequence[str]:
        """Tags that left though nobody wanted or allowed them any more."""

    @property
    def disk(self) -> Disk:
        """The journal."""

    @property
    def catalogue(self) -> Catalogue:
        """The instruments."""


class Violated(AssertionError):
    """An invariant does not hold: its number and what was found."""

    def __init__(self, number: str, text: str) -> None:
        super().__init__(f"{number}: {text}")
        self.number = number


def require(number: str, holds: object, text: str) -> None:
    if not holds:
        raise Violated(number, text)


def at_rest(
    world: World,
    kernel: Kernel,
    unknown: Collection[str] = (),
    beyond: Collection[str] = (),
    strangers: Collection[str] = (),
) -> None:
    """Check everything that must hold once faults have ended and the day has come to rest.

    ``unknown``: orders that nobody but a person can tell anything of any more. ``beyond``: orders
    that came after they may have been proven absent; ``strangers``: those of them that no broker
    shows as ours.
    """
    no_order_twice(world, kernel, beyond, strangers)
    every_fill_once(world, kernel, unknown, strangers)
    nothing_left_open(world, kernel)
    absence_was_true(world, kernel, strangers)
    ends_were_true(world)
    reserve_is_exact(kernel)
    sent_after_durable(world)
    sent_in_time(world)
    requests_were_proper(world)
    records = [entry.record for entry in read_journal(world.disk, world.catalogue)]
    lives_end_once(records)
    terms_were_true(world, records)
    nothing_secret(world)


def no_order_twice(
    world: World, kernel: Kernel, beyond: Collection[str] = (), strangers: Collection[str] = ()
) -> None:
    """I1: one order at a broker for every tag, and no leg is entered beyond its target.

    What fills after it was proven absent may come on top of the order that took its place.
    """
    for broker in world.brokers.values():
        tags = [row.tag for row in broker.rows.values() if row.tag is not None]
        require("I1", len(tags) == len(set(tags)), f"{broker.name} holds a tag twice")
        for tag in tags:
            require("I1", tag in kernel.blotter.orders, f"{tag} is at the broker and unknown here")
    filled = {
        row.tag: row.filled for broker in world.brokers.values() for row in broker.rows.values()
    }
    entered: dict[tuple[str, str, int], int] = defaultdict(int)
    for order in kernel.blotter.orders.values():
        came_late = order.client_id in beyond and order.is_late
        if not (order.key.exit or came_late or order.client_id in strangers):
            key = order.key.group_id, order.key.account, order.key.leg
            entered[key] += filled.get(order.client_id, 0)
    for (group_id, account, leg), units in entered.items():
        target = kernel.placement.groups[group_id].parts[account].legs[leg - 1].plan.quantity
        require("I1", units <= target, f"{group_id} leg {leg}: {units} entered of {target}")


def every_fill_once(
    world: World,
    kernel: Kernel,
    unknown: Collection[str] = (),
    not_ours: Collection[str] = (),
) -> None:
    """I2 and I3: what we hold, and what it cost, is what the brokers' trades say, to the paisa."""
    told = {client_id: kernel.blotter.orders[client_id].filled_quantity for client_id in unknown}
    held: dict[tuple[str, str], int] = defaultdict(int)
    cash: dict[str, Decimal] = defaultdict(Decimal)
    strangers: dict[tuple[str, str], int] = defaultdict(int)
    for broker in world.brokers.values():
        for trade in broker.trades:
            row = broker.rows[trade.order_id]
            if row.tag is None or row.tag in not_ours:
                strangers[trade.account, trade.key] += trade.sign * trade.quantity
                continue
            counts = trade.quantity
            if row.tag in told:
                counts = min(counts, told[row.tag])
                told[row.tag] -= counts
            held[trade.account, trade.key] += trade.sign * counts
            cash[row.tag] += Decimal(trade.quantity * trade.price) / 100
    ours: dict[tuple[str, str], int] = defaultdict(int)
    for account, _, position in kernel.desk.ledger.positions():
        ours[account, position.instrument.key] += position.quantity
    for key in {*held, *ours}:
        require("I2", held[key] == ours[key], f"{key}: we hold {ours[key]}, in truth {held[key]}")
    for order in kernel.blotter.orders.values():
        if order.client_id in told:
            continue
        paid = cash[order.client_id]
        close = abs(order.filled_value - paid) < Decimal("0.005")
        require("I3", close, f"{order.client_id}: {order.filled_value} paid, in truth {paid}")
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for account in ("A1", "A2", "B1"):
        for instrument, _, units in kernel.reconcile.foreign.held(account):
            counted[account, instrument.key] += units
    for key in {*strangers, *counted}:
        require(
            "I3",
            strangers[key] == counted[key],
            f"{key}: {counted[key]} counted as strangers', in truth {strangers[key]}",
        )


def nothing_left_open(world: World, kernel: Kernel) -> None:
    """I14: every order has ended or is a person's, and a person was told.

    An account's share of a group with an order that is a person's stays stuck until that person
    says what became of it, and what works of it at its broker goes on working: a person was told
    of the group.
    """
    paged = {line.subject for line in world.said if line.level == "critical"}
    for order in kernel.blotter.live.values():
        key = order.key
        part = kernel.placement.groups[key.group_id].parts[key.account]
        if part.state == "STUCK" and key.group_id in paged and order.lifecycle.is_working:
            continue
        require(
            "I14",
            order.lifecycle is Lifecycle.QUARANTINED,
            f"{order.client_id} is still {order.lifecycle}",
        )
        require("I14", order.client_id in paged, f"{order.client_id} is QUARANTINED and not paged")
    for group in kernel.placement.groups.values():
        is_excused = group.state in {"STUCK", "STRANDED", "KILLED", "PARTIAL_HELD", "HELD"}
        require("I14", group.is_done or is_excused, f"{group.group_id} is still {group.state}")


def absence_was_true(world: World, kernel: Kernel, strangers: Collection[str] = ()) -> None:
    """I7: what was called not placed, denied or rejected is so at the broker."""
    rows = {row.tag: row for broker in world.brokers.values() for row in broker.rows.values()}
    for order in kernel.blotter.orders.values():
        row = None if order.client_id in strangers else rows.get(order.client_id)
        if order.lifecycle in {Lifecycle.NOT_PLACED, Lifecycle.DENIED}:
            require("I7", row is None, f"{order.client_id} is {order.lifecycle} and at the broker")
        if order.lifecycle is Lifecycle.REJECTED and row is not None:
            require("I7", row.status == "REJECTED", f"{order.client_id} is {row.status} in truth")


def terms_were_true(world: World, records: list[Record]) -> None:
    """I7: an order was never taken to have a price and a quantity that its broker never gave it."""
    rows = {row.tag: row for broker in world.brokers.values() for row in broker.rows.values()}
    for record in records:
        if not isinstance(record, OrderChanged) or record.order.client_id not in rows:
            continue
        order = record.order
        terms = round(order.price * 100), order.quantity
        is_so = terms in rows[order.client_id].terms
        text = f"{order.client_id} is {order.quantity} at {order.price}, which it never was"
        require("I7", is_so, text)


def lives_end_once(records: list[Record]) -> None:
    """I8 and I9: the end of an order is the end, and its filled quantity never falls."""
    newest: dict[str, Order] = {}
    filled: dict[str, int] = defaultdict(int)
    for record in records:
        if isinstance(record, OrderFilled):
            filled[record.fill.client_id] += record.fill.quantity
        if not isinstance(record, OrderChanged):
            continue
        order, before = record.order, newest.get(record.order.client_id)
        newest[order.client_id] = order
        if before is None:
            continue
        reopened = before.lifecycle.is_terminal and not order.lifecycle.is_terminal
        require("I8", not reopened or order.is_late, f"{order.client_id} lives again unmarked")
        require(
            "I9",
            order.filled_quantity >= before.filled_quantity,
            f"{order.client_id} fell from {before.filled_quantity} to {order.filled_quantity}",
        )
    for client_id, order in newest.items():
        require(
            "I9",
            filled[client_id] == order.filled_quantity,
            f"{client_id}: fills of {filled[client_id]}, quantity {order.filled_quantity}",
        )


def nothing_secret(world: World) -> None:
    """I16: no token in the journal or in anything that was said."""
    require("I16", CANARY.encode() not in world.disk.read(), "a token stands in the journal")
    require("I16", not any(CANARY in line for line in world.story), "a token was said")


def reserve_is_exact(kernel: Kernel) -> None:
    """I10: what is reserved is what has not ended, no more and no less."""
    open_orders = [
        client_id
        for client_id, order in kernel.blotter.orders.items()
        if order.lifecycle not in TERMINAL
    ]
    reserved = [order.client_id for order in kernel.view.orders()]
    if reserved != open_orders and set(reserved) != set(open_orders):
        wrong = sorted(set(reserved) ^ set(open_orders))
        raise Violated("I10", f"reserved {wrong}")


def unwanted_is_asked_back(kernel: Kernel) -> None:
    """I14, at every moment: what works and is not to fill any more was asked back, stuck or not."""
    if kernel.placement.is_paused:
        return
    for order in kernel.blotter.live.values():
        key = order.key
        part = kernel.placement.groups[key.group_id].parts[key.account]
        is_unwanted = part.state == "STUCK" and (
            part.came_from in {"KILLED", "STRANDED"}
            or (not key.exit and part.came_from in {"PARTIAL_HELD", "UNWINDING", "EXITING"})
        )
        is_left = is_unwanted and order.lifecycle.is_working and order.amend is None
        require("I14", not is_left, f"{order.client_id} is not taken back")


def ends_were_true(world: World) -> None:
    """I7, at every moment: no order was called over while it could still fill."""
    require("I7", not world.untrue, "; ".join(world.untrue[:3]))


def requests_were_proper(world: World) -> None:
    """I1: no request held more orders than its broker takes, or two it could not tell apart."""
    for broker in world.brokers.values():
        require("I1", not broker.improper, "; ".join(broker.improper[:3]))


def sent_after_durable(world: World) -> None:
    """I11: the journal had the start of every send on disk before the broker saw the order."""
    require("I11", not world.early, f"sent before it was durable: {world.early[:3]}")


def sent_in_time(world: World) -> None:
    """I5: however long a process or its disk stood still, nothing left that must not any more."""
    require("I5", not world.stale, f"left: {'; '.join(world.stale[:3])}")


def told_in_order(misled: Sequence[str]) -> None:
    """I13: no strategy saw anything out of causal order, and the order lane lost nothing."""
    require("I13", not misled, "; ".join(misled[:3]))


def every_fill_told(world: World, witnesses: Sequence[Witness]) -> None:
    """I13: every fill of the journal was told in the life that wrote it."""
    untold = untold_fills(world.disk, world.catalogue, witnesses)
    require("I13", not untold, f"never told: {untold[:3]}")


def same_after_fold(world: World, kernel: Kernel, again: Kernel) -> None:
    """I11: a kernel folded from the journal knows what the living one knows."""
    for client_id, order in kernel.blotter.orders.items():
        other = again.blotter.orders.get(client_id)
        require("I11", other == order, f"{client_id} is {other} after a fold, {order} before")
    ours = sorted((a, p.instrument.key, p.quantity) for a, _, p in kernel.desk.ledger.positions())
    folded = sorted((a, p.instrument.key, p.quantity) for a, _, p in again.desk.ledger.positions())
    require("I11", ours == folded, "positions differ after a fold")
    live, fold = StateDigest(kernel).sections(), StateDigest(again).sections()
    differing = [name for name in live if live[name] != fold[name]]
    require("I11", live == fold, f"the hash of {differing} differs after a fold")
    del world


def nothing_left_running(parts: LiveParts, loop: asyncio.AbstractEventLoop) -> None:
    """I15: the run has ended, and no task of its own goes on and nothing of it waits."""
    left = sorted(str(task.get_coro()) for task in asyncio.all_tasks(loop))
    mine = str(asyncio.current_task().get_coro())  # type: ignore[union-attr]
    left.remove(mine)
    require("I15", not left, f"{len(left)} tasks run on: {left[:3]}")
    require("I15", not parts.effects.under_way, f"{parts.effects.under_way} effects under way")
    require("I15", parts.governor.next_time() is None, "a message still waits to leave")


def nothing_unhandled(parts: LiveParts) -> None:
    """I15: a day that came to rest in order leaves no event behind.

    Where sockets are real they may say something between the last turn and the end; the books tell
    it again at the next start.
    """
    require("I15", not parts.bus.has_orders, f"{len(parts.bus)} events were never handled")
