"""Dice: the same draws for ever, independent streams, the moments they promise."""

from __future__ import annotations

import pytest

from brokers.exchange.dice import Dice


def test_a_stream_is_the_same_on_every_machine_and_python() -> None:
    dice = Dice(7, "spot")
    assert [dice.uniform() for _ in range(3)] == [
        0.3382960038741434,
        0.1198163092309571,
        0.450353465440541,
    ]
    assert [dice.normal() for _ in range(3)] == [
        0.6058759960753903,
        0.6017378063327126,
        1.9139022472355265,
    ]
    assert [dice.below(100) for _ in range(6)] == [26, 28, 58, 2, 80, 44]


def test_streams_of_another_seed_or_purpose_are_others() -> None:
    draws = {
        tuple(dice.uniform() for _ in range(4))
        for dice in (Dice(7, "spot"), Dice(7, "pace"), Dice(8, "spot"))
    }
    assert len(draws) == 3


def test_draws_have_the_moments_they_promise() -> None:
    dice, count = Dice(3, "moments"), 20_000
    normals = [dice.normal() for _ in range(count)]
    assert sum(normals) / count == pytest.approx(0.0, abs=0.03)
    assert sum(x * x for x in normals) / count == pytest.approx(1.0, abs=0.03)
    assert max(map(abs, normals)) < 6.0
    assert sum(dice.exponential(4.0) for _ in range(count)) / count == pytest.approx(4.0, rel=0.05)
    assert sum(dice.geometric(9.0) for _ in range(count)) / count == pytest.approx(9.0, rel=0.05)
    assert sum(dice.chance(0.3) for _ in range(count)) / count == pytest.approx(0.3, abs=0.02)
    assert {dice.below(3) for _ in range(100)} == {0, 1, 2}
    assert all(2.0 <= dice.uniform(2.0, 5.0) < 5.0 for _ in range(100))
