"""The bus: an order lane that loses nothing, a market lane that conflates exactly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.event import Event, OrderUpdated, RunEnding, TimerFired
from engine.model.market import Depth, Tick
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.runtime.bus import Bus, conflate
from engine.testing import nifty_chain

CATALOGUE = nifty_chain()
A, B = CATALOGUE[0], CATALOGUE[1]
S = 1_000_000_000


def _tick(at: float, last: float = 1.0, instrument: Any = A, **more: Any) -> Tick:
    ns = round(at * S)
    return Tick(instrument, "test", last, ns, ns, **more)


def _all(bus: Bus) -> list[Event]:
    taken = []
    while (event := bus.next()) is not None:
        taken.append(event)
    return taken


class TestOrderLane:
    def test_goes_before_the_market_and_keeps_its_order(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1))
        bus.publish(TimerFired(1))
        bus.publish(TimerFired(2))
        assert [type(e).__name__ for e in _all(bus)] == ["TimerFired", "TimerFired", "Tick"]

    def test_is_never_conflated(self) -> None:
        bus = Bus()
        for _ in range(3):
            bus.publish(TimerFired(1))
        assert len(_all(bus)) == 3

    def test_at_its_bound_it_refuses_and_asks_for_a_snapshot(self) -> None:
        bus = Bus(order_lane_max=2)
        said = OrderUpdated(OrderUpdate(account="A1", source="t", status=RemoteStatus.OPEN))
        assert [bus.publish(said) for _ in range(3)] == [True, True, False]
        assert bus.needs_snapshot
        assert len(_all(bus)) == 2

    def test_what_no_snapshot_tells_again_always_fits(self) -> None:
        bus = Bus(order_lane_max=2)
        assert all(bus.publish(TimerFired(n)) for n in range(5))
        assert not bus.needs_snapshot
        assert len(_all(bus)) == 5

    def test_has_orders_says_whether_something_waits_there(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1))
        assert not bus.has_orders
        bus.publish(TimerFired(1))
        assert bus.has_orders
        assert len(bus) == 2


class TestMarketLane:
    def test_a_newer_tick_of_the_same_second_takes_the_olders_place(self) -> None:
        bus = Bus()
        for at, last in ((1.0, 10.0), (1.3, 14.0), (1.6, 8.0), (1.9, 11.0)):
            bus.publish_tick(_tick(at, last))
        (tick,) = _all(bus)
        assert isinstance(tick, Tick)
        assert (tick.last, tick.received_at) == (11.0, round(1.9 * S))
        assert tick.span == (10.0, 8.0, 14.0, 4)
        assert bus.conflated == 3

    def test_no_tick_stands_for_another_second(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1.9))
        bus.publish_tick(_tick(2.0))
        assert len(_all(bus)) == 2
        assert bus.conflated == 0

    def test_a_tick_that_was_delivered_is_not_added_to(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1.0, 10.0))
        _all(bus)
        bus.publish_tick(_tick(1.5, 12.0))
        (tick,) = _all(bus)
        assert isinstance(tick, Tick)
        assert tick.span is None

    def test_instruments_do_not_mix(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1.0, instrument=A))
        bus.publish_tick(_tick(1.1, instrument=B))
        assert [e.instrument for e in _all(bus) if isinstance(e, Tick)] == [A, B]

    def test_only_the_newest_book_of_an_instrument_waits(self) -> None:
        bus = Bus()
        bus.publish_tick(_tick(1.0))
        for at in (1, 5, 9):
            bus.publish_depth(Depth(A, "test", (), (), None, None, at * S, at * S))
        tick, depth = _all(bus)
        assert isinstance(tick, Tick)
        assert isinstance(depth, Depth)
        assert depth.received_at == 9 * S

    def test_at_its_bound_it_grows_coarse_rather_than_long(self) -> None:
        bus = Bus(market_lane_max=3)
        for second in range(10):
            bus.publish_tick(_tick(second, 10.0 + second))
        ticks = _all(bus)
        assert len(ticks) == 3
        assert bus.coarse == 7
        assert isinstance(ticks[-1], Tick)
        assert ticks[-1].span == (12.0, 12.0, 19.0, 8)

    def test_an_instrument_first_seen_at_the_bound_still_gets_its_slot(self) -> None:
        bus = Bus(market_lane_max=1)
        bus.publish_tick(_tick(1, instrument=A))
        bus.publish_tick(_tick(1, instrument=B))
        assert len(_all(bus)) == 2

    @given(
        st.lists(
            st.tuples(st.integers(0, 30), st.floats(0.05, 1e6, allow_nan=False)),
            min_size=1,
            max_size=30,
        )
    )
    def test_a_conflated_tick_says_of_all_of_them_what_a_bar_needs(
        self, seen: list[tuple[int, float]]
    ) -> None:
        ticks = [_tick(at / 100, last) for at, last in sorted(seen, key=lambda pair: pair[0])]
        joined = ticks[0]
        for tick in ticks[1:]:
            joined = conflate(joined, tick)
        prices = [tick.last for tick in ticks]
        first, low, high, count = joined.span or (joined.last, joined.last, joined.last, 1)
        assert (first, low, high, count) == (prices[0], min(prices), max(prices), len(prices))
        assert joined.last == prices[-1]

    def test_joining_is_associative(self) -> None:
        a, b, c = _tick(1.1, 5.0), _tick(1.2, 9.0), _tick(1.3, 2.0)
        assert conflate(conflate(a, b), c) == conflate(a, conflate(b, c))


class TestListeners:
    def test_get_copies_of_the_kinds_they_asked_for(self) -> None:
        bus = Bus()
        heard = bus.subscribe(TimerFired)
        bus.tell(TimerFired(1))
        bus.tell(RunEnding("over"))
        assert heard.take() == [TimerFired(1)]
        assert heard.take() == []

    def test_one_that_does_not_keep_up_loses_its_oldest_and_counts_them(self) -> None:
        bus = Bus()
        slow = bus.subscribe(TimerFired, bound=2)
        quick = bus.subscribe(TimerFired)
        for number in range(5):
            bus.tell(TimerFired(number))
        assert slow.take() == [TimerFired(3), TimerFired(4)]
        assert slow.dropped == 3
        assert (len(quick.take()), quick.dropped) == (5, 0)

    def test_hears_says_whether_anybody_listens(self) -> None:
        bus = Bus()
        assert not bus.hears(TimerFired)
        heard = bus.subscribe(TimerFired)
        assert bus.hears(TimerFired)
        bus.unsubscribe(heard)
        assert not bus.hears(TimerFired)

    async def test_can_be_waited_on_until_closed(self) -> None:
        bus = Bus()
        listener = bus.subscribe(TimerFired)
        heard: list[Any] = []

        async def listen() -> None:
            async for event in listener:
                heard.append(event)  # noqa: PERF401 - it must be seen while it runs

        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        bus.tell(TimerFired(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert heard == [TimerFired(1)]
        bus.tell(TimerFired(2))
        bus.unsubscribe(listener)
        await task
        assert heard == [TimerFired(1), TimerFired(2)]


@pytest.mark.parametrize("publish", ["order", "tick", "depth"])
async def test_wait_returns_when_something_waits(publish: str) -> None:
    bus = Bus()
    waiting = asyncio.create_task(bus.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    if publish == "order":
        bus.publish(TimerFired(1))
    elif publish == "tick":
        bus.publish_tick(_tick(1))
    else:
        bus.publish_depth(Depth(A, "test", (), (), None, None, 1, 1))
    await waiting
    assert len(bus) == 1
