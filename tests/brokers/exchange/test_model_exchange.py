"""Admission, replace, cancel and expiry: what the exchange says to every message."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from brokers.exchange.admission import Admission
from brokers.exchange.exchange import Change, ModelExchange, NewOrder
from brokers.exchange.matching import Settings
from brokers.exchange.report import Rejection, ReportKind, Why
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.side import Side
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions

DAY = date(2026, 8, 20)
NOON = at_ns(DAY, time(12))

CATALOGUE = Catalogue.of(
    [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying="NIFTY",
            expiry=date(2026, 8, 25),
            strike=Decimal(24000),
            right=Right.CALL,
            lot_size=65,
        ),
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.FUTURE,
            underlying="NIFTY",
            expiry=date(2026, 8, 25),
            lot_size=65,
            tick_size=Decimal("0.10"),
        ),
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY"),
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="SBIN"),
    ]
)
OPTION, FUTURE, INDEX, SHARE = CATALOGUE


@pytest.fixture
def exchange() -> ModelExchange:
    admission = Admission(DAY, Sessions(closing_auction=frozenset({"SBIN"})))
    return ModelExchange(len(CATALOGUE), admission, Settings(0, 1))


def new(name: str = "a", **over: Any) -> NewOrder:
    asked: dict[str, Any] = {
        "instrument": OPTION, "side": Side.BUY, "quantity": 65, "price": Decimal(100),
    }  # fmt: skip
    return NewOrder(order_id=name, **(asked | over))


def kinds(reports: Any) -> list[str]:
    assert isinstance(reports, list)
    return [f"{said.order_id} {said.kind} {said.filled}/{said.quantity}" for said in reports]


# last 100.00 for the option: LPP 60.00 to 140.00; a stop's limit within 20 % of its trigger
REJECTED: dict[str, tuple[dict[str, Any], Rejection]] = {
    "an index has no order book": (
        {"instrument": INDEX},
        Rejection(Why.NOT_TRADABLE, "NIFTY", "a contract with an order book"),
    ),
    "quantity zero": ({"quantity": 0}, Rejection(Why.QUANTITY, "0", "more than 0")),
    "a negative quantity": ({"quantity": -65}, Rejection(Why.QUANTITY, "-65", "more than 0")),
    "an odd lot": ({"quantity": 66}, Rejection(Why.LOT, "66", "65")),
    "more than the freeze quantity": (
        {"quantity": 65 * 28},
        Rejection(Why.FREEZE, "1820", "1800"),
    ),
    "price zero": ({"price": Decimal(0)}, Rejection(Why.PRICE, "0", "more than 0")),
    "no number": ({"price": Decimal("NaN")}, Rejection(Why.PRICE, "NaN", "more than 0")),
    "a price between two ticks": (
        {"price": Decimal("100.02")},
        Rejection(Why.TICK, "100.02", "0.05"),
    ),
    "a trigger between two ticks": (
        {"price": Decimal(106), "trigger": Decimal("105.01")},
        Rejection(Why.TRIGGER_TICK, "105.01", "0.05"),
    ),
    "above the upper circuit": (
        {"price": Decimal("180.05")},
        Rejection(Why.CIRCUIT, "180.05", "0.05 - 180"),
    ),
    "a buy above price protection": (
        {"price": Decimal("140.05")},
        Rejection(Why.PRICE_PROTECTION, "140.05", "140"),
    ),
    "a sell below price protection": (
        {"side": Side.SELL, "price": Decimal("59.95")},
        Rejection(Why.PRICE_PROTECTION, "59.95", "60"),
    ),
    "a buy stop triggered at the last price": (
        {"price": Decimal(101), "trigger": Decimal(100)},
        Rejection(Why.STOP_TRIGGER, "100", "100"),
    ),
    "a sell stop triggered above the last price": (
        {"side": Side.SELL, "price": Decimal(99), "trigger": Decimal(101)},
        Rejection(Why.STOP_TRIGGER, "101", "100"),
    ),
    "a buy stop whose limit lies below its trigger": (
        {"price": Decimal(104), "trigger": Decimal(105)},
        Rejection(Why.STOP_LIMIT, "104", "105"),
    ),
    "a stop whose limit lies too far from its trigger": (
        {"price": Decimal("126.05"), "trigger": Decimal(105)},
        Rejection(Why.STOP_GAP, "21.05", "21"),
    ),
}

ADMITTED: dict[str, dict[str, Any]] = {
    "exactly the freeze quantity in whole lots": {"quantity": 65 * 27},
    "a buy at the end of price protection": {"price": Decimal(140)},
    "a buy far below is passive and never out of price protection": {"price": Decimal("0.05")},
    "a sell far above is passive": {"side": Side.SELL, "price": Decimal(180)},
    "a stop just beyond the last price": {"price": Decimal(101), "trigger": Decimal("100.05")},
    "a stop at the widest gap": {"price": Decimal(126), "trigger": Decimal(105)},
    # entry does not check it: market_rules.md section 4, "accepted then cancelled at trigger"
    "a stop out of price protection": {"price": Decimal(150), "trigger": Decimal(141)},
}


def book_view(market: Any, last: int = 2000, **more: Any) -> Any:
    return market(
        NOON, last, 0, [(last - 1, 650)], [(last + 1, 650)], lower_circuit=0.05, upper_circuit=180.0,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_the_exchange_rejects(name: str, exchange: ModelExchange, market: Any) -> None:
    over, rejection = REJECTED[name]
    (said,) = exchange.submit(new(**over), book_view(market), NOON)
    assert (said.kind, said.rejection) == (ReportKind.REJECTED, rejection)
    assert exchange.busy == [0, 0, 0, 0]
    assert exchange.order("a") is None


@pytest.mark.parametrize("name", ADMITTED)
def test_the_exchange_admits(name: str, exchange: ModelExchange, market: Any) -> None:
    reports = exchange.submit(new(**ADMITTED[name]), book_view(market), NOON)
    assert reports[0].kind in (ReportKind.OPENED, ReportKind.STOP_ACCEPTED)


def test_the_freeze_quantity_itself_is_admitted() -> None:
    facts = CATALOGUE.facts()[0]
    (option,) = Catalogue.of([msgspec.structs.replace(facts, lot_size=60, freeze_quantity=1800)])
    exchange = ModelExchange(1, Admission(DAY, Sessions()), Settings(0, 1))
    (said,) = exchange.submit(new(instrument=option, quantity=1800), None, NOON)
    assert said.kind is ReportKind.OPENED
    (said,) = exchange.submit(new("b", instrument=option, quantity=1860), None, NOON)
    assert said.rejection == Rejection(Why.FREEZE, "1860", "1800")


HOURS = [
    (OPTION, time(9, 14, 59), False),
    (OPTION, time(9, 15), True),
    (OPTION, time(15, 39, 59), True),
    (OPTION, time(15, 40), False),
    (SHARE, time(15, 14, 59), True),
    (SHARE, time(15, 15), False),
]


@pytest.mark.parametrize(("instrument", "clock", "is_open"), HOURS)
def test_orders_are_taken_in_the_segments_own_hours(
    exchange: ModelExchange, instrument: Instrument, clock: time, *, is_open: bool
) -> None:
    asked = new(instrument=instrument, quantity=instrument.lot_size)
    (said,) = exchange.submit(asked, None, at_ns(DAY, clock))
    if is_open:
        assert said.kind is ReportKind.OPENED
    else:
        assert said.rejection is not None
        assert said.rejection.why is Why.MARKET_CLOSED
        assert said.rejection.figure == clock.isoformat()


def test_a_day_without_a_session_takes_nothing() -> None:
    holiday = date(2026, 10, 2)
    exchange = ModelExchange(4, Admission(holiday, Sessions()), Settings(0, 1))
    (said,) = exchange.submit(new(), None, at_ns(holiday, time(12)))
    assert said.rejection == Rejection(Why.MARKET_CLOSED, "12:00:00", "no session on 02-Oct-2026")


def test_without_circuits_in_the_frame_a_future_is_held_to_ten_percent(
    exchange: ModelExchange, market: Any
) -> None:
    view = market(NOON, 240_000, 0, [], [], previous_close=24_000.0)
    asked = new(instrument=FUTURE, side=Side.SELL, price=Decimal("26400.10"))
    (said,) = exchange.submit(asked, view, NOON)
    assert said.rejection == Rejection(Why.CIRCUIT, "26400.1", "21600 - 26400")


def test_an_id_is_used_once(exchange: ModelExchange) -> None:
    exchange.submit(new(), None, NOON)
    with pytest.raises(ValueError, match="in use"):
        exchange.submit(new(), None, NOON)


def test_a_cancel_keeps_what_has_filled_and_a_second_one_is_too_late(
    exchange: ModelExchange, market: Any
) -> None:
    exchange.submit(new(quantity=1300, price=Decimal("100.05")), book_view(market), NOON)
    assert kinds(exchange.cancel("a", NOON)) == ["a cancelled 650/1300"]
    assert exchange.cancel("a", NOON) == Rejection(
        Why.ENDED, "filled 650 of 1300", "a working order"
    )
    assert exchange.busy == [0, 0, 0, 0]


def test_a_message_about_an_unknown_order_finds_nothing(exchange: ModelExchange) -> None:
    assert exchange.cancel("?", NOON) == Rejection(Why.ENDED, "not in the book", "a working order")
    change = Change(65, Decimal(100), None)
    assert exchange.replace("?", change, None, NOON) == Rejection(
        Why.ENDED, "not in the book", "a working order"
    )


def test_a_replace_to_a_crossing_price_fills_at_once(exchange: ModelExchange, market: Any) -> None:
    view = book_view(market)
    exchange.submit(new(), view, NOON)
    said = exchange.replace("a", Change(65, Decimal("100.05"), None), view, NOON)
    assert kinds(said) == ["a replaced 0/65", "a filled 65/65"]
    assert exchange.busy == [0, 0, 0, 0]


CHANGES = {
    "a smaller quantity keeps its place": (Change(65, Decimal("99.95"), None), "a filled 65/65"),
    "a larger quantity goes to the end": (Change(195, Decimal("99.95"), None), "b filled 65/65"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_queue_position_after_a_change(name: str, exchange: ModelExchange, market: Any) -> None:
    change, first = CHANGES[name]
    view = market(NOON, 2000, 0, [(1998, 65)], [(2001, 65)])
    exchange.submit(new("a", quantity=130, price=Decimal("99.95")), view, NOON)
    exchange.submit(new("b", quantity=65, price=Decimal("99.95")), view, NOON)
    exchange.replace("a", change, view, NOON)
    later = market(NOON + 1, 1999, 65, [(1998, 65)], [(2001, 65)])
    assert kinds(exchange.observe(OPTION, later)) == [first]


def test_a_replace_at_or_below_what_filled_completes_the_order(
    exchange: ModelExchange, market: Any
) -> None:
    view = book_view(market)
    exchange.submit(new(quantity=1300, price=Decimal("100.05")), view, NOON)
    said = exchange.replace("a", Change(325, Decimal("100.05"), None), view, NOON)
    assert kinds(said) == ["a replaced 650/650"]
    assert said[0].is_complete
    assert exchange.busy == [0, 0, 0, 0]


def test_a_forbidden_change_leaves_the_order_as_it_was(
    exchange: ModelExchange, market: Any
) -> None:
    view = book_view(market)
    exchange.submit(new(price=Decimal(99)), view, NOON)
    (said,) = exchange.replace("a", Change(65, Decimal(150), None), view, NOON)
    assert (said.kind, said.price) == (ReportKind.REPLACE_REFUSED, 1980)
    assert said.rejection is not None
    assert said.rejection.why is Why.PRICE_PROTECTION
    assert exchange.busy == [1, 0, 0, 0]


def test_a_stop_can_move_its_trigger_and_keeps_it_where_none_is_named(
    exchange: ModelExchange, market: Any
) -> None:
    view = book_view(market)
    exchange.submit(new(price=Decimal(106), trigger=Decimal(105)), view, NOON)
    (moved,) = exchange.replace("a", Change(65, Decimal(111), Decimal(110)), view, NOON)
    assert (moved.kind, moved.trigger) == (ReportKind.REPLACED, 2200)
    (kept,) = exchange.replace("a", Change(65, Decimal(112), None), view, NOON)
    assert (kept.kind, kept.trigger) == (ReportKind.REPLACED, 2200)


def test_a_stop_that_fires_out_of_price_protection_is_cancelled(
    exchange: ModelExchange, market: Any
) -> None:
    # the reference is the mean of the last whole half minute: 24000.00, so 2 % above is 24480.00
    asked = new(instrument=FUTURE, price=Decimal("24500.10"), trigger=Decimal("24100.00"))
    exchange.submit(asked, market(NOON, 240_000), NOON)
    half_a_minute = 30 * 10**9
    exchange.observe(FUTURE, market(NOON, 239_000))
    exchange.observe(FUTURE, market(NOON + 1, 241_000 - 1))
    exchange.observe(FUTURE, market(NOON + 2, 240_001))
    asks = [(241_500, 650)]
    fired = market(NOON + half_a_minute, 241_500, 0, [(241_400, 65)], asks)
    said = exchange.observe(FUTURE, fired)
    assert kinds(said) == ["a triggered 0/65", "a cancelled 0/65"]
    assert said[1].rejection == Rejection(Why.PRICE_PROTECTION, "24500.1", "24480")
    assert exchange.busy == [0, 0, 0, 0]


def test_a_stop_that_fires_inside_price_protection_enters_the_book(
    exchange: ModelExchange, market: Any
) -> None:
    asked = new(instrument=FUTURE, price=Decimal("24480.00"), trigger=Decimal("24100.00"))
    exchange.submit(asked, market(NOON, 240_000), NOON)
    exchange.observe(FUTURE, market(NOON, 240_000))
    fired = market(NOON + 30 * 10**9, 241_500, 0, [(241_400, 65)], [(241_500, 650)])
    assert kinds(exchange.observe(FUTURE, fired)) == ["a triggered 0/65", "a filled 65/65"]


def test_working_orders_expire_at_the_first_frame_after_the_close(
    exchange: ModelExchange, market: Any
) -> None:
    exchange.submit(new(), book_view(market), NOON)
    exchange.submit(new("b", price=Decimal(99)), book_view(market), NOON)
    close = at_ns(DAY, time(15, 40))
    view = market(close, 1000, 10_000, [], [(1000, 650)])
    assert kinds(exchange.observe(OPTION, view)) == ["a expired 0/65", "b expired 0/65"]
    assert exchange.busy == [0, 0, 0, 0]
    assert exchange.observe(OPTION, view) == []
