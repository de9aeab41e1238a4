"""A contract with a five-paise tick, and frames and reports in a form a table can hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from brokers.exchange.view import MarketView
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment

Rungs = list[tuple[int, int]]


@pytest.fixture
def option() -> Instrument:
    facts = InstrumentFacts(
        segment=Segment.NSE_FO,
        kind=Kind.OPTION,
        underlying="NIFTY",
        expiry=date(2026, 8, 25),
        strike=Decimal(24000),
        right=Right.CALL,
        lot_size=5,
        freeze_quantity=1800,
    )
    return Catalogue().intern(facts)


@pytest.fixture
def market() -> Callable[..., MarketView]:
    """Make a frame: levels as (ticks, units), best first; ``book=False`` for a frame without."""

    def make(
        at: int = 0,
        last: int | None = 1000,
        volume: int | None = 0,
        bids: Rungs | None = None,
        asks: Rungs | None = None,
        *,
        book: bool = True,
        **limits: Any,
    ) -> MarketView:
        sides = [tuple(side or ()) for side in (bids, asks)]
        if not book:
            return MarketView(at, last, volume, None, None, **limits)
        return MarketView(at, last, volume, sides[0], sides[1], **limits)

    return make
