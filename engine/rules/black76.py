"""Black's model of an option on a forward (Black, 1976): price, greeks and implied volatility.

Index options of the Indian exchanges are European and settle in cash, so the forward is all that
the spot, the dividends and the rate have to say about them, but for the discount of the premium.
This file is one option at a time; ``engine.rules.black76_arrays`` is the same for a whole chain.

Units, everywhere in this file: ``forward``, ``strike`` and premiums in rupees a unit; ``years`` is
the time to expiry in years of 365 days; ``vol`` is annualised (0.13 means 13 %); ``discount`` is
what one rupee at expiry is worth today (1.0 leaves interest out, which over the days of a weekly
option is worth less than a tick).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Final, NamedTuple

from engine.model.instrument import Right

NANOSECONDS_PER_YEAR: Final = 365 * 86_400 * 1_000_000_000
DAYS_PER_YEAR: Final = 365.0
PERCENT: Final = 100.0

LOWEST_VOL: Final = 1e-4
HIGHEST_VOL: Final = 10.0
MOST_STEPS: Final = 100
"""Four or five do for anything a market shows; halving alone would need about sixty."""
LAST_STEP: Final = 1e-4
"""Share of the volatility: after a step as small, the next would be lost in rounding."""
LEAST_WANTED: Final = 1e-250
"""Share of forward and strike: nothing cheaper is a premium, and doubles run out of digits."""
LOG_NEAR_LIMIT: Final = math.log(0.25)
"""From this share of its limit on, the price itself is solved for."""
NOISE: Final = 2.0**-49
"""Share of a premium in the money that is rounding, not time value."""

_ROOT_2: Final = math.sqrt(2.0)
_ROOT_2_PI: Final = math.sqrt(2.0 * math.pi)
_LOG_ROOT_2_PI: Final = math.log(_ROOT_2_PI)


def _cumulative(x: float) -> float:
    # erfc keeps its digits far in the tail, where 1 + erf has none left.
    return 0.5 * math.erfc(-x / _ROOT_2)


def _bachelier_table() -> tuple[list[float], list[float]]:
    """Return ln(b / -x) rising, and ln(s / b): Bachelier's scaled price at z = -x / s.

    b / s = density(z) - z * cumulative(-z), for z from 38, where it underflows, to 0.001.
    """
    log_ratios, log_widths = [], []
    for step in range(_BACHELIER_STEPS + 1):
        z = _BACHELIER_FAR * (_BACHELIER_NEAR / _BACHELIER_FAR) ** (step / _BACHELIER_STEPS)
        share = math.exp(-z * z / 2.0) / _ROOT_2_PI - z * _cumulative(-z)
        log_ratios.append(math.log(share / z))
        log_widths.append(-math.log(share))
    return log_ratios, log_widths


_BACHELIER_STEPS: Final = 2000
_BACHELIER_FAR: Final = 36.0
_BACHELIER_NEAR: Final = 1e-3
BACHELIER_LOG_RATIOS, BACHELIER_LOG_WIDTHS = _bachelier_table()


class Greeks(NamedTuple):
    """How the premium of one unit answers to its inputs, in the units traders read.

    ``delta``: rupees a rupee of forward. ``gamma``: delta a rupee of forward. ``vega``: rupees a
    point of volatility (13 % to 14 %). ``theta``: rupees a calendar day, negative for what time
    takes. ``rho``: rupees a point of interest (6 % to 7 %), the forward standing still.
    """

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


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
    width = vol * math.sqrt(years)
    if width == 0.0:
        return discount * intrinsic(right, forward, strike)
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
    width = vol * math.sqrt(years)
    if width == 0.0:
        above = 0.5 if forward == strike else float(forward > strike)
    else:
        above = _cumulative(math.log(forward / strike) / width + width / 2.0)
    return discount * (above if right is Right.CALL else above - 1.0)


def greeks(
    right: Right, forward: float, strike: float, years: float, vol: float, discount: float = 1.0
) -> Greeks:
    """Return the greeks of one unit (units: see ``Greeks``).

    The rate that theta needs is the one that ``discount`` implies. Raises ``ValueError`` as
    ``price`` does, and when there is no time or no volatility left: the greeks then have no limit.
    """
    _check(forward, strike, years, vol, discount)
    root = math.sqrt(years)
    width = vol * root
    if width == 0.0:
        raise ValueError(f"no greeks without time and volatility (years {years}, vol {vol})")
    d1 = math.log(forward / strike) / width + width / 2.0
    density = discount * math.exp(-d1 * d1 / 2.0) / _ROOT_2_PI
    rate = -math.log(discount) / years
    if right is Right.CALL:
        above = _cumulative(d1)
        premium = forward * above - strike * _cumulative(d1 - width)
    else:
        above = -_cumulative(-d1)
        premium = forward * above + strike * _cumulative(width - d1)
    premium = discount * max(premium, 0.0)
    return Greeks(
        delta=discount * above,
        gamma=density / (forward * width),
        vega=forward * density * root / PERCENT,
        theta=(rate * premium - forward * density * vol / (2.0 * root)) / DAYS_PER_YEAR,
        rho=-years * premium / PERCENT,
    )


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

    The out-of-the-money side is solved (by parity, so that a deep option does not drown in its
    intrinsic value), divided by the root of forward times strike. Bachelier's model, whose
    volatility is a function of one ratio and so a look-up, gives the first guess; Householder's
    steps of third order refine it, on the reciprocal of the price's logarithm, which is nearly
    straight in the variance, or on the price itself where that is near its limit (the two halves
    of Jaeckel, "Let's be rational", 2015, section 3). A step that leaves the bracket is replaced
    by half of it.
    """
    _check(forward, strike, years, 0.0, discount)
    if years == 0.0 or not math.isfinite(premium):
        return None
    wanted = premium / discount
    inside = intrinsic(right, forward, strike)
    time_value = wanted - inside
    if time_value <= NOISE * inside or time_value >= min(forward, strike):
        return None
    # x <= 0: how far out of the money; b: the price wanted, b_max its limit, both scaled.
    x = -abs(math.log(forward / strike))
    wanted = time_value / math.sqrt(forward * strike)
    if wanted < LEAST_WANTED:
        return None
    root = math.sqrt(years)
    vol = _scaled_vol(x, wanted) / root
    return vol if LOWEST_VOL < vol < HIGHEST_VOL else None


