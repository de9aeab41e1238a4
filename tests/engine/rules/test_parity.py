"""The forward of a chain: exact where prices are, and not led astray by a stale one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Right
from engine.rules import black76
from engine.rules.parity import STRIKES, Pair, parity_forward


def chain(
    forward: float,
    *,
    vol: float = 0.13,
    years: float = 0.02,
    discount: float = 1.0,
    spread: float | None = None,
) -> list[Pair]:
    return [
        Pair(
            float(strike),
            black76.price(Right.CALL, forward, strike, years, vol, discount),
            black76.price(Right.PUT, forward, strike, years, vol, discount),
            spread,
        )
        for strike in range(23_000, 25_650, 50)
    ]


@given(
    st.floats(23_500.0, 25_000.0), st.sampled_from([1.0, 0.998]), st.sampled_from([24_200.0, None])
)
def test_exact_prices_give_the_exact_forward(
    forward: float, discount: float, near: float | None
) -> None:
    pairs = chain(forward, discount=discount)
    found = parity_forward(pairs, near, discount)
    assert found is not None
    assert found.price == pytest.approx(forward, abs=1e-7)
    assert found.strikes == STRIKES


@pytest.mark.parametrize("stale", [0, 1, 2])
def test_stale_prices_of_a_minority_change_nothing(stale: int) -> None:
    pairs = chain(24_310.0)
    middle = next(n for n, pair in enumerate(pairs) if pair.strike == 24_300)
    for n in range(stale):
        place = middle + n
        pairs[place] = pairs[place]._replace(call=pairs[place].call + 90.0)
    found = parity_forward(pairs, 24_300.0)
    assert found is not None
    assert found.price == pytest.approx(24_310.0, abs=1e-7)


def test_the_strikes_are_those_about_the_forward_and_not_about_the_spot() -> None:
    # A monthly forward lies some strikes above the spot; prices far from it are of no use.
    pairs = [
        pair if abs(pair.strike - 24_700) <= 200 else pair._replace(call=pair.call + 3.0)
        for pair in chain(24_700.0)
    ]
    found = parity_forward(pairs, 24_400.0)
    assert found is not None
    assert found.price == pytest.approx(24_700.0, abs=1e-7)


def test_a_narrow_quote_weighs_more_than_a_wide_one() -> None:
    pairs = [Pair(24_300.0, 160.0, 150.0, 0.1), Pair(24_350.0, 130.0, 190.0, 8.0),
             Pair(24_400.0, 110.0, 230.0, 8.0)]  # fmt: skip
    found = parity_forward(pairs, 24_300.0)
    assert found is not None
    assert found.price == 24_310.0


def test_quotes_on_both_sides_are_heard_before_last_prices() -> None:
    quoted = [pair for pair in chain(24_310.0, spread=0.5) if pair.strike in (24200, 24300, 24400)]
    last = [pair for pair in chain(24_350.0) if pair.strike in (24_250, 24_350)]
    found = parity_forward([*quoted, *last], 24_300.0)
    assert found is not None
    assert (found.price, found.strikes) == (pytest.approx(24_310.0), 3)
    two = parity_forward([*quoted[:2], *last], 24_300.0)
    assert two is not None
    assert two.strikes == 4


def test_an_even_number_of_equal_weights_is_met_in_the_middle() -> None:
    found = parity_forward([Pair(100.0, 6.0, 4.0, None), Pair(110.0, 2.0, 8.0, None)], 100.0)
    assert found is not None
    assert found.price == 103.0


def test_without_a_pair_there_is_no_forward() -> None:
    assert parity_forward([], 24_300.0) is None
    assert parity_forward([], None) is None
