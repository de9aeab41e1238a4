"""Days on which an exchange does not trade in the usual way, 2024 to 2026.

Exchanges add holidays days ahead, so the tables are a start: ``engine.rules.changes`` takes what
was announced after they were compiled. What each row comes from stands in its ``source``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from engine.model.instrument import Segment

FIRST_DAY: Final = date(2024, 1, 1)
"""Before it no holiday is known here."""

LAST_DAY: Final = date(2026, 12, 31)
"""After it no holiday has been published to us."""

EQUITY_SEGMENTS: Final = (Segment.NSE_CM, Segment.NSE_FO, Segment.BSE_CM, Segment.BSE_FO)
"""The segments that keep the equity calendar."""

KNOWN_SEGMENTS: Final = (*EQUITY_SEGMENTS, Segment.MCX_FO)
"""The segments with a calendar and hours here."""


class Part(StrEnum):
    """What of a day is closed. Only commodities have days that are closed in part."""

    DAY = "all day"
    MORNING = "morning"
    EVENING = "evening"


class Holiday(NamedTuple):
    """A weekday without the usual trading, why, and where that is written."""

    day: date
    name: str
    closed: Part
    source: str


_EQUITY_SOURCES: Final = {
    2024: "NSE and BSE circulars for 2024 (market_rules.md 2)",
    2025: "NSE/FAOP/65588 (market_rules.md 2)",
    2026: "NSE/FAOP/71777 (market_rules.md 2)",
}
_COMMODITY_SOURCES: Final = {
    2024: "MCX holidays of 2024 as brokers published them",
    2025: "MCX holidays of 2025 as brokers published them",
    2026: "NSE/COM/71784, NSE holiday master of July 2026",
}
_ANNOUNCED_LATE: Final = {date(2026, 1, 15): "circulars of 12 January 2026, NSE/COM/72263"}

_DAY, _MORNING, _EVENING = Part.DAY, Part.MORNING, Part.EVENING

# Every equity holiday closes commodities too, all day or in the morning: the third column.
_SHARED: Final = (
    ("2024-01-22", "Consecration at Ayodhya", _MORNING),
    ("2024-01-26", "Republic Day", _DAY),
    ("2024-03-08", "Mahashivratri", _MORNING),
    ("2024-03-25", "Holi", _MORNING),
    ("2024-03-29", "Good Friday", _DAY),
    ("2024-04-11", "Id-Ul-Fitr", _MORNING),
    ("2024-04-17", "Ram Navami", _MORNING),
    ("2024-05-01", "Maharashtra Day", _MORNING),
    ("2024-05-20", "General election in Mumbai", _MORNING),
    ("2024-06-17", "Bakri Id", _MORNING),
    ("2024-07-17", "Muharram", _MORNING),
    ("2024-08-15", "Independence Day", _DAY),
    ("2024-10-02", "Mahatma Gandhi Jayanti", _DAY),
    ("2024-11-01", "Diwali Laxmi Pujan", _DAY),
    ("2024-11-15", "Guru Nanak Jayanti", _MORNING),
    ("2024-11-20", "Maharashtra assembly election", _MORNING),
    ("2024-12-25", "Christmas", _DAY),
    ("2025-02-26", "Mahashivratri", _MORNING),
    ("2025-03-14", "Holi", _MORNING),
    ("2025-03-31", "Id-Ul-Fitr", _MORNING),
    ("2025-04-10", "Mahavir Jayanti", _MORNING),
    ("2025-04-14", "Ambedkar Jayanti", _MORNING),
    ("2025-04-18", "Good Friday", _DAY),
    ("2025-05-01", "Maharashtra Day", _MORNING),
    ("2025-08-15", "Independence Day", _DAY),
    ("2025-08-27", "Ganesh Chaturthi", _MORNING),
    ("2025-10-02", "Mahatma Gandhi Jayanti", _DAY),
    ("2025-10-21", "Diwali Laxmi Pujan", _DAY),
    ("2025-10-22", "Diwali Balipratipada", _MORNING),
    ("2025-11-05", "Guru Nanak Jayanti", _MORNING),
    ("2025-12-25", "Christmas", _DAY),
    ("2026-01-15", "Municipal elections in Maharashtra", _MORNING),
    ("2026-01-26", "Republic Day", _DAY),
    ("2026-03-03", "Holi", _MORNING),
    ("2026-03-26", "Ram Navami", _MORNING),
    ("2026-03-31", "Mahavir Jayanti", _MORNING),
    ("2026-04-03", "Good Friday", _DAY),
    ("2026-04-14", "Ambedkar Jayanti", _MORNING),
    ("2026-05-01", "Maharashtra Day", _MORNING),
    ("2026-05-28", "Bakri Id", _MORNING),
    ("2026-06-26", "Muharram", _MORNING),
    ("2026-09-14", "Ganesh Chaturthi", _MORNING),
    ("2026-10-02", "Mahatma Gandhi Jayanti", _DAY),
    ("2026-10-20", "Dussehra", _MORNING),
    ("2026-11-10", "Diwali Balipratipada", _MORNING),
    ("2026-11-24", "Guru Nanak Jayanti", _MORNING),
    ("2026-12-25", "Christmas", _DAY),
)
_COMMODITIES_ONLY: Final = (
    ("2024-01-01", "New Year", _EVENING),
    ("2025-01-01", "New Year", _EVENING),
    ("2026-01-01", "New Year", _EVENING),
)


def _table(
    rows: Iterable[tuple[str, str, Part]], sources: Mapping[int, str]
) -> dict[date, Holiday]:
    days = ((date.fromisoformat(day), name, closed) for day, name, closed in rows)
    return {
        day: Holiday(day, name, closed, _ANNOUNCED_LATE.get(day, sources[day.year]))
        for day, name, closed in days
    }


EQUITY_HOLIDAYS: Final = _table(((day, name, _DAY) for day, name, _ in _SHARED), _EQUITY_SOURCES)
"""Weekdays on which cash and derivatives of NSE and BSE are closed (Muhurat days included)."""

COMMODITY_HOLIDAYS: Final = _table(sorted(_SHARED + _COMMODITIES_ONLY), _COMMODITY_SOURCES)
"""Weekdays on which MCX is closed: all day, until 17:00 (morning) or from 17:00 (evening)."""
