"""A released message: each order is judged again alone, and what still passes leaves in one."""

from __future__ import annotations

from typing import Any

from engine import Tick, buy, sell
from engine.model.event import SendReleased
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from engine.model.record import OrderChanged, RiskJudged
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_messages import condor, live_kernel

L, R = Lifecycle, RemoteStatus


def quote(live: LiveKernel, instrument: Any, price: float) -> None:
    live.prices[instrument] = price
    live.tell(
        Tick(
            instrument,
            "t",
            price,
            live.now,
            live.now,
            bid=price - 0.05,
            ask=price + 0.05,
            bid_qty=6_500,
            ask_qty=6_500,
        )
    )


def waiting(*legs: Any, live: LiveKernel, **options: Any) -> Any:
    """Return the tickets of a group that was approved and not released yet."""
    live.releases = False
    live.enter(*legs, **options)
    tickets, live.queue = tuple(live.queue), []
    return tickets


def test_what_fails_the_second_look_is_denied_alone_and_the_rest_leaves() -> None:
    live = live_kernel()
    tickets = waiting(sell(live.call, 1), sell(live.put, 1), live=live)
    (call, put) = tickets[0].client_ids
    quote(live, live.call, 300.0)
    live.tell(SendReleased(tickets))
    assert live.sent == [(put,)]
    assert live.order(call).lifecycle is L.DENIED
    assert "collar" in live.order(call).reason
    refused = [r for r in live.records if isinstance(r, RiskJudged) and not r.approved]
    assert [r.client_ids for r in refused] == [(call,)]


def test_when_all_fail_no_request_leaves() -> None:
    live = live_kernel()
    tickets = waiting(sell(live.call, 1), sell(live.put, 1), live=live)
    quote(live, live.call, 300.0)
    quote(live, live.put, 300.0)
    live.tell(SendReleased(tickets))
    assert live.sent == []


def test_every_start_is_journaled_before_the_one_request() -> None:
    live = live_kernel()
    tickets = waiting(sell(live.call, 1), sell(live.put, 1), live=live)
    effects = live.kernel.handle(SendReleased(tickets), live.now)
    kinds = [type(effect).__name__ for effect in effects]
    assert kinds.count("Transmit") == 1
    started = [
        effect.record.order.client_id
        for effect in effects[: kinds.index("Transmit")]  # type: ignore[attr-defined]
        if kinds[0] == "Keep" and isinstance(effect.record, OrderChanged)  # type: ignore[union-attr]
    ]
    assert tuple(started) == tickets[0].client_ids


def test_a_short_does_not_leave_when_its_hedge_is_denied_in_the_same_event() -> None:
    for max_legs in (1, 4):
        live = live_kernel(max_legs)
        legs = condor(live)
        tickets = sorted(
            waiting(*legs, live=live, sequencing="parallel"), key=lambda ticket: ticket.lane
        )
        quote(live, legs[2].instrument, 300.0)
        live.tell(SendReleased(tuple(tickets)))
        sent = [live.order(c) for request in live.sent for c in request]
        assert [order.instrument for order in sent] == [legs[3].instrument]
        shorts = [o for o in live.kernel.blotter.orders.values() if o.side.sign < 0]
        assert {o.lifecycle for o in shorts} == {L.DENIED}


def test_another_group_s_short_does_not_care_about_that_hedge() -> None:
    live = live_kernel()
    legs = condor(live)
    hedged = waiting(*legs, live=live, name="a", sequencing="parallel")
    alone = waiting(sell(live.call, 2), live=live, name="b")
    quote(live, legs[2].instrument, 300.0)
    live.tell(SendReleased((*sorted(hedged, key=lambda t: t.lane), *alone)))
    assert alone[0].client_ids in live.sent


def test_one_whose_look_is_taken_waits_alone_and_the_others_leave() -> None:
    live = live_kernel(accounts={"B1": 1})
    (first,) = live.enter(buy(live.call, 1), name="one")
    live.enter(buy(live.call, 2), buy(live.put, 1), name="two")
    assert [live.order(c).instrument for c in live.sent[1]] == [live.put]
    live.accept(first, "X1")
    live.update(live.row(first, R.OPEN))
    assert [live.order(c).instrument for c in live.sent[2]] == [live.call]
