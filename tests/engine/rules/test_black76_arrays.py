"""The arrays say what the scalar says, option by option, and nan where that says None."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Right
from engine.rules import black76, black76_arrays

RIGHTS = (Right.CALL, Right.PUT)

option = st.tuples(
    st.sampled_from(RIGHTS),
    st.floats(100.0, 90_000.0),
    st.floats(0.5, 2.0),
    st.sampled_from([0.0, 1e-5, 0.003, 0.02, 0.3, 2.0]),
    st.floats(-0.5, 1.2),
    st.sampled_from([1.0, 0.97]),
)


@given(st.lists(option, min_size=1, max_size=30))
def test_each_place_is_what_the_scalar_finds(
    options: list[tuple[Right, float, float, float, float, float]],
) -> None:
    calls = [right is Right.CALL for right, *_ in options]
    forwards = [forward for _, forward, *_ in options]
    strikes = [forward * m for _, forward, m, *_ in options]
    years = [t for *_, t, _, _ in options]
    # From below intrinsic value to above any limit.
    premiums = [
        black76.intrinsic(right, forward, forward * m) + share * share * share * forward
        for right, forward, m, _, share, _ in options
    ]
    discounts = [d for *_, d in options]
    found = black76_arrays.greeks_of_premiums(calls, forwards, strikes, years, premiums, discounts)
    for place, (right, *_) in enumerate(options):
        terms = (right, forwards[place], strikes[place], years[place])
        vol = black76.implied_vol(*terms, premiums[place], discounts[place])
        figures = [float(column[place]) for column in found]
        if vol is None:
            assert all(math.isnan(figure) for figure in figures), (options[place], figures)
            continue
        wanted = black76.greeks(*terms, vol, discounts[place])
        assert figures[0] == pytest.approx(vol, rel=1e-9)
        for name, figure, expected in zip(wanted._fields, figures[1:], wanted, strict=True):
            assert figure == pytest.approx(expected, rel=1e-6, abs=1e-9 * forwards[place]), name


@given(st.lists(option, min_size=1, max_size=10), st.floats(0.0, 3.0))
def test_prices_are_what_the_scalar_finds(
    options: list[tuple[Right, float, float, float, float, float]], vol: float
) -> None:
    for right, forward, m, t, _, discount in options:
        wanted = black76.price(right, forward, forward * m, t, vol, discount)
        found = black76_arrays.price(right is Right.CALL, forward, [forward * m], t, vol, discount)
        assert found[0] == pytest.approx(wanted, rel=1e-9, abs=1e-11 * forward)


def test_numbers_spread_over_arrays_and_shapes_are_kept() -> None:
    strikes = np.arange(23_000.0, 25_600.0, 200.0).reshape(1, 13)
    calls = np.array([[True], [False]])
    prices = black76_arrays.price(calls, 24_300.0, strikes, 0.02, 0.13)
    assert prices.shape == (2, 13)
    vols = black76_arrays.implied_vol(calls, 24_300.0, strikes, 0.02, prices)
    assert np.allclose(vols, 0.13, rtol=1e-9)
    greeks = black76_arrays.greeks(calls, 24_300.0, strikes, 0.02, vols)
    assert greeks.delta.shape == (2, 13)
    assert np.allclose(greeks.delta[0] - greeks.delta[1], 1.0)
    assert np.allclose(greeks.gamma[0], greeks.gamma[1], rtol=1e-9)


BAD = [math.nan, math.inf, -math.inf, 0.0, -1.0]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("bad", BAD)
def test_a_bad_input_is_nan_in_its_place_alone(place: int, bad: float) -> None:
    good = (24_300.0, 24_400.0, 0.02, 120.0, 1.0)
    columns = [[value, value] for value in good]
    columns[place][1] = bad
    found = black76_arrays.greeks_of_premiums([True, True], *columns)
    for column in found:
        assert not math.isnan(column[0])
        assert math.isnan(column[1])


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("bad", BAD)
def test_greeks_and_prices_of_bad_inputs_are_nan(place: int, bad: float) -> None:
    inputs = [24_300.0, 24_400.0, 0.02, 0.13, 1.0]
    inputs[place] = bad
    assert all(math.isnan(c) for c in black76_arrays.greeks(True, *inputs))
    is_limit = bad == 0.0 and place in (2, 3)
    assert math.isnan(black76_arrays.price(True, *inputs)) != is_limit


def test_nothing_asked_is_nothing_answered() -> None:
    found = black76_arrays.greeks_of_premiums([], 24_300.0, [], 0.02, [])
    assert [column.size for column in found] == [0] * 6


def test_arrays_handed_in_are_left_as_they_are() -> None:
    strikes = np.array([24_000.0, 24_300.0, 24_600.0])
    premiums = np.array([340.0, 150.0, math.nan])
    vols = np.array([0.13, 0.0, 0.13])
    black76_arrays.greeks_of_premiums(True, 24_300.0, strikes, 0.02, premiums)
    black76_arrays.greeks(True, 24_300.0, strikes, 0.02, vols)
    assert strikes.tolist() == [24_000.0, 24_300.0, 24_600.0]
    assert premiums[:2].tolist() == [340.0, 150.0]
    assert vols.tolist() == [0.13, 0.0, 0.13]
