"""Black's model of an option on a forward (Black, 1976): price, greeks and implied volatility.

Index options of the Indian exchanges are European and settle in cash, so the forward is all that
the spot, the dividends and the rate have to say about them, but for the discount of the premium.

Units, everywhere in this file: ``forward``, ``strike`` and premiums in rupees a unit; ``years`` is
the time to expiry in years of 365 days; ``vol`` is annualised (0.13 means 13 %); ``discount`` is
what one rupee at expiry is worth today (1.0 leaves interest out, which over the days of a weekly
option is worth less than a tick).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from engine.model.instrument import Right

NANOSECONDS_PER_YEAR: Final = 365 * 86_400 * 1_000_000_000

LOWEST_VOL: Final = 1e-4
HIGHEST_VOL: Final = 10.0

_ROOT_2: Final = math.sqrt(2.0)
_ROOT_2_PI: Final = math.sqrt(2.0 * math.pi)
_MAX_STEPS: Final = 100
_VOL_TOLERANCE: Final = 1e-12


class Greeks(NamedTuple):
    """How a premium answers to its inputs.

    ``delta``: rupees a rupee of forward. ``gamma``: delta a rupee of forward. ``vega``: rupees per
    1.00 of volatility (divide by 100 for a point). ``theta``: rupees a year, negative for what
    time takes (divide by 365 for a day).
    """

    delta: float
    gamma: float
    vega: float
    theta: float


def years_between(now: int, expiry: int) -> float:
    """Return the time from ``now`` to ``expiry`` (both ns since the epoch, UTC) in years.

    Never below zero: what has expired has no time left.
    """
    return max(expiry - now, 0) / NANOSECONDS_PER_YEAR


def price(
    right: Right, forward: float, strike: float, years: float, vol: float, discount: float = 1.0
) -> float:
    """Return the premium. Without time or volatility it is the discounted intrinsic value.

    Raises ``ValueError`` unless forward, strike and discount are above zero and the rest is not
    negative.
    """
    _check(forward, strike, years, vol, discount)
    if years == 0.0 or vol == 0.0:
        return discount * intrinsic(right, forward, strike)
    width = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / width + width / 2.0
    d2 = d1 - width
    if right is Right.CALL:
        undiscounted = forward * _cumulative(d1) - strike * _cumulative(d2)
    else:
        undiscounted = strike * _cumulative(-d2) - forward * _cumulative(-d1)
    # Two nearly equal products may leave a rounding error below nothing.
    return discount * max(undiscounted, 0.0)


def intrinsic(right: Right, forward: float, strike: float) -> float:
    """Return what the option would pay if the forward stayed where it is."""
    gain = forward - strike if right is Right.CALL else strike - forward
    return max(gain, 0.0)


def delta(
    right: Right, forward: float, strike: float, years: float, vol: float, discount: float = 1.0
) -> float:
    """Return rupees of premium a rupee of forward: 0 to 1 for a call, -1 to 0 for a put.

    Without time or volatility it is what the intrinsic value says, and half way at the money.
    Raises ``ValueError`` as ``price`` does.
    """
    _check(forward, strike, years, vol, discount)
    if years == 0.0 or vol == 0.0:
        above = 0.5 if forward == strike else float(forward > strike)
    else:
        width = vol * math.sqrt(years)
        above = _cumulative(math.log(forward / strike) / width + width / 2.0)
    return discount * (above if right is Right.CALL else above - 1.0)


def greeks(
    right: Right, forward: float, strike: float, years: float, vol: float, discount: float = 1.0
) -> Greeks:
    """Return delta, gamma, vega and theta (units: see ``Greeks``).

    The rate that theta needs is the one that ``discount`` implies. Raises ``ValueError`` as
    ``price`` does, and when there is no time or no volatility left: the greeks then have no limit.
    """
    _check(forward, strike, years, vol, discount)
    if years == 0.0 or vol == 0.0:
        raise ValueError(f"no greeks without time and volatility (years {years}, vol {vol})")
    root = math.sqrt(years)
    width = vol * root
    d1 = math.log(forward / strike) / width + width / 2.0
    density = discount * math.exp(-d1 * d1 / 2.0) / _ROOT_2_PI
    rate = -math.log(discount) / years
    premium = price(right, forward, strike, years, vol, discount)
    above = _cumulative(d1)
    return Greeks(
        delta=discount * (above if right is Right.CALL else above - 1.0),
        gamma=density / (forward * width),
        vega=forward * density * root,
        theta=rate * premium - forward * density * vol / (2.0 * root),
    )


def vega(forward: float, strike: float, years: float, vol: float, discount: float = 1.0) -> float:
    """Return rupees of premium per 1.00 of volatility; a call and a put have the same."""
    return greeks(Right.CALL, forward, strike, years, vol, discount).vega


def theta(
    right: Right, forward: float, strike: float, years: float, vol: float, discount: float = 1.0
) -> float:
    """Return rupees of premium a year, negative for what time takes."""
    return greeks(right, forward, strike, years, vol, discount).theta


def implied_vol(
    right: Right,
    forward: float,
    strike: float,
    years: float,
    premium: float,
    discount: float = 1.0,
) -> float | None:
    """Return the volatility at which ``price`` gives ``premium``.

    None when no volatility between ``LOWEST_VOL`` and ``HIGHEST_VOL`` does: a premium at or below
    intrinsic value (a stale last price of a deep option, say), one that the forward itself does
    not reach, or no time left. Raises ``ValueError`` as ``price`` does.

    Newton's steps on the out-of-the-money side (by parity, so that a deep option does not drown in
    its intrinsic value), from the volatility of steepest vega (Manaster and Koehler, 1982), inside
    a bracket that halves whenever a step leaves it.
    """
    _check(forward, strike, years, 0.0, discount)
    if years == 0.0 or not math.isfinite(premium):
        return None
    side = Right.PUT if forward > strike else Right.CALL
    wanted = premium / discount
    if side is not right:
        wanted -= intrinsic(right, forward, strike)
    low, high = LOWEST_VOL, HIGHEST_VOL
    if wanted <= price(side, forward, strike, years, low) or wanted <= 0.0:
        return None
    if wanted >= price(side, forward, strike, years, high):
        return None
    root = math.sqrt(years)
    moneyness = abs(math.log(forward / strike))
    guess = math.sqrt(2.0 * moneyness / years)
    if not low < guess < high:
        guess = min(max(wanted * _ROOT_2_PI / (forward * root), 2.0 * low), high / 2.0)
    for _ in range(_MAX_STEPS):
        miss = price(side, forward, strike, years, guess) - wanted
        if miss == 0.0:
            return guess
        if miss > 0.0:
            high = guess
        else:
            low = guess
        slope = vega(forward, strike, years, guess)
        following = guess - miss / slope if slope > 0.0 else low
        if not low < following < high:
            following = (low + high) / 2.0
        if abs(following - guess) <= _VOL_TOLERANCE:
            return following
        guess = following
    return guess


def _cumulative(x: float) -> float:
    # erfc keeps its digits far in the tail, where 1 + erf has none left.
    return 0.5 * math.erfc(-x / _ROOT_2)


def _check(forward: float, strike: float, years: float, vol: float, discount: float) -> None:
    if not (0.0 < forward < math.inf and 0.0 < strike < math.inf and 0.0 < discount < math.inf):
        raise ValueError(
            f"forward {forward}, strike {strike} and discount {discount} must be above zero"
        )
    if not (0.0 <= years < math.inf and 0.0 <= vol < math.inf):
        raise ValueError(f"years {years} and vol {vol} must not be negative")
