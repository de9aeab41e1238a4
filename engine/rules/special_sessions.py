"""Sessions on days that are otherwise closed: Budget days, tests of the recovery site, Muhurat.

Sources: market_rules.md section 2; for commodities the circulars named in each row.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Final, NamedTuple

from engine.model.instrument import Segment
from engine.rules.holidays import EQUITY_SEGMENTS

Clocks = tuple[tuple[time, time], ...]


class Occasion(StrEnum):
    """Why a session is special."""

    FULL = "full session on a weekend"
    RECOVERY_TEST = "disaster recovery test"
    BUDGET = "Budget day"
    MUHURAT = "Muhurat"


class SpecialSession(NamedTuple):
    """A session on a day that is otherwise closed.

    ``windows`` are (open, close) clock times in India for every contract of the segments; None
    means the usual hours, and an empty tuple that the hours were not published to us.
    """

    day: date
    occasion: Occasion
    segments: tuple[Segment, ...]
    windows: Clocks | None
    source: str


_RULES: Final = "market_rules.md 2"
_TWO_SITES: Clocks = ((time(9, 15), time(10)), (time(11, 30), time(12, 30)))
_EVENING_HOUR: Clocks = ((time(18), time(19)),)
_AFTERNOON_HOUR: Clocks = ((time(13, 45), time(14, 45)),)
_MORNING: Clocks = ((time(9), time(17)),)
_EQUITY: Final = EQUITY_SEGMENTS
_COMMODITY: Final = (Segment.MCX_FO,)

SPECIAL_SESSIONS: Final = (
    SpecialSession(date(2024, 1, 20), Occasion.FULL, _EQUITY, None, _RULES),
    SpecialSession(date(2024, 3, 2), Occasion.RECOVERY_TEST, _EQUITY, _TWO_SITES, _RULES),
    SpecialSession(date(2024, 5, 18), Occasion.RECOVERY_TEST, _EQUITY, _TWO_SITES, _RULES),
    SpecialSession(date(2024, 11, 1), Occasion.MUHURAT, _EQUITY, _EVENING_HOUR, _RULES),
    # That MCX held one is known, but no source of ours states its hours.
    SpecialSession(date(2024, 11, 1), Occasion.MUHURAT, _COMMODITY, (), "MCX holidays of 2024"),
    SpecialSession(date(2025, 2, 1), Occasion.BUDGET, _EQUITY, None, _RULES),
    SpecialSession(
        date(2025, 2, 1), Occasion.BUDGET, _COMMODITY, _MORNING, "MCX release of 29 January 2025"
    ),
    SpecialSession(date(2025, 10, 21), Occasion.MUHURAT, _EQUITY, _AFTERNOON_HOUR, _RULES),
    SpecialSession(
        date(2025, 10, 21),
        Occasion.MUHURAT,
        _COMMODITY,
        _AFTERNOON_HOUR,
        "press reports of 21 October 2025",
    ),
    SpecialSession(date(2026, 2, 1), Occasion.BUDGET, _EQUITY, None, _RULES),
    SpecialSession(date(2026, 2, 1), Occasion.BUDGET, _COMMODITY, _MORNING, "NSE/COM/72351"),
    SpecialSession(date(2026, 11, 8), Occasion.MUHURAT, _EQUITY, (), _RULES),
    SpecialSession(date(2026, 11, 8), Occasion.MUHURAT, _COMMODITY, (), "NSE/COM/71784"),
)
"""Sessions on weekends and holidays, by day."""
