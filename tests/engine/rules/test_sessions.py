import csv
import gzip
import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules import holidays
from engine.rules.clock_time import IST, at_ns
from engine.rules.holidays import Occasion, SpecialSession
from engine.rules.sessions import Sessions

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "market"
EQUITY = [Segment.NSE_CM, Segment.NSE_FO, Segment.BSE_CM, Segment.BSE_FO]
DERIVATIVES = [Segment.NSE_FO, Segment.BSE_FO]
CASH = [Segment.NSE_CM, Segment.BSE_CM]


def hours(segment: Segment, day: date, *, closing_auction: bool = False) -> tuple[int, int]:
    return Sessions().continuous(segment, day, closing_auction=closing_auction)


def clock(day: date, opens: time, closes: time) -> tuple[int, int]:
    return at_ns(day, opens), at_ns(day, closes)


@pytest.mark.parametrize("segment", DERIVATIVES)
@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2024, 1, 1), time(15, 30)),
        (date(2026, 7, 31), time(15, 30)),
        (date(2026, 8, 3), time(15, 40)),
        (date(2026, 12, 31), time(15, 40)),
    ],
)
def test_derivatives_close_ten_minutes_later_since_3_august_2026(
    segment: Segment, day: date, close: time
) -> None:
    assert hours(segment, day) == clock(day, time(9, 15), close)


@pytest.mark.parametrize("segment", CASH)
def test_shares_without_derivatives_still_close_at_half_past_three(segment: Segment) -> None:
    day = date(2026, 8, 3)
    assert hours(segment, day) == clock(day, time(9, 15), time(15, 30))


@pytest.mark.parametrize("segment", CASH)
def test_shares_with_derivatives_leave_continuous_trading_for_the_closing_auction(
    segment: Segment,
) -> None:
    day = date(2026, 8, 3)
    before = date(2026, 7, 31)
    expected = clock(day, time(9, 15), time(15, 15))
    assert hours(segment, day, closing_auction=True) == expected
    assert hours(segment, before, closing_auction=True) == clock(before, time(9, 15), time(15, 30))


@pytest.mark.parametrize("segment", EQUITY)
@pytest.mark.parametrize("day", sorted(holidays.EQUITY_HOLIDAYS))
def test_a_holiday_has_no_session_unless_muhurat_trading_is_held(
    segment: Segment, day: date
) -> None:
    muhurat = {s.day for s in holidays.EQUITY_SPECIAL_SESSIONS if s.occasion is Occasion.MUHURAT}
    assert day.weekday() < 5
    assert Sessions().is_trading_day(segment, day) is (day in muhurat)


def test_every_weekend_is_closed_except_the_special_sessions() -> None:
    sessions = Sessions()
    special = {s.day for s in holidays.EQUITY_SPECIAL_SESSIONS}
    day = holidays.FIRST_DAY
    while day <= holidays.LAST_DAY:
        if day.weekday() >= 5:
            assert sessions.is_trading_day(Segment.NSE_FO, day) is (day in special)
        day += timedelta(days=1)


def test_a_recovery_test_has_two_windows_and_a_pause_between() -> None:
    day = date(2024, 3, 2)
    session = Sessions().session(Segment.NSE_FO, day)
    assert session.name == "disaster recovery test"
    assert session.windows_ns() == (
        clock(day, time(9, 15), time(10)),
        clock(day, time(11, 30), time(12, 30)),
    )
    assert session.is_open(at_ns(day, time(9, 59, 59)))
    assert not session.is_open(at_ns(day, time(10)))
    assert not session.is_open(at_ns(day, time(11, 29, 59)))
    assert session.is_open(at_ns(day, time(11, 30)))
    assert not session.is_open(at_ns(day, time(12, 30)))


@pytest.mark.parametrize("day", [date(2024, 1, 20), date(2025, 2, 1), date(2026, 2, 1)])
def test_a_budget_or_full_weekend_session_has_the_usual_hours(day: date) -> None:
    assert hours(Segment.NSE_FO, day) == clock(day, time(9, 15), time(15, 30))


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [(date(2024, 11, 1), time(18), time(19)), (date(2025, 10, 21), time(13, 45), time(14, 45))],
)
def test_muhurat_sessions_have_their_own_hour(day: date, opens: time, closes: time) -> None:
    assert hours(Segment.NSE_CM, day) == clock(day, opens, closes)


def test_a_session_whose_hours_were_never_published_is_an_error_until_they_are_named() -> None:
    day = date(2026, 11, 8)
    assert Sessions().is_trading_day(Segment.NSE_FO, day)
    with pytest.raises(FileError, match="extra session"):
        Sessions().continuous(Segment.NSE_FO, day)
    told = Sessions(extra_sessions=[SpecialSession(day, Occasion.MUHURAT, ((time(18), time(19)),))])
    assert told.continuous(Segment.NSE_FO, day) == clock(day, time(18), time(19))


