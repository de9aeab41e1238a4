"""Each rule about the order itself, at its edges."""

from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from engine.model.approval import Check
from engine.model.order import OrderType, Product, Purpose
from engine.model.side import Side
from engine.ports import TradingState
from engine.rules.clock_time import at_ns

DAY = date(2026, 8, 19)
STOP = OrderType.STOP_LIMIT


def check(world: Any, rule: str, request: Any, gate: Any = None, *, whole: bool = False) -> Check:
    """Judge one request and return what one rule said."""
    verdict = (gate or world.gate()).judge(world.batch(request, whole=whole), world.view)
    found: Check = next(c for c in verdict.checks if c.rule == rule)
    return found


@pytest.mark.parametrize(
    ("state", "passing"),
    [
        (TradingState.ACTIVE, set(Purpose)),
        (TradingState.REDUCE_ONLY, {Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN}),
        (TradingState.HALTED, {Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN}),
        (TradingState.KILLED, {Purpose.FLATTEN}),
    ],
)
@pytest.mark.parametrize("purpose", Purpose)
def test_what_each_trading_state_lets_pass(
    world: Any, state: TradingState, passing: set[Purpose], purpose: Purpose
) -> None:
    world.hold(world.call, 1)
    world.view.states["straddle", "A1"] = (state, "the reason")
    request = world.request(world.call, Side.SELL, purpose=purpose)
    found = check(world, "trading state", request)
    assert found.passed is (purpose in passing)
    assert found.note == "the reason"


@pytest.mark.parametrize(
    ("clock", "is_open", "is_entry_time"),
    [
        (time(9, 14, 59), False, False),
        (time(9, 15), True, False),
        (time(9, 15, 59), True, False),
        (time(9, 16), True, True),
        (time(15, 20), True, True),
        (time(15, 20, 1), True, False),
        (time(15, 39, 59), True, False),
        (time(15, 40), False, False),
    ],
)
def test_hours_are_offsets_from_the_segment_s_own_session(
    world: Any, *, clock: time, is_open: bool, is_entry_time: bool
) -> None:
    world.view.now = at_ns(DAY, clock)
    request = world.request(world.call)
    assert check(world, "session", request).passed is is_open
    assert check(world, "session", request).limit == "09:15:00-15:40:00"
    window = check(world, "entry window", request)
    assert window.passed is is_entry_time
    assert window.limit == "09:16:00-15:20:00"


def test_a_segment_whose_calendar_is_not_known_is_closed_to_us(world: Any) -> None:
    dollar = world.add(world.future.kind, segment=world.segment.CDE_FO, underlying="USDINR")
    found = check(world, "session", world.request(dollar))
    assert not found.passed
    assert "no calendar" in found.note


def test_a_closed_day_is_closed(world: Any) -> None:
    gate = world.gate_on(date(2026, 8, 22))
    found = check(world, "session", world.request(world.call), gate)
    assert not found.passed
    assert found.limit == "nse_fo is closed on 2026-08-22"
    assert not check(world, "entry window", world.request(world.call), gate).passed


def test_an_index_cannot_be_traded(world: Any) -> None:
    found = check(world, "instrument", world.request(world.index))
    assert not found.passed
    assert found.figure == "NIFTY is an index"


def test_an_expired_contract_cannot_be_traded_and_one_that_expires_today_can(world: Any) -> None:
    assert check(world, "instrument", world.request(world.old_call)).figure == "expired 2026-08-18"
    today = world.add(world.call.kind, strike=1, right=world.call.right, expiry=DAY)
    assert check(world, "instrument", world.request(today)).passed


@pytest.mark.parametrize(
    ("which", "allowed"),
    [
        ("call", {Product.INTRADAY, Product.CARRYFORWARD}),
        ("future", {Product.INTRADAY, Product.CARRYFORWARD}),
        ("share", {Product.INTRADAY, Product.DELIVERY}),
    ],
)
@pytest.mark.parametrize("product", Product)
def test_products_fit_their_contracts(
    world: Any, which: str, allowed: set[Product], product: Product
) -> None:
    request = world.request(getattr(world, which), product=product)
    assert check(world, "order type", request).passed is (product in allowed)


@pytest.mark.parametrize(
    ("kind", "trigger", "passed"),
    [
        (OrderType.LIMIT, None, True),
        (OrderType.LIMIT, Decimal(121), False),
        (STOP, None, False),
        (STOP, Decimal(121), True),
    ],
)
def test_a_trigger_stands_exactly_on_stops(
    world: Any, *, kind: OrderType, trigger: Decimal | None, passed: bool
) -> None:
    request = world.request(world.call, order_type=kind, trigger_price=trigger, price="122.00")
    assert check(world, "order type", request).passed is passed


