"""Any life an order may have, against a model of a few lines: what is known is what is so.

The model is a broker's order: whether it was placed, how much of it filled, how it ended. The
machine lets replies get lost, updates come twice, late and out of order, books be read or not, and
the process be killed at any time.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine import buy
from engine.model.event import OrderStreamChanged
from engine.model.order import Lifecycle
from engine.model.order_update import OrderUpdate, RemoteStatus
from tests.engine.core.live_kernel import LiveKernel

L, R = Lifecycle, RemoteStatus
LOTS, LOT = 3, 65


class OrderLife(RuleBasedStateMachine):
    """One order of three lots, tagged or not."""

    @initialize(account=st.sampled_from(["A1", "B1"]), placed=st.booleans())
    def sent(self, account: str, placed: bool) -> None:  # noqa: FBT001 - drawn
        self.live = LiveKernel(accounts={account: 1}).ready()
        self.account = account
        (self.ours,) = self.live.enter(buy(self.live.call, LOTS))
        self.was_placed = placed
        self.filled = 0
        self.status = R.OPEN
        self.version = 1
        self.said: list[OrderUpdate] = []
        self.was_answered = False
        self.lives = 1
        self.note()

    def note(self) -> None:
        """The broker has something to say; nobody has heard it yet."""
        if self.was_placed:
            self.said.append(self.row())

    def row(self) -> OrderUpdate:
        return self.live.row(self.ours, self.status, self.filled, version=self.version)

    def move(self, status: RemoteStatus, lots: int = 0) -> None:
        self.filled += lots * LOT
        self.status = R.FILLED if self.filled == LOTS * LOT else status
        self.version += 1
        self.note()

    def works(self) -> bool:
        return self.was_placed and self.status is R.OPEN

    # -- what happens at the broker --------------------------------------------------------------

    @precondition(works)
    @rule(lots=st.integers(1, LOTS))
    def fills(self, lots: int) -> None:
        if self.filled + lots * LOT <= LOTS * LOT:
            self.move(R.OPEN, lots)

    @precondition(works)
    @rule(end=st.sampled_from([R.CANCELLED, R.REJECTED]))
    def ends(self, end: RemoteStatus) -> None:
        self.move(end)

    # -- what is heard of it ---------------------------------------------------------------------

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def an_update_comes(self, data: Any) -> None:
        self.live.update(data.draw(st.sampled_from(self.said)))

    @precondition(lambda self: not self.was_answered)
    @rule(lost=st.booleans())
    def the_reply_comes(self, lost: bool) -> None:  # noqa: FBT001 - drawn
        self.was_answered = True
        if lost or not self.was_placed:
            self.live.lose(self.ours)
        else:
            self.live.accept(self.ours, "X1")

    @rule(after_s=st.sampled_from([0.1, 6, 20, 61]), is_complete=st.booleans())
    def the_books_are_read(self, after_s: float, is_complete: bool) -> None:  # noqa: FBT001 - drawn
        self.live.wait(after_s)
        rows = [self.row()] if self.was_placed and is_complete else []
        held = {self.live.call: self.filled} if self.filled else {}
        self.live.show(self.account, *rows, held=held, is_complete=is_complete)

    @precondition(lambda self: self.lives < 4)
    @rule(away_s=st.sampled_from([0.1, 90]))
    def the_process_is_killed(self, away_s: float) -> None:
        self.lives += 1
        self.live = self.live.restart(away_s).start()
        self.was_answered = True
        call = self.live.call
        self.said = [_of(update, call) for update in self.said]
        for account in ("A1", "B1"):
            self.live.tell(OrderStreamChanged(account, True, "connected"))

    # -- what must hold --------------------------------------------------------------------------

    @invariant()
    def nothing_is_known_that_is_not_so(self) -> None:
        order = self.live.order(self.ours)
        assert order.filled_quantity <= self.filled
        if order.lifecycle is L.FILLED:
            assert self.filled == LOTS * LOT
        if order.lifecycle in {L.CANCELLED, L.REJECTED, L.EXPIRED}:
            assert self.was_placed
            assert self.status is not R.OPEN
        if order.lifecycle is L.NOT_PLACED:
            assert not self.was_placed

    @invariant()
    def it_is_sent_once(self) -> None:
        assert self.live.placed.count(self.ours) == (1 if self.lives == 1 else 0)

    @invariant()
    def what_is_held_is_what_filled(self) -> None:
        held = sum(q for i, q in self.live.kernel.desk.ledger.nets(None) if i is self.live.call)
        assert held == self.live.order(self.ours).filled_quantity
        assert not self.live.strangers(self.account)

    @invariant()
    def its_risk_is_reserved_until_it_has_ended(self) -> None:
        order = self.live.order(self.ours)
        reserved = [o.client_id for o in self.live.kernel.view.orders()]
        assert (self.ours in reserved) is not order.lifecycle.is_terminal

    def teardown(self) -> None:
        """Let everything be heard: the books, for as long as a proof takes."""
        if not hasattr(self, "live"):
            return
        if not self.was_answered:
            self.the_reply_comes(lost=True)
        for _ in range(20):
            self.the_books_are_read(15, is_complete=True)
        order = self.live.order(self.ours)
        self.nothing_is_known_that_is_not_so()
        if self.was_placed:
            assert order.filled_quantity == self.filled
            assert order.lifecycle.is_terminal is (self.status is not R.OPEN)
        else:
            assert order.lifecycle in {L.NOT_PLACED, L.QUARANTINED}


def _of(update: OrderUpdate, instrument: Any) -> OrderUpdate:
    """Return an update that names the instrument as the next process knows it."""
    return msgspec.structs.replace(update, instrument=instrument)


TestOrderLife = OrderLife.TestCase
TestOrderLife.settings = settings(max_examples=60, stateful_step_count=25)
