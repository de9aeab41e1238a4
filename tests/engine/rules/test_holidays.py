import pytest

from engine.rules import holidays
from engine.rules.holidays import COMMODITY_HOLIDAYS, EQUITY_HOLIDAYS, Part
from engine.rules.special_sessions import SPECIAL_SESSIONS


@pytest.mark.parametrize("table", [EQUITY_HOLIDAYS, COMMODITY_HOLIDAYS])
def test_every_holiday_is_a_weekday_inside_the_tables_with_a_name_and_a_source(
    table: dict[object, holidays.Holiday],
) -> None:
    for day, holiday in table.items():
        assert holiday.day == day
        assert day.weekday() < 5, day
        assert holidays.FIRST_DAY <= day <= holidays.LAST_DAY
        assert holiday.name
        assert holiday.source


def test_commodities_keep_the_equity_holidays_and_new_year() -> None:
    assert {d for d in COMMODITY_HOLIDAYS if d not in EQUITY_HOLIDAYS} == {
        d for d in COMMODITY_HOLIDAYS if (d.month, d.day) == (1, 1)
    }
    assert set(EQUITY_HOLIDAYS) <= set(COMMODITY_HOLIDAYS)
    assert all(h.closed is Part.DAY for h in EQUITY_HOLIDAYS.values())


def test_the_days_of_the_rules_text_are_all_here() -> None:
    """market_rules.md section 2, as it writes them."""
    written = {
        2024: "01-22, 01-26, 03-08, 03-25, 03-29, 04-11, 04-17, 05-01, 05-20, 06-17, 07-17, 08-15, "
        "10-02, 11-01, 11-15, 11-20, 12-25",
        2025: "02-26, 03-14, 03-31, 04-10, 04-14, 04-18, 05-01, 08-15, 08-27, 10-02, 10-21, 10-22, "
        "11-05, 12-25",
        2026: "01-15, 01-26, 03-03, 03-26, 03-31, 04-03, 04-14, 05-01, 05-28, 06-26, 09-14, 10-02, "
        "10-20, 11-10, 11-24, 12-25",
    }
    for year, days in written.items():
        ours = [f"{day:%m-%d}" for day in EQUITY_HOLIDAYS if day.year == year]
        assert ours == days.split(", ")


def test_every_special_session_is_on_a_day_that_is_otherwise_closed() -> None:
    for special in SPECIAL_SESSIONS:
        closed = special.day.weekday() >= 5 or special.day in EQUITY_HOLIDAYS
        assert closed, special
        assert special.source
