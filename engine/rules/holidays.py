"""Days on which an exchange does not trade in the usual way, 2024 to 2026.

Source: market_rules.md section 2 (NSE/FAOP/65588, NSE/FAOP/71777, the circular of 12 January 2026,
and the exchange's holiday master of July 2026). Exchanges add holidays days ahead, so the tables
are a start: ``engine.rules.sessions.Sessions`` takes further days at run time.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Final, NamedTuple

from engine.model.instrument import Segment

FIRST_DAY: Final = date(2024, 1, 1)
"""Before it no holiday is known here."""

LAST_DAY: Final = date(2026, 12, 31)
"""After it no holiday has been published to us."""

COMMODITY_FIRST_DAY: Final = date(2026, 1, 1)
"""The first day with a known commodity calendar."""


def _days(year: int, *month_days: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{month_day}") for month_day in month_days)


# fmt: off
EQUITY_HOLIDAYS: Final[frozenset[date]] = (
    _days(
        2024,
        "01-22", "01-26", "03-08", "03-25", "03-29", "04-11", "04-17", "05-01", "05-20",
        "06-17", "07-17", "08-15", "10-02", "11-01", "11-15", "11-20", "12-25",
    )
    | _days(
        2025,
        "02-26", "03-14", "03-31", "04-10", "04-14", "04-18", "05-01", "08-15", "08-27",
        "10-02", "10-21", "10-22", "11-05", "12-25",
    )
    | _days(
        2026,
        "01-15", "01-26", "03-03", "03-26", "03-31", "04-03", "04-14", "05-01", "05-28",
        "06-26", "09-14", "10-02", "10-20", "11-10", "11-24", "12-25",
    )
)
"""Weekdays on which cash and derivatives of NSE and BSE are closed (Muhurat days included)."""

COMMODITY_CLOSED: Final[frozenset[date]] = _days(2026, "01-26", "04-03", "10-02", "12-25")
"""Weekdays on which MCX is closed all day."""

COMMODITY_MORNING_CLOSED: Final[frozenset[date]] = _days(
    2026,
    "01-15", "03-03", "03-26", "03-31", "04-14", "05-01", "05-28", "06-26", "09-14", "10-20",
    "11-10", "11-24",
)
"""Weekdays on which MCX opens for the evening session only, at 17:00."""

COMMODITY_EVENING_CLOSED: Final[frozenset[date]] = _days(2026, "01-01")
"""Weekdays on which MCX closes at 17:00."""
# fmt: on


class Occasion(StrEnum):
    """Why a session is special."""

    FULL = "full session on a weekend"
    RECOVERY_TEST = "disaster recovery test"
    BUDGET = "Budget day"
    MUHURAT = "Muhurat"


class SpecialSession(NamedTuple):
    """A session on a day that is otherwise closed.

    ``windows`` are (open, close) clock times in India; None means the usual hours, and an empty
    tuple that the hours were not published to us.
    """

    day: date
    occasion: Occasion
    windows: tuple[tuple[time, time], ...] | None


_RECOVERY_WINDOWS: Final = ((time(9, 15), time(10)), (time(11, 30), time(12, 30)))

EQUITY_SPECIAL_SESSIONS: Final[tuple[SpecialSession, ...]] = (
    SpecialSession(date(2024, 1, 20), Occasion.FULL, None),
    SpecialSession(date(2024, 3, 2), Occasion.RECOVERY_TEST, _RECOVERY_WINDOWS),
    SpecialSession(date(2024, 5, 18), Occasion.RECOVERY_TEST, _RECOVERY_WINDOWS),
    SpecialSession(date(2024, 11, 1), Occasion.MUHURAT, ((time(18), time(19)),)),
    SpecialSession(date(2025, 2, 1), Occasion.BUDGET, None),
    SpecialSession(date(2025, 10, 21), Occasion.MUHURAT, ((time(13, 45), time(14, 45)),)),
    SpecialSession(date(2026, 2, 1), Occasion.BUDGET, None),
    SpecialSession(date(2026, 11, 8), Occasion.MUHURAT, ()),
)
"""Sessions of NSE and BSE on weekends and holidays."""

EQUITY_SEGMENTS: Final = frozenset({Segment.NSE_CM, Segment.NSE_FO, Segment.BSE_CM, Segment.BSE_FO})
"""The segments that keep the equity calendar."""
