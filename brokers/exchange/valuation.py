"""What a contract is worth at a moment and how lively it is then: an index future, an option."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from brokers.exchange import activity
from brokers.exchange.smile import deviations
from brokers.exchange.underlying import Surface, Underlying
from engine.model.instrument import Right
from engine.rules import black76
from engine.rules.clock_time import NS_PER_S

_FAIR_DECIMALS: Final = 6
_LEAST_YEARS: Final = 1e-7

_FUTURE_RANGE: Final = 0.10
_FUTURE_OPEN_INTEREST_LOTS: Final = 265_000
_OPTION_RANGE: Final = 0.05
_OPTION_OPEN_INTEREST_LOTS: Final = 82_000
_NEXT_EXPIRY_SHARE: Final = 0.12


class Figures(NamedTuple):
    """What is fixed before the open. Prices in rupees, not yet on the grid; interest in lots."""

    previous_close: float
    upper_circuit: float
    lower_circuit: float
    year_high: float
    year_low: float
    open_interest_lots: int


class Valuation(Protocol):
    """Prices one contract."""

    def figures(self) -> Figures:
        """Return what is fixed before the open."""

    def at(self, now: int) -> tuple[float, activity.Liveliness]:
        """Return the fair value (rupees) at ``now`` (ns, UTC), and how lively it is."""


class FutureValuation:
    """A future stands at its forward."""

    def __init__(self, underlying: Underlying, expires: int) -> None:
        self._underlying = underlying
        self._expires = expires

    def figures(self) -> Figures:
        """Return yesterday's forward, and a range of ten percent around it."""
        close = self._underlying.previous_forward(self._expires)
        return Figures(
            previous_close=close,
            upper_circuit=close * (1.0 + _FUTURE_RANGE),
            lower_circuit=close * (1.0 - _FUTURE_RANGE),
            year_high=close * 1.083,
            year_low=close * 0.871,
            open_interest_lots=_FUTURE_OPEN_INTEREST_LOTS,
        )

    def at(self, now: int) -> tuple[float, activity.Liveliness]:
        """Return the forward."""
        wide = activity.width((now - self._underlying.opens) / NS_PER_S)
        return (
            round(self._underlying.forward(now, self._expires), _FAIR_DECIMALS),
            activity.future_liveliness(wide),
        )


class OptionValuation:
    """An option is worth what Black-76 says on its expiry's forward and the smile's volatility."""

    def __init__(
        self,
        underlying: Underlying,
        surface: Surface,
        right: Right,
        strike: float,
        *,
        is_nearest: bool,
    ) -> None:
        self._underlying = underlying
        self._surface = surface
        self._right = right
        self._strike = strike
        self._is_nearest = is_nearest

    def figures(self) -> Figures:
        """Return yesterday's value at today's opening volatility, and what follows from it."""
        surface, strike = self._surface, self._strike
        forward = self._underlying.previous_forward(surface.expires)
        years = black76.years_between(self._underlying.yesterday, surface.expires)
        level = surface.level(self._underlying.opens)
        vol = surface.smile.vol(level, forward, strike, years)
        close = black76.price(self._right, forward, strike, years, vol)
        away = deviations(level, forward, strike, years)
        out = away if self._right is Right.CALL else -away
        # Most is held a standard deviation out of the money, and at round strikes.
        crowd = 1.0 / (1.0 + (out - 0.9) ** 2)
        round_strike = 2.2 if strike % 500 == 0 else 1.2 if strike % 100 == 0 else 0.6
        share = 1.0 if self._is_nearest else _NEXT_EXPIRY_SHARE
        return Figures(
            previous_close=close,
            upper_circuit=close + _OPTION_RANGE * forward,
            lower_circuit=0.05,
            year_high=2.0 * close + 0.012 * forward,
            year_low=0.0,
            open_interest_lots=int(_OPTION_OPEN_INTEREST_LOTS * crowd * round_strike * share),
        )

    def at(self, now: int) -> tuple[float, activity.Liveliness]:
        """Return the premium."""
        surface, strike = self._surface, self._strike
        forward = self._underlying.forward(now, surface.expires)
        years = max(black76.years_between(now, surface.expires), _LEAST_YEARS)
        level = surface.level(now)
        vol = surface.smile.vol(level, forward, strike, years)
        fair = round(black76.price(self._right, forward, strike, years, vol), _FAIR_DECIMALS)
        return fair, activity.option_liveliness(
            self._right,
            deviations(level, forward, strike, years),
            fair,
            is_nearest=self._is_nearest,
            wide=activity.width((now - self._underlying.opens) / NS_PER_S),
        )
