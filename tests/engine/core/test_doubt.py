"""Orders in doubt: when they are looked for, what proves them absent, and when a person must."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from engine import buy
from engine.model.event import HumanResolved, OrderStreamChanged, ReplyOutcome, Resolution
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from engine.model.record import HumanActed, Record
from engine.model.snapshot import TradeRow
from engine.rules.clock_time import ns
from engine.runtime.memory_disk import MemoryDisk
from tests.engine.core.live_kernel import LiveKernel

L, R = Lifecycle, RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel().ready()


@pytest.fixture
def ours(live: LiveKernel) -> str:
    """An order in doubt since this moment."""
    (client_id,) = live.enter(buy(live.call, 1))
    live.show("A1")
    live.reads.clear()
    live.lose(client_id)
    return client_id


def look(live: LiveKernel, *after_s: float, **books: object) -> None:
    """Show complete books without the order at these seconds after it came in doubt."""
    for at, before in zip(after_s, (0.0, *after_s), strict=False):
        live.wait(at - before)
        live.show("A1", **books)  # type: ignore[arg-type]


def test_the_books_are_read_on_the_schedule_and_one_reading_serves_all(live: LiveKernel) -> None:
    first = live.enter(buy(live.call, 1), buy(live.put, 1))
    live.show("A1")
    live.reads.clear()
    for client_id in first:
        live.lose(client_id)
    began, asked = live.now, []
    while live.now - began < ns(200):
        live.wait(0.5)
        if "A1" in live.reads:
            assert live.reads.count("A1") == 1
            asked.append((live.now - began) / 1e9)
            live.show("A1", is_complete=False, why="the broker is away")
    for due in (1, 2, 4, 8, 15, 30, 60, 120, 180):
        assert any(due <= at <= due + 0.5 for at in asked), (due, asked)


def test_an_order_in_doubt_is_never_sent_again(live: LiveKernel, ours: str) -> None:
    look(live, 20, 60, 125)
    assert live.order(ours).lifecycle is L.NOT_PLACED
    assert live.placed.count(ours) == 1


def test_three_complete_looks_the_last_after_two_minutes_prove_absence(
    live: LiveKernel, ours: str
) -> None:
    look(live, 15, 60, 119.9)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 0.1)
    assert live.order(ours).lifecycle is L.NOT_PLACED


def test_a_look_within_fifteen_seconds_proves_nothing(live: LiveKernel, ours: str) -> None:
    look(live, 1, 5, 10, 14.9, 60, 121)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 1)
    assert live.order(ours).lifecycle is L.NOT_PLACED


def test_two_looks_are_not_three(live: LiveKernel, ours: str) -> None:
    look(live, 30, 130)
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_a_snapshot_counts_from_when_it_was_asked_for(live: LiveKernel, ours: str) -> None:
    asked = live.now + ns(14)
    live.wait(130)
    for _ in range(5):
        live.show("A1", asked_at=asked)
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_looks_that_are_not_complete_prove_nothing(live: LiveKernel, ours: str) -> None:
    look(live, 15, 30, 60, 90, 121, 150, is_complete=False, why="a page is missing")
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_a_book_that_lost_orders_proves_none_absent(live: LiveKernel, ours: str) -> None:
    lost = [live.stranger(f"Z{number}", R.CANCELLED) for number in range(5)]
    look(live, 10, orders=lost)
    look(live, 10, 20, 30, 60, 90, 121, 150)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    (told,) = (text for text in live.alerts("warning") if "in a row lack" in text)
    assert "A1: order books in a row lack orders that are known: Z0, Z1, Z2 and 2 more." in told
    look(live, 31)
    assert live.order(ours).lifecycle is L.QUARANTINED
    assert any("the order book lacks 5 that are known" in text for text in live.alerts())


def test_a_restart_knows_the_strangers_orders_that_were_lost(live: LiveKernel, ours: str) -> None:
    lost = [live.stranger(f"Z{number}", R.CANCELLED) for number in range(5)]
    look(live, 10, orders=lost)
    look(live, 10, 20)
    live = live.restart().ready()
    look(live, 20, 40, 60, 90, 121, 150)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 31)
    assert live.order(ours).lifecycle is L.QUARANTINED


def test_a_strangers_order_that_only_the_stream_showed_must_stand_in_the_book(
    live: LiveKernel, ours: str
) -> None:
    live.update(live.stranger("Z1", R.OPEN))
    look(live, 15, 25, 60, 121, 150)
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_what_a_person_settled_is_asked_for_no_more(live: LiveKernel) -> None:
    (lost,) = live.enter(buy(live.call, 1), retries=0)
    live.accept(lost, "X9")
    look(live, 10, 18, 26)
    assert live.order(lost).lifecycle is L.QUARANTINED
    live.tell(HumanResolved(lost, Resolution.NOT_PLACED, "asha", "not there, says the desk", "a1"))
    for again in (live, live.restart().ready()):
        again.wait(10)
        again.tick()
        (ours,) = again.enter(buy(again.put, 1), name="more", retries=0)
        again.lose(ours)
        look(again, 20, 60, 90, 121)
        assert again.order(ours).lifecycle is L.NOT_PLACED


@pytest.mark.parametrize("by", ["a row nobody understands", "a reply nobody understands"])
def test_an_order_that_the_broker_named_is_never_proven_absent(
    live: LiveKernel, ours: str, by: str
) -> None:
    if by == "a row nobody understands":
        live.wait(1)
        live.show("A1", live.row(ours, R.UNRECOGNISED))
    else:
        live.reply(ours, ReplyOutcome.AMBIGUOUS, "X1", "odd")
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 10, 18, 26, 60, 121, 150)
    assert live.order(ours).lifecycle is L.QUARANTINED
    assert live.group().state == "STUCK"


def test_looks_count_again_once_a_book_shows_what_it_had_lost(live: LiveKernel, ours: str) -> None:
    lost = [live.stranger("Z1", R.CANCELLED)]
    look(live, 10, orders=lost)
    look(live, 10, 20, 30)
    look(live, 60, 65, orders=lost)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 25, orders=lost)
    assert live.order(ours).lifecycle is L.NOT_PLACED


@pytest.mark.parametrize("unread", ["trades", "positions"])
def test_without_trades_or_positions_nothing_is_proven(
    live: LiveKernel, ours: str, unread: str
) -> None:
    for at in (15, 45, 60, 10):
        live.wait(at)
        live.show("A1", **{unread: None})  # type: ignore[arg-type]
    assert live.order(ours).lifecycle is L.IN_DOUBT
    live.wait(60)
    live.show("A1", **{unread: None})  # type: ignore[arg-type]
    assert live.order(ours).lifecycle is L.QUARANTINED


def test_a_trade_nobody_explains_speaks_against_absence(live: LiveKernel, ours: str) -> None:
    trade = TradeRow(broker_id="X1", quantity=65, price=Decimal(100), fill_id="F1")
    look(live, 15, 60, 121, 150, trades=[trade])
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 31, trades=[trade])
    assert live.order(ours).lifecycle is L.QUARANTINED


def test_a_position_that_differs_speaks_against_absence(live: LiveKernel, ours: str) -> None:
    look(live, 15, 60, 121, 150, held={live.call: 65})
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_an_objection_starts_the_count_again(live: LiveKernel, ours: str) -> None:
    look(live, 15, 60)
    look(live, 61, held={live.call: 65})
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 5, 10)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 5)
    assert live.order(ours).lifecycle is L.NOT_PLACED


def test_after_a_gap_in_the_stream_twice_as_many_looks_are_needed(
    live: LiveKernel, ours: str
) -> None:
    live.tell(OrderStreamChanged("A1", False, "closed"))
    live.tell(OrderStreamChanged("A1", True, "connected"))
    look(live, 15, 30, 60, 90, 121)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 5)
    assert live.order(ours).lifecycle is L.NOT_PLACED


def test_an_order_that_came_in_doubt_while_the_stream_was_down_needs_as_many(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.tell(OrderStreamChanged("A1", False, "closed"))
    live.lose(ours)
    look(live, 15, 30, 60, 90, 121)
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 5)
    assert live.order(ours).lifecycle is L.NOT_PLACED


def test_an_order_that_is_in_doubt_over_a_restart_needs_as_many(
    live: LiveKernel, ours: str
) -> None:
    again = live.restart().start()
    for account in ("A1", "B1"):
        again.tell(OrderStreamChanged(account, True, "connected"))
    look(again, 15, 30, 60, 90, 121)
    assert again.order(ours).lifecycle is L.IN_DOUBT
    look(again, 5)
    assert again.order(ours).lifecycle is L.NOT_PLACED


def test_without_a_proof_within_three_minutes_it_is_a_persons(live: LiveKernel, ours: str) -> None:
    look(live, 15, 179.9, is_complete=True, held={live.call: 65})
    assert live.order(ours).lifecycle is L.IN_DOUBT
    look(live, 0.1, held={live.call: 65})
    assert live.order(ours).lifecycle is L.QUARANTINED
    assert any(ours in text and "QUARANTINED" in text for text in live.alerts())


def test_books_that_cannot_be_read_make_it_a_persons_too(live: LiveKernel, ours: str) -> None:
    for _ in range(30):
        live.wait(10)
        live.show("A1", is_complete=False, why="the broker is away")
    assert live.order(ours).lifecycle is L.QUARANTINED


def test_its_risk_stays_reserved_until_it_is_known(live: LiveKernel, ours: str) -> None:
    look(live, 15, 60, 100)
    assert [o.client_id for o in live.kernel.view.orders()] == [ours]
    look(live, 30)
    assert list(live.kernel.view.orders()) == []


def test_a_late_reply_settles_the_doubt(live: LiveKernel, ours: str) -> None:
    live.accept(ours, "X1")
    assert live.order(ours).lifecycle is L.ACKED
    look(live, 15)
    assert live.order(ours).lifecycle is L.ACKED


@pytest.mark.parametrize("source", ["stream", "book", "trades"])
def test_it_is_found_in_whatever_shows_it(live: LiveKernel, ours: str, source: str) -> None:
    row = live.row(ours, R.FILLED, 65)
    live.wait(5)
    if source == "stream":
        live.update(row)
    elif source == "book":
        live.show("A1", row, held={live.call: 65})
    else:
        live.update(live.row(ours, R.OPEN))
        trade = TradeRow(broker_id="X1", quantity=65, price=Decimal(100), fill_id="F1")
        live.show("A1", trades=[trade], held={live.call: 65}, is_complete=False)
    assert live.order(ours).lifecycle is L.FILLED
    assert live.order(ours).filled_quantity == 65


@pytest.mark.parametrize("status", [R.PENDING, R.OPEN, R.FILLED, R.UNRECOGNISED])
def test_one_that_appears_after_its_proof_is_cancelled_and_a_person_hears(
    live: LiveKernel, ours: str, status: RemoteStatus
) -> None:
    look(live, 20, 60, 125)
    assert live.order(ours).lifecycle is L.NOT_PLACED
    live.update(live.row(ours, status))
    assert live.order(ours).lifecycle.is_working
    assert live.order(ours).is_late
    assert live.cancels == [ours]
    assert any(ours in text for text in live.alerts()[-2:])


def test_one_that_filled_after_its_proof_is_counted_and_a_person_hears(
    live: LiveKernel, ours: str
) -> None:
    look(live, 20, 60, 125)
    live.said.clear()
    live.update(live.row(ours, R.FILLED, 65))
    assert live.order(ours).lifecycle is L.FILLED
    assert live.kernel.desk.ledger.realised_inr("puppet") == 0
    assert dict(live.kernel.desk.ledger.nets(None)) == {live.call: 65}
    assert any(ours in text and "resurrected" in text for text in live.alerts())


def test_one_called_absent_whose_reply_comes_after_all_is_cancelled_and_a_person_hears(
    live: LiveKernel, ours: str
) -> None:
    live.tell(HumanResolved(ours, Resolution.NOT_PLACED, "asha", "the book of 10:00 lacks it"))
    live.accept(ours, "X1")
    assert live.order(ours).lifecycle is L.ACKED
    assert live.order(ours).is_late
    assert live.cancels == [ours]
    assert any("resurrected" in text for text in live.alerts("critical"))


def test_wherever_a_crash_cuts_what_was_written_of_it_one_that_appears_is_cancelled(
    live: LiveKernel, ours: str
) -> None:
    look(live, 20, 60, 125)
    ends = [len(live.disk.read())]
    frame = live.journal._frame

    def noting(records: Iterable[Record], at: int) -> None:
        frame(records, at)
        ends.append(len(live.disk.read()))

    live.journal._frame = noting  # type: ignore[method-assign]
    row = live.row(ours, R.OPEN)
    live.update(row)
    content = live.disk.read()
    assert len(ends) > 3
    for end in ends:
        live.disk = MemoryDisk(content[:end])
        again = live.restart().start()
        for account, rows in (("A1", (row,)), ("B1", ())):
            again.tell(OrderStreamChanged(account, True, "connected"))
            while account in again.reads:
                again.show(account, *rows)
        assert again.order(ours).lifecycle is L.OPEN
        # One that may have left before the crash is sent again once the book still has the order.
        again.wait(20)
        again.show("A1", row)
        assert again.cancels == [ours], end


def test_an_exit_in_doubt_is_told_after_ten_seconds(live: LiveKernel) -> None:
    (entry,) = live.enter(buy(live.call, 1))
    live.update(live.row(entry, R.FILLED, 65))
    live.ask(lambda s: s.exit("g"))
    leaving = live.placed[-1]
    live.lose(leaving)
    told = len(live.alerts())
    live.wait(9.9)
    assert len(live.alerts()) == told
    live.wait(0.2)
    assert any(leaving in text and "exit" in text for text in live.alerts()[told:])


@pytest.mark.parametrize(
    ("resolution", "end"),
    [
        (Resolution.NOT_PLACED, L.NOT_PLACED),
        (Resolution.CANCELLED, L.CANCELLED),
        (Resolution.REJECTED, L.REJECTED),
    ],
)
def test_a_person_settles_what_is_in_doubt_and_it_is_journaled(
    live: LiveKernel, ours: str, resolution: Resolution, end: Lifecycle
) -> None:
    live.tell(HumanResolved(ours, resolution, "asha", "called the desk"))
    assert live.order(ours).lifecycle is end
    (acted,) = (r for r in live.records if isinstance(r, HumanActed))
    assert (acted.action, acted.subject, acted.who, acted.why) == (
        "resolve", ours, "asha", "called the desk",
    )  # fmt: skip
    assert live.restart().order(ours).lifecycle is end


def test_a_person_cannot_settle_what_is_known(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    for client_id in (ours, "LW0000000000ZZ"):
        live.tell(HumanResolved(client_id, Resolution.NOT_PLACED, "asha", "a guess"))
    assert live.order(ours).lifecycle is L.OPEN
    assert not any(isinstance(r, HumanActed) for r in live.records)
    assert sum("nothing done" in text for text in live.alerts("warning")) == 2


def test_a_late_reply_to_what_a_person_called_absent_is_told_and_the_order_taken_back(
    live: LiveKernel, ours: str
) -> None:
    live.tell(HumanResolved(ours, Resolution.NOT_PLACED, "asha", "not in the book"))
    live.said.clear()
    live.accept(ours, "X1")
    assert live.order(ours).lifecycle is L.ACKED
    assert live.alerts() == [f"{ours}: {live.order(ours).key}: resurrected"]
    assert live.cancels == [ours]


def test_a_reply_that_names_another_order_than_the_stream_lets_nothing_new_out(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN, broker_id="X1"))
    live.accept(ours, "X2")
    assert live.order(ours).broker_id == "X1"
    assert live.state_of() == "KILLED"
    assert any("two may stand" in text for text in live.alerts())


@pytest.mark.parametrize("account", ["A1", "B1"])
def test_a_reply_that_names_an_order_of_ours_that_stands_proves_nothing_of_another(
    account: str,
) -> None:
    live = LiveKernel(accounts={account: 1}).ready()
    (first,) = live.enter(buy(live.call, 1), name="first")
    live.accept(first, "X1")
    (second,) = live.enter(buy(live.put, 1), name="second")
    live.accept(second, "X1")
    assert live.order(second).lifecycle is L.IN_DOUBT
    live.update(live.row(first, R.FILLED, 65))
    assert live.order(first).lifecycle is L.FILLED
    assert dict(live.kernel.desk.ledger.nets()) == {live.call: 65}


def test_a_fill_of_another_contract_is_not_booked_on_the_order_that_has_its_id() -> None:
    live = LiveKernel(accounts={"B1": 1}).ready()
    (first,) = live.enter(buy(live.call, 1), name="first")
    (second,) = live.enter(buy(live.put, 1), name="second")
    live.accept(first, "X2")
    live.accept(second, "X1")
    live.update(live.row(first, R.FILLED, 65, broker_id="X1"))
    assert not dict(live.kernel.desk.ledger.nets())
    assert live.state_of("B1") == "KILLED"
