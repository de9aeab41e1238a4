"""Options on a spot price: Hull's examples, and slopes of the price."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Right
from engine.rules import black_scholes

RIGHTS = (Right.CALL, Right.PUT)


def test_hull_s_example_of_the_formula() -> None:
    # Hull, Options, Futures and Other Derivatives, "Black-Scholes-Merton pricing formulas":
    # S 42, K 40, r 10 %, vol 20 %, half a year: call 4.76, put 0.81.
    assert black_scholes.price(Right.CALL, 42, 40, 0.5, 0.2, 0.1) == pytest.approx(4.76, abs=0.005)
    assert black_scholes.price(Right.PUT, 42, 40, 0.5, 0.2, 0.1) == pytest.approx(0.81, abs=0.005)


def test_hull_s_example_of_the_greeks() -> None:
    # Hull, "The Greek letters": S 49, K 50, r 5 %, vol 20 %, 20 weeks (0.3846 years): delta 0.522,
    # gamma 0.066, vega 12.1 and theta -4.31 a year, rho 8.91, all per 1.00.
    found = black_scholes.greeks(Right.CALL, 49, 50, 0.3846, 0.2, 0.05)
    assert found.delta == pytest.approx(0.522, abs=0.0005)
    assert found.gamma == pytest.approx(0.066, abs=0.0005)
    assert found.vega * 100 == pytest.approx(12.1, abs=0.05)
    assert found.theta * 365 == pytest.approx(-4.31, abs=0.005)
    assert found.rho * 100 == pytest.approx(8.91, abs=0.005)


def test_hull_s_example_of_a_dividend_yield() -> None:
    # Hull, "Options on stock indices": S 930, K 900, r 8 %, dividend 3 %, vol 20 %, two months:
    # 51.83.
    found = black_scholes.price(Right.CALL, 930, 900, 2 / 12, 0.2, 0.08, 0.03)
    assert found == pytest.approx(51.83, abs=0.005)


@given(
    st.sampled_from(RIGHTS),
    st.floats(0.85, 1.15),
    st.floats(0.02, 1.0),
    st.floats(0.1, 0.8),
    st.floats(-0.02, 0.1),
    st.floats(0.0, 0.05),
)
def test_the_greeks_are_the_slopes_of_the_price(
    right: Right, m: float, t: float, vol: float, rate: float, dividend: float
) -> None:
    spot, strike = 100.0, 100.0 * m

    def worth(s: float = spot, years: float = t, v: float = vol, r: float = rate) -> float:
        return black_scholes.price(right, s, strike, years, v, r, dividend)

    found = black_scholes.greeks(right, spot, strike, t, vol, rate, dividend)
    assert found.delta == pytest.approx((worth(s=100.001) - worth(s=99.999)) / 0.002, abs=1e-5)
    bend = (worth(s=100.05) - 2 * worth() + worth(s=99.95)) / 0.05**2
    assert found.gamma == pytest.approx(bend, rel=2e-2, abs=1e-4)
    by_point = (worth(v=vol + 1e-5) - worth(v=vol - 1e-5)) / 2e-5 / 100
    assert found.vega == pytest.approx(by_point, rel=1e-4, abs=1e-6)
    by_day = -(worth(years=t + 1e-6) - worth(years=t - 1e-6)) / 2e-6 / 365
    assert found.theta == pytest.approx(by_day, rel=1e-4, abs=1e-6)
    by_rate = (worth(r=rate + 1e-5) - worth(r=rate - 1e-5)) / 2e-5 / 100
    assert found.rho == pytest.approx(by_rate, rel=1e-4, abs=1e-6)


@given(st.sampled_from(RIGHTS), st.floats(0.9, 1.1), st.floats(0.05, 1.0), st.floats(0.1, 1.0))
def test_the_volatility_of_a_premium_is_the_one_that_made_it(
    right: Right, m: float, t: float, vol: float
) -> None:
    premium = black_scholes.price(right, 800.0, 800.0 * m, t, vol, 0.065, 0.01)
    found = black_scholes.implied_vol(right, 800.0, 800.0 * m, t, premium, 0.065, 0.01)
    # Deep in the money the last digit of a premium says no more of it.
    assert found == pytest.approx(vol, rel=1e-8)


def test_call_less_put_is_the_spot_less_the_strike_each_at_its_own_discount() -> None:
    call = black_scholes.price(Right.CALL, 800.0, 820.0, 0.3, 0.25, 0.065, 0.02)
    put = black_scholes.price(Right.PUT, 800.0, 820.0, 0.3, 0.25, 0.065, 0.02)
    parity = 800.0 * math.exp(-0.02 * 0.3) - 820.0 * math.exp(-0.065 * 0.3)
    assert call - put == pytest.approx(parity, abs=1e-10)


def test_below_intrinsic_value_there_is_no_volatility() -> None:
    assert black_scholes.implied_vol(Right.CALL, 800.0, 700.0, 0.1, 99.0, 0.065) is None


@pytest.mark.parametrize("rate", [math.nan, math.inf])
def test_a_rate_that_is_no_number_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="must be numbers"):
        black_scholes.price(Right.CALL, 800.0, 700.0, 0.1, 0.2, rate)
