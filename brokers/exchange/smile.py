"""Implied volatilities of one expiry: a level that leans against the index, a skew and a smile.

Puts are dearer than calls the same distance away, both wings are dearer than the middle, and the
whole surface rises when the index falls. Shape parameters are of the author's choosing, in the
range that NIFTY weeklies show; they are no fit to any day.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_DECIMALS: Final = 9
_NS_PER_MINUTE: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SmileTerms:
    """The shape of one expiry's smile.

    ``at_the_money`` is the annualised volatility at the open. ``skew`` and ``curvature`` are the
    relative change of volatility per standard deviation of log-moneyness, and per its square near
    the money.
    ``spot_beta`` is the change of volatility per unit of the index's log return (-1.1: an index
    1 % lower means 1.1 points more). ``open_excess`` fades with ``open_fades_min``.
    """

    at_the_money: float = 0.125
    skew: float = -0.045
    curvature: float = 0.03
    spot_beta: float = -1.1
    open_excess: float = 0.008
    open_fades_min: float = 12.0


NEAREST: Final = SmileTerms()
"""The smile of a weekly expiry that is near."""

FOLLOWING: Final = SmileTerms(at_the_money=0.129, spot_beta=-0.7, open_excess=0.004)
"""That of the expiry after it, which minds the index less."""

# Beyond about three deviations the smile goes on straight: a square would overtake itself, and a
# kink would price a butterfly below nothing.
_STRAIGHT_FROM: Final = 3.0
_LAST_DEVIATION: Final = 12.0
_LOWEST: Final = 0.03


class Smile:
    """Volatility by strike for one expiry."""

    def __init__(self, terms: SmileTerms) -> None:
        self._terms = terms

    def level(self, spot_return: float, since_open_ns: int, noise: float) -> float:
        """Return the at-the-money volatility.

        ``spot_return`` is the index's simple return since the open, ``noise`` what is added.
        """
        terms = self._terms
        fade = math.exp(-since_open_ns / (terms.open_fades_min * _NS_PER_MINUTE))
        level = (
            terms.at_the_money + terms.spot_beta * spot_return + terms.open_excess * fade + noise
        )
        return round(max(level, _LOWEST), _DECIMALS)

    def vol(self, level: float, forward: float, strike: float, years: float) -> float:
        """Return the volatility at ``strike`` when at the money it is ``level``."""
        k = deviations(level, forward, strike, years)
        k = min(max(k, -_LAST_DEVIATION), _LAST_DEVIATION)
        bent = k * k / math.sqrt(1.0 + (k / _STRAIGHT_FROM) ** 2)
        return level * (1.0 + self._terms.skew * k + self._terms.curvature * bent)


def deviations(level: float, forward: float, strike: float, years: float) -> float:
    """Return how far ``strike`` is above ``forward``, in standard deviations to expiry."""
    return math.log(strike / forward) / (level * math.sqrt(years))
