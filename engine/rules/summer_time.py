"""Whether New York keeps summer time: what the close of MCX follows (market_rules.md section 1)."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

_NOON: Final = time(12)


@cache
def _new_york() -> ZoneInfo:
    # Read when first asked for: nothing opens a file while it is imported.
    return ZoneInfo("America/New_York")


@cache
def is_new_york_summer(day: date) -> bool:
    """Return whether clocks in New York show summer time at noon of ``day``.

    At noon, since they change at two in the morning of a Sunday: the first MCX day of either time
    is the Monday after.
    """
    return bool(datetime.combine(day, _NOON, _new_york()).dst())