def test_a_holiday_announced_late_closes_the_exchange() -> None:
    day = date(2026, 8, 20)
    assert Sessions().is_trading_day(Segment.NSE_FO, day)
    told = Sessions(extra_holidays=[day])
    assert not told.is_trading_day(Segment.NSE_FO, day)
    assert told.session(Segment.NSE_FO, day) is None
    with pytest.raises(FileError, match="does not trade on Thursday 2026-08-20"):
        told.continuous(Segment.NSE_FO, day)


def test_extra_holidays_may_come_from_a_generator() -> None:
    told = Sessions(extra_holidays=(day for day in [date(2025, 2, 1)]))
    assert not told.is_trading_day(Segment.NSE_FO, date(2025, 2, 1))


@pytest.mark.parametrize("day", [date(2023, 12, 29), date(2027, 1, 1)])
@pytest.mark.parametrize("segment", EQUITY)
def test_a_day_outside_the_tables_is_an_error(segment: Segment, day: date) -> None:
    with pytest.raises(FileError, match="2024-01-01 to 2026-12-31"):
        Sessions().session(segment, day)
    with pytest.raises(FileError, match="2024-01-01 to 2026-12-31"):
        Sessions().is_trading_day(segment, day)


@pytest.mark.parametrize("segment", [Segment.CDE_FO, Segment.NCX_FO])
def test_a_segment_without_a_calendar_is_an_error(segment: Segment) -> None:
    with pytest.raises(FileError, match=str(segment)):
        Sessions().session(segment, date(2026, 8, 19))


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 1, 1), time(9), time(17)),
        (date(2026, 1, 2), time(9), time(23, 55)),
        (date(2026, 3, 6), time(9), time(23, 55)),
        (date(2026, 3, 9), time(9), time(23, 30)),
        (date(2026, 7, 27), time(9), time(23, 30)),
        (date(2026, 9, 14), time(17), time(23, 30)),
        (date(2026, 10, 30), time(9), time(23, 30)),
        (date(2026, 11, 2), time(9), time(23, 55)),
        (date(2026, 11, 24), time(17), time(23, 55)),
    ],
)
def test_commodities_follow_new_york_summer_time_and_split_holidays(
    day: date, opens: time, closes: time
) -> None:
    assert hours(Segment.MCX_FO, day) == clock(day, opens, closes)


@pytest.mark.parametrize("day", sorted(holidays.COMMODITY_CLOSED))
def test_commodities_are_closed_all_day_on_national_holidays(day: date) -> None:
    assert not Sessions().is_trading_day(Segment.MCX_FO, day)


def test_commodity_calendars_before_2026_are_not_known() -> None:
    with pytest.raises(FileError, match="2026-01-01"):
        Sessions().session(Segment.MCX_FO, date(2025, 12, 31))


def test_an_expiry_on_a_holiday_moves_to_the_trading_day_before() -> None:
    sessions = Sessions()
    assert sessions.previous_trading_day(Segment.BSE_FO, date(2026, 1, 15)) == date(2026, 1, 14)
    assert sessions.previous_trading_day(Segment.NSE_FO, date(2026, 3, 3)) == date(2026, 3, 2)
    assert sessions.previous_trading_day(Segment.NSE_FO, date(2026, 2, 2)) == date(2026, 2, 1)


def test_the_holidays_of_2026_are_those_of_the_exchange_master() -> None:
    path = SHARED / "calendar" / "nse_holiday_master_trading_20260715.json"
    if not path.exists():
        pytest.skip("the shared exchange calendar is not here")
    master = json.loads(path.read_text())

    def weekdays(rows: Iterable[dict[str, str]]) -> set[date]:
        days = {
            datetime.strptime(r["tradingDate"], "%d-%b-%Y").replace(tzinfo=IST).date() for r in rows
        }
        return {day for day in days if day.weekday() < 5}

    ours = {day for day in holidays.EQUITY_HOLIDAYS if day.year == 2026}
    assert weekdays(master["FO"]) == ours
    assert weekdays(master["CM"]) == ours

    def commodity(morning: str, evening: str) -> set[date]:
        return weekdays(
            r
            for r in master["COM"]
            if r["morning_session"] == morning and r["evening_session"] == evening
        )

    assert commodity("Closed", "Closed") == holidays.COMMODITY_CLOSED
    assert commodity("Closed", "Open") == holidays.COMMODITY_MORNING_CLOSED
    assert commodity("Open", "Closed") == holidays.COMMODITY_EVENING_CLOSED


def test_real_minute_bars_lie_inside_the_sessions() -> None:
    path = SHARED / "index_1m" / "NIFTY_2024_1m.csv.gz"
    if not path.exists():
        pytest.skip("the shared minute bars are not here")
    corrupt = "20240120"  # the data's own README: 542 bars to 18:16
    sessions = Sessions()
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            if row["Date"] == corrupt:
                continue
            day = date.fromisoformat(f"{row['Date'][:4]}-{row['Date'][4:6]}-{row['Date'][6:]}")
            session = sessions.session(Segment.NSE_CM, day)
            assert session is not None, day
            assert session.is_open(at_ns(day, time.fromisoformat(row["Time"]))), row
