"""One recorded frame as the exchange sees it: integer ticks and whole units."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.model.instrument import Instrument
from engine.model.market import Depth, Level, Tick

VISIBLE_LEVELS: Final = 5
"""How many levels a side the feeds show (protocols/angelone.md section 3, SnapQuote)."""


Rung = tuple[int, int]
"""One displayed level: price in ticks, quantity in units."""


class MarketView(NamedTuple):
    """The market of one instrument at ``at`` (ns). Prices are ticks; absent is None.

    ``bids`` and ``asks`` are best first, None in a frame that carries no book; an empty tuple is a
    book with nobody on that side. ``volume`` is that of the day. The last three are rupees as the
    frame had them: what ``engine.rules.price_protection.operating_range`` takes.
    """

    at: int
    last: int | None
    volume: int | None
    bids: tuple[Rung, ...] | None
    asks: tuple[Rung, ...] | None
    previous_close: float | None = None
    lower_circuit: float | None = None
    upper_circuit: float | None = None

    @property
    def has_book(self) -> bool:
        """Whether this frame carries a book."""
        return self.bids is not None and self.asks is not None

    def own_side(self, sign: int) -> tuple[Rung, ...]:
        """Return the side on which an order of this sign rests."""
        return (self.bids if sign > 0 else self.asks) or ()

    def other_side(self, sign: int) -> tuple[Rung, ...]:
        """Return the side against which an order of this sign trades."""
        return (self.asks if sign > 0 else self.bids) or ()

    def displayed(self, sign: int, price: int) -> int | None:
        """Return the units displayed at ``price`` on the side of ``sign``.

        0 where the price is in sight and nobody stands there; None where it lies beyond the last
        displayed level, so that nobody can tell.
        """
        side = self.own_side(sign)
        for shown, quantity in side:
            if shown == price:
                return quantity
        if len(side) < VISIBLE_LEVELS or (price - side[-1][0]) * sign > 0:
            return 0
        return None


def view_of(instrument: Instrument, tick: Tick, depth: Depth | None) -> MarketView:
    """Return the frame in ticks.

    Raises ``OffGrid`` when a traded or displayed price does not lie on the contract's grid.
    """
    last = instrument.ticks(tick.last) if tick.last > 0 else None
    close = tick.previous_close
    if depth is None:
        return MarketView(tick.received_at, last, tick.volume, None, None, close)
    bids, asks = _rungs(instrument, depth.bids), _rungs(instrument, depth.asks)
    return MarketView(
        tick.received_at,
        last,
        tick.volume,
        bids,
        asks,
        close,
        depth.lower_circuit,
        depth.upper_circuit,
    )


def _rungs(instrument: Instrument, levels: tuple[Level, ...]) -> tuple[Rung, ...]:
    shown = [level for level in levels if level.price > 0 and level.quantity > 0]
    if not shown:
        return ()
    prices, quantities, _ = zip(*shown, strict=True)
    return tuple(zip(instrument.ticks_of(prices), quantities, strict=True))
