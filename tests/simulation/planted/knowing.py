"""Bugs of what is known, forgotten and told: merges, doubt, restarts, risk, strategies."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from brokers.transport.http import HttpReply
from engine import live_parts
from engine.core import blotter, book_merge, books, doubt, restore
from engine.core.blotter import Blotter
from engine.core.foreign import Foreign
from engine.core.kernel import Kernel
from engine.core.known_ids import KnownIds
from engine.core.merge import MergeResult, _Merge
from engine.core.recovery import Recovery
from engine.core.seat import Seat
from engine.errors import WireError
from engine.model.amend_state import AmendTrigger
from engine.model.event import OrderUpdated
from engine.model.order import Lifecycle, Order
from engine.model.order_state import Trigger, adopt_terms
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.verdict import Verdict
from engine.ports import Answer
from engine.runtime.bus import Bus
from tests.simulation.adapter import OrderStream, SimExecution
from tests.simulation.planted.planting import planted, replaced, swap

# -- merging -------------------------------------------------------------------------------------


@planted
def fills_are_added_up_instead_of_compared() -> Iterator[None]:
    quantity = _Merge._quantity

    def added(self: Any) -> None:
        seen = self.update.filled_quantity
        if seen:
            total = self.order.filled_quantity + seen
            self.update = msgspec.structs.replace(self.update, filled_quantity=total)
        quantity(self)

    yield from swap(_Merge, "_quantity", added)


@planted
def the_average_price_is_cut_to_paise() -> Iterator[None]:
    update = SimExecution.update

    def cut(self: Any, row: dict[str, Any]) -> OrderUpdate:
        made = update(self, row)
        if made.average_price is None:
            return made
        average = made.average_price.quantize(Decimal("0.1"), ROUND_DOWN)
        return msgspec.structs.replace(made, average_price=average)

    yield from swap(SimExecution, "update", cut)


@planted
def an_unknown_status_counts_as_cancelled() -> Iterator[None]:
    update = SimExecution.update

    def guessing(self: Any, row: dict[str, Any]) -> OrderUpdate:
        made = update(self, row)
        if made.status is not RemoteStatus.UNRECOGNISED:
            return made
        return msgspec.structs.replace(made, status=RemoteStatus.CANCELLED)

    yield from swap(SimExecution, "update", guessing)


@planted
def a_trade_shown_twice_counts_twice() -> Iterator[None]:
    yield from swap(book_merge, "_once", lambda trades: trades)


@planted
def fills_of_exits_are_ignored() -> Iterator[None]:
    quantity = _Merge._quantity

    def deaf(self: Any) -> None:
        if self.update.source.startswith("tagged") and self.order.key.exit:
            return
        quantity(self)

    yield from swap(_Merge, "_quantity", deaf)


@planted
def an_open_shown_late_reopens_what_has_ended() -> Iterator[None]:
    merge = blotter.merge

    def naive(order: Order, update: OrderUpdate, *rest: Any) -> MergeResult:
        if order.lifecycle.is_terminal and update.status is RemoteStatus.OPEN:
            opened = msgspec.structs.replace(order, lifecycle=Lifecycle.OPEN)
            return MergeResult(opened, None, Verdict.MOVE, ())
        return merge(order, update, *rest)

    yield from swap(blotter, "merge", naive)


# -- doubt ---------------------------------------------------------------------------------------


@planted
def absence_is_believed_at_once() -> Iterator[None]:
    with (
        replaced(doubt, "LATE_VISIBILITY_S", 0.0),
        replaced(doubt, "FIRST_LOOK_S", 0.0),
        replaced(doubt, "LOOKS_NEEDED", 1),
    ):
        yield


@planted
def five_looks_two_seconds_apart_prove_absence() -> Iterator[None]:
    with (
        replaced(doubt, "LATE_VISIBILITY_S", 10.0),
        replaced(doubt, "FIRST_LOOK_S", 0.0),
        replaced(doubt, "LOOKS_NEEDED", 5),
        replaced(doubt, "POLLS_S", (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 60.0)),
    ):
        yield


@planted
def doubt_is_called_rejected_after_a_while() -> Iterator[None]:
    def gives_up(self: Any, account: str, case: Any) -> None:
        if self._cases[account].get(case.client_id) is case:
            self._settle(case.client_id, Trigger.REPLY_REFUSED, "no answer")

    yield from swap(doubt.Doubts, "_poll", gives_up)


@planted
def doubt_is_never_looked_into() -> Iterator[None]:
    with (
        replaced(doubt.Doubts, "_poll", lambda *_: None),
        replaced(doubt.Doubts, "looked", lambda *_: None),
    ):
        yield


@planted
def an_empty_or_short_book_is_believed() -> Iterator[None]:
    yield from swap(KnownIds, "look", lambda *_: ())


@planted
def a_book_that_lost_orders_proves_others_absent() -> Iterator[None]:
    weigh = KnownIds.weigh

    def forgets(self: Any, missing: tuple[str, ...], asked_at: int) -> dict[str, int]:
        believed = weigh(self, missing, asked_at)
        for broker_id in believed:
            self.forget(broker_id)
        return believed

    yield from swap(KnownIds, "weigh", forgets)


@planted
def books_are_never_read() -> Iterator[None]:
    yield from swap(books.Books, "read", lambda *_: None)


# -- strangers -----------------------------------------------------------------------------------


@planted
def strangers_fills_are_not_counted() -> Iterator[None]:
    count = Foreign._count

    def none(self: Any, key: Any, update: OrderUpdate) -> int:
        return count(self, key, msgspec.structs.replace(update, filled_quantity=0))

    yield from swap(Foreign, "_count", none)


@planted
def updates_of_another_account_are_taken_for_ours() -> Iterator[None]:
    def take(self: Any, frame: str | bytes) -> None:
        try:
            update = self.decode(frame)
        except WireError:
            return
        account = update.account if update.account in self._accounts else self._accounts[0]
        tagless = msgspec.structs.replace(update, account=account, client_id=None)
        self._publish(OrderUpdated(tagless if account != update.account else update))

    yield from swap(OrderStream, "_take", take)


# -- restart -------------------------------------------------------------------------------------


@planted
def what_was_being_sent_counts_as_not_sent_after_a_restart() -> Iterator[None]:
    settle = Recovery._settle

    def other(self: Any, order: Order) -> None:
        if order.lifecycle is Lifecycle.SENDING:
            self._blotter.advance(order.client_id, Trigger.SEND_ABORTED, "restarted")
        else:
            settle(self, order)

    yield from swap(Recovery, "_settle", other)


@planted
def what_was_being_sent_is_sent_again_after_a_restart() -> Iterator[None]:
    settle = Recovery._settle

    def other(self: Any, order: Order) -> None:
        if order.lifecycle in {Lifecycle.SENDING, Lifecycle.APPROVED}:
            fresh = msgspec.structs.replace(order, lifecycle=Lifecycle.APPROVED)
            self._blotter.orders[order.client_id] = fresh
            self._blotter.accept((order.request,))
        else:
            settle(self, order)

    yield from swap(Recovery, "_settle", other)


@planted
def client_ids_start_again_after_a_restart() -> Iterator[None]:
    yield from swap(live_parts, "next_sequence", lambda _: 1)


@planted
def fills_count_twice_after_a_restart() -> Iterator[None]:
    grow = restore.Restore._grow

    def twice(self: Any, before: Order, order: Order) -> None:
        grow(self, before, order)
        grow(self, before, order)

    yield from swap(restore.Restore, "_grow", twice)


@planted
def a_fill_whose_own_record_is_lost_is_lost_after_a_restart() -> Iterator[None]:
    begin = Recovery.begin

    def wordless(self: Any, _: Any = (), cut_off: Any = ()) -> None:
        begin(self, (), cut_off)

    yield from swap(Recovery, "begin", wordless)


@planted
def legs_forget_what_they_entered_after_a_restart() -> Iterator[None]:
    grow = restore.Restore._grow

    def forgetful(self: Any, before: Order, order: Order) -> None:
        grow(self, before, order)
        if not order.key.exit:
            self._leg(order).entered = 0

    yield from swap(restore.Restore, "_grow", forgetful)


# -- reserve and secrets -------------------------------------------------------------------------


@planted
def the_reserve_is_released_when_a_cancel_is_asked_for() -> Iterator[None]:
    store = Blotter._store

    def early(self: Any, order: Order, trigger: str, *rest: Any, **more: Any) -> None:
        store(self, order, trigger, *rest, **more)
        if trigger == "CANCEL_SENT":
            self.live.pop(order.client_id, None)

    yield from swap(Blotter, "_store", early)


@planted
def a_refused_cancel_names_the_token() -> Iterator[None]:
    classify = SimExecution.classify

    def chatty(self: Any, reply: HttpReply) -> Answer:
        answer = classify(self, reply)
        return answer._replace(text=f"{answer.text} {self.headers}") if answer.text else answer

    yield from swap(SimExecution, "classify", chatty)


@planted
def a_replace_in_doubt_is_settled_as_done() -> Iterator[None]:
    settle = Blotter.settle_amend

    def done(self: Any, client_id: str, trigger: AmendTrigger, why: str) -> None:
        order = self.orders[client_id]
        amend = order.amend
        is_refused = trigger is AmendTrigger.REPLY_REFUSED
        if is_refused and amend is not None and amend.quantity and amend.price:
            changed = adopt_terms(
                order,
                order.updated_at,
                quantity=amend.quantity,
                price=amend.price,
                trigger_price=amend.trigger_price,
            )
            self._store(changed, "AMEND_SETTLED", why)
            return
        settle(self, client_id, trigger, why)

    yield from swap(Blotter, "settle_amend", done)


# -- what strategies are told --------------------------------------------------------------------


@planted
def on_order_is_told_twice() -> Iterator[None]:
    call = Seat.call

    def twice(self: Any, hook: str, function: Any, *args: Any) -> None:
        call(self, hook, function, *args)
        if hook == "on_order":
            call(self, hook, function, *args)

    yield from swap(Seat, "call", twice)


@planted
def an_exit_is_never_told() -> Iterator[None]:
    call = Seat.call

    def deaf(self: Any, hook: str, function: Any, *args: Any) -> None:
        if hook == "on_order" and args[0].key.exit:
            return
        call(self, hook, function, *args)

    yield from swap(Seat, "call", deaf)


@planted
def hooks_run_while_a_restart_recovers() -> Iterator[None]:
    begin = Recovery.begin

    def eager(self: Any, untold: Any = (), cut_off: Any = ()) -> None:
        begin(self, untold, cut_off)
        for seat in self._seats.values():
            seat.is_recovering = False
            self._reroute(seat)

    yield from swap(Recovery, "begin", eager)


@planted
def what_was_held_for_an_order_is_told_before_its_reply() -> Iterator[None]:
    changed = Kernel._order_changed

    def early(self: Any, order: Order, before: Order, fill: Any) -> None:
        tell = self.reconcile.order_changed
        tell(order, before)
        self.reconcile.order_changed = lambda *_: None
        changed(self, order, before, fill)
        self.reconcile.order_changed = tell

    yield from swap(Kernel, "_order_changed", early)


@planted
def a_full_order_lane_drops_without_a_word() -> Iterator[None]:
    publish = Bus.publish

    def silent(self: Any, event: Any) -> bool:
        taken = publish(self, event)
        self.needs_snapshot = False
        return taken

    yield from swap(Bus, "publish", silent)
