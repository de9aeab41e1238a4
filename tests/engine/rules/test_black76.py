"""Black's model: known values, parity, finite differences, and volatility there and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Right
from engine.rules import black76

RIGHTS = (Right.CALL, Right.PUT)
forwards = st.floats(1_000.0, 90_000.0)
moneyness = st.floats(0.85, 1.15)
years = st.floats(1.0 / 365.0 / 24.0, 1.5)
vols = st.floats(0.05, 1.2)


def test_at_the_money_a_call_is_worth_what_the_closed_form_says() -> None:
    # F (2 N(s/2) - 1) with s = 0.2: N(0.1) = 0.539827837277029 (tables of the normal integral).
    assert black76.price(Right.CALL, 100.0, 100.0, 1.0, 0.2) == pytest.approx(
        100.0 * (2.0 * 0.539827837277029 - 1.0), rel=1e-12
    )


def test_a_published_example_is_reproduced() -> None:
    # Hull, Options, Futures and Other Derivatives, "Valuing a futures option": crude oil put,
    # F 20, K 20, r 9 %, vol 25 %, 4 months: 1.12.
    premium = black76.price(Right.PUT, 20.0, 20.0, 4.0 / 12.0, 0.25, math.exp(-0.09 * 4.0 / 12.0))
    assert premium == pytest.approx(1.12, abs=0.005)


@given(forwards, moneyness, years, vols, st.floats(0.9, 1.0))
def test_call_less_put_is_the_discounted_forward_less_strike(
    forward: float, m: float, t: float, vol: float, discount: float
) -> None:
    strike = forward * m
    call = black76.price(Right.CALL, forward, strike, t, vol, discount)
    put = black76.price(Right.PUT, forward, strike, t, vol, discount)
    assert call - put == pytest.approx(discount * (forward - strike), abs=1e-9 * forward)


@given(forwards, moneyness, years, vols, st.sampled_from(RIGHTS))
def test_a_premium_lies_between_intrinsic_value_and_what_it_can_pay_at_most(
    forward: float, m: float, t: float, vol: float, right: Right
) -> None:
    strike = forward * m
    premium = black76.price(right, forward, strike, t, vol)
    most = forward if right is Right.CALL else strike
    assert black76.intrinsic(right, forward, strike) - 1e-9 * forward <= premium <= most


@given(forwards, moneyness, years, vols, st.sampled_from(RIGHTS))
def test_the_volatility_of_a_premium_is_the_one_that_made_it(
    forward: float, m: float, t: float, vol: float, right: Right
) -> None:
    strike = forward * m
    premium = black76.price(right, forward, strike, t, vol)
    found = black76.implied_vol(right, forward, strike, t, premium)
    time_value = premium - black76.intrinsic(right, forward, strike)
    if time_value < 1e-6:
        return  # nothing is left to infer a volatility from
    assert found is not None
    assert black76.price(right, forward, strike, t, found) == pytest.approx(premium, abs=1e-6)


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("strike", [23_500.0, 24_000.0, 24_300.0, 24_600.0, 25_500.0])
def test_implied_volatility_is_sharp_near_the_money(right: Right, strike: float) -> None:
    t = 1.3 / 365.0
    vol = 0.125 + (strike - 24_300.0) ** 2 * 1e-8
    premium = black76.price(right, 24_310.0, strike, t, vol, 0.9998)
    found = black76.implied_vol(right, 24_310.0, strike, t, premium, 0.9998)
    if premium - 0.9998 * black76.intrinsic(right, 24_310.0, strike) > 0.01:
        assert found == pytest.approx(vol, abs=1e-7)


@pytest.mark.parametrize(
    ("premium", "why"),
    [
        (100.0, "exactly intrinsic"),
        (99.0, "below intrinsic"),
        (0.0, "nothing"),
        (-1.0, "negative"),
        (24_100.0, "the forward itself"),
        (50_000.0, "above the forward"),
        (math.nan, "no number"),
        (math.inf, "no number"),
    ],
)
def test_a_premium_without_a_volatility_has_none(premium: float, why: str) -> None:
    assert black76.implied_vol(Right.CALL, 24_100.0, 24_000.0, 0.01, premium) is None, why


def test_without_time_there_is_no_volatility_and_the_price_is_intrinsic() -> None:
    assert black76.implied_vol(Right.CALL, 105.0, 100.0, 0.0, 5.0) is None
    assert black76.price(Right.CALL, 105.0, 100.0, 0.0, 0.2) == 5.0
    assert black76.price(Right.PUT, 105.0, 100.0, 1.0, 0.0) == 0.0
    assert black76.delta(Right.CALL, 105.0, 100.0, 0.0, 0.2) == 1.0
    assert black76.delta(Right.PUT, 105.0, 100.0, 0.0, 0.2) == 0.0
    assert black76.delta(Right.PUT, 100.0, 100.0, 0.0, 0.2) == -0.5
    with pytest.raises(ValueError, match="no greeks without time"):
        black76.greeks(Right.CALL, 105.0, 100.0, 0.0, 0.2)


@given(moneyness, st.floats(0.01, 1.0), st.floats(0.08, 0.8), st.sampled_from(RIGHTS))
def test_the_greeks_are_the_slopes_of_the_price(
    m: float, t: float, vol: float, right: Right
) -> None:
    forward, rate = 100.0, 0.06
    strike = forward * m

    def worth(f: float = forward, years_: float = t, v: float = vol) -> float:
        return black76.price(right, f, strike, years_, v, math.exp(-rate * years_))

    found = black76.greeks(right, forward, strike, t, vol, math.exp(-rate * t))
    h = 1e-3
    assert found.delta == pytest.approx(
        (worth(f=forward + h) - worth(f=forward - h)) / 2 / h, abs=1e-5
    )
    assert found.delta == black76.delta(right, forward, strike, t, vol, math.exp(-rate * t))
    bend = (worth(f=forward + 0.05) - 2 * worth() + worth(f=forward - 0.05)) / 0.05**2
    assert found.gamma == pytest.approx(bend, rel=2e-2, abs=1e-4)
    assert found.vega == pytest.approx(
        (worth(v=vol + 1e-5) - worth(v=vol - 1e-5)) / 2e-5, rel=1e-4, abs=1e-4
    )
    assert found.theta == pytest.approx(
        -(worth(years_=t + 1e-6) - worth(years_=t - 1e-6)) / 2e-6, rel=1e-4, abs=1e-4
    )


def test_call_and_put_share_their_vega_and_theta_has_its_own_sign() -> None:
    assert black76.vega(24_300.0, 24_300.0, 0.0035, 0.125) == pytest.approx(
        24_300.0 / math.sqrt(2 * math.pi) * math.sqrt(0.0035), rel=1e-4
    )
    assert black76.theta(Right.CALL, 24_300.0, 24_300.0, 0.0035, 0.125) < 0.0


@given(forwards, st.floats(0.9, 1.09), years, vols)
def test_deltas_fall_as_the_strike_rises(forward: float, m: float, t: float, vol: float) -> None:
    for right in RIGHTS:
        near = black76.delta(right, forward, forward * m, t, vol)
        far = black76.delta(right, forward, forward * (m + 0.01), t, vol)
        assert far <= near


@pytest.mark.parametrize(
    "wrong",
    [
        (0.0, 100.0, 1.0, 0.2, 1.0),
        (100.0, -1.0, 1.0, 0.2, 1.0),
        (100.0, 100.0, -1.0, 0.2, 1.0),
        (100.0, 100.0, 1.0, -0.2, 1.0),
        (100.0, 100.0, 1.0, 0.2, 0.0),
        (math.nan, 100.0, 1.0, 0.2, 1.0),
        (100.0, math.inf, 1.0, 0.2, 1.0),
        (100.0, 100.0, 1.0, math.nan, 1.0),
    ],
)
def test_nonsense_is_refused(wrong: tuple[float, float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        black76.price(Right.CALL, *wrong)
    with pytest.raises(ValueError, match="must"):
        black76.delta(Right.CALL, *wrong)


def test_years_are_of_365_days_and_never_negative() -> None:
    day = 86_400 * 10**9
    assert black76.years_between(0, 365 * day) == 1.0
    assert black76.years_between(day, 0) == 0.0