def _scaled_vol(x: float, wanted: float) -> float:
    """Return the s of ``_scaled_price(x, s) == wanted``, nan if no step was the last."""
    log_wanted = math.log(wanted)
    s = wanted * math.exp(_bachelier(log_wanted - math.log(-x)) if x else _LOG_ROOT_2_PI)
    is_low = log_wanted < x / 2.0 + LOG_NEAR_LIMIT
    low, high = 0.0, math.inf
    for _ in range(MOST_STEPS):
        found = _scaled_price(x, s)
        if found > wanted:
            high = s
        else:
            low = s
        step = _step(found, s, x, wanted, log_wanted, is_low=is_low)
        if abs(step) <= LAST_STEP * s:
            return s + step
        s += step
        if not low < s < high:
            s = 2.0 * low if high == math.inf else (low + high) / 2.0
    return math.nan


def _bachelier(log_ratio: float) -> float:
    """Return ln(s / b) where Bachelier's scaled price b is ``exp(log_ratio)`` times -x."""
    place = bisect_left(BACHELIER_LOG_RATIOS, log_ratio)
    if place in (0, len(BACHELIER_LOG_RATIOS)):
        return BACHELIER_LOG_WIDTHS[min(place, len(BACHELIER_LOG_RATIOS) - 1)]
    left, right = BACHELIER_LOG_RATIOS[place - 1], BACHELIER_LOG_RATIOS[place]
    share = (log_ratio - left) / (right - left)
    below, above = BACHELIER_LOG_WIDTHS[place - 1], BACHELIER_LOG_WIDTHS[place]
    return below + share * (above - below)


def _step(b: float, s: float, x: float, wanted: float, log_wanted: float, *, is_low: bool) -> float:
    """Return Householder's step of third order; nan where the price has no figure left there."""
    h, t = x / s, s / 2.0
    slope = math.exp(-(h * h + t * t) / 2.0) / _ROOT_2_PI
    if b <= 0.0 or slope == 0.0:
        return math.nan
    # Logarithmic derivatives of the slope.
    a = x * x / s**3 - s / 4.0
    bend = -3.0 * x * x / s**4 - 0.25
    if is_low:
        u, du = math.log(b), slope / b
        newton = u * (log_wanted - u) / (log_wanted * du)
        ddu = du * (a - du)
        second = a - du - 2.0 * du / u
        third = second * second + bend - ddu - 2.0 * (ddu / u - (du / u) ** 2)
    else:
        newton = (wanted - b) / slope
        second = a
        third = a * a + bend
    below = 1.0 + newton * second + newton * newton * third / 6.0
    if below <= 0.0:
        return newton
    return newton * (1.0 + newton * second / 2.0) / below


def _scaled_price(x: float, s: float) -> float:
    h, t = x / s, s / 2.0
    found = math.exp(x / 2.0) * _cumulative(h + t) - math.exp(-x / 2.0) * _cumulative(h - t)
    return max(found, 0.0)


def _check(forward: float, strike: float, years: float, vol: float, discount: float) -> None:
    if not (0.0 < forward < math.inf and 0.0 < strike < math.inf and 0.0 < discount < math.inf):
        raise ValueError(
            f"forward {forward}, strike {strike} and discount {discount} must be above zero"
        )
    if not (0.0 <= years < math.inf and 0.0 <= vol < math.inf):
        raise ValueError(f"years {years} and vol {vol} must not be negative")
