"""Black and Scholes' model of an option on a spot price (1973), with Merton's dividend yield.

The forward is ``spot * exp((rate - dividend) * years)``, and everything else is Black-76 on it
(``engine.rules.black76``): prices and implied volatilities are the same, greeks are per rupee of
spot. For options on shares, where the chain is too thin to give a forward of its own.

Units: ``spot``, ``strike`` and premiums in rupees a unit; ``years`` of 365 days; ``vol``, ``rate``
and ``dividend`` annual and continuously compounded (0.065 means 6.5 %).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.model.instrument import Right
from engine.rules import black76
from engine.rules.black76 import DAYS_PER_YEAR, PERCENT, Greeks


class _Terms(NamedTuple):
    forward: float
    discount: float


def price(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    vol: float,
    rate: float,
    dividend: float = 0.0,
) -> float:
    """Return the premium. Raises ``ValueError`` as ``black76.price`` does."""
    terms = _terms(spot, years, rate, dividend)
    return black76.price(right, terms.forward, strike, years, vol, terms.discount)


def implied_vol(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    premium: float,
    rate: float,
    dividend: float = 0.0,
) -> float | None:
    """Return the volatility at which ``price`` gives ``premium``.

    None where ``black76.implied_vol`` returns None; raises ``ValueError`` as that does.
    """
    terms = _terms(spot, years, rate, dividend)
    return black76.implied_vol(right, terms.forward, strike, years, premium, terms.discount)


def greeks(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    vol: float,
    rate: float,
    dividend: float = 0.0,
) -> Greeks:
    """Return the greeks of one unit, in the units of ``black76.Greeks`` but for these.

    ``delta`` and ``gamma``: per rupee of spot. ``theta``: a calendar day, the spot standing still.
    ``rho``: a point of interest, the spot standing still, so that the forward moves. Raises
    ``ValueError`` as ``black76.greeks`` does.
    """
    terms = _terms(spot, years, rate, dividend)
    of_forward = black76.greeks(right, terms.forward, strike, years, vol, terms.discount)
    slope = terms.forward / spot
    drift = (rate - dividend) * terms.forward
    return Greeks(
        delta=of_forward.delta * slope,
        gamma=of_forward.gamma * slope * slope,
        vega=of_forward.vega,
        theta=of_forward.theta - of_forward.delta * drift / DAYS_PER_YEAR,
        rho=of_forward.rho + of_forward.delta * terms.forward * years / PERCENT,
    )


def _terms(spot: float, years: float, rate: float, dividend: float) -> _Terms:
    if not (math.isfinite(rate) and math.isfinite(dividend)):
        raise ValueError(f"rate {rate} and dividend {dividend} must be numbers")
    return _Terms(spot * math.exp((rate - dividend) * years), math.exp(-rate * years))
