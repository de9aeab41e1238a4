import math
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.side import Side
from engine.rules.price_protection import (
    Band,
    band_around,
    execution_band,
    lpp_band,
    lpp_half_width,
    market_collar_pct,
    operating_range,
    stop_gap_cap,
)

TODAY = date(2026, 8, 19)


def contract(
    kind: Kind, underlying: str = "NIFTY", segment: Segment = Segment.NSE_FO, tick: str = "0.05"
) -> Instrument:
    is_option = kind is Kind.OPTION
    return Catalogue().intern(
        InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=date(2026, 8, 25) if kind in (Kind.FUTURE, Kind.OPTION) else None,
            strike=Decimal(24500) if is_option else None,
            right=Right.CALL if is_option else None,
            tick_size=Decimal(tick),
        )
    )


OPTION = contract(Kind.OPTION)
FUTURE = contract(Kind.FUTURE, tick="0.10")
STOCK_FUTURE = contract(Kind.FUTURE, "SBIN")
STOCK_OPTION = contract(Kind.OPTION, "SBIN")
SHARE = contract(Kind.EQUITY, "SBIN", Segment.NSE_CM)
CRUDE = contract(Kind.FUTURE, "CRUDEOIL", Segment.MCX_FO, "1.00")
SENSEX_OPTION = contract(Kind.OPTION, "SENSEX", Segment.BSE_FO)
SENSEX_FUTURE = contract(Kind.FUTURE, "SENSEX", Segment.BSE_FO)


@pytest.mark.parametrize(
    ("instrument", "reference", "half_width"),
    [
        (OPTION, "50", "20"),
        (OPTION, "50.05", "20.02"),
        (OPTION, "0.05", "20"),
        (STOCK_OPTION, "100", "40"),
        (FUTURE, "10000", "200"),
        (FUTURE, "24600", "492"),
        (STOCK_FUTURE, "50", "1.5"),
        (STOCK_FUTURE, "800", "24"),
        (SHARE, "800", None),
        (CRUDE, "6000", None),
    ],
)
def test_limit_price_protection_by_class_and_level(
    instrument: Instrument, reference: str, half_width: str | None
) -> None:
    expected = None if half_width is None else Decimal(half_width)
    assert lpp_half_width(instrument, Decimal(reference), TODAY) == expected


def test_protection_before_the_tables_begin_is_an_error() -> None:
    with pytest.raises(FileError, match="limit price protection"):
        lpp_band(OPTION, Decimal(100), date(2023, 12, 29))


def test_a_band_is_whole_ticks_inside_the_width_and_never_below_one() -> None:
    assert lpp_band(OPTION, Decimal("100.03"), TODAY) == Band(1201, 2800)
    assert lpp_band(OPTION, Decimal(10), TODAY) == Band(1, 600)
    assert lpp_band(SHARE, Decimal(800), TODAY) is None


@pytest.mark.parametrize(
    ("ticks", "side", "admitted"),
    [
        (100, Side.BUY, True),
        (101, Side.BUY, False),
        (1, Side.BUY, True),
        (50, Side.SELL, True),
        (49, Side.SELL, False),
        (999, Side.SELL, True),
    ],
)
def test_only_the_harmful_side_of_a_band_refuses(ticks: int, side: Side, *, admitted: bool) -> None:
    assert Band(50, 100).admits(ticks, side) is admitted


@given(
    st.sampled_from([OPTION, FUTURE, STOCK_FUTURE]),
    st.decimals("0.05", 90000, places=2, allow_nan=False),
    st.integers(-10, 2_000_000),
)
def test_a_clamped_price_is_admitted_both_ways(
    instrument: Instrument, reference: Decimal, ticks: int
) -> None:
    band = lpp_band(instrument, reference, TODAY)
    clamped = band.clamp(ticks)
    assert band.admits(clamped, Side.BUY)
    assert band.admits(clamped, Side.SELL)
    assert clamped >= 1


