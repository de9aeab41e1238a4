"""The brokers' books against what we know: what is believed, when, and what it allows."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from engine import buy, sell
from engine.model.command import MessageKind
from engine.model.event import HumanAdjusted, OrderStreamChanged, ReplyClassified, ReplyOutcome
from engine.model.instrument import Instrument
from engine.model.order import Lifecycle, Product
from engine.model.order_update import RemoteStatus
from engine.model.record import AccountVerified, HumanActed, SnapshotNoted
from engine.model.snapshot import TradeRow
from tests.engine.core.live_kernel import LiveKernel

L, R = Lifecycle, RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel().ready()


def held_after_fill(live: LiveKernel) -> str:
    """Return an order that bought 65 calls, long enough ago to stand in every book."""
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 65))
    live.show("A1", live.row(ours, R.FILLED, 65), held={live.call: 65})
    live.wait(10)
    return ours


def look(live: LiveKernel, ours: str, held: dict[Instrument, int], *, after_s: float = 5.0) -> None:
    live.wait(after_s)
    live.show("A1", live.row(ours, R.FILLED, 65), held=held)


# -- reading, and what it allows -----------------------------------------------------------------


def test_every_account_is_read_at_the_start_and_only_exits_pass_meanwhile() -> None:
    live = LiveKernel().start()
    assert live.reads == ["A1", "B1"]
    assert live.state_of() == "REDUCE_ONLY"
    live.show("A1")
    assert live.state_of() == "REDUCE_ONLY"
    live.tell(OrderStreamChanged("A1", True, "connected"))
    assert live.state_of() == "REDUCE_ONLY"
    live.show("A1")
    assert live.state_of() == "ACTIVE"
    assert live.state_of("B1") == "REDUCE_ONLY"


def test_an_entry_is_refused_while_the_books_are_read() -> None:
    live = LiveKernel().start()
    assert not live.enter(buy(live.call, 1))
    assert live.group().state == "REFUSED"
    assert "books are being read" in live.group().why


def test_an_exit_passes_while_the_books_are_read(live: LiveKernel) -> None:
    held_after_fill(live)
    live.tell(OrderStreamChanged("A1", False, "closed"))
    assert live.state_of() == "REDUCE_ONLY"
    sent = len(live.placed)
    live.tick()
    live.ask(lambda s: s.exit("g"))
    assert len(live.placed) == sent + 1
    assert not live.enter(buy(live.call, 1), name="more")


def test_after_the_stream_was_down_the_books_are_read_before_anything_is_entered(
    live: LiveKernel,
) -> None:
    live.tell(OrderStreamChanged("A1", False, "closed"))
    live.tell(OrderStreamChanged("A1", False, "closed"))
    assert len([t for t in live.alerts("warning") if "stream is down" in t]) == 1
    live.tell(OrderStreamChanged("A1", True, "connected"))
    assert live.reads == ["A1"]
    assert live.state_of() == "REDUCE_ONLY"
    live.wait(5)
    live.show("A1")
    assert live.state_of() == "ACTIVE"


def test_an_incomplete_look_verifies_nothing() -> None:
    live = LiveKernel().start()
    live.tell(OrderStreamChanged("A1", True, "connected"))
    live.show("A1", is_complete=False, why="a page is missing")
    live.show("A1", positions=None)
    assert live.state_of() == "REDUCE_ONLY"


def test_an_account_that_is_not_verified_in_a_minute_is_told_of_once() -> None:
    live = LiveKernel().start()
    live.wait(59.9)
    assert not live.alerts()
    live.wait(0.2)
    assert sorted(t.split(":")[0] for t in live.alerts()) == ["A1", "B1"]
    live.wait(120)
    assert len([t for t in live.alerts() if "not verified" in t]) == 2


def test_an_account_that_was_verified_in_between_is_not_told_of_as_late(live: LiveKernel) -> None:
    live.wait(50)
    live.tell(OrderStreamChanged("A1", False, "closed"))
    live.tell(OrderStreamChanged("A1", True, "connected"))
    live.wait(15)
    assert not [t for t in live.alerts() if "not verified" in t]


def test_a_stream_that_flaps_does_not_put_off_the_alarm(live: LiveKernel) -> None:
    for up in itertools.islice(itertools.cycle((False, True)), 8):
        live.tell(OrderStreamChanged("A1", up, "flaps"))
        live.wait(10)
    assert len([t for t in live.alerts() if "A1: not verified" in t]) == 1


def test_a_second_reading_waits_for_the_first(live: LiveKernel) -> None:
    books = live.kernel.reconcile.books
    live.reads.clear()
    live.tell(OrderStreamChanged("A1", False, "closed"))
    live.tell(OrderStreamChanged("A1", True, "connected"))
    assert live.reads == ["A1"]
    books.read("A1", "one")
    books.read("A1", "two")
    live.show("A1")
    assert live.reads == ["A1"]
    live.show("A1")
    assert live.reads == []


def test_books_are_read_more_often_while_something_works(live: LiveKernel) -> None:
    live.wait(70)
    live.show("A1")
    live.reads.clear()
    live.wait(30)
    assert "A1" not in live.reads
    live.wait(31)
    assert "A1" in live.reads
    live.tick()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.show("A1", live.row(ours, R.OPEN))
    live.wait(5.1)
    assert "A1" in live.reads


# -- what a complete snapshot is -----------------------------------------------------------------


def test_a_book_that_lacks_a_known_order_is_not_complete(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    live.show("A1", held={live.call: 65})
    noted = [r for r in live.records if isinstance(r, SnapshotNoted)][-1]
    assert not noted.is_complete
    assert noted.missing == ("X1",)
    assert live.order(ours).lifecycle is L.FILLED


def test_an_order_a_moment_old_need_not_stand_in_the_book_yet(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.accept(ours, "X1")
    live.wait(4)
    live.show("A1")
    assert not [r for r in live.records if isinstance(r, SnapshotNoted) and r.missing]


@pytest.mark.parametrize(
    ("spacing_s", "looks", "end"), [(8, 3, L.QUARANTINED), (8, 2, L.OPEN), (7, 3, L.OPEN)]
)
def test_a_known_order_is_gone_when_three_books_over_fifteen_seconds_lack_it(
    live: LiveKernel, spacing_s: float, looks: int, end: Lifecycle
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.wait(10)
    for _ in range(looks):
        live.show("A1")
        live.wait(spacing_s)
    assert live.order(ours).lifecycle is end
    if end is L.QUARANTINED:
        assert "vanished" in live.order(ours).anomalies
        assert any(ours in text for text in live.alerts())


def test_a_book_that_has_it_again_starts_the_count_again(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.wait(10)
    for has_it in (False, False, True, False, False):
        live.show("A1", *([live.row(ours, R.OPEN)] if has_it else []))
        live.wait(8)
    assert live.order(ours).lifecycle is L.OPEN


def test_each_order_is_believed_gone_by_itself(live: LiveKernel) -> None:
    lost: list[str] = []
    for number in range(4):
        live.tick()
        (ours,) = live.enter(buy(live.call, number + 1), name=f"g{number}", retries=0)
        live.accept(ours, f"X{number}")
        lost.append(ours)
        for _ in range(2):
            live.wait(5)
            live.show("A1")
    states = [live.order(client_id).lifecycle for client_id in lost]
    assert states == [L.QUARANTINED, L.QUARANTINED, L.QUARANTINED, L.ACKED]


def test_books_that_are_not_whole_are_read_often_and_a_person_is_told(live: LiveKernel) -> None:
    for _ in range(12):
        live.show("A1", is_complete=False, why="the broker is away")
        live.reads.clear()
        live.wait(5.1)
        assert "A1" in live.reads
    (told,) = (text for text in live.alerts() if "read whole" in text)
    assert "A1: its books could not be read whole for 60 s (the broker is away)" in told
    live.show("A1")
    assert live.alerts("info") == ["A1: its books are read whole again"]
    live.show("A1", is_complete=False, why="the broker is away")
    live.wait(59)
    live.show("A1")
    live.wait(59)
    assert len([text for text in live.alerts() if "read whole" in text]) == 1


def test_an_order_that_vanished_and_is_seen_again_works_again(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.wait(10)
    for _ in range(3):
        live.show("A1")
        live.wait(8)
    live.show("A1", live.row(ours, R.OPEN))
    assert live.order(ours).lifecycle is L.OPEN


def test_what_an_incomplete_book_shows_is_still_true(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.show("A1", live.row(ours, R.FILLED, 65), is_complete=False, why="a page is missing")
    assert live.order(ours).lifecycle is L.FILLED


def test_an_empty_book_is_not_an_empty_account(live: LiveKernel) -> None:
    held_after_fill(live)
    for _ in range(6):
        live.wait(5)
        live.show("A1", is_complete=True)
    assert live.group().state == "HELD"
    assert dict(live.kernel.desk.ledger.nets(None)) == {live.call: 65}


# -- agreeing ------------------------------------------------------------------------------------


def test_an_order_that_ended_works_again_only_when_two_looks_after_its_end_agree(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    stale = live.row(ours, R.OPEN)
    live.show("A1", stale)
    live.wait(5)
    live.update(live.row(ours, R.CANCELLED))
    live.show("A1", stale)
    live.show("A1", stale)
    assert live.order(ours).lifecycle is L.CANCELLED
    live.wait(5)
    live.show("A1", stale)
    assert live.order(ours).lifecycle is L.OPEN
    assert any("reinstated" in text for text in live.alerts())


def test_two_looks_at_one_stale_copy_are_one_look(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.CANCELLED))
    for _ in range(4):
        live.wait(1)
        live.show("A1", live.row(ours, R.OPEN))
    assert live.order(ours).lifecycle is L.CANCELLED


# -- positions -----------------------------------------------------------------------------------


def test_what_an_account_holds_at_first_sight_is_nobodys_of_ours() -> None:
    live = LiveKernel().start()
    live.show("A1", held={live.put: -130})
    live.tell(OrderStreamChanged("A1", True, "connected"))
    for _ in range(3):
        assert live.state_of() == "REDUCE_ONLY"
        live.show("A1", held={live.put: -130})
        live.wait(7.5)
    assert live.state_of() == "ACTIVE"
    assert live.strangers() == {live.put.symbol: -130}
    assert not dict(live.kernel.desk.ledger.nets(None))
    assert live.restart().strangers() == {live.put.symbol: -130}


def test_a_difference_is_believed_after_three_looks_over_fifteen_seconds(
    live: LiveKernel,
) -> None:
    ours = held_after_fill(live)
    for _ in range(3):
        assert live.state_of() == "ACTIVE"
        look(live, ours, {live.call: 65, live.put: 65}, after_s=7.5)
    assert live.state_of() == "HALTED"
    (why,) = (text for text in live.alerts() if "cannot explain" in text)
    assert f"+65 {live.put.symbol} intraday" in why
    sent = len(live.placed)
    assert not live.enter(buy(live.call, 1), name="more")
    live.ask(lambda s: s.exit("g"))
    assert len(live.placed) == sent + 1


def test_three_looks_in_less_time_are_not_believed(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    for _ in range(3):
        look(live, ours, {live.call: 65, live.put: 65}, after_s=7)
    assert live.state_of() == "ACTIVE"


def test_a_look_without_the_difference_starts_the_count_again(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    odd, even = {live.call: 65, live.put: 65}, {live.call: 65}
    for held in (odd, odd, even, odd, odd):
        look(live, ours, held, after_s=8)
    assert live.state_of() == "ACTIVE"


def test_a_later_book_that_explains_it_lifts_the_halt(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    for _ in range(3):
        look(live, ours, {live.call: 65, live.put: 65}, after_s=8)
    look(live, ours, {live.call: 65})
    assert live.state_of() == "ACTIVE"
    standings = [r.standing for r in live.records if isinstance(r, AccountVerified)]
    assert standings[-2:] == ["UNEXPLAINED", "VERIFIED"]


def test_a_person_accepts_a_difference_and_no_fill_is_made_up(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    held = {live.call: 65, live.put: 65}
    for _ in range(3):
        look(live, ours, held, after_s=8)
    live.reads.clear()
    live.tell(HumanAdjusted("A1", live.put, Product.INTRADAY, 65, "asha", "bought by phone"))
    assert live.reads == ["A1"]
    look(live, ours, held)
    assert live.state_of() == "ACTIVE"
    assert dict(live.kernel.desk.ledger.nets(None)) == {live.call: 65}
    assert live.strangers() == {live.put.symbol: 65}
    (acted,) = (r for r in live.records if isinstance(r, HumanActed))
    assert (acted.action, acted.who, acted.why) == ("adjust", "asha", "bought by phone")
    assert live.restart().strangers() == {live.put.symbol: 65}


def test_what_an_order_in_doubt_may_have_filled_is_no_difference(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    for _ in range(4):
        live.wait(6)
        live.show("A1", held={live.call: 65})
    assert live.state_of() == "ACTIVE"


@pytest.mark.parametrize("units", [-65, 130])
def test_what_it_cannot_have_filled_is_one(live: LiveKernel, units: int) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    for _ in range(4):
        live.wait(6)
        live.show("A1", held={live.call: units})
    assert live.state_of() == "HALTED"


def test_nothing_is_sent_to_put_a_difference_right(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    sent = len(live.placed)
    for _ in range(20):
        look(live, ours, {})
    assert live.state_of() == "HALTED"
    assert len(live.placed) == sent


# -- trades --------------------------------------------------------------------------------------


def test_trades_show_a_fill_that_the_order_book_does_not_show_yet(live: LiveKernel) -> None:
    ours, *_ = live.enter(buy(live.call, 2))
    live.accept(ours, "X1")
    trades = [
        TradeRow(broker_id="X1", quantity=65, price=Decimal(100), fill_id="F1"),
        TradeRow(broker_id="X1", quantity=65, price=Decimal(102), fill_id="F2"),
        TradeRow(broker_id="X1", quantity=65, price=Decimal(102), fill_id="F2"),
    ]
    live.show("A1", live.row(ours, R.OPEN), trades=trades, held={live.call: 130})
    assert live.order(ours).lifecycle is L.FILLED
    assert live.order(ours).filled_quantity == 130
    assert live.order(ours).filled_value == Decimal(65 * 202)


def test_a_trade_book_behind_the_order_book_takes_nothing_back(live: LiveKernel) -> None:
    ours = held_after_fill(live)
    trade = TradeRow(broker_id="X1", quantity=10, price=Decimal(1), fill_id="F1")
    live.show("A1", live.row(ours, R.FILLED, 65), trades=[trade], held={live.call: 65})
    assert live.order(ours).filled_quantity == 65
    assert not live.order(ours).anomalies


# -- requests nobody answered --------------------------------------------------------------------


def test_a_cancel_that_was_not_carried_out_is_sent_again(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.ask(lambda s: s.cancel("g"))
    live.tell(ReplyClassified(MessageKind.CANCEL, ours, ReplyOutcome.ACCEPTED))
    assert live.cancels == [ours]
    live.wait(16)
    live.show("A1", live.row(ours, R.OPEN))
    assert live.cancels == [ours, ours]


def test_a_short_straddle_is_the_sum_of_its_legs() -> None:
    live = LiveKernel(accounts={"A1": 1}).ready()
    call, put = live.enter(sell(live.call, 1), sell(live.put, 1))
    for number, ours in enumerate((call, put)):
        live.update(live.row(ours, R.FILLED, 65, broker_id=f"X{number}"))
    rows = [live.row(o, R.FILLED, 65, broker_id=f"X{n}") for n, o in enumerate((call, put))]
    live.wait(10)
    for _ in range(3):
        live.wait(8)
        live.show("A1", *rows, held={live.call: -65, live.put: -65})
    assert live.state_of() == "ACTIVE"


def test_what_two_books_show_open_after_its_end_is_taken_back(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.update(live.row(ours, R.CANCELLED))
    assert live.group().is_done
    for _ in range(4):
        live.wait(5)
        live.show("A1", live.row(ours, R.OPEN))
    assert live.order(ours).lifecycle is L.OPEN
    assert live.cancels == [ours]


def test_books_asked_for_before_the_stream_came_back_verify_nothing(live: LiveKernel) -> None:
    live.tell(OrderStreamChanged("A1", False, "connection lost"))
    live.wait(60)
    assert "A1" in live.reads
    live.tell(OrderStreamChanged("A1", True, "connected"))
    live.show("A1")
    assert live.state_of() == "REDUCE_ONLY"
    assert "A1" in live.reads
    live.show("A1")
    assert live.state_of() == "ACTIVE"


@pytest.mark.parametrize("outcome", [ReplyOutcome.ACCEPTED, ReplyOutcome.AMBIGUOUS])
def test_a_new_price_that_never_comes_true_is_asked_for_anew(
    live: LiveKernel, outcome: ReplyOutcome
) -> None:
    (ours,) = live.enter(buy(live.call, 1), deadline_s=None)
    live.update(live.row(ours, R.OPEN))
    live.prices[live.call] = 101.0
    live.tick()
    live.wait(6)
    live.tick()
    live.wait(1)
    assert live.replaces == [ours]
    live.tell(ReplyClassified(MessageKind.REPLACE, ours, outcome, None, "", ""))
    for _ in range(3):
        live.show("A1", live.row(ours, R.OPEN))
        live.wait(5)
        live.tick()
    assert live.replaces == [ours]
    live.show("A1", live.row(ours, R.OPEN))
    live.wait(2)
    live.tick()
    assert live.replaces == [ours, ours]
