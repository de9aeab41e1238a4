"""Index contracts: terms by date, and expiries that step back from holidays."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules.clock_time import clock_text
from engine.rules.contracts import (
    expiry_ns,
    future_tick,
    index_terms,
    monthly_expiries,
    weekly_expiries,
)
from engine.rules.sessions import Sessions

SESSIONS = Sessions()


def test_nifty_terms_are_those_of_the_august_2026_masters() -> None:
    terms = index_terms("NIFTY", date(2026, 8, 17))
    assert (terms.lot_size, terms.strike_step, terms.option_tick) == (65, 50, Decimal("0.05"))


def test_an_index_or_a_day_outside_the_table_is_an_error() -> None:
    with pytest.raises(FileError, match="no contract terms are known for 'NIFTYX'; known: NIFTY"):
        index_terms("NIFTYX", date(2026, 8, 17))
    with pytest.raises(FileError, match="no rule known on 2025-12-30"):
        index_terms("NIFTY", date(2025, 12, 30))


@pytest.mark.parametrize(
    ("level", "tick"),
    [
        ("15000", "0.05"),
        ("15000.05", "0.10"),
        ("24300", "0.10"),
        ("30000", "0.10"),
        ("52000", "0.20"),
    ],
)
def test_the_tick_of_an_index_future_follows_the_index_level(level: str, tick: str) -> None:
    assert future_tick(Decimal(level)) == Decimal(tick)


def test_weekly_expiries_are_tuesdays_and_step_back_from_a_holiday() -> None:
    assert weekly_expiries("NIFTY", date(2026, 8, 17), 3, SESSIONS) == [
        date(2026, 8, 18),
        date(2026, 8, 25),
        date(2026, 9, 1),
    ]
    # Tuesday 3 March 2026 is a holiday: Monday, and from Tuesday on the week after.
    assert weekly_expiries("NIFTY", date(2026, 2, 27), 1, SESSIONS) == [date(2026, 3, 2)]
    assert weekly_expiries("NIFTY", date(2026, 3, 3), 1, SESSIONS) == [date(2026, 3, 10)]


def test_monthly_expiries_are_the_last_tuesday_and_step_back_from_a_holiday() -> None:
    assert monthly_expiries("NIFTY", date(2026, 8, 17), 2, SESSIONS) == [
        date(2026, 8, 25),
        date(2026, 9, 29),
    ]
    # Tuesday 31 March 2026 is a holiday.
    assert monthly_expiries("NIFTY", date(2026, 3, 1), 1, SESSIONS) == [date(2026, 3, 30)]
    assert monthly_expiries("NIFTY", date(2026, 3, 31), 1, SESSIONS) == [date(2026, 4, 28)]


@given(st.dates(date(2025, 12, 31), date(2026, 11, 20)))
def test_every_expiry_is_a_trading_day_not_before_the_day_asked(day: date) -> None:
    weekly = weekly_expiries("NIFTY", day, 3, SESSIONS)
    monthly = monthly_expiries("NIFTY", day, 1, SESSIONS)
    for expiry in weekly + monthly:
        assert expiry >= day
        assert SESSIONS.is_trading_day(Segment.NSE_FO, expiry)
    assert weekly == sorted(weekly)
    assert weekly[0] - day < timedelta(days=8)
    assert weekly[0] <= monthly[0]


def test_contracts_stop_trading_when_the_derivatives_session_closes() -> None:
    assert clock_text(expiry_ns(date(2026, 8, 18), SESSIONS), 0) == "15:40:00"
    assert clock_text(expiry_ns(date(2026, 7, 28), SESSIONS), 0) == "15:30:00"
    with pytest.raises(FileError, match="does not trade"):
        expiry_ns(date(2026, 8, 15), SESSIONS)
