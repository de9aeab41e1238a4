"""What a market intent costs: prices at the touch, and how far a chase may go.

Exchanges refuse MARKET from an API (market_rules.md section 4), so "now" is a limit at the other
side of the book, re-priced in steps, and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.core.book import Book
from engine.errors import OffGrid
from engine.model.instrument import Instrument, Kind
from engine.model.legs import Leg
from engine.model.payoff import Payoff
from engine.model.side import Side
from engine.rules.payoff import leg_at, payoff

FUTURE_SLIPPAGE_PCT_MAX = 0.8
"""Futures and shares are collared at 1 % (reliability.md C10): a chase stays inside that."""

STOP_GAP_PCT = {Kind.OPTION: 5.0, Kind.FUTURE: 0.5, Kind.EQUITY: 0.5}
"""Limit beyond the trigger of a stop whose author named no limit, percent of the trigger.

The exchange allows 20 % for options and 3 % else (market_rules.md section 4, stops).
"""


def touch_price(book: Book, instrument: Instrument, side: Side) -> float | None:
    """Return the price at which an order on ``side`` would trade now: the opposite best, else last.

    None while nothing is known.
    """
    bid, ask = book.touch(instrument)
    best = ask if side is Side.BUY else bid
    return best if best is not None else book.last(instrument)


def bound(
    instrument: Instrument, side: Side, reference: float, slippage_pct: float, ticks_min: int
) -> Decimal:
    """Return the worst price an order on ``side`` may carry, from a reference price in rupees.

    ``slippage_pct`` percent away, at least ``ticks_min`` ticks, never below one tick.
    """
    pct = slippage_pct
    if instrument.kind is not Kind.OPTION:
        pct = min(pct, FUTURE_SLIPPAGE_PCT_MAX)
    start = instrument.price(reference, side, "nearest")
    by_pct = instrument.ticks(instrument.price(reference * pct / 100, Side.BUY, "passive"))
    away = max(by_pct, ticks_min)
    worst = instrument.ticks(start) + side.sign * away
    return instrument.from_ticks(max(1, worst))


def no_worse(price: Decimal, limit: Decimal, side: Side) -> Decimal:
    """Return ``price``, or ``limit`` where ``price`` lies beyond it."""
    return min(price, limit) if side is Side.BUY else max(price, limit)


def marketable(
    book: Book, instrument: Instrument, side: Side, extra_ticks: int, worst: Decimal
) -> Decimal | None:
    """Return a limit that trades at the touch plus ``extra_ticks``, no worse than ``worst``.

    None while the instrument has no price.
    """
    touch = touch_price(book, instrument, side)
    if touch is None:
        return None
    try:
        ticks = instrument.ticks(touch)  # As good as always it is on the grid.
    except OffGrid:
        ticks = instrument.ticks(instrument.price(touch, side, "aggressive"))
    wanted = instrument.from_ticks(max(1, ticks + side.sign * extra_ticks))
    return no_worse(wanted, worst, side)


def stop_limit(instrument: Instrument, side: Side, trigger: Decimal) -> Decimal:
    """Return the limit of a stop whose author named only the trigger."""
    gap = float(trigger) * STOP_GAP_PCT[instrument.kind] / 100
    return instrument.price(max(gap, 0) * side.sign + float(trigger), side, "aggressive")


def trade_price(leg: Leg, book: Book) -> Decimal | None:
    """Return the price at which ``leg`` would trade now: its limit or trigger, else the touch.

    None while it has no price.
    """
    asked = leg.limit if leg.limit is not None else leg.trigger
    if asked is not None:
        return leg.instrument.price(asked, leg.side, "nearest")
    seen = touch_price(book, leg.instrument, leg.side)
    return None if seen is None else leg.instrument.price(seen, leg.side, "aggressive")


def payoff_of(legs: Iterable[Leg], book: Book) -> Payoff | None:
    """Return what ``legs`` would earn at expiry, each at its ``trade_price``.

    None while a leg has no price. Raises ``OffGrid`` without legs and for what is no leg.
    """
    priced = []
    for leg in legs:
        if not isinstance(leg, Leg):
            raise OffGrid(f"a leg is made with buy(...) or sell(...), not {leg!r}")
        price = trade_price(leg, book)
        if price is None:
            return None
        units = leg.side.sign * leg.lots * leg.instrument.lot_size
        priced.append(leg_at(leg.instrument, units, price))
    return payoff(priced)
