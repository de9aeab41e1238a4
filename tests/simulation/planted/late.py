"""Bugs of what comes late: an acceptance after the proof of absence, a rejection after the open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.core import blotter
from engine.core.blotter import Blotter
from engine.core.claims import Claims
from engine.core.group import Part
from engine.core.kernel import Kernel
from engine.core.merge import MergeResult
from engine.core.placement import Placement
from engine.core.workbench import Workbench
from engine.model import verdict
from engine.model.legs import GroupState
from engine.model.order import Fill, Lifecycle, Order
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.verdict import Anomaly, Verdict
from tests.simulation.planted.planting import planted, planted_in, replaced, swap

late = planted_in("late")

# -- accepted after the proof ---------------------------------------------------------------------


@late
def one_that_turns_up_is_not_paged() -> Iterator[None]:
    yield from swap(verdict, "_ALARMS", verdict._ALARMS - {Anomaly.RESURRECTED})


@late
def one_that_turns_up_is_left_working() -> Iterator[None]:
    take_back = Workbench.take_back

    def content(self: Any, part: Part, state: GroupState | None, reason: str) -> None:
        if state is None or not state.is_terminal:
            take_back(self, part, state, reason)

    # Two places see to it: where it is heard of, and what is over is looked at.
    with replaced(Blotter, "_take_back_late", lambda *_: None):
        yield from swap(Workbench, "take_back", content)


@late
def what_was_proven_absent_is_never_looked_at_again() -> Iterator[None]:
    merge = blotter.merge

    def deaf(order: Order, update: OrderUpdate, *rest: Any) -> MergeResult:
        if order.lifecycle is Lifecycle.NOT_PLACED:
            return MergeResult(order, None, Verdict.STALE, ())
        return merge(order, update, *rest)

    yield from swap(blotter, "merge", deaf)


@late
def one_that_turns_up_counts_as_a_strangers() -> Iterator[None]:
    owner = Claims.owner
    updated = Blotter.updated

    def forgetful(self: Any, update: OrderUpdate) -> Order | None:
        order = owner(self, update)
        return None if order is not None and order.lifecycle is Lifecycle.NOT_PLACED else order

    def passing(self: Any, update: OrderUpdate) -> None:
        order = self.orders.get(update.client_id)
        if order is not None and order.lifecycle is Lifecycle.NOT_PLACED:
            self._on_unclaimed(update)
        else:
            updated(self, update)

    with replaced(Claims, "owner", forgetful):
        yield from swap(Blotter, "updated", passing)


@late
def one_that_turns_up_is_not_marked() -> Iterator[None]:
    merge = blotter.merge

    def plain(order: Order, update: OrderUpdate, *rest: Any) -> MergeResult:
        result = merge(order, update, *rest)
        if order.lifecycle is not Lifecycle.NOT_PLACED:
            return result
        return result._replace(order=msgspec.structs.replace(result.order, is_late=False))

    yield from swap(blotter, "merge", plain)


@late
def what_fills_after_its_proof_is_not_told_to_its_group() -> Iterator[None]:
    changed = Placement.order_changed

    def blind(self: Any, order: Order, before: Order, fill: Fill | None) -> Any:
        return changed(self, order, before, None if order.is_late else fill)

    yield from swap(Placement, "order_changed", blind)


@late
def what_looks_like_one_proven_absent_is_told_of_as_anybodys() -> Iterator[None]:
    yield from swap(Claims, "_absent_like", lambda *_: None)


@late
def a_group_opened_again_is_told_before_the_fill_that_opened_it() -> Iterator[None]:
    changed, count = Kernel._order_changed, Placement.order_changed

    def early(self: Any, order: Order, before: Order, fill: Fill | None) -> None:
        placement = self.placement
        count(placement, order, before, fill)
        kept = vars(placement).get("order_changed", placement.order_changed)
        placement.order_changed = lambda *_: None
        changed(self, order, before, fill)
        placement.order_changed = kept

    yield from swap(Kernel, "_order_changed", early)


# -- rejected after it was open -------------------------------------------------------------------


@planted
def a_rejection_after_the_open_is_overlooked() -> Iterator[None]:
    merge = blotter.merge

    def deaf(order: Order, update: OrderUpdate, *rest: Any) -> MergeResult:
        if order.lifecycle is Lifecycle.OPEN and update.status is RemoteStatus.REJECTED:
            return MergeResult(order, None, Verdict.STALE, ())
        return merge(order, update, *rest)

    yield from swap(blotter, "merge", deaf)


@planted
def a_rejection_after_the_open_counts_as_filled() -> Iterator[None]:
    merge = blotter.merge

    def hopeful(order: Order, update: OrderUpdate, *rest: Any) -> MergeResult:
        if order.lifecycle is Lifecycle.OPEN and update.status is RemoteStatus.REJECTED:
            update = msgspec.structs.replace(
                update,
                status=RemoteStatus.FILLED,
                filled_quantity=order.quantity,
                average_price=order.price,
            )
        return merge(order, update, *rest)

    yield from swap(blotter, "merge", hopeful)
