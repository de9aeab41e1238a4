"""Hours are those of the sessions, in words, and looked up once for each contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from typing import Any

import pytest

from engine.errors import FileError
from engine.model.approval import Approved
from engine.model.instrument import Instrument
from engine.model.order import Order
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.sessions import Session, Sessions
from risk.hours import NEVER_ENTERED, TradingHours
from tests.risk.conftest import DAY, FakeView, World


class Counting(Sessions):
    """Sessions that count how often they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def of(self, instrument: Instrument, day: date) -> Session | None:
        self.asked += 1
        return super().of(instrument, day)


def test_they_are_looked_up_once(world: World) -> None:
    sessions = Counting()
    hours = TradingHours(sessions, DAY)
    first = hours.of(world.call)
    assert first is not None
    assert first.text == "09:15:00-15:40:00"
    assert first.is_open(at_ns(DAY, time(9, 15)))
    assert not first.is_open(at_ns(DAY, time(15, 40)))
    assert hours.of(world.call) is first
    assert sessions.asked == 1


def test_a_day_without_a_session_has_none(world: World) -> None:
    assert TradingHours(Sessions(), date(2026, 8, 22)).of(world.call) is None


def test_hours_nobody_knows_are_an_error_every_time(world: World) -> None:
    hours = TradingHours(Sessions(), date(2100, 1, 4))
    for _ in range(2):
        with pytest.raises(FileError, match="no calendar"):
            hours.of(world.call)


def test_an_entry_has_hours_of_its_own_by_its_limits(world: World) -> None:
    hours = TradingHours(Sessions(), DAY)
    day = hours.of(world.call)
    assert day is not None
    usual = hours.for_entry(world.call, day, 60 * NS_PER_S, 1200 * NS_PER_S)
    assert usual.text == "09:16:00-15:20:00"
    assert hours.for_entry(world.call, day, 0, 0).text == "09:15:00-15:40:00"
    half_a_day = 12 * 3600 * NS_PER_S
    assert hours.for_entry(world.call, day, half_a_day, 0).text == NEVER_ENTERED
    assert hours.for_entry(world.call, day, 60 * NS_PER_S, 1200 * NS_PER_S) is usual


class Watched(FakeView):
    """A view that counts how often it is asked for all orders."""

    looks = 0

    def orders(self) -> Iterable[Order]:
        self.looks += 1
        return super().orders()


def judged(world: World, act: Any) -> int:
    view = Watched()
    view.ticks = world.view.ticks
    for _ in range(20):
        order = world.order(world.request(world.put))
        view.all_orders[order.client_id] = order
    assert isinstance(act(view), Approved)
    return view.looks


def test_all_orders_are_looked_at_once_in_a_judgement(world: World) -> None:
    gate = world.gate(max_uncovered_short_lots=5)
    batch = world.batch(world.request(world.call), world.request(world.far_call))
    assert judged(world, lambda view: gate.judge(batch, view)) == 1


def test_the_release_of_an_entry_looks_at_no_other_order(world: World) -> None:
    gate = world.gate()
    assert judged(world, lambda view: gate.recheck(world.request(world.call), view)) == 0
