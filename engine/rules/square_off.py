"""When brokers close intraday positions by themselves, before the market closes.

Source: market_rules.md section 5. They are the brokers' own habits, charged for per order, and were
published for the hours before 3 August 2026 only; a strategy should be out five minutes earlier.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from engine.model.instrument import Segment
from engine.rules.dated import Row
from engine.rules.holidays import FIRST_DAY
from engine.rules.hours import CLOSING_AUCTION_FROM

LEAVE_EARLIER_S: Final = 300
"""How long before a broker's own square-off a strategy should be flat (market_rules.md 5)."""


class BeforeClose(NamedTuple):
    """How long before the close each broker begins, seconds."""

    angel_one: int
    alice_blue: int
    zerodha: int


_LAST: Final = date.fromordinal(CLOSING_AUCTION_FROM.toordinal() - 1)
_SOURCE: Final = "market_rules.md 5"
_CASH: Final = (Row(FIRST_DAY, BeforeClose(900, 900, 600), _SOURCE, "M", _LAST),)
_DERIVATIVES: Final = (Row(FIRST_DAY, BeforeClose(600, 900, 300), _SOURCE, "M", _LAST),)

SQUARE_OFF: Final = {
    Segment.NSE_CM: _CASH,
    Segment.BSE_CM: _CASH,
    Segment.NSE_FO: _DERIVATIVES,
    Segment.BSE_FO: _DERIVATIVES,
    Segment.MCX_FO: (Row(FIRST_DAY, BeforeClose(900, 1_800, 1_500), _SOURCE, "M"),),
}
"""By segment, oldest first; after the last day of a row nothing is known."""


def leave_by(segment: Segment, day: date, close_s: int) -> int | None:
    """Return until when to be flat, seconds after midnight in India, whichever broker it is.

    None where no broker's time is known for ``day``. ``close_s`` is when continuous trading ends.
    """
    for row in SQUARE_OFF[segment]:
        if row.first_day <= day and (row.last_day is None or day <= row.last_day):
            return close_s - max(row.value) - LEAVE_EARLIER_S
    return None
