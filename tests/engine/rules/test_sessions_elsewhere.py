"""Our calendar against others: ``exchange_calendars`` and the exchange's own holiday master.

Every difference is listed with its reason; one that is not fails, and so does one that is gone.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules import holidays
from engine.rules.clock_time import IST
from engine.rules.holidays import COMMODITY_HOLIDAYS, EQUITY_HOLIDAYS, Part
from engine.rules.sessions import Sessions

MASTER = (
    Path(__file__).resolve().parents[3]
    / ".."
    / "shared"
    / "data"
    / "market"
    / "calendar"
    / "nse_holiday_master_trading_20260715.json"
)
WEEKEND = "exchange_calendars has no weekend sessions"
MUHURAT = "exchange_calendars treats Diwali as closed: it has no Muhurat sessions"

# By day: what we say, what they say, and why.
DIFFERENCES = {
    "2024-01-20": ("09:15-15:30", "closed", f"{WEEKEND}: a full Saturday before 22 January"),
    "2024-03-02": ("09:15-10:00 11:30-12:30", "closed", f"{WEEKEND}: recovery test"),
    "2024-05-18": ("09:15-10:00 11:30-12:30", "closed", f"{WEEKEND}: recovery test"),
    "2024-11-01": ("18:00-19:00", "closed", MUHURAT),
    "2025-02-01": ("09:15-15:30", "closed", f"{WEEKEND}: Budget"),
    "2025-10-21": ("13:45-14:45", "closed", MUHURAT),
    "2026-02-01": ("09:15-15:30", "closed", f"{WEEKEND}: Budget"),
    "2026-11-08": (
        "unknown hours",
        "closed",
        f"{MUHURAT}; on a Sunday, its hours not in our sources",
    ),
}
"""Cash without derivatives, which is what XBOM means: its close of 15:30 is right for them."""


def days() -> Iterator[date]:
    day = holidays.FIRST_DAY
    while day <= holidays.LAST_DAY:
        yield day
        day += timedelta(days=1)


def span(opens: datetime, closes: datetime) -> str:
    return f"{opens.astimezone(IST):%H:%M}-{closes.astimezone(IST):%H:%M}"


def ours(sessions: Sessions, segment: Segment, day: date) -> str:
    try:
        session = sessions.session(segment, day)
    except FileError:
        return "unknown hours"
    if session is None:
        return "closed"
    return " ".join(
        span(*(datetime.fromtimestamp(at / 1e9, IST) for at in window))
        for window in session.windows_ns()
    )


@pytest.fixture(scope="module")
def theirs() -> dict[date, str]:
    """XBOM by day. Its own use of pandas warns, which is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars  # noqa: PLC0415 - heavy, and warns

        made: Any = exchange_calendars.get_calendar(
            "XBOM", start=str(holidays.FIRST_DAY), end=str(holidays.LAST_DAY)
        )
        return {
            day.date(): span(made.session_open(day), made.session_close(day))
            for day in made.sessions
        }


@pytest.mark.parametrize("segment", [Segment.NSE_CM, Segment.BSE_CM])
def test_the_cash_calendar_is_that_of_exchange_calendars_but_for_the_listed_days(
    theirs: dict[date, str], segment: Segment
) -> None:
    sessions = Sessions()
    found = {
        str(day): (ours(sessions, segment, day), theirs.get(day, "closed"))
        for day in days()
        if ours(sessions, segment, day) != theirs.get(day, "closed")
    }
    assert found == {day: (mine, other) for day, (mine, other, _) in DIFFERENCES.items()}


@pytest.mark.parametrize("segment", [Segment.NSE_FO, Segment.BSE_FO])
def test_derivatives_differ_from_it_by_their_ten_minutes_since_3_august_2026_too(
    theirs: dict[date, str], segment: Segment
) -> None:
    sessions = Sessions()
    for day in days():
        if str(day) in DIFFERENCES:
            continue
        wanted = theirs.get(day, "closed")
        if day >= date(2026, 8, 3):
            wanted = wanted.replace("15:30", "15:40")
        assert ours(sessions, segment, day) == wanted, day


# -- the exchange's own master of 2026 -------------------------------------------------------------

OUR_SEGMENTS = {
    "CM": (Segment.NSE_CM, Segment.BSE_CM),
    "FO": (Segment.NSE_FO, Segment.BSE_FO),
    "COM": (Segment.MCX_FO,),
}
OTHER_SEGMENTS = {
    "CBM": "corporate bonds: no segment of ours",
    "CD": "currency derivatives: a segment without hours here, so every day of it is an error",
    "CMOT": "offer for sale: no segment of ours",
    "EGR": "electronic gold receipts: no segment of ours",
    "IRD": "interest rate derivatives: no segment of ours",
    "MF": "mutual funds: no segment of ours",
    "NDM": "negotiated debt: no segment of ours",
    "NTRP": "debt trade reporting: no segment of ours",
    "SLBS": "lending and borrowing: no segment of ours",
}


@pytest.fixture(scope="module")
def master() -> dict[str, list[dict[str, Any]]]:
    if not MASTER.exists():
        pytest.skip("the shared exchange calendar is not here")
    found: dict[str, list[dict[str, Any]]] = json.loads(MASTER.read_text())
    return found


def day_of(row: dict[str, Any]) -> date:
    return datetime.strptime(row["tradingDate"], "%d-%b-%Y").replace(tzinfo=IST).date()


def test_every_segment_of_the_master_is_compared_or_left_out_with_a_reason(
    master: dict[str, Any],
) -> None:
    assert set(master) == set(OUR_SEGMENTS) | set(OTHER_SEGMENTS)


@pytest.mark.parametrize("name", ["CM", "FO"])
def test_equity_holidays_of_2026_are_the_masters_weekdays(
    master: dict[str, Any], name: str
) -> None:
    listed = {day_of(row) for row in master[name] if day_of(row).weekday() < 5}
    assert listed == {day for day in EQUITY_HOLIDAYS if day.year == 2026}
    sessions = Sessions()
    for segment in OUR_SEGMENTS[name]:
        assert not any(sessions.is_trading_day(segment, day) for day in listed)


def test_commodity_holidays_of_2026_are_the_masters_weekdays_half_by_half(
    master: dict[str, Any],
) -> None:
    parts = {
        ("Closed", "Closed"): Part.DAY,
        ("Closed", "Open"): Part.MORNING,
        ("Open", "Closed"): Part.EVENING,
    }
    listed = {
        day_of(row): parts[row["morning_session"], row["evening_session"]]
        for row in master["COM"]
        if day_of(row).weekday() < 5
    }
    assert listed == {d: h.closed for d, h in COMMODITY_HOLIDAYS.items() if d.year == 2026}


def test_a_segment_of_the_master_without_hours_here_is_an_error_on_every_day(
    master: dict[str, Any],
) -> None:
    for row in master["CD"]:
        with pytest.raises(FileError, match="cde_fo"):
            Sessions().session(Segment.CDE_FO, day_of(row))


def test_weekend_days_of_the_master_are_closed_but_for_the_muhurat_sunday(
    master: dict[str, Any],
) -> None:
    sessions = Sessions()
    for name, segments in OUR_SEGMENTS.items():
        for row in master[name]:
            day = day_of(row)
            if day.weekday() < 5:
                continue
            # "Diwali Laxmi Pujan*": the star says that Muhurat trading will be held.
            for segment in segments:
                assert sessions.is_trading_day(segment, day) is row["description"].endswith("*")
