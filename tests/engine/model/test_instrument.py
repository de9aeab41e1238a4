from __future__ import annotations

import copy
import decimal
import math
import pickle
import re
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import OffGrid
from engine.model.instrument import (
    Instrument,
    Kind,
    Right,
    Segment,
    canonical_key,
    display_symbol,
    plain,
)
from engine.model.side import Side

BUY, SELL = Side.BUY, Side.SELL


def option(**fields: object) -> Instrument:
    facts: dict[str, object] = {
        "index": 0,
        "segment": Segment.NSE_FO,
        "kind": Kind.OPTION,
        "underlying": "NIFTY",
        "expiry": date(2026, 8, 25),
        "strike": Decimal(24000),
        "right": Right.CALL,
        "lot_size": 65,
        "freeze_quantity": 1800,
    }
    return Instrument(**(facts | fields))  # type: ignore[arg-type]


CALL = option()
RUPEE = option(tick_size=Decimal("0.0025"), segment=Segment.CDE_FO, underlying="USDINR")
TICKS = st.sampled_from([Decimal("0.05"), Decimal("0.01"), Decimal("0.0025"), Decimal(1)])


def test_the_identity_is_the_same_for_every_broker() -> None:
    assert CALL.key == "nse_fo/NIFTY/2026-08-25/24000/CE"
    assert option(strike=Decimal("24000.00")).key == CALL.key
    assert option(strike=Decimal("287.50"), right=Right.PUT).key.endswith("/287.5/PE")
    assert option(kind=Kind.FUTURE).key == "nse_fo/NIFTY/2026-08-25/FUT"
    assert option(kind=Kind.INDEX).key == "nse_fo/NIFTY/INDEX"
    assert option(kind=Kind.EQUITY).key == "nse_fo/NIFTY/EQ"


def test_the_symbol_is_what_a_trader_reads() -> None:
    assert CALL.symbol == "NIFTY 25AUG26 24000 CE"
    assert option(kind=Kind.FUTURE).symbol == "NIFTY 25AUG26 FUT"
    assert option(kind=Kind.INDEX, expiry=None).symbol == "NIFTY"
    assert repr(CALL) == "<NIFTY 25AUG26 24000 CE>"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": Kind.FUTURE, "expiry": None}, "needs an expiry"),
        ({"expiry": None}, "needs an expiry"),
        ({"strike": None}, "needs a strike"),
        ({"right": None}, "a right"),
    ],
)
def test_a_contract_without_its_terms_is_refused(facts: dict[str, object], message: str) -> None:
    with pytest.raises(OffGrid, match=message):
        option(**facts)


def test_an_instrument_does_not_change_and_does_not_travel_by_copy() -> None:
    with pytest.raises(AttributeError, match="does not change"):
        CALL.lot_size = 75
    with pytest.raises(AttributeError):
        CALL.colour = "red"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="does not change"):
        del CALL.key
    for travel in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="travel by key"):
            travel(CALL)


def test_equality_is_identity() -> None:
    twin = option()
    assert twin.key == CALL.key
    assert twin != CALL
    assert len({twin, CALL}) == 2


@pytest.mark.parametrize(
    ("kind", "is_tradable", "is_derivative"),
    [
        (Kind.INDEX, False, False),
        (Kind.EQUITY, True, False),
        (Kind.FUTURE, True, True),
        (Kind.OPTION, True, True),
    ],
)
def test_what_can_be_done_with_a_kind(
    kind: Kind, *, is_tradable: bool, is_derivative: bool
) -> None:
    made = option(kind=kind)
    assert (made.is_tradable, made.is_derivative) == (is_tradable, is_derivative)


@given(TICKS, st.integers(-(10**9), 10**9))
def test_every_tick_has_one_price_as_decimal_and_as_float(tick: Decimal, ticks: int) -> None:
    made = option(tick_size=tick)
    exact = made.from_ticks(ticks)
    assert made.ticks(exact) == ticks
    assert made.ticks(float(exact)) == ticks
    for side in Side:
        for rounding in ("passive", "aggressive", "nearest"):
            assert made.price(exact, side, rounding) == exact  # type: ignore[arg-type]
            assert made.price(float(exact), side, rounding) == exact  # type: ignore[arg-type]


@given(TICKS, st.lists(st.one_of(st.integers(1, 10**6), st.floats()), max_size=10))
def test_the_ticks_of_a_book_are_those_of_each_of_its_prices(
    tick: Decimal, prices: list[float]
) -> None:
    made = option(tick_size=tick)
    book = [float(made.from_ticks(p)) if isinstance(p, int) else p for p in prices]
    try:
        each = [made.ticks(price) for price in book]
    except OffGrid as error:
        with pytest.raises(OffGrid, match=re.escape(str(error))):
            made.ticks_of(book)
    else:
        assert made.ticks_of(book) == each


