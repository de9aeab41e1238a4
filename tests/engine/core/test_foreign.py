"""Strangers' orders and units: counted once, whatever order they are told in, and left alone."""

from __future__ import annotations

import itertools

import pytest

from engine.model.order_update import RemoteStatus
from engine.model.record import ForeignSeen
from tests.engine.core.live_kernel import LiveKernel

R = RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel().ready()


HISTORY = [(R.OPEN, 0), (R.OPEN, 20), (R.OPEN, 45), (R.FILLED, 65)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_strangers_fills_count_once_in_whatever_order_they_come(
    live: LiveKernel, order: tuple[int, ...]
) -> None:
    for place in (*order, *order):
        status, filled = HISTORY[place]
        live.update(live.stranger("Z1", status, filled))
    assert live.strangers() == {live.call.symbol: 65}
    assert live.kernel.reconcile.foreign.orders["A1", "Z1"].status is R.FILLED
    assert list(live.kernel.reconcile.foreign.working("A1")) == []
    assert live.restart().strangers() == {live.call.symbol: 65}


def test_what_is_told_of_a_stranger_twice_is_journaled_and_alerted_once(live: LiveKernel) -> None:
    for _ in range(3):
        live.update(live.stranger("Z1", R.OPEN))
    assert len([r for r in live.records if isinstance(r, ForeignSeen)]) == 1
    assert len([t for t in live.alerts("warning") if "Z1 is not ours" in t]) == 1


def test_a_strangers_working_order_is_seen_and_never_touched(live: LiveKernel) -> None:
    live.update(live.stranger("Z1", R.OPEN))
    live.wait(600)
    assert [u.broker_id for u in live.kernel.reconcile.foreign.working("A1")] == ["Z1"]
    assert (live.placed, live.cancels, live.replaces) == ([], [], [])


def test_one_that_ended_does_not_work_again(live: LiveKernel) -> None:
    live.update(live.stranger("Z1", R.CANCELLED, 20))
    live.update(live.stranger("Z1", R.OPEN, 20))
    assert list(live.kernel.reconcile.foreign.working("A1")) == []


def test_units_of_something_nobody_names_are_an_alarm_and_count_once_they_are_named(
    live: LiveKernel,
) -> None:
    live.update(live.stranger("Z1", R.FILLED, 65, product=None))
    assert live.strangers() == {}
    assert any("Z1" in text and "not counted" in text for text in live.alerts())
    live.show("A1", live.stranger("Z1", R.FILLED, 65), held={live.call: 65})
    assert live.strangers() == {live.call.symbol: 65}
    live.show("A1", live.stranger("Z1", R.FILLED, 65), held={live.call: 65})
    assert live.strangers() == {live.call.symbol: 65}
    assert live.restart().strangers() == {live.call.symbol: 65}


def test_a_report_that_leaves_out_the_names_is_of_the_order_that_had_them(
    live: LiveKernel,
) -> None:
    live.update(live.stranger("Z1", R.OPEN))
    live.update(live.stranger("Z1", R.FILLED, 65, instrument=None, side=None, product=None))
    assert live.strangers() == {live.call.symbol: 65}


def test_an_order_without_an_id_cannot_be_counted_and_is_told(live: LiveKernel) -> None:
    live.update(live.stranger(None, R.FILLED, 65))
    assert live.strangers() == {}
    live.show("A1", live.stranger(None, R.FILLED, 65))
    assert len([t for t in live.alerts("warning") if "without an order id" in t]) == 1


def test_a_strangers_units_explain_the_position(live: LiveKernel) -> None:
    live.wait(10)
    for _ in range(4):
        live.wait(8)
        live.show("A1", live.stranger("Z1", R.FILLED, 65), held={live.call: 65})
    assert live.state_of() == "ACTIVE"


def test_the_same_id_in_two_accounts_is_two_orders(live: LiveKernel) -> None:
    live.update(live.stranger("Z1", R.FILLED, 65))
    live.update(live.stranger("Z1", R.FILLED, 65, account="B1"))
    assert live.strangers("A1") == live.strangers("B1") == {live.call.symbol: 65}
