"""An index over one session: a seeded path with the volatility shape of an Indian trading day.

Volatility is high at the open, falls into the late morning and rises again before the close; on
top of it the day changes its character every so often, between trends and ranges. The path is made
on a grid of ``STEP_NS`` and is exact in IEEE arithmetic (``dice``), so that a seed means one path.
"""

from __future__ import annotations

import math
from array import array
from typing import Final, NamedTuple

from brokers.exchange.dice import Dice

STEP_NS: Final = 250_000_000
TRADING_DAYS_PER_YEAR: Final = 252

_STEPS_PER_HOUR: Final = 3_600_000_000_000 // STEP_NS
_STEPS_PER_MINUTE: Final = _STEPS_PER_HOUR // 60

_OPEN_EXCESS: Final = 1.2
_OPEN_FADES_MIN: Final = 14.0
_CLOSE_EXCESS: Final = 0.45
_CLOSE_FADES_MIN: Final = 35.0
_QUIET: Final = 0.72

_TREND_SHARE: Final = 0.55
_TREND_PCT_PER_HOUR: Final = (0.25, 0.80)
_REGIME_MIN: Final = (9.0, 32.0)
_PULL_MIN: Final = 7.0


class Regime(NamedTuple):
    """A stretch of the day: a trend has a drift, a range has a level that pulls."""

    steps: int
    drift_per_step: float
    pull_per_step: float


def volatility_shape(minute: float, session_minutes: float) -> float:
    """Return how volatile the market is ``minute`` minutes after the open, before scaling."""
    return (
        _QUIET
        + _OPEN_EXCESS * math.exp(-minute / _OPEN_FADES_MIN)
        + _CLOSE_EXCESS * math.exp(-(session_minutes - minute) / _CLOSE_FADES_MIN)
    )


class SpotProcess:
    """The index level through one session of ``session_ns``, in points.

    ``annual_vol`` is that of 252 trading days (0.13 means 13 %); what the shape gives the open it
    takes from the middle, so that a whole day has that volatility.
    """

    def __init__(self, seed: int, opens_at: float, annual_vol: float, session_ns: int) -> None:
        steps = session_ns // STEP_NS
        minutes = steps / _STEPS_PER_MINUTE
        # Constant within a minute; rounded because it comes out of exp.
        shape = [
            round(volatility_shape(minute + 0.5, minutes), 9)
            for minute in range(math.ceil(minutes))
        ]
        mean_square = sum(s * s for s in shape) / len(shape)
        per_step = annual_vol / math.sqrt(TRADING_DAYS_PER_YEAR * steps * mean_square)
        dice = Dice(seed, "spot")
        mood = Dice(seed, "regime")
        levels = array("d", [opens_at])
        level = anchor = opens_at
        regime = Regime(0, 0.0, 0.0)
        left = 0
        for step in range(steps):
            if left == 0:
                regime = _next_regime(mood)
                left, anchor = regime.steps, level
            left -= 1
            shock = per_step * shape[step // _STEPS_PER_MINUTE] * dice.normal()
            pull = regime.pull_per_step * (anchor / level - 1.0)
            level *= 1.0 + regime.drift_per_step + pull + shock
            levels.append(level)
        self._levels = levels

    def at(self, since_open_ns: int) -> float:
        """Return the level ``since_open_ns`` after the open; the last one beyond the close."""
        step = since_open_ns // STEP_NS
        return self._levels[step if step < len(self._levels) else -1]

    @property
    def opens_at(self) -> float:
        """The first level of the session."""
        return self._levels[0]


class NoiseProcess:
    """A value that wanders around zero and comes back: bases, volatility levels.

    ``deviation`` is its long-run standard deviation, ``half_life_s`` how long a departure takes to
    halve. Advanced on demand, in whole seconds, so that it does not depend on who asks how often.
    """

    def __init__(self, dice: Dice, deviation: float, half_life_s: float) -> None:
        self._dice = dice
        self._keep = round(0.5 ** (1.0 / half_life_s), 12)
        self._kick = deviation * math.sqrt(1.0 - self._keep * self._keep)
        self._values = array("d", [0.0])

    def at(self, since_open_ns: int) -> float:
        """Return the value ``since_open_ns`` after the open."""
        second = since_open_ns // 1_000_000_000
        values = self._values
        while len(values) <= second:
            values.append(values[-1] * self._keep + self._kick * self._dice.normal())
        return values[second]


def _next_regime(mood: Dice) -> Regime:
    steps = int(mood.uniform(*_REGIME_MIN) * _STEPS_PER_MINUTE)
    if mood.chance(_TREND_SHARE):
        direction = 1.0 if mood.chance(0.5) else -1.0
        drift = direction * mood.uniform(*_TREND_PCT_PER_HOUR) / 100.0 / _STEPS_PER_HOUR
        return Regime(steps, drift, 0.0)
    return Regime(steps, 0.0, 1.0 / (_PULL_MIN * _STEPS_PER_MINUTE))
