"""What every contract of a synthetic session is priced from: index, forwards and volatilities."""

from __future__ import annotations

from datetime import date
from typing import Final

from brokers.exchange.dice import Dice
from brokers.exchange.listings import MarketTerms
from brokers.exchange.smile import Smile, SmileTerms
from brokers.exchange.spot_process import NoiseProcess, SpotProcess
from engine.model.instrument import Segment
from engine.rules import black76
from engine.rules.contracts import expiry_ns
from engine.rules.sessions import Sessions

_BASIS_DEVIATION: Final = 1.6
_BASIS_HALF_LIFE_S: Final = 25.0
_VOL_DEVIATION: Final = 0.0022
_VOL_HALF_LIFE_S: Final = 420.0
_GAP_DEVIATION: Final = 0.0022


class Underlying:
    """The index through the day, and what it means for forwards. Levels are in points."""

    def __init__(self, terms: MarketTerms, sessions: Sessions) -> None:
        opens, closes = sessions.continuous(Segment.NSE_FO, terms.trading_date)
        self.opens = opens
        self.opened_at = terms.spot
        self._carry = terms.carry
        self._spot = SpotProcess(terms.seed, terms.spot, terms.annual_vol, closes - opens)
        self._basis = NoiseProcess(Dice(terms.seed, "basis"), _BASIS_DEVIATION, _BASIS_HALF_LIFE_S)
        before = sessions.previous_trading_day(Segment.NSE_FO, terms.trading_date)
        self.yesterday = sessions.continuous(Segment.NSE_FO, before)[1]
        self.previous_close = terms.spot / (1.0 + _GAP_DEVIATION * Dice(terms.seed, "gap").normal())

    def spot(self, at: int) -> float:
        """Return the index at ``at`` (ns, UTC; not before the open)."""
        return self._spot.at(at - self.opens)

    def forward(self, at: int, expires: int) -> float:
        """Return the forward for ``expires`` (ns) at ``at``.

        All forwards share one noise, that of the future: who prices options looks there.
        """
        years = black76.years_between(at, expires)
        return self.spot(at) * (1.0 + self._carry * years) + self._basis.at(at - self.opens)

    def previous_forward(self, expires: int) -> float:
        """Return the forward for ``expires`` at yesterday's close."""
        years = black76.years_between(self.yesterday, expires)
        return self.previous_close * (1.0 + self._carry * years)


class Surface:
    """The volatilities of one expiry."""

    def __init__(
        self,
        underlying: Underlying,
        terms: SmileTerms,
        expiry: date,
        sessions: Sessions,
        seed: int,
    ) -> None:
        self.smile = Smile(terms)
        self.expires = expiry_ns(expiry, sessions)
        self._underlying = underlying
        self._noise = NoiseProcess(
            Dice(seed, f"volatility {expiry.isoformat()}"), _VOL_DEVIATION, _VOL_HALF_LIFE_S
        )

    def level(self, at: int) -> float:
        """Return the volatility at the money at ``at`` (ns, UTC)."""
        since = at - self._underlying.opens
        moved = self._underlying.spot(at) / self._underlying.opened_at - 1.0
        return self.smile.level(moved, since, self._noise.at(since))
