"""The market-wide circuit breaker: how long cash and derivatives of NSE and BSE stand still.

Whichever of NIFTY 50 and SENSEX reaches a level first, up or down, against its previous close,
stops both exchanges; trading reopens through a call auction (market_rules.md section 1).
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from engine.rules.dated import Row, in_force

INDICES: Final = ("NIFTY", "SENSEX")
"""The indices that trip it, by underlying."""


class Step(NamedTuple):
    """One line of the rule: at ``level_pct`` before ``before_s`` (after midnight in India).

    ``halt_s`` is how long trading stops, 0 not at all, None for the rest of the day.
    """

    level_pct: int
    before_s: int
    halt_s: int | None


class Breaker(NamedTuple):
    """The rule as a whole; each halt but the last is followed by an auction of ``auction_s``."""

    steps: tuple[Step, ...]
    auction_s: int


class Halt(NamedTuple):
    """A halt. ``lasts_s`` includes the reopening auction, and is None for the rest of the day."""

    level_pct: int
    lasts_s: int | None


_HOUR: Final = 3_600
_MINUTE: Final = 60
_MIDNIGHT: Final = 24 * _HOUR

BREAKER: Final = (
    Row(
        date(2013, 10, 1),
        Breaker(
            (
                Step(10, 13 * _HOUR, 45 * _MINUTE),
                Step(10, 14 * _HOUR + 30 * _MINUTE, 15 * _MINUTE),
                Step(10, _MIDNIGHT, 0),
                Step(15, 13 * _HOUR, 105 * _MINUTE),
                Step(15, 14 * _HOUR, 45 * _MINUTE),
                Step(15, _MIDNIGHT, None),
                Step(20, _MIDNIGHT, None),
            ),
            15 * _MINUTE,
        ),
        "SEBI CIR/MRD/DP/25/2013 of 3 September 2013; market_rules.md 1",
    ),
)
"""The rule since it counts from the previous day's close and reopens with an auction."""

# A level is reached when the index is within half a paisa of it: published values are rounded.
_TOLERANCE: Final = 0.005


def halt_at(last: float, previous_close: float, second: int, day: date) -> Halt | None:
    """Return the halt that an index at ``last`` points means, None when it means none.

    ``second`` is the time of day in India at which it was reached. The highest level reached
    decides. Raises ``FileError`` for a day before the rule.
    """
    rule = in_force(BREAKER, day, "market-wide circuit breaker")
    moved = abs(last - previous_close)
    reached = [
        step.level_pct
        for step in rule.steps
        if moved + _TOLERANCE >= previous_close * step.level_pct / 100
    ]
    if not reached:
        return None
    level = max(reached)
    step = next(s for s in rule.steps if s.level_pct == level and second < s.before_s)
    if step.halt_s == 0:
        return None
    lasts = None if step.halt_s is None else step.halt_s + rule.auction_s
    return Halt(level, lasts)
