"""The index contracts of NSE, by date: lot, strike step, ticks, and which day they expire.

For contracts made without a master (the synthetic session); a live master's own facts per contract
come first, because two lot sizes coexist across expiries. Source: market_rules.md section 3.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules.dated import Row, in_force
from engine.rules.sessions import Sessions


class IndexTerms(NamedTuple):
    """What every new contract of one index has in common.

    ``expiry_weekday`` counts from Monday 0. ``strike_step`` is in index points near the money.
    """

    lot_size: int
    strike_step: Decimal
    option_tick: Decimal
    expiry_weekday: int
    is_weekly: bool


INDEX_TERMS: Final[dict[str, tuple[Row[IndexTerms], ...]]] = {
    "NIFTY": (
        Row(
            date(2025, 12, 31),
            IndexTerms(
                lot_size=65,
                strike_step=Decimal(50),
                option_tick=Decimal("0.05"),
                expiry_weekday=1,
                is_weekly=True,
            ),
            "lot of 65 in every series from the evening of 30 December 2025; Tuesday expiry since "
            "1 September 2025",
        ),
    ),
}
"""By underlying, oldest first."""

_FUTURE_TICKS: Final = (
    (Decimal(15_000), Decimal("0.05")),
    (Decimal(30_000), Decimal("0.10")),
)
_FUTURE_TICK_ABOVE: Final = Decimal("0.20")


def index_terms(underlying: str, day: date) -> IndexTerms:
    """Return the terms of contracts of ``underlying`` on ``day``.

    Raises ``FileError`` for an index or a day that the table does not cover.
    """
    rows = INDEX_TERMS.get(underlying)
    if rows is None:
        raise FileError(
            f"no contract terms are known for {underlying!r}; known: {', '.join(INDEX_TERMS)}"
        )
    return in_force(rows, day, f"contract terms of {underlying}")


def future_tick(index_level: Decimal) -> Decimal:
    """Return the tick of an index future while its index stands at ``index_level`` (points).

    In force since 15 April 2025; the exchange reviews the level monthly.
    """
    for up_to, tick in _FUTURE_TICKS:
        if index_level <= up_to:
            return tick
    return _FUTURE_TICK_ABOVE


def weekly_expiries(underlying: str, day: date, count: int, sessions: Sessions) -> list[date]:
    """Return the ``count`` nearest weekly expiries on or after ``day``.

    One that falls on a holiday moves to the trading day before. Raises ``FileError`` for an index
    without weekly options, and where the calendar ends.
    """
    terms = index_terms(underlying, day)
    if not terms.is_weekly:
        raise FileError(f"{underlying} has no weekly expiry")
    scheduled = day + timedelta(days=(terms.expiry_weekday - day.weekday()) % 7)
    found: list[date] = []
    while len(found) < count:
        expiry = _trading_day(scheduled, sessions)
        if expiry >= day:
            found.append(expiry)
        scheduled += timedelta(days=7)
    return found


def monthly_expiries(underlying: str, day: date, count: int, sessions: Sessions) -> list[date]:
    """Return the ``count`` nearest monthly expiries on or after ``day``.

    The last expiry weekday of a month, or the trading day before when that is a holiday. Raises
    ``FileError`` where the calendar ends.
    """
    terms = index_terms(underlying, day)
    found: list[date] = []
    month = day.replace(day=1)
    while len(found) < count:
        following = (month + timedelta(days=32)).replace(day=1)
        last = following - timedelta(days=1)
        scheduled = last - timedelta(days=(last.weekday() - terms.expiry_weekday) % 7)
        expiry = _trading_day(scheduled, sessions)
        if expiry >= day:
            found.append(expiry)
        month = following
    return found


def expiry_ns(expiry: date, sessions: Sessions) -> int:
    """Return when contracts of ``expiry`` stop trading, ns UTC: the derivatives session's close.

    Raises ``FileError`` when the exchange does not trade on that day.
    """
    _, closes = sessions.continuous(Segment.NSE_FO, expiry)
    return closes


def _trading_day(scheduled: date, sessions: Sessions) -> date:
    if sessions.is_trading_day(Segment.NSE_FO, scheduled):
        return scheduled
    return sessions.previous_trading_day(Segment.NSE_FO, scheduled)
