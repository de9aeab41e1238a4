"""The payoff of legs at expiry, exactly: piecewise straight in the settlement price.

A settlement price is never below 0, so a sold put, unlike a sold call, has a largest loss. Shares
are counted with the options on them where these have one expiry, and by themselves otherwise.
Futures settle at the price that the options of their expiry settle at (market_rules.md section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from engine.errors import InvariantBroken, OffGrid
from engine.model.instrument import Instrument, Kind, Right
from engine.model.money import ZERO
from engine.model.payoff import UNBOUNDED, ExpiryPayoff, Knot, Payoff, PayoffLeg, Rupees, Unbounded


class _Settlement(NamedTuple):
    """One price that contracts settle at; shares have no expiry."""

    exchange: str
    underlying: str
    expiry: date | None


def leg_at(instrument: Instrument, quantity: int, price: Decimal) -> PayoffLeg:
    """Return a leg of ``quantity`` signed units that changes hands at ``price`` rupees a unit."""
    return PayoffLeg(instrument, quantity, -quantity * price)


def payoff(legs: Iterable[PayoffLeg]) -> Payoff:
    """Return what ``legs`` earn at expiry, before charges.

    Raises ``OffGrid`` without legs, and for an index, which nobody can hold.
    """
    by_settlement: dict[_Settlement, list[PayoffLeg]] = {}
    for leg in legs:
        instrument = leg.instrument
        if not instrument.is_tradable:
            raise OffGrid(f"{instrument.symbol} is an index and cannot be held")
        exchange, _, _ = instrument.segment.partition("_")
        key = _Settlement(exchange, instrument.underlying, instrument.expiry)
        by_settlement.setdefault(key, []).append(leg)
    if not by_settlement:
        raise OffGrid("a payoff needs at least one leg")
    for shares in [key for key in by_settlement if key.expiry is None]:
        alike = [key for key in by_settlement if key[:2] == shares[:2] and key is not shares]
        if len(alike) == 1:
            by_settlement[alike[0]] += by_settlement.pop(shares)
    parts = tuple(_part(key, found) for key, found in by_settlement.items())
    return Payoff(
        parts=parts,
        max_profit_inr=_sum([part.max_profit_inr for part in parts]),
        max_loss_inr=_sum([part.max_loss_inr for part in parts]),
    )


def _part(settlement: _Settlement, legs: Sequence[PayoffLeg]) -> ExpiryPayoff:
    strikes = {leg.instrument.strike for leg in legs if leg.instrument.strike is not None}
    knots = tuple(
        Knot(at, sum((_profit(leg, at) for leg in legs), ZERO)) for at in sorted({ZERO, *strikes})
    )
    beyond = sum(leg.quantity for leg in legs if leg.instrument.right is not Right.PUT)
    profits = [knot.profit_inr for knot in knots]
    return ExpiryPayoff(
        underlying=settlement.underlying,
        expiry=settlement.expiry,
        knots=knots,
        slope_beyond=beyond,
        max_profit_inr=UNBOUNDED if beyond > 0 else max(profits),
        max_loss_inr=UNBOUNDED if beyond < 0 else -min(profits),
        breakevens=_breakevens(knots, beyond),
    )


def _profit(leg: PayoffLeg, settlement: Decimal) -> Decimal:
    instrument = leg.instrument
    if instrument.kind is not Kind.OPTION:
        return leg.cash_inr + leg.quantity * settlement
    if instrument.strike is None:
        raise InvariantBroken(f"{instrument.symbol} is an option without a strike")
    above = settlement - instrument.strike
    gain = above if instrument.right is Right.CALL else -above
    return leg.cash_inr + leg.quantity * max(gain, ZERO)


class _Stretch(NamedTuple):
    """The payoff between two knots, or beyond the last: from a profit, rupees a rupee."""

    start: Knot
    end: Decimal | None
    slope: Decimal


def _breakevens(knots: Sequence[Knot], beyond: int) -> tuple[Decimal, ...]:
    """Return where the payoff is 0 and is not so on both sides."""
    stretches = [
        _Stretch(a, b.settlement, (b.profit_inr - a.profit_inr) / (b.settlement - a.settlement))
        for a, b in pairwise(knots)
    ]
    stretches.append(_Stretch(knots[-1], None, Decimal(beyond)))
    found = []
    was_flat = False
    for start, end, slope in stretches:
        is_flat = not slope and not start.profit_inr
        if not start.profit_inr and start.settlement and not (was_flat and is_flat):
            found.append(start.settlement)
        if slope and start.profit_inr:
            root = start.settlement - start.profit_inr / slope
            if start.settlement < root and (end is None or root < end):
                found.append(root)
        was_flat = is_flat
    return tuple(found)


def _sum(amounts: Sequence[Rupees]) -> Rupees:
    total = ZERO
    for amount in amounts:
        if isinstance(amount, Unbounded):
            return UNBOUNDED
        total += amount
    return total
