"""Black's model: known values, parity, finite differences, and volatility there and back."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

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

    def worth(f: float = forward, years_: float = t, v: float = vol, r: float = rate) -> float:
        return black76.price(right, f, strike, years_, v, math.exp(-r * years_))

    found = black76.greeks(right, forward, strike, t, vol, math.exp(-rate * t))
    h = 1e-3
    assert found.delta == pytest.approx(
        (worth(f=forward + h) - worth(f=forward - h)) / 2 / h, abs=1e-5
    )
    assert found.delta == pytest.approx(
        black76.delta(right, forward, strike, t, vol, math.exp(-rate * t)), rel=1e-12, abs=1e-15
    )
    bend = (worth(f=forward + 0.05) - 2 * worth() + worth(f=forward - 0.05)) / 0.05**2
    assert found.gamma == pytest.approx(bend, rel=2e-2, abs=1e-4)
    # A point of volatility, a calendar day, a point of interest.
    by_point = (worth(v=vol + 1e-5) - worth(v=vol - 1e-5)) / 2e-5 / 100
    assert found.vega == pytest.approx(by_point, rel=1e-4, abs=1e-6)
    by_day = -(worth(years_=t + 1e-6) - worth(years_=t - 1e-6)) / 2e-6 / 365
    assert found.theta == pytest.approx(by_day, rel=1e-4, abs=1e-6)
    by_rate = (worth(r=rate + 1e-5) - worth(r=rate - 1e-5)) / 2e-5 / 100
    assert found.rho == pytest.approx(by_rate, rel=1e-4, abs=1e-7)


def test_vega_at_the_money_is_what_the_closed_form_says_and_call_and_put_share_it() -> None:
    call = black76.greeks(Right.CALL, 24_300.0, 24_300.0, 0.0035, 0.125)
    put = black76.greeks(Right.PUT, 24_300.0, 24_300.0, 0.0035, 0.125)
    assert call.vega == pytest.approx(
        24_300.0 / math.sqrt(2 * math.pi) * math.sqrt(0.0035) / 100, rel=1e-4
    )
    assert (put.vega, put.gamma) == (call.vega, call.gamma)
    assert call.theta < 0.0
    assert call.delta - put.delta == pytest.approx(1.0)


def cumulative(x: Decimal) -> Decimal:
    """The normal integral to some forty digits: Marsaglia's series (2004), in decimals.

    1/2 + density(x) * (x + x^3/3 + x^5/(3*5) + ...).
    """
    term = total = x
    for odd in range(3, 2_000, 2):
        term *= x * x / odd
        total += term
        if abs(term) < Decimal("1e-45"):
            break
    pi = Decimal("3.14159265358979323846264338327950288419716939937510")
    return Decimal("0.5") + (-x * x / 2).exp() / (2 * pi).sqrt() * total


def exact_price(right: Right, forward: float, strike: float, t: float, vol: float) -> Decimal:
    """Black's formula in decimals, from the definition."""
    with localcontext() as context:
        context.prec = 60
        f, k = Decimal(repr(forward)), Decimal(repr(strike))
        width = Decimal(repr(vol)) * Decimal(repr(t)).sqrt()
        d1 = (f / k).ln() / width + width / 2
        sign = 1 if right is Right.CALL else -1
        return sign * (f * cumulative(sign * d1) - k * cumulative(sign * (d1 - width)))


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("strike", [23_000.0, 24_200.0, 24_300.0, 24_310.0, 24_600.0, 26_000.0])
@pytest.mark.parametrize(("t", "vol"), [(0.25 / 365, 0.11), (6.2 / 365, 0.14), (0.25, 0.2)])
def test_price_and_volatility_agree_with_sixty_digits(
    right: Right, strike: float, t: float, vol: float
) -> None:
    exact = exact_price(right, 24_310.0, strike, t, vol)
    found = black76.price(right, 24_310.0, strike, t, vol)
    assert found == pytest.approx(float(exact), rel=1e-11, abs=1e-11)
    time_value = float(exact) - black76.intrinsic(right, 24_310.0, strike)
    if time_value > 0.01:
        back = black76.implied_vol(right, 24_310.0, strike, t, float(exact))
        # A double of a premium in the money holds its time value to some 1e-12 rupees.
        vega = black76.greeks(right, 24_310.0, strike, t, vol).vega * 100
        assert back == pytest.approx(vol, abs=1e-12 + 1e-11 / vega)


@given(
    st.sampled_from(RIGHTS),
    st.floats(math.log(0.3), math.log(3.0)),
    st.floats(math.log(1e-4), math.log(3.0)),
    st.floats(math.log(0.01), math.log(3.0)),
)
def test_wherever_there_is_vega_the_way_there_and_back_ends_where_it_began(
    right: Right, log_moneyness: float, log_years: float, log_vol: float
) -> None:
    forward, t, vol = 24_300.0, math.exp(log_years), math.exp(log_vol)
    strike = forward * math.exp(log_moneyness)
    premium = black76.price(right, forward, strike, t, vol)
    slope = black76.greeks(right, forward, strike, t, vol).vega * 100
    if slope < 1e-3:
        return
    found = black76.implied_vol(right, forward, strike, t, premium)
    # What a rounding of the premium, and of its intrinsic value, can shift.
    slack = 64 * 2.0**-52 * max(premium, forward) / slope
    assert found == pytest.approx(vol, rel=1e-12, abs=slack)


@pytest.mark.parametrize("premium", [1e-3, 1e-9, 1e-30, 1e-200, 1e-245])
def test_a_premium_of_next_to_nothing_still_has_its_volatility(premium: float) -> None:
    found = black76.implied_vol(Right.CALL, 24_300.0, 30_000.0, 0.02, premium)
    assert found is not None
    again = black76.price(Right.CALL, 24_300.0, 30_000.0, 0.02, found)
    assert math.log(again) == pytest.approx(math.log(premium), rel=1e-10)


def test_a_premium_below_any_has_none() -> None:
    assert black76.implied_vol(Right.CALL, 24_300.0, 30_000.0, 0.02, 1e-260) is None
    assert black76.implied_vol(Right.CALL, 24_300.0, 30_000.0, 0.02, 5e-324) is None


def test_a_volatility_outside_of_the_bounds_is_none() -> None:
    nearly_all = black76.price(Right.CALL, 100.0, 100.0, 1.0, 9.0)
    assert black76.implied_vol(Right.CALL, 100.0, 100.0, 1.0, nearly_all) == pytest.approx(9.0)
    above = black76.price(Right.CALL, 100.0, 100.0, 0.25, 12.0)
    assert black76.implied_vol(Right.CALL, 100.0, 100.0, 0.25, above) is None
    below = black76.price(Right.CALL, 100.0, 100.0, 0.25, 5e-5)
    assert black76.implied_vol(Right.CALL, 100.0, 100.0, 0.25, below) is None


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
