"""Where no tag comes back, one unresolved order a look: another group's waits."""

from __future__ import annotations

import pytest

from engine import buy, sell
from engine.model.event import HumanResolved, Resolution, SendReleased
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel

L, R = Lifecycle, RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel(accounts={"B1": 1}).ready()


def test_a_second_order_of_the_same_look_waits_until_the_first_is_seen(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    assert live.enter(buy(live.call, 2), name="two") == []
    waiting = [c for c, o in live.kernel.blotter.orders.items() if o.lifecycle is L.APPROVED]
    assert len(waiting) == 1
    live.accept(first, "X1")
    assert live.placed == [first]
    live.update(live.row(first, R.OPEN))
    assert live.placed == [first, *waiting]


@pytest.mark.parametrize("other", ["side", "instrument", "account"])
def test_another_look_does_not_wait(other: str) -> None:
    live = LiveKernel(accounts={"A1": 1} if other == "account" else {"B1": 1}).ready()
    live.enter(buy(live.call, 1), name="one")
    leg = {"side": sell(live.call, 1), "instrument": buy(live.put, 1)}.get(other, buy(live.call, 2))
    assert len(live.enter(leg, name="two")) == 1


@pytest.mark.parametrize("end", [R.FILLED, R.CANCELLED, R.REJECTED])
def test_it_is_free_when_the_first_has_ended(live: LiveKernel, end: RemoteStatus) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.enter(buy(live.call, 2), name="two")
    live.accept(first, "X1")
    live.update(live.row(first, end, 65 if end is R.FILLED else 0))
    assert len(live.placed) >= 2


def test_one_that_waited_too_long_is_not_sent_any_more(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.enter(buy(live.call, 2), name="two")
    (waiting,) = (o for o in live.kernel.blotter.orders.values() if o.lifecycle is L.APPROVED)
    live.wait((waiting.request.expires_at - live.now) / 1e9 + 0.01)
    denied = live.order(waiting.client_id)
    assert denied.lifecycle is L.DENIED
    assert denied.reason == "held by one that looks alike for 2.0 s"
    live.accept(first, "X1")
    live.update(live.row(first, R.OPEN))
    assert live.placed == [first]


def test_an_order_in_doubt_keeps_its_look_until_it_is_known(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.lose(first)
    assert live.enter(buy(live.call, 2), name="two") == []
    live.tell(HumanResolved(first, Resolution.NOT_PLACED, "asha", "not in the book"))
    assert len(live.placed) == 2


def test_the_look_is_kept_over_a_restart(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.lose(first)
    again = live.restart().ready()
    assert again.order(first).lifecycle is L.IN_DOUBT
    assert again.enter(buy(again.call, 2), name="two") == []


def test_of_several_that_wait_one_goes_at_a_time(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.enter(buy(live.call, 2), name="two")
    live.enter(buy(live.call, 3), name="three")
    live.accept(first, "X1")
    live.update(live.row(first, R.OPEN))
    assert len(live.placed) == 2
    live.accept(live.placed[1], "X2")
    live.update(live.row(live.placed[1], R.OPEN, broker_id="X2"))
    assert len(live.placed) == 3


def test_one_taken_back_while_it_waits_is_not_sent(live: LiveKernel) -> None:
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.enter(buy(live.call, 2), name="two")
    live.ask(lambda s: s.cancel("two"))
    live.accept(first, "X1")
    live.update(live.row(first, R.OPEN))
    assert live.placed == [first]


def test_a_ticket_of_an_order_that_has_ended_releases_nothing(live: LiveKernel) -> None:
    live.releases = False
    live.enter(buy(live.call, 1), name="one")
    tickets = tuple(live.queue)
    live.ask(lambda s: s.cancel("one"))
    live.tell(SendReleased(tickets))
    assert live.placed == []
