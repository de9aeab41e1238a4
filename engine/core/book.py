"""The newest market state of every instrument, by its index."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.model.market import Depth, Tick


class Quote(NamedTuple):
    """What an instrument is worth, rupees: ``spread`` is None where it is only a last price."""

    price: float
    spread: float | None


class Book:
    """Newest ticks and depth. ``ticks`` is a plain list because the kernel writes it per tick."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.ticks: list[Tick | None] = [None] * len(catalogue)
        self.depths: list[Depth | None] = [None] * len(catalogue)

    def last(self, instrument: Instrument) -> float | None:
        """Return the last price, or None before the first tick with one."""
        tick = self.ticks[instrument.index]
        return None if tick is None else _price(tick.last)

    def touch(self, instrument: Instrument) -> tuple[float | None, float | None]:
        """Return (bid, ask); absent sides, and a crossed pair, are None."""
        tick = self.ticks[instrument.index]
        if tick is None:
            return None, None
        bid, ask = tick.bid, tick.ask
        if bid is not None and ask is not None and 0 < bid < ask < math.inf:
            return bid, ask
        bid, ask = _price(bid), _price(ask)
        if bid is not None and ask is not None:
            return None, None
        return bid, ask

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the mid and the width of the quotes, else the last price, else None."""
        # The way of touch and last in one: whole chains are read through here.
        tick = self.ticks[instrument.index]
        if tick is None:
            return None
        bid, ask = tick.bid, tick.ask
        if bid is not None and ask is not None and 0 < bid < ask < math.inf:
            return Quote((bid + ask) / 2, ask - bid)
        last = _price(tick.last)
        return None if last is None else Quote(last, None)

    def fair(self, instrument: Instrument) -> float | None:
        """Return the mid, else the last price, else None: what a decision is measured against."""
        tick = self.ticks[instrument.index]
        if tick is None:
            return None
        bid, ask = tick.bid, tick.ask
        if bid is not None and ask is not None and 0 < bid < ask < math.inf:
            return (bid + ask) / 2
        return _price(tick.last)


def _price(seen: float | None) -> float | None:
    """Return what was seen if it is a price at all: zero, NaN and infinity are how feeds err."""
    return seen if seen is not None and 0 < seen < math.inf else None
