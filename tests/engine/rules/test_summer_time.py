"""Against the law: second Sunday of March to first Sunday of November (US Energy Policy Act 2005)."""

from datetime import date, timedelta

import pytest

from engine.rules.summer_time import is_new_york_summer


def nth_sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


@pytest.mark.parametrize("year", range(2024, 2028))
def test_summer_lasts_from_the_second_sunday_of_march_to_the_first_of_november(year: int) -> None:
    begins, ends = nth_sunday(year, 3, 2), nth_sunday(year, 11, 1)
    day = date(year, 1, 1)
    while day.year == year:
        assert is_new_york_summer(day) is (begins <= day < ends), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "summer"),
    [
        (date(2024, 3, 8), False),
        (date(2024, 3, 11), True),  # Angel One: revised hours from 11-Mar-2024 to 01-Nov-2024
        (date(2024, 11, 1), True),
        (date(2024, 11, 4), False),
        (date(2026, 3, 6), False),
        (date(2026, 3, 9), True),  # NSE/COM/72699: 9 March to 30 October 2026
        (date(2026, 10, 30), True),
        (date(2026, 11, 2), False),
    ],
)
def test_the_days_the_exchanges_named(day: date, *, summer: bool) -> None:
    assert is_new_york_summer(day) is summer
