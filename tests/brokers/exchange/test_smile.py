"""The smile: dearer puts, dearer wings, and a level that leans against the index."""

from __future__ import annotations

import pytest

from brokers.exchange.smile import Smile, SmileTerms, deviations
from engine.model.instrument import Right
from engine.rules import black76

FORWARD, YEARS, LEVEL = 24_300.0, 1.3 / 365.0, 0.125
SMILE = Smile(SmileTerms())


def at(away: float) -> float:
    """Volatility ``away`` standard deviations above the forward."""
    strike = FORWARD * 2.718281828 ** (away * LEVEL * YEARS**0.5)
    assert deviations(LEVEL, FORWARD, strike, YEARS) == pytest.approx(away, abs=1e-6)
    return SMILE.vol(LEVEL, FORWARD, strike, YEARS)


def test_at_the_money_the_volatility_is_the_level() -> None:
    assert at(0.0) == pytest.approx(LEVEL)


def test_puts_are_dearer_than_calls_as_far_away_and_wings_than_the_middle() -> None:
    for away in (0.5, 1.0, 2.0, 3.0):
        assert at(-away) > at(away)
    assert at(-3.0) > at(-2.0) > at(-1.0) > at(0.0)
    assert at(3.5) > at(2.5) > at(1.0)


def test_far_wings_go_on_straight_and_end_at_twelve_deviations() -> None:
    assert at(9.0) - at(8.0) == pytest.approx(at(8.0) - at(7.0), rel=0.05)
    assert at(-12.5) == at(-14.0)
    assert at(12.5) == at(14.0)


def test_the_level_rises_when_the_index_falls_and_fades_after_the_open() -> None:
    minute = 60 * 10**9
    assert SMILE.level(-0.01, 0, 0.0) > SMILE.level(0.0, 0, 0.0) > SMILE.level(0.01, 0, 0.0)
    assert SMILE.level(0.0, 0, 0.0) > SMILE.level(0.0, 30 * minute, 0.0)
    assert SMILE.level(0.0, 300 * minute, 0.001) == pytest.approx(0.126, abs=1e-6)
    assert SMILE.level(0.5, 0, -0.5) > 0.0


def test_a_higher_strike_never_makes_a_call_dearer_or_a_put_cheaper() -> None:
    strikes = [23_300.0 + 50.0 * step for step in range(41)]
    vols = [SMILE.vol(LEVEL, FORWARD, strike, YEARS) for strike in strikes]
    pairs = list(zip(strikes, vols, strict=True))
    calls = [black76.price(Right.CALL, FORWARD, k, YEARS, v) for k, v in pairs]
    puts = [black76.price(Right.PUT, FORWARD, k, YEARS, v) for k, v in pairs]
    assert calls == sorted(calls, reverse=True)
    assert puts == sorted(puts)
    # No butterfly costs less than nothing.
    for left, middle, right in zip(calls, calls[1:], calls[2:], strict=False):
        assert left - 2.0 * middle + right > -1e-9
