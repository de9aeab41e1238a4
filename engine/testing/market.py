"""The harness's market: one expiry around a spot, priced by Black-76, quoted a tick either side."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Depth, Level, Tick
from engine.rules import black76
from engine.rules.sessions import Sessions

EXPIRY = date(2026, 8, 25)
STRIKE_STEP = 50
STRIKES_EACH_SIDE = 15
LEVEL_QUANTITY = 6_500
"""Units at each level of every book, and what a moved price has traded."""


class Quote(NamedTuple):
    """What an instrument shows: last price, best bid and best ask, rupees."""

    last: float
    bid: float
    ask: float


def nifty_chain(
    spot: float = 24_300.0, expiry: date = EXPIRY, underlying: str = "NIFTY"
) -> Catalogue:
    """Return a catalogue: an index, its future, and options of one expiry around ``spot``."""
    middle = round(spot / STRIKE_STEP) * STRIKE_STEP
    facts = [
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying=underlying),
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.FUTURE,
            underlying=underlying,
            expiry=expiry,
            lot_size=65,
            tick_size=Decimal("0.10"),
            freeze_quantity=1800,
        ),
    ]
    facts += [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying=underlying,
            expiry=expiry,
            strike=Decimal(middle + offset * STRIKE_STEP),
            right=right,
            lot_size=65,
            tick_size=Decimal("0.05"),
            freeze_quantity=1800,
        )
        for offset in range(-STRIKES_EACH_SIDE, STRIKES_EACH_SIDE + 1)
        for right in (Right.CALL, Right.PUT)
    ]
    return Catalogue.of(facts)


class Frames:
    """Reads the harness's own frames: the number of a tick."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.depths: list[Depth | None] = []

    def add(self, tick: Tick, depth: Depth | None) -> bytes:
        """Keep a tick and its book; return the frame they are read from."""
        self.ticks.append(tick)
        self.depths.append(depth)
        return (len(self.ticks) - 1).to_bytes(8, "little")

    def tick(self, frame: bytes, received_at: int) -> Tick | None:  # noqa: ARG002 - the port's form
        """Return the tick of a frame."""
        return self.ticks[int.from_bytes(frame, "little")]

    def depth(self, frame: bytes, received_at: int) -> Depth | None:  # noqa: ARG002 - the same
        """Return the book of a frame."""
        return self.depths[int.from_bytes(frame, "little")]


class Market:
    """Every quote there is, and the ticks and books they make."""

    def __init__(self, catalogue: Catalogue, sessions: Sessions) -> None:
        self._catalogue = catalogue
        self._sessions = sessions
        self._volume: dict[Instrument, int] = {}
        self.volatility = 0.13
        self.quotes: dict[Instrument, Quote] = {}

    def move(self, underlying: str, spot: float, now: int) -> list[Instrument]:
        """Quote everything on ``underlying`` around ``spot``; return what has moved."""
        moved = [i for i in self._catalogue if i.underlying == underlying]
        if not moved:
            known = ", ".join(self._catalogue.underlyings())
            raise FileError(f"this harness's catalogue has no {underlying!r}; it has {known}")
        for instrument in moved:
            self.quotes[instrument] = around(instrument, self._fair(instrument, spot, now))
        return moved

    def show(self, instrument: Instrument, traded: int, now: int) -> tuple[Tick, Depth | None]:
        """Return the tick and the book of a quote, ``traded`` units after the one before."""
        last, bid, ask = self.quotes[instrument]
        tick = Tick(
            instrument,
            "test",
            last,
            now,
            now,
            open=last,
            high=last,
            low=last,
            previous_close=last,
        )
        if not instrument.is_tradable:
            return tick, None
        volume = self._volume.get(instrument, 0) + traded
        self._volume[instrument] = volume
        tick = msgspec.structs.replace(
            tick,
            last_qty=traded,
            volume=volume,
            average_price=last,
            bid=bid,
            ask=ask,
            bid_qty=LEVEL_QUANTITY,
            ask_qty=LEVEL_QUANTITY,
        )
        step = float(instrument.tick_size)
        bids = [bid - i * step for i in range(5) if bid - i * step > step / 2]
        depth = Depth(
            instrument,
            "test",
            tuple(Level(round(price, 2), LEVEL_QUANTITY, 5) for price in bids),
            tuple(Level(round(ask + i * step, 2), LEVEL_QUANTITY, 5) for i in range(5)),
            None,
            None,
            now,
            now,
        )
        return tick, depth

    def _fair(self, instrument: Instrument, spot: float, now: int) -> float:
        if instrument.right is None or instrument.strike is None or instrument.expiry is None:
            return spot
        _, close = self._sessions.continuous(instrument.segment, instrument.expiry)
        return black76.price(
            instrument.right,
            spot,
            float(instrument.strike),
            black76.years_between(now, close),
            self.volatility,
        )


def around(instrument: Instrument, fair: float) -> Quote:
    """Return (last, bid, ask) one tick around a fair price, on the grid."""
    if not instrument.is_tradable:
        return Quote(fair, fair, fair)
    tick = float(instrument.tick_size)
    ticks = max(round(fair / tick), 2)
    return Quote(round(ticks * tick, 2), round((ticks - 1) * tick, 2), round((ticks + 1) * tick, 2))