@given(st.integers(1, 1_000_000), st.decimals(0, 500, places=2))
def test_a_band_holds_exactly_the_grid_prices_within_its_width(
    centre: int, half_width: Decimal
) -> None:
    middle = OPTION.from_ticks(centre)
    band = band_around(OPTION, middle, half_width)
    for ticks in (band.low - 1, band.low, band.high, band.high + 1):
        if ticks >= 1:
            inside = abs(OPTION.from_ticks(ticks) - middle) <= half_width
            assert inside is (band.low <= ticks <= band.high)


def test_nothing_matches_beyond_the_execution_range() -> None:
    assert execution_band(FUTURE, Decimal(24600), TODAY) == Band(233_700, 258_300)
    assert execution_band(OPTION, Decimal(100), TODAY) == Band(1200, 2800)
    assert execution_band(SHARE, Decimal(800), TODAY) is None


def test_the_feed_s_circuit_limits_win_over_the_rule() -> None:
    band = operating_range(
        FUTURE, previous_close=24600.0, lower_circuit=22000.0, upper_circuit=27000.0
    )
    assert band == Band(220_000, 270_000)


def test_a_future_without_circuit_limits_ranges_ten_percent_about_its_close() -> None:
    assert operating_range(FUTURE, previous_close=24600.0) == Band(221_400, 270_600)


@pytest.mark.parametrize("nothing", [None, 0.0, math.nan, math.inf, -1.0])
def test_meaningless_figures_bound_nothing(nothing: float | None) -> None:
    assert operating_range(FUTURE, previous_close=nothing) is None
    assert (
        operating_range(OPTION, previous_close=5.0, lower_circuit=nothing, upper_circuit=nothing)
        is None
    )


@pytest.mark.parametrize(
    ("instrument", "trigger", "cap"),
    [
        (OPTION, "50", "10"),
        (OPTION, "100", "20"),
        (FUTURE, "24600", "738"),
        (STOCK_FUTURE, "40", "1.5"),
        (SHARE, "50", "1.5"),
        (SHARE, "800", "24"),
        (SENSEX_OPTION, "300", "60"),
        (SENSEX_FUTURE, "80000", "1600"),
        (SENSEX_FUTURE, "9000", "200"),
    ],
)
def test_how_far_a_stop_s_limit_may_lie_from_its_trigger(
    instrument: Instrument, trigger: str, cap: str
) -> None:
    assert stop_gap_cap(instrument, Decimal(trigger), TODAY) == Decimal(cap)


def test_commodity_stops_have_no_stated_cap() -> None:
    assert stop_gap_cap(CRUDE, Decimal(6000), TODAY) is None


def test_a_stop_whose_cap_is_not_known_is_an_error() -> None:
    with pytest.raises(FileError, match="2026-01-19"):
        stop_gap_cap(SENSEX_OPTION, Decimal(100), date(2026, 1, 16))
    with pytest.raises(FileError, match="OPTSTK on bse_fo"):
        stop_gap_cap(contract(Kind.OPTION, "SBIN", Segment.BSE_FO), Decimal(100), TODAY)


@pytest.mark.parametrize(
    ("instrument", "reference", "pct"),
    [
        (OPTION, "10", "20"),
        (OPTION, "10.05", "10"),
        (OPTION, "20.05", "5"),
        (OPTION, "50.05", "2.5"),
        (STOCK_OPTION, "5", "40"),
        (STOCK_OPTION, "60", "5"),
        (FUTURE, "24600", "0.5"),
        (STOCK_FUTURE, "800", "1"),
        (SHARE, "800", "0.5"),
        (CRUDE, "6000", "1"),
    ],
)
def test_a_broker_s_market_protection_narrows_as_the_premium_grows(
    instrument: Instrument, reference: str, pct: str
) -> None:
    assert market_collar_pct(instrument, Decimal(reference)) == Decimal(pct)
