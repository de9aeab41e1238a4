"""Whose order a broker speaks of: ours, a stranger's, or one whose reply is still to come."""

from __future__ import annotations

import pytest

from engine import buy
from engine.core.claims import HELD_MAX
from engine.core.client_ids import ClientIds
from engine.model.event import Armed
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from engine.model.record import KillRecorded
from engine.model.side import Side
from tests.engine.core.live_kernel import DAY, LiveKernel

L, R = Lifecycle, RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel(accounts={"B1": 1}).ready()


def test_an_untagged_fill_before_its_reply_waits_and_is_merged_when_the_reply_names_it(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN, broker_id="X1"))
    live.update(live.row(ours, R.FILLED, 65, broker_id="X1"))
    assert live.order(ours).lifecycle is L.SENDING
    assert live.kernel.reconcile.claims.held == 2
    assert not live.strangers("B1")
    live.accept(ours, "X1")
    assert live.order(ours).lifecycle is L.FILLED
    assert live.order(ours).filled_quantity == 65
    assert live.kernel.reconcile.claims.held == 0


def test_a_tag_of_ours_needs_no_reply() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN, broker_id="X1"))
    assert live.order(ours).lifecycle is L.OPEN
    assert live.order(ours).broker_id == "X1"
    live.accept(ours, "X1")
    assert live.order(ours).lifecycle is L.OPEN


def test_where_tags_are_echoed_an_order_without_one_is_a_strangers_at_once() -> None:
    live = LiveKernel().ready()
    live.enter(buy(live.call, 1))
    live.update(live.stranger("Z9", R.FILLED, 65))
    assert live.kernel.reconcile.claims.held == 0
    assert live.strangers() == {live.call.symbol: 65}


def test_where_nothing_of_ours_is_unnamed_an_untagged_order_is_a_strangers_at_once(
    live: LiveKernel,
) -> None:
    live.update(live.stranger("Z9", R.OPEN, account="B1"))
    assert live.kernel.reconcile.claims.held == 0
    assert ("B1", "Z9") in live.kernel.reconcile.foreign.orders


def test_a_held_update_that_nobody_claims_becomes_a_strangers_after_its_time(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.stranger("Z9", R.FILLED, 130, account="B1", quantity=130))
    live.accept(ours, "X1")
    assert live.kernel.reconcile.claims.held == 1
    live.wait(119)
    assert not live.strangers("B1")
    live.wait(2)
    assert live.strangers("B1") == {live.call.symbol: 130}
    assert live.kernel.reconcile.claims.held == 0


def test_a_tag_of_ours_that_the_journal_never_gave_out_stops_everything(live: LiveKernel) -> None:
    theirs = ClientIds(DAY, 77_777).next()
    live.update(live.stranger("Z9", R.OPEN, client_id=theirs))
    assert live.state_of("A1") == live.state_of("B1") == "KILLED"
    assert any(theirs in text for text in live.alerts())
    assert not live.enter(buy(live.call, 1))


@pytest.mark.parametrize("restarts", [False, True])
def test_what_a_person_has_armed_for_does_not_stop_everything_again(
    restarts: bool,  # noqa: FBT001 - a parameter
) -> None:
    live = LiveKernel().ready()
    impostor = live.stranger("Z9", R.OPEN, client_id=ClientIds(DAY, 500).next())
    live.update(impostor)
    live.tell(Armed("all", "asha", "the other engine is off"))
    if restarts:
        live = live.restart().ready()
    for _ in range(3):
        live.wait(6)
        live.show("A1", impostor)
    assert live.state_of() == "ACTIVE"
    kills = [r for r in live.records if isinstance(r, KillRecorded)]
    assert len(kills) == (0 if restarts else 1)
    live.update(live.stranger("Z10", R.OPEN, client_id=ClientIds(DAY, 501).next()))
    assert live.state_of() == "KILLED"


def test_two_orders_with_one_tag_are_told_once_however_often_they_are_shown() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1, limit=80.0))
    live.update(live.row(ours, R.OPEN, broker_id="X1"))
    rows = live.row(ours, R.OPEN, broker_id="X1"), live.row(ours, R.OPEN, broker_id="X2")
    live.show("A1", *rows)
    assert live.state_of() == "KILLED"
    live.tell(Armed("all", "asha", "X2 is gone"))
    told = len(live.said)
    for _ in range(3):
        live.wait(6)
        live.show("A1", *rows)
    assert live.state_of() == "ACTIVE"
    assert live.said[told:] == []


def test_a_tag_that_only_looks_like_ours_is_a_strangers() -> None:
    live = LiveKernel().ready()
    theirs = ClientIds(DAY, 77_777).next()
    forged = theirs[:-1] + ("0" if theirs[-1] != "0" else "1")
    live.update(live.stranger("Z9", R.OPEN, client_id=forged))
    assert live.state_of() == "ACTIVE"
    assert ("A1", "Z9") in live.kernel.reconcile.foreign.orders


