"""The words an author asks with: ``buy``, ``sell`` and ``chain``."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from engine.model.chain import ChainSpec
from engine.model.instrument import Instrument
from engine.model.legs import Leg
from engine.model.side import Side


def buy(
    instrument: Instrument,
    lots: int = 1,
    *,
    limit: float | Decimal | None = None,
    trigger: float | Decimal | None = None,
) -> Leg:
    """Return a leg that buys ``lots``; without ``limit`` at the market, chased and bounded."""
    return _leg(Side.BUY, instrument, lots, limit, trigger)


def sell(
    instrument: Instrument,
    lots: int = 1,
    *,
    limit: float | Decimal | None = None,
    trigger: float | Decimal | None = None,
) -> Leg:
    """Return a leg that sells ``lots``; without ``limit`` at the market, chased and bounded."""
    return _leg(Side.SELL, instrument, lots, limit, trigger)


def chain(underlying: str, expiry: str | date = "nearest", *, strikes: int = 10) -> ChainSpec:
    """Say which option chain to watch: ``self.watch(chain("NIFTY", strikes=10))``."""
    return ChainSpec(underlying, expiry, strikes)


def _leg(
    side: Side,
    instrument: Instrument,
    lots: int,
    limit: float | Decimal | None,
    trigger: float | Decimal | None,
) -> Leg:
    if not isinstance(instrument, Instrument):
        raise TypeError(
            f"{side.lower()} takes an instrument, not {instrument!r}; "
            "use self.instrument(...), self.future(...) or self.chain(...)"
        )
    return Leg(instrument=instrument, side=side, lots=lots, limit=limit, trigger=trigger)
