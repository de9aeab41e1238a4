"""Orders approved together leave in one request, where their broker takes several."""

from __future__ import annotations

from typing import Any

import pytest

from engine import buy, sell
from engine.model.command import Lane
from engine.model.event import SendExpired, SendReleased, TimerFired
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel

L, R = Lifecycle, RemoteStatus


def live_kernel(max_legs: int = 4, **changes: Any) -> LiveKernel:
    return LiveKernel(max_legs=max_legs, **changes).ready()


def far(live: LiveKernel) -> tuple[Any, Any]:
    """Return two wings, with prices."""
    wings = (
        live.catalogue.find("NIFTY 25AUG26 24400 CE"),
        live.catalogue.find("NIFTY 25AUG26 24200 PE"),
    )
    live.prices |= {wings[0]: 50.0, wings[1]: 45.0}
    return wings


def condor(live: LiveKernel) -> tuple[Any, ...]:
    call, put = far(live)
    return sell(live.call, 1), sell(live.put, 1), buy(call, 1), buy(put, 1)


def test_the_legs_of_a_parallel_entry_are_one_request() -> None:
    live = live_kernel()
    ours = live.enter(sell(live.call, 1), sell(live.put, 1))
    assert len(ours) == 2
    assert live.sent == [tuple(ours)]
    assert {live.order(c).lifecycle for c in ours} == {L.SENDING}


def test_a_broker_that_takes_one_gets_one_at_a_time() -> None:
    live = live_kernel(max_legs=1)
    live.enter(sell(live.call, 1), sell(live.put, 1))
    assert [len(request) for request in live.sent] == [1, 1]


def test_more_than_a_request_may_place_are_split() -> None:
    live = live_kernel(max_legs=2)
    call, put = far(live)
    live.enter(*(buy(leg, 1) for leg in (live.call, live.put, call)))
    assert [len(request) for request in live.sent] == [2, 1]
    assert put not in {live.order(c).instrument for c in live.placed}


def test_hedges_of_one_step_travel_together_and_their_shorts_after_them() -> None:
    live = live_kernel()
    hedges = live.enter(*condor(live))
    assert live.sent == [tuple(hedges)]
    for number, client_id in enumerate(hedges):
        live.accept(client_id, f"X{number}")
        live.update(live.row(client_id, R.FILLED, 65, broker_id=f"X{number}"))
    assert [len(request) for request in live.sent] == [2, 2]


def test_a_request_never_holds_two_lanes() -> None:
    live = live_kernel()
    live.releases = False
    live.enter(*condor(live), sequencing="parallel")
    assert [(t.lane, len(t.client_ids)) for t in live.queue] == [
        (Lane.ENTRY, 2),
        (Lane.HEDGE_OR_EXIT, 2),
    ]


def test_a_request_never_holds_two_accounts() -> None:
    live = live_kernel(accounts={"A1": 1, "B1": 1})
    live.enter(sell(live.call, 1), sell(live.put, 1))
    accounts = [[live.order(c).account for c in request] for request in live.sent]
    assert accounts == [["A1", "A1"], ["B1", "B1"]]


def test_a_request_never_holds_two_groups() -> None:
    live = live_kernel()
    live.tick()
    live.ask(lambda s: (s.enter(buy(live.call, 1), name="a"), s.enter(buy(live.put, 1), name="b")))
    assert [len(request) for request in live.sent] == [1, 1]


def test_a_request_never_holds_two_order_types() -> None:
    live = live_kernel()
    live.releases = False
    live.enter(buy(live.call, 1), buy(live.put, 1, trigger=95.0))
    assert [len(ticket.client_ids) for ticket in live.queue] == [1, 1]


def test_where_no_tag_comes_back_two_that_look_alike_are_two_requests() -> None:
    for account, requests in (("A1", [2]), ("B1", [1, 1])):
        live = live_kernel(accounts={account: 1})
        live.enter(buy(live.call, 1), buy(live.call, 2))
        assert [len(request) for request in live.sent] == requests


def test_exits_of_one_step_travel_together() -> None:
    live = live_kernel()
    for number, client_id in enumerate(live.enter(sell(live.call, 1), sell(live.put, 1))):
        live.update(live.row(client_id, R.FILLED, 65, broker_id=f"X{number}"))
    live.ask(lambda s: s.exit("g"))
    assert [len(request) for request in live.sent] == [2, 2]


def test_one_taken_back_before_it_left_is_forgotten_and_the_others_go_on() -> None:
    live = live_kernel()
    live.releases = False
    live.enter(buy(live.call, 1), buy(live.put, 1))
    (ticket,) = live.queue
    first, second = ticket.client_ids
    live.carry(live.kernel.handle(_cancelling(live, first), live.now))
    assert [t.client_ids for t in live.queue] == [(second,)]
    assert live.order(first).lifecycle is L.DENIED


def _cancelling(live: LiveKernel, client_id: str) -> Any:
    """Return an event in which one order is taken back, and not its whole group."""
    desk = live.kernel.desk
    live.kernel.placement.is_paused = True
    desk.timers.add(live.now, lambda: live.kernel.blotter.cancel(client_id, "by a test"))
    return TimerFired(live.now)


def test_a_message_that_expired_ends_all_its_orders() -> None:
    live = live_kernel()
    live.releases = False
    live.enter(sell(live.call, 1), sell(live.put, 1))
    (ticket,) = live.queue
    live.now = ticket.expires_at + 1
    live.tell(SendExpired((ticket,)))
    assert [live.order(c).lifecycle for c in ticket.client_ids] == [L.DENIED] * 2
    assert live.sent == []


def test_one_released_although_it_was_taken_back_stays_where_it_is() -> None:
    live = live_kernel()
    live.releases = False
    live.enter(buy(live.call, 1), buy(live.put, 1))
    (ticket,) = live.queue
    first, second = ticket.client_ids
    live.carry(live.kernel.handle(_cancelling(live, first), live.now))
    live.tell(SendReleased((ticket,)))
    assert live.sent == [(second,)]


@pytest.mark.parametrize("account", ["A1", "B1"])
def test_a_request_cut_off_by_a_death_leaves_each_order_in_doubt(account: str) -> None:
    live = live_kernel(accounts={account: 1})
    first, second = live.enter(sell(live.call, 1), sell(live.put, 1))
    again = live.restart().start()
    assert [again.order(c).lifecycle for c in (first, second)] == [L.IN_DOUBT] * 2
    shown = again.row(first, R.OPEN, broker_id="X7")
    again.show(account, shown)
    assert again.order(first).lifecycle is L.OPEN
    assert again.order(second).lifecycle is L.IN_DOUBT