def test_more_updates_than_fit_have_the_books_read(live: LiveKernel) -> None:
    live.enter(buy(live.call, 1))
    assert "B1" not in live.reads
    claims = live.kernel.reconcile.claims
    for number in range(HELD_MAX):
        live.update(live.stranger(f"Z{number}", R.OPEN, account="B1"))
    assert claims.held == HELD_MAX
    assert "B1" not in live.reads
    live.update(live.stranger("Z", R.OPEN, account="B1"))
    assert claims.held == HELD_MAX
    assert "B1" in live.reads


def test_a_row_that_looks_like_the_one_order_in_doubt_is_it(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    row = live.row(ours, R.OPEN, broker_id="X1")
    live.lose(ours)
    live.wait(1)
    live.show("B1", row)
    assert live.order(ours).lifecycle is L.OPEN
    assert live.order(ours).broker_id == "X1"


def test_a_strangers_order_that_looks_like_one_proven_absent_is_a_persons_business(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    row = live.row(ours, R.OPEN, broker_id="X1")
    live.lose(ours)
    for seconds in (20, 40, 65):
        live.wait(seconds)
        live.show("B1")
    assert live.order(ours).lifecycle is L.NOT_PLACED
    live.update(live.stranger("Z9", R.OPEN, account="B1", quantity=130))
    assert not any("Z9" in text for text in live.alerts("critical"))
    live.update(row)
    (told,) = (text for text in live.alerts("critical") if "X1" in text)
    assert ours in told
    assert "looks like" in told
    assert live.cancels == []


def test_where_tags_are_echoed_no_look_makes_an_order_ours() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    row = live.row(ours, R.FILLED, 65, broker_id="Z9", client_id=None)
    live.lose(ours)
    live.wait(1)
    live.show("A1", row, held={live.call: 65})
    assert live.order(ours).lifecycle is L.IN_DOUBT
    assert live.order(ours).filled_quantity == 0
    assert live.strangers() == {live.call.symbol: 65}


def test_an_order_known_for_a_strangers_is_not_taken_for_one_of_ours(live: LiveKernel) -> None:
    live.update(live.stranger("Z9", R.OPEN, account="B1"))
    (ours,) = live.enter(buy(live.call, 1))
    row = live.row(ours, R.FILLED, 65, broker_id="Z9")
    live.lose(ours)
    live.wait(1)
    live.show("B1", row, held={live.call: 65})
    assert live.order(ours).lifecycle is L.IN_DOUBT
    assert live.strangers("B1") == {live.call.symbol: 65}


@pytest.mark.parametrize(
    "other", ["price", "quantity", "side", "product", "instrument", "placed_at"]
)
def test_a_row_that_differs_in_anything_shown_or_shows_less_is_not_it(
    live: LiveKernel, other: str
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    different = {
        "price": live.order(ours).price + 1,
        "quantity": 130,
        "side": Side.SELL,
        "product": None,
        "instrument": live.put,
        "placed_at": live.now - 3_000_000_000,
    }[other]
    row = live.row(ours, R.OPEN, broker_id="X1", **{other: different})
    live.lose(ours)
    live.wait(1)
    live.show("B1", row)
    assert live.order(ours).lifecycle is L.IN_DOUBT


def test_two_rows_that_look_alike_are_not_told_apart_by_guessing(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    rows = [live.row(ours, R.OPEN, broker_id=name) for name in ("X1", "X2")]
    live.lose(ours)
    live.wait(1)
    live.show("B1", *rows)
    assert live.order(ours).lifecycle is L.QUARANTINED
    assert live.order(ours).broker_id is None
    assert any(ours in text and "QUARANTINED" in text for text in live.alerts())


def test_a_row_held_while_the_books_cannot_be_read_is_not_given_to_strangers(
    live: LiveKernel,
) -> None:
    """It looks like the order in doubt: counting it as a stranger's would count it twice."""
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    row = live.row(ours, R.FILLED, 65, broker_id="X1")
    live.update(row)
    live.wait(130)
    assert not live.strangers("B1")
    live.show("B1", row, held={live.call: 65})
    assert live.order(ours).lifecycle is L.FILLED
    assert not live.strangers("B1")
    assert live.kernel.reconcile.claims.held == 0


@pytest.mark.parametrize("filled", [0, 65])
@pytest.mark.parametrize("off_s", [-3_600, -10, 3_600])
def test_an_order_is_not_proven_absent_while_a_row_placed_at_another_time_looks_like_it(
    live: LiveKernel, off_s: int, filled: int
) -> None:
    """Our clock or the broker's is wrong: the row is not claimed, and nothing is proven."""
    (ours,) = live.enter(buy(live.call, 1))
    sent = live.order(ours).sent_at
    assert sent is not None
    status = R.FILLED if filled else R.OPEN
    row = live.row(ours, status, filled, broker_id="X1", placed_at=sent + off_s * 10**9)
    live.lose(ours)
    for _ in range(20):
        live.wait(15)
        live.show("B1", row, held={live.call: filled} if filled else {})
        assert live.order(ours).lifecycle is not L.NOT_PLACED
    assert live.order(ours).lifecycle is L.QUARANTINED
