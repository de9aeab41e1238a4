"""Black-76 over whole chains: price, implied volatility and greeks of arrays of options.

The same mathematics and the same units as ``engine.rules.black76``, option by option to the last
few digits; arguments may be arrays of one shape or numbers that hold for all (numpy's
broadcasting). Where there is no answer the place holds nan, never a figure: see each function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.rules.black76 import (
    BACHELIER_LOG_RATIOS,
    BACHELIER_LOG_WIDTHS,
    DAYS_PER_YEAR,
    HIGHEST_VOL,
    LAST_STEP,
    LEAST_WANTED,
    LOG_NEAR_LIMIT,
    LOWEST_VOL,
    MOST_STEPS,
    NOISE,
    PERCENT,
)

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Step: TypeAlias = Callable[[Floats, Floats, Floats, Floats, Floats], Floats]

_ROOT_HALF: Final = math.sqrt(0.5)
_PER_ROOT_2_PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
_LOG_RATIOS: Final = np.array(BACHELIER_LOG_RATIOS)
_LOG_WIDTHS: Final = np.array(BACHELIER_LOG_WIDTHS)


class GreekArrays(NamedTuple):
    """Implied volatility and greeks, one place an option; units: ``engine.rules.black76.Greeks``.

    ``iv`` is annualised (0.13 means 13 %). A place is nan in all fields or in none.
    """

    iv: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats


def price(
    is_call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Return premiums in rupees a unit; without time or volatility the discounted intrinsic value.

    nan where an input is nan, infinite or below zero, or forward, strike or discount is zero.
    """
    shape, (c, f, k, t, v, d) = _together(is_call, forward, strike, years, vol, discount)
    good = _above_zero(f, k, d) & _not_negative(t, v)
    sign = np.where(c != 0.0, 1.0, -1.0)
    with np.errstate(all="ignore"):
        width = v * np.sqrt(t)
        d1 = np.log(f / k) / width + width / 2.0
        worth = sign * (f * _cumulative(sign * d1) - k * _cumulative(sign * (d1 - width)))
        worth = np.where(width > 0.0, worth, sign * (f - k))
        return np.where(good, d * np.maximum(worth, 0.0), np.nan).reshape(shape)


