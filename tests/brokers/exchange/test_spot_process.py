"""The index path: its volatility over the day, its size, and what a seed fixes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from brokers.exchange.dice import Dice
from brokers.exchange.spot_process import (
    STEP_NS,
    TRADING_DAYS_PER_YEAR,
    NoiseProcess,
    SpotProcess,
    volatility_shape,
)

SESSION_NS = 385 * 60 * 10**9
MINUTE_NS = 60 * 10**9


def returns(process: SpotProcess, first_minute: int, last_minute: int) -> list[float]:
    levels = [process.at(m * MINUTE_NS) for m in range(first_minute, last_minute + 1)]
    return [b / a - 1.0 for a, b in pairwise(levels)]


def test_volatility_is_highest_at_the_open_lowest_towards_noon_and_rises_to_the_close() -> None:
    shape = [volatility_shape(minute, 385.0) for minute in (0, 15, 60, 150, 250, 340, 385)]
    assert shape[0] > shape[1] > shape[2] > shape[3]
    assert shape[4] < shape[5] < shape[6] < shape[0]


def test_the_path_has_that_shape_and_the_volatility_asked_for() -> None:
    opening, noon, whole = 0.0, 0.0, 0.0
    seeds = range(12)
    for seed in seeds:
        process = SpotProcess(seed, 24_300.0, 0.13, SESSION_NS)
        opening += sum(r * r for r in returns(process, 0, 20)) / 20
        noon += sum(r * r for r in returns(process, 140, 240)) / 100
        whole += sum(r * r for r in returns(process, 0, 385))
    assert opening > 3.0 * noon
    # Trends come on top of the shocks, hence the room above.
    realised = math.sqrt(whole / len(seeds) * TRADING_DAYS_PER_YEAR)
    assert realised == pytest.approx(0.13, rel=0.15)


def test_a_seed_is_one_path_and_another_seed_another() -> None:
    one, same, other = (SpotProcess(seed, 24_300.0, 0.13, SESSION_NS) for seed in (1, 1, 2))
    times = range(0, SESSION_NS, 97 * STEP_NS)
    assert [one.at(t) for t in times] == [same.at(t) for t in times]
    assert [one.at(t) for t in times] != [other.at(t) for t in times]
    assert one.at(0) == 24_300.0


def test_the_path_ends_where_the_session_ends() -> None:
    process = SpotProcess(1, 24_300.0, 0.13, SESSION_NS)
    assert process.at(SESSION_NS) == process.at(SESSION_NS + MINUTE_NS)


def test_noise_comes_back_to_zero_and_does_not_depend_on_who_asks() -> None:
    often, once = (NoiseProcess(Dice(1, "noise"), 2.0, 30.0) for _ in range(2))
    seen = [often.at(s * 10**9) for s in range(20_000)]
    assert once.at(19_999 * 10**9) == seen[-1]
    assert once.at(5 * 10**9) == seen[5]
    deviation = math.sqrt(sum(x * x for x in seen) / len(seen))
    assert deviation == pytest.approx(2.0, rel=0.2)
    assert sum(seen) / len(seen) == pytest.approx(0.0, abs=0.4)