@pytest.mark.parametrize(
    ("units", "passed", "largest"),
    [(65, True, 650), (650, True, 650), (715, False, 650), (66, False, 65), (64, False, 0),
     (0, False, 0), (-65, False, 0)],
)  # fmt: skip
def test_quantities_are_whole_lots_within_the_limit(
    world: Any, *, units: int, passed: bool, largest: int
) -> None:
    found = check(world, "lot and quantity", world.request(world.call, quantity=units))
    assert found.passed is passed
    assert found.largest_quantity == largest


@pytest.mark.parametrize(("lots", "passed"), [(27, True), (28, False)])
def test_one_order_stays_under_the_freeze_quantity_in_whole_lots(
    world: Any, *, lots: int, passed: bool
) -> None:
    found = check(world, "freeze quantity", world.request(world.call, lots=lots))
    assert found.passed is passed
    assert found.largest_quantity == 1755


def test_a_share_has_no_freeze_quantity_here(world: Any) -> None:
    assert check(world, "freeze quantity", world.request(world.share, lots=100_000)).passed


def test_an_unknown_freeze_quantity_stops_entries_but_not_exits(world: Any) -> None:
    stock = world.add(world.future.kind, underlying="SBIN")
    world.quote(stock, 800.0)
    world.hold(stock, 1)
    assert not check(world, "freeze quantity", world.request(stock)).passed
    leaving = world.request(stock, Side.SELL, purpose=Purpose.EXIT)
    assert check(world, "freeze quantity", leaving).passed


@pytest.mark.parametrize(
    "price",
    ["120.03", "0", "-0.05", "-120", "NaN", "sNaN", "Infinity", "1E+20", "1E+999999", "1E-999999"],
)
def test_prices_are_positive_and_on_the_grid(world: Any, price: str) -> None:
    found = check(world, "tick and sign", world.request(world.call, price=price))
    assert not found.passed
    assert found.note


@pytest.mark.parametrize(
    ("side", "trigger", "limit", "passed"),
    [
        (Side.BUY, "125.00", "126.00", True),
        (Side.BUY, "125.00", "125.00", True),
        (Side.BUY, "125.00", "124.95", False),  # limit on the wrong side of the trigger
        (Side.BUY, "125.00", "150.00", True),  # 20 % is the cap
        (Side.BUY, "125.00", "150.05", False),
        (Side.BUY, "120.00", "121.00", False),  # the trigger is not above the last price
        (Side.BUY, "119.00", "121.00", False),
        (Side.BUY, "125.03", "126.00", False),
        (Side.SELL, "115.00", "114.00", True),
        (Side.SELL, "115.00", "115.05", False),
        (Side.SELL, "115.00", "92.00", True),
        (Side.SELL, "115.00", "91.95", False),
        (Side.SELL, "120.00", "119.00", False),
        (Side.SELL, "121.00", "119.00", False),
    ],
)
def test_a_stop_s_trigger_and_limit_stand_the_right_way(
    world: Any, *, side: Side, trigger: str, limit: str, passed: bool
) -> None:
    request = world.request(
        world.call, side, order_type=STOP, trigger_price=Decimal(trigger), price=limit
    )
    found = check(world, "tick and sign", request)
    assert found.passed is passed, found
    assert bool(found.note) is not passed


def test_a_stop_whose_cap_is_unknown_is_refused_for_entries_only(world: Any) -> None:
    stock = world.add(
        world.call.kind, segment=world.segment.BSE_FO, underlying="SBIN", strike=800,
        right=world.call.right,
    )  # fmt: skip
    world.quote(stock, 20.0)
    world.hold(stock, 1)
    stop = {"order_type": STOP, "trigger_price": Decimal(18), "price": "17.00"}
    assert not check(world, "tick and sign", world.request(stock, Side.SELL, **stop)).passed
    leaving = world.request(stock, Side.SELL, purpose=Purpose.EXIT, **stop)
    assert check(world, "tick and sign", leaving).passed


@pytest.mark.parametrize(
    ("which", "lots", "passed", "figure", "largest"),
    [
        ("future", 3, True, "Rs 47,97,000 futures notional", 195),
        ("future", 4, False, "Rs 63,96,000 futures notional", 195),
        ("call", 128, True, "Rs 9,98,400 premium", 8320),
        ("call", 129, False, "Rs 10,06,200 premium", 8320),
        ("share", 1250, True, "Rs 10,00,000 cash", 1250),
        ("share", 1251, False, "Rs 10,00,800 cash", 1250),
    ],
)
def test_order_value_has_a_limit_by_kind(
    world: Any, *, which: str, lots: int, passed: bool, figure: str, largest: int
) -> None:
    found = check(world, "order value", world.request(getattr(world, which), lots=lots))
    assert (found.passed, found.figure, found.largest_quantity) == (passed, figure, largest)


def test_whose_limit_it_is_shows_in_the_check(world: Any) -> None:
    request = world.request(world.call)
    assert check(world, "lot and quantity", request).scope == "account"
    strict = world.gate(own={"max_order_lots": 1})
    assert check(world, "lot and quantity", request, strict).scope == "strategy"
