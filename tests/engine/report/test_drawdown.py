"""The deepest fall of a running profit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.drawdown import Drawdown, DrawdownWatch

S = 1_000_000_000


def watched(*profits: float) -> Drawdown:
    watch = DrawdownWatch(0)
    for second, profit in enumerate(profits, start=1):
        watch.see(profit, second * S)
    return watch.worst()


def test_a_day_that_only_rises_has_no_fall() -> None:
    found = watched(0, 10, 10, 25)
    assert found == Drawdown(fall_inr=0.0)
    assert found.lasted_s(4 * S) is None


def test_the_first_high_is_nothing_earned() -> None:
    found = watched(-40, -100, -60)
    assert (found.fall_inr, found.high_at, found.low_at) == (100.0, 0, 2 * S)
    assert found.recovered_at is None
    assert found.lasted_s(9 * S) == 9.0


def test_a_recovered_fall_lasted_until_profit_was_back_at_its_high() -> None:
    found = watched(100, 30, 60, 100, 90)
    assert found == Drawdown(fall_inr=70.0, high_at=S, low_at=2 * S, recovered_at=4 * S)
    assert found.lasted_s(9 * S) == 3.0


def test_a_smaller_fall_later_changes_nothing_and_a_deeper_one_takes_its_place() -> None:
    assert watched(100, 30, 120, 80).low_at == 2 * S
    deeper = watched(100, 30, 120, 20, 10)
    assert (deeper.fall_inr, deeper.high_at, deeper.low_at) == (110.0, 3 * S, 5 * S)
    assert deeper.recovered_at is None


def test_the_noise_of_floats_is_no_fall() -> None:
    assert watched(0.3, 0.1 + 0.2 - 1e-13).fall_inr == 0.0


@given(st.lists(st.integers(-1000, 1000), max_size=40))
def test_it_is_the_largest_difference_of_a_profit_and_any_before_it(profits: list[int]) -> None:
    known = [0, *profits]
    deepest = max((known[i] - known[j] for j in range(len(known)) for i in range(j + 1)), default=0)
    assert watched(*profits).fall_inr == pytest.approx(deepest)
