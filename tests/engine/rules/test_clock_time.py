from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.clock_time import (
    IST,
    at_ns,
    clock_text,
    ist_date,
    ist_datetime,
    midnight_ns,
    ns,
    to_ns,
)

NINE_FIFTEEN = 1_787_111_100 * 1_000_000_000  # 2026-08-19T03:45:00Z


def test_a_quarter_past_nine_in_india_is_a_quarter_to_four_utc() -> None:
    assert at_ns(date(2026, 8, 19), time(9, 15)) == NINE_FIFTEEN
    assert datetime.fromtimestamp(NINE_FIFTEEN // 10**9, UTC) == datetime(
        2026, 8, 19, 3, 45, tzinfo=UTC
    )


def test_an_instant_shows_as_indian_clock_time() -> None:
    assert ist_datetime(NINE_FIFTEEN + 125_000_999) == datetime(2026, 8, 19, 9, 15, 0, 125_000, IST)
    assert clock_text(NINE_FIFTEEN + 125_999_999) == "09:15:00.125"
    assert clock_text(NINE_FIFTEEN, 0) == "09:15:00"


def test_the_indian_day_begins_at_half_past_six_utc_the_evening_before() -> None:
    midnight = midnight_ns(date(2026, 8, 19))
    assert ist_date(midnight) == date(2026, 8, 19)
    assert ist_date(midnight - 1) == date(2026, 8, 18)


def test_seconds_become_whole_nanoseconds() -> None:
    assert ns(1.25) == 1_250_000_000
    assert ns(0.1) == 100_000_000


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_ns(datetime(2026, 8, 19, 9, 15))  # noqa: DTZ001 - the refusal of a naive one is the point


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis adds it below
def test_the_fixed_offset_agrees_with_the_zone_database(naive: datetime) -> None:
    moment = naive.replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    at = to_ns(moment)
    assert ist_datetime(at) == moment
    assert ist_date(at) == moment.date()
    assert at_ns(moment.date(), moment.time().replace(tzinfo=None)) == at
