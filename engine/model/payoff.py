"""What a group is worth when it expires: profit by settlement price, its ends and its breakevens.

Exact: ``Decimal`` rupees, before charges. What has no end is ``UNBOUNDED``, a value of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import msgspec

from engine.errors import OffGrid
from engine.model.arithmetic import exactly
from engine.model.instrument import Instrument
from engine.model.money import inr


class Unbounded(StrEnum):
    """More than any amount of rupees."""

    UNBOUNDED = "unbounded"


UNBOUNDED: Final = Unbounded.UNBOUNDED

Rupees: TypeAlias = Decimal | Unbounded


class PayoffLeg(NamedTuple):
    """Net units of one contract (positive long, negative short), and the rupees they brought.

    ``cash_inr`` is below 0 for what was paid.
    """

    instrument: Instrument
    quantity: int
    cash_inr: Decimal


class Knot(NamedTuple):
    """A corner of a payoff: the settlement price, and the profit there, rupees."""

    settlement: Decimal
    profit_inr: Decimal


class ExpiryPayoff(msgspec.Struct, frozen=True, kw_only=True):
    """The payoff of everything that settles at one price: one underlying, one expiry.

    ``expiry`` is None for shares, which are sold at that price. Straight between the ``knots``, of
    which the first is at a price of 0; beyond the last one it rises by ``slope_beyond`` rupees a
    rupee. ``max_profit_inr`` is below 0 for what always loses, ``max_loss_inr`` for what always
    earns. ``breakevens`` are the prices at which loss ends or begins, lowest first; they are exact
    where the division has an end, else 28 digits.
    """

    underlying: str
    expiry: date | None
    knots: tuple[Knot, ...]
    slope_beyond: int
    max_profit_inr: Rupees
    max_loss_inr: Rupees
    breakevens: tuple[Decimal, ...]

    @exactly
    def at(self, settlement: Decimal) -> Decimal:
        """Return the profit at a settlement price, rupees. Raises ``OffGrid`` below 0."""
        if not (settlement.is_finite() and settlement >= 0):
            raise OffGrid(f"{self.underlying} cannot settle at {settlement}")
        place = bisect_right(self.knots, settlement, key=lambda knot: knot.settlement)
        left = self.knots[place - 1]
        if place == len(self.knots):
            return left.profit_inr + self.slope_beyond * (settlement - left.settlement)
        right = self.knots[place]
        width, rise = right.settlement - left.settlement, right.profit_inr - left.profit_inr
        return left.profit_inr + rise * (settlement - left.settlement) / width


class Payoff(msgspec.Struct, frozen=True, kw_only=True):
    """The payoff of a group: each contract held to its own expiry, every expiry for itself.

    Where contracts settle at several prices (two expiries, two underlyings) these are independent,
    and the ends are the sums of the ends: no model of the price of a later option is asked.
    """

    parts: tuple[ExpiryPayoff, ...]
    max_profit_inr: Rupees
    max_loss_inr: Rupees

    @property
    def breakevens(self) -> tuple[Decimal, ...]:
        """Where loss ends or begins; empty where the group settles at several prices."""
        return self.parts[0].breakevens if len(self.parts) == 1 else ()

    def at(self, settlement: Decimal | float) -> Decimal:
        """Return the profit at a settlement price, rupees.

        Raises ``OffGrid`` where the group settles at several prices; ask ``parts`` then.
        """
        if len(self.parts) != 1:
            raise OffGrid(f"a group that settles at {len(self.parts)} prices has no payoff at one")
        exact = settlement if isinstance(settlement, Decimal) else Decimal(repr(float(settlement)))
        return self.parts[0].at(exact)


def rupees_text(amount: Rupees) -> str:
    """Return ``amount`` as ``Rs 12,345.50`` or ``unbounded``."""
    if isinstance(amount, Unbounded):
        return str(amount)
    return f"Rs {inr(amount, 0 if amount == amount.to_integral_value() else 2)}"


def is_more(amount: Rupees, limit: Decimal) -> bool:
    """Return True when ``amount`` is above ``limit``; what has no end is."""
    return True if isinstance(amount, Unbounded) else amount > limit
