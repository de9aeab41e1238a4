"""What is held: one position per (account, instrument, product), and one per strategy."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.model.instrument import Instrument
from engine.model.money import ZERO


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A net quantity with its average cost. Replaced, never changed; see ``engine.core.ledger``.

    ``quantity`` is signed units: positive long, negative short. ``average_price`` is the mean cost
    of what is open now (rupees), ``realised_inr`` what closing earned before charges.
    """

    instrument: Instrument
    quantity: int = 0
    average_price: Decimal = ZERO
    realised_inr: Decimal = ZERO
    bought_quantity: int = 0
    sold_quantity: int = 0
    bought_value_inr: Decimal = ZERO
    sold_value_inr: Decimal = ZERO

    @property
    def is_flat(self) -> bool:
        """True when nothing is held."""
        return self.quantity == 0

    def unrealised_inr(self, mark: float) -> float:
        """What closing at ``mark`` (rupees) would earn before charges; a float, as marks are."""
        return self.quantity * (mark - float(self.average_price))
