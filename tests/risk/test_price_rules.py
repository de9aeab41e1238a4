"""Each rule about an order's price beside the market's, at its edges."""

from decimal import Decimal
from typing import Any

import pytest

from engine.model.approval import Check
from engine.model.market import Depth
from engine.model.order import Lifecycle, OrderType, Purpose
from engine.model.side import Side


def check(world: Any, rule: str, request: Any, gate: Any = None) -> Check:
    """Judge one request and return what one rule said."""
    verdict = (gate or world.gate()).judge(world.batch(request), world.view)
    found: Check = next(c for c in verdict.checks if c.rule == rule)
    return found


@pytest.mark.parametrize(
    ("age_s", "cadence_s", "passed", "limit"),
    [
        (5.0, 0.0, True, "5 s"),
        (5.001, 0.0, False, "5 s"),
        (5.001, 1.0, False, "5 s"),
        (5.001, 2.0, False, "5 s"),
        (149.9, 60.0, True, "150 s (2.5 x cadence 60 s)"),
        (150.1, 60.0, False, "150 s (2.5 x cadence 60 s)"),
    ],
)
def test_a_reference_is_never_held_stricter_than_the_recording_s_cadence(
    world: Any, *, age_s: float, cadence_s: float, passed: bool, limit: str
) -> None:
    world.view.cadence_s = cadence_s
    world.quote(world.call, 120.0, age_s=age_s)
    found = check(world, "reference", world.request(world.call))
    assert (found.passed, found.limit) == (passed, limit)


@pytest.mark.parametrize("last", [None, 0.0, float("nan"), float("inf"), -1.0])
def test_without_a_price_there_is_no_entry(world: Any, last: float | None) -> None:
    request = world.request(world.call)
    del world.view.ticks[world.call]
    if last is not None:
        world.quote(world.call, last)
    assert check(world, "reference", request).figure == "no price seen"
    assert not check(world, "reference", request).passed
    assert not check(world, "price collar", request).passed


@pytest.mark.parametrize(
    ("which", "price", "passed"),
    [
        ("call", "144.00", True),  # 20 % of 120
        ("call", "144.05", False),
        ("call", "96.00", True),
        ("call", "95.95", False),
        ("far_put", "18.00", True),  # 20 % of 15 is the floor of Rs 3
        ("far_put", "18.05", False),
        ("future", "24846.0", True),  # 1 %
        ("future", "24846.1", False),
        ("future", "24354.0", True),
        ("future", "24353.9", False),
        ("share", "808.00", True),
        ("share", "808.05", False),
    ],
)
def test_entries_stay_inside_the_collar_on_both_sides(
    world: Any, *, which: str, price: str, passed: bool
) -> None:
    for side in Side:
        request = world.request(getattr(world, which), side, price=price)
        assert check(world, "price collar", request).passed is passed


def test_a_cheap_option_has_the_floor_and_says_so(world: Any) -> None:
    world.quote(world.far_put, 2.0)
    found = check(world, "price collar", world.request(world.far_put, price="5.00"))
    assert found.passed
    assert found.limit == "Rs 0 to Rs 5 (at least Rs 3)"
    assert not check(world, "price collar", world.request(world.far_put, price="5.05")).passed


def test_the_exchange_s_band_wins_where_it_is_narrower(world: Any) -> None:
    gate = world.gate(collar_pct={"option": 100, "future": 100})
    found = check(world, "price collar", world.request(world.call, price="168.05"), gate)
    assert not found.passed
    assert found.limit == "Rs 72 to Rs 168 (limit price protection)"
    future = world.request(world.future, price="25092.1")
    assert not check(world, "price collar", future, gate).passed


@pytest.mark.parametrize(
    ("bid", "ask", "age_s", "source"),
    [
        (118.0, 119.0, 0.5, "mid Rs 118.50"),
        (118.0, 119.0, 9.0, "last Rs 120"),  # the book is stale
        (119.0, 118.0, 0.5, "last Rs 120"),  # crossed
        (118.0, 118.0, 0.5, "last Rs 120"),  # locked
        (None, 119.0, 0.5, "last Rs 120"),
        (0.0, 119.0, 0.5, "last Rs 120"),
        (float("nan"), 119.0, 0.5, "last Rs 120"),
    ],
)
def test_the_reference_is_the_mid_of_a_fresh_sane_book_else_the_last_price(
    world: Any, bid: float | None, ask: float | None, age_s: float, source: str
) -> None:
    world.quote(world.call, 120.0, bid=bid, ask=ask, age_s=age_s)
    found = check(world, "price collar", world.request(world.call))
    assert found.figure.endswith(source)