@given(TICKS, st.decimals("-100000", "100000", places=6))
def test_rounding_goes_the_way_it_says_and_less_than_a_tick(tick: Decimal, x: Decimal) -> None:
    made = option(tick_size=tick)
    up = made.price(x, BUY, "aggressive")
    down = made.price(x, SELL, "aggressive")
    assert down <= x <= up
    assert up - down in {0, tick}
    assert made.price(x, BUY, "passive") == down
    assert made.price(x, SELL, "passive") == up
    nearest = made.price(x, BUY, "nearest")
    assert abs(nearest - x) <= tick / 2
    assert nearest in {up, down}
    for price in (up, down, nearest):
        assert made.from_ticks(made.ticks(price)) == price


@given(st.floats(-1e6, 1e6))
def test_a_float_rounds_like_its_decimal_but_for_the_noise(x: float) -> None:
    exact = Decimal(repr(x))
    for side in Side:
        got = CALL.price(x, side, "aggressive")
        assert abs(got - CALL.price(exact, side, "aggressive")) in {0, CALL.tick_size}
        assert abs(got - exact) < CALL.tick_size
        CALL.ticks(got)


def test_the_noise_of_float_arithmetic_costs_no_tick() -> None:
    noisy = 0.1 + 0.2
    assert noisy > 0.3
    assert CALL.price(noisy, BUY, "aggressive") == Decimal("0.30")
    assert CALL.ticks(noisy) == 6


@pytest.mark.parametrize("x", [100.01, 100.049, 99.999, 0.0025])
def test_a_price_between_two_ticks_is_refused(x: float) -> None:
    for price in (x, Decimal(repr(x))):
        with pytest.raises(OffGrid, match="multiple of the tick size"):
            CALL.ticks(price)


NOT_A_PRICE = [
    math.nan,
    math.inf,
    -math.inf,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
]


@pytest.mark.parametrize("x", NOT_A_PRICE)
def test_what_is_no_number_is_no_price(x: float | Decimal) -> None:
    with pytest.raises(OffGrid, match="is not a price"):
        CALL.ticks(x)
    with pytest.raises(OffGrid, match="is not a price"):
        CALL.price(x, BUY, "nearest")


def test_a_refusal_is_a_value_error_that_names_the_contract() -> None:
    with pytest.raises(ValueError, match="NIFTY 25AUG26 24000 CE"):
        CALL.ticks(1.01)


def test_numpy_prices_are_prices() -> None:
    assert CALL.price(np.float64(100.07), BUY, "aggressive") == Decimal("100.10")
    assert CALL.ticks(np.float64(100.05)) == 2001


def test_prices_work_while_float_mixing_is_trapped() -> None:
    with decimal.localcontext() as context:
        context.traps[decimal.FloatOperation] = True
        assert CALL.price(100.07, SELL, "aggressive") == Decimal("100.05")
        assert CALL.ticks(100.05) == CALL.ticks(Decimal("100.05")) == 2001
        assert RUPEE.price(83.1234, BUY, "nearest") == Decimal("83.1225")


def test_whole_numbers_are_prices() -> None:
    assert CALL.ticks(100) == 2000
    assert CALL.price(100, BUY, "nearest") == Decimal(100)


@given(st.integers(0, 10**6))
def test_lots_are_exact_or_refused(quantity: int) -> None:
    if quantity % 65:
        with pytest.raises(OffGrid, match="lot size 65"):
            CALL.lots(quantity)
    else:
        assert CALL.lots(quantity) * 65 == quantity


@pytest.mark.parametrize(
    ("lot", "freeze", "most"),
    [(65, 1800, 1755), (30, 600, 600), (75, 1800, 1800), (65, None, None), (700, 600, 0)],
)
def test_a_slice_is_the_most_whole_lots_under_the_freeze(
    lot: int, freeze: int | None, most: int | None
) -> None:
    assert option(lot_size=lot, freeze_quantity=freeze).slice_quantity() == most


@pytest.mark.parametrize(
    ("number", "text"),
    [("24000", "24000"), ("1E+3", "1000"), ("287.50", "287.5"), ("0.0025", "0.0025"), ("0", "0")],
)
def test_a_number_is_written_plainly(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


def test_key_and_symbol_are_functions_of_the_terms_alone() -> None:
    terms = ("NIFTY", date(2026, 8, 25), Decimal(24000), Right.PUT)
    assert canonical_key(Segment.BSE_FO, Kind.OPTION, *terms).startswith("bse_fo/NIFTY/")
    assert display_symbol(Kind.OPTION, *terms) == "NIFTY 25AUG26 24000 PE"
