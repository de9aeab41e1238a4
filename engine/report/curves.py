"""What a session looked like over the day, on one grid of time.

Sampled: a curve has the state at each point of the grid and nothing of between. Fills are exact and
stand in the report's own table.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine.rules.clock_time import NS_PER_S

STEPS_S: Final = (1, 5, 10, 15, 30, 60, 120, 300, 600)
"""Distances between points that a reader knows from charts."""
POINTS_MAX: Final = 800
"""About as many as a wide screen has room for; a full day then has a point every 30 s."""


class ProfitCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Profit of one strategy, or of all, rupees. ``net_inr`` is None where charges are not known.

    ``drawdown_inr`` is how far net (gross, where charges are not known) is below its high: at most
    0.
    """

    strategy: str
    gross_inr: list[float]
    realised_inr: list[float]
    net_inr: list[float] | None
    drawdown_inr: list[float]


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """Market value of what is held, netted by instrument over strategies and accounts, rupees.

    Options count with their premium, futures with their price; ``short_inr`` is 0 or less.
    """

    long_inr: list[float]
    short_inr: list[float]


class GreekCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Greeks of everything held on one underlying; None where one of them is not known.

    ``delta``: rupees a rupee of the underlying's forward. ``gamma``: delta a rupee. ``vega``:
    rupees a point of volatility. ``theta``: rupees a calendar day.
    """

    underlying: str
    delta: list[float | None]
    gamma: list[float | None]
    vega: list[float | None]
    theta: list[float | None]


class PriceCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Last price of one instrument, rupees, None before the first.

    ``is_traded`` is False for an underlying that is there for what is derived from it.
    """

    instrument: str
    symbol: str
    underlying: str
    is_traded: bool
    last: list[float | None]


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """All of them. ``clock_s`` are the points: seconds after midnight in India.

    The last point is the session's end and need not lie on the grid. ``windows`` are the hours of
    continuous trading of what was traded, in the same seconds. ``frames`` counts since the point
    before. ``unpriced_points`` counts points at which something was held that had no price yet and
    counted at cost.
    """

    step_s: int
    midnight_at: int
    clock_s: list[float]
    windows: list[tuple[float, float]]
    total: ProfitCurve
    strategies: tuple[ProfitCurve, ...]
    exposure: Exposure
    greeks: tuple[GreekCurve, ...]
    prices: tuple[PriceCurve, ...]
    frames: list[int]
    unpriced_points: int


def step_for(span_ns: int) -> int:
    """Return the shortest step (s) that covers a time with at most ``POINTS_MAX`` points."""
    for step in STEPS_S:
        if span_ns <= step * POINTS_MAX * NS_PER_S:
            return step
    return STEPS_S[-1]