def test_an_exit_may_be_priced_anywhere_on_the_harmless_side(world: Any) -> None:
    world.hold(world.call, 1)
    for price, passed in (("500.00", True), ("72.00", True), ("71.95", False)):
        request = world.request(world.call, Side.SELL, price=price, purpose=Purpose.EXIT)
        assert check(world, "price collar", request).passed is passed
    world.hold(world.call, -1)
    for price, passed in (("1.00", True), ("168.00", True), ("168.05", False)):
        request = world.request(world.call, Side.BUY, price=price, purpose=Purpose.EXIT)
        assert check(world, "price collar", request).passed is passed


def test_an_exit_without_any_price_seen_passes_and_says_so(world: Any) -> None:
    world.hold(world.call, 1)
    request = world.request(world.call, Side.SELL, purpose=Purpose.EXIT)
    del world.view.ticks[world.call]
    found = check(world, "price collar", request)
    assert found.passed
    assert "no price seen" in found.limit


def test_an_exit_from_a_share_has_no_protection_band(world: Any) -> None:
    world.hold(world.share, 1)
    request = world.request(world.share, Side.SELL, price="1.00", purpose=Purpose.EXIT)
    assert check(world, "price collar", request).passed


def stop(world: Any, **facts: Any) -> Any:
    defaults = {
        "order_type": OrderType.STOP_LIMIT,
        "trigger_price": Decimal(60),
        "price": "55.00",
        "purpose": Purpose.EXIT,
    }
    return world.request(world.call, Side.SELL, **(defaults | facts))


def test_a_far_stop_is_judged_at_its_trigger_not_at_today_s_price(world: Any) -> None:
    world.hold(world.call, 1)
    found = check(world, "price collar", stop(world))
    assert found.passed
    assert found.figure == "Rs 55, trigger Rs 60"


def test_a_triggered_stop_is_a_limit_order_judged_at_the_market(world: Any) -> None:
    world.hold(world.call, 1)
    order = world.order(stop(world), Lifecycle.OPEN)
    replacement = world.replacement(order, price=Decimal(58))
    verdict = world.gate().judge_replacement(order, replacement, world.view)
    collar = next(c for c in verdict.checks if c.rule == "price collar")
    assert not collar.passed
    assert collar.figure == "Rs 58, last Rs 120"


def test_a_waiting_stop_is_trailed_at_its_new_trigger(world: Any) -> None:
    world.hold(world.call, 1)
    order = world.order(stop(world), Lifecycle.TRIGGER_PENDING)
    trailed = world.replacement(order, price=Decimal(85), trigger_price=Decimal(90))
    verdict = world.gate().judge_replacement(order, trailed, world.view)
    assert all(c.passed for c in verdict.checks)
    past = world.replacement(order, price=Decimal(120), trigger_price=Decimal(125))
    verdict = world.gate().judge_replacement(order, past, world.view)
    assert not next(c for c in verdict.checks if c.rule == "tick and sign").passed


def book(world: Any, lower: float | None, upper: float | None) -> None:
    now = world.view.now
    world.view.books[world.call] = Depth(world.call, "test", (), (), upper, lower, now, now)


@pytest.mark.parametrize("purpose", [Purpose.ENTRY, Purpose.EXIT])
@pytest.mark.parametrize(
    ("price", "passed"), [("110.00", True), ("109.95", False), ("130.00", True), ("130.05", False)]
)
def test_prices_stay_inside_the_feed_s_circuit_limits(
    world: Any, *, price: str, passed: bool, purpose: Purpose
) -> None:
    world.hold(world.call, 1)
    book(world, 110.0, 130.0)
    request = world.request(world.call, Side.SELL, price=price, purpose=purpose)
    assert check(world, "day range", request).passed is passed


def test_a_book_without_circuit_limits_bounds_nothing(world: Any) -> None:
    book(world, 0.0, 0.0)
    assert check(world, "day range", world.request(world.call)).passed


def test_a_future_s_day_range_by_rule_binds_entries_and_never_exits(world: Any) -> None:
    world.quote(world.future, 24600.0, previous_close=22000.0)
    found = check(world, "day range", world.request(world.future))
    assert not found.passed
    assert found.limit == "Rs 19,800 to Rs 24,200"
    world.hold(world.future, 1)
    leaving = world.request(world.future, Side.SELL, purpose=Purpose.EXIT)
    assert check(world, "day range", leaving).passed