def implied_vol(
    is_call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    premium: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Return annualised volatilities at which ``price`` gives ``premium``.

    nan where ``engine.rules.black76.implied_vol`` returns None (a premium at or below intrinsic
    value, or not below the forward or the strike; no time left; a volatility outside of
    ``LOWEST_VOL`` to ``HIGHEST_VOL``) and where an input is no number to compute with.
    """
    shape, (c, f, k, t, p, d) = _together(is_call, forward, strike, years, premium, discount)
    with np.errstate(all="ignore"):
        return _implied_vol(c, f, k, t, p, d).reshape(shape)


def greeks(
    is_call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    discount: ArrayLike = 1.0,
) -> GreekArrays:
    """Return the greeks at known volatilities.

    nan where an input is nan, infinite or below zero, and where there is no time or no volatility.
    """
    shape, (c, f, k, t, v, d) = _together(is_call, forward, strike, years, vol, discount)
    with np.errstate(all="ignore"):
        found = _greeks(c, f, k, t, v, d)
    return GreekArrays(*(column.reshape(shape) for column in found))


def greeks_of_premiums(
    is_call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    premium: ArrayLike,
    discount: ArrayLike = 1.0,
) -> GreekArrays:
    """Return implied volatilities and the greeks at them; nan where ``implied_vol`` has none."""
    shape, (c, f, k, t, p, d) = _together(is_call, forward, strike, years, premium, discount)
    with np.errstate(all="ignore"):
        found = _greeks(c, f, k, t, _implied_vol(c, f, k, t, p, d), d)
    return GreekArrays(*(column.reshape(shape) for column in found))


def _greeks(c: Floats, f: Floats, k: Floats, t: Floats, v: Floats, d: Floats) -> GreekArrays:
    sign = np.where(c != 0.0, 1.0, -1.0)
    root = np.sqrt(t)
    width = v * root
    d1 = np.log(f / k) / width + width / 2.0
    density = d * np.exp(-0.5 * d1 * d1) * _PER_ROOT_2_PI
    above = sign * _cumulative(sign * d1)
    worth = f * above - sign * k * _cumulative(sign * (d1 - width))
    premium = d * np.maximum(worth, 0.0)
    theta = (-np.log(d) / t * premium - f * density * v / (2.0 * root)) / DAYS_PER_YEAR
    bad = ~(_above_zero(f, k, d) & _above_zero(t, v, width))
    columns = (
        v.copy(),
        d * above,
        density / (f * width),
        f * density * root / PERCENT,
        theta,
        -t * premium / PERCENT,
    )
    for column in columns:
        column[bad] = np.nan
    return GreekArrays(*columns)


def _implied_vol(c: Floats, f: Floats, k: Floats, t: Floats, p: Floats, d: Floats) -> Floats:
    """See ``engine.rules.black76.implied_vol``, whose steps these are."""
    gain = np.where(c != 0.0, f - k, k - f)
    inside = np.maximum(gain, 0.0)
    time_value = p / d - inside
    answerable = (
        _above_zero(f, k, d, t)
        & np.isfinite(p)
        & (time_value > NOISE * inside)
        & (time_value < np.minimum(f, k))
    )
    wanted = time_value / np.sqrt(f * k)
    places = np.flatnonzero(answerable & (wanted >= LEAST_WANTED))
    found = np.full(f.size, np.nan)
    if not places.size:
        return found
    f, k = f[places], k[places]
    x = -np.abs(np.log(f / k))
    vol = _scaled_vol(x, wanted[places]) / np.sqrt(t[places])
    found[places] = np.where((vol > LOWEST_VOL) & (vol < HIGHEST_VOL), vol, np.nan)
    return found


def _scaled_vol(x: Floats, wanted: Floats) -> Floats:
    log_wanted = np.log(wanted)
    s: Floats = wanted * np.exp(np.interp(log_wanted - np.log(-x), _LOG_RATIOS, _LOG_WIDTHS))
    is_low = log_wanted < 0.5 * x + LOG_NEAR_LIMIT
    if is_low.all():
        return _solved(x, wanted, log_wanted, s, _step_low)
    for places, step in ((is_low, _step_low), (~is_low, _step_high)):
        if places.any():
            s[places] = _solved(x[places], wanted[places], log_wanted[places], s[places], step)
    return s


def _solved(x: Floats, wanted: Floats, log_wanted: Floats, s: Floats, step_at: Step) -> Floats:
    """Return s, refined in place until each has taken its last step; nan where none was."""
    up, down = np.exp(0.5 * x), np.exp(-0.5 * x)
    low, high = np.zeros(s.size), np.full(s.size, np.inf)
    live: Any = slice(None)
    for _ in range(MOST_STEPS):
        here, at, target = x[live], s[live], wanted[live]
        b = _scaled_price(here, at, up[live], down[live])
        is_above = b > target
        bottom = low[live] = np.where(is_above, low[live], at)
        top = high[live] = np.where(is_above, at, high[live])
        step = step_at(b, at, here, target, log_wanted[live])
        is_last = np.abs(step) <= LAST_STEP * at
        following = at + step
        if is_last.all():
            s[live] = following
            break
        halved = np.where(np.isinf(top), 2.0 * bottom, 0.5 * (bottom + top))
        stays = is_last | ((bottom < following) & (following < top))
        s[live] = np.where(stays, following, halved)
        live = np.flatnonzero(~is_last) if isinstance(live, slice) else live[~is_last]
    else:
        s[live] = np.nan
    return s


def _step_low(b: Floats, s: Floats, x: Floats, wanted: Floats, log_wanted: Floats) -> Floats:
    """Return Householder's step on 1 / ln(b); nan where the price has no figure left there."""
    del wanted
    h2, quarter = (x / s) ** 2, 0.25 * s
    a = h2 / s - quarter
    u = np.log(b)
    du = np.exp(-0.5 * (h2 + quarter * s)) * _PER_ROOT_2_PI / b
    ratio = du / u
    ddu = du * (a - du)
    second = a - du - 2.0 * ratio
    third = second * second - 3.0 * h2 / (s * s) - 0.25 - ddu - 2.0 * (ddu / u - ratio * ratio)
    return _third_order((log_wanted - u) / (log_wanted * ratio), second, third)


def _step_high(b: Floats, s: Floats, x: Floats, wanted: Floats, log_wanted: Floats) -> Floats:
    """Return Householder's step on b."""
    del log_wanted
    h2, quarter = (x / s) ** 2, 0.25 * s
    a = h2 / s - quarter
    slope = np.exp(-0.5 * (h2 + quarter * s)) * _PER_ROOT_2_PI
    return _third_order((wanted - b) / slope, a, a * a - 3.0 * h2 / (s * s) - 0.25)


def _third_order(newton: Floats, second: Floats, third: Floats) -> Floats:
    bent = newton * second
    below = 1.0 + bent + newton * newton * third / 6.0
    return np.where(below > 0.0, newton * (1.0 + 0.5 * bent) / below, newton)


def _scaled_price(x: Floats, s: Floats, up: Floats, down: Floats) -> Floats:
    h, t = x / s, 0.5 * s
    both = _cumulative(np.concatenate((h + t, h - t)))
    return np.maximum(up * both[: x.size] - down * both[x.size :], 0.0)


def _cumulative(x: Floats) -> Floats:
    # numpy has no erfc. The one of the standard library keeps its digits far in the tail, and for
    # the few hundred options of a chain is as quick as a rational approximation in arrays.
    scaled = (x * -_ROOT_HALF).tolist()
    return 0.5 * np.fromiter(map(math.erfc, scaled), np.float64, len(scaled))


def _together(*values: ArrayLike) -> tuple[tuple[int, ...], list[Floats]]:
    """Return the common shape, and every value as a flat array of floats of it."""
    spread = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
    return spread[0].shape, [array.ravel() for array in spread]


def _above_zero(*arrays: Floats) -> Flags:
    return _all((array > 0.0) & (array < math.inf) for array in arrays)


def _not_negative(*arrays: Floats) -> Flags:
    return _all((array >= 0.0) & (array < math.inf) for array in arrays)


def _all(tests: Iterable[Flags]) -> Flags:
    together: Flags = np.logical_and.reduce(list(tests))
    return together
