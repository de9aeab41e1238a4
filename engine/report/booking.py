"""What the fills did to the money, before any price is looked at: the rest is marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from engine.core.ledger import Ledger
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.model.money import ZERO
from engine.model.order import Fill
from engine.runtime.readmodel_schema import FillRow, OrderRow


class Booking(NamedTuple):
    """One fill as the curves need it: floats, since what follows are marks.

    ``units`` and ``cash_inr`` are signed (a purchase has units above and cash below 0).
    ``charges_inr`` is this fill's share of what its order cost, by value; None where no rates are
    known.
    ``realised_inr`` is what closing has earned the strategy so far, by the kernel's own ledger.
    """

    at: int
    strategy: str
    instrument: Instrument
    units: int
    price: float
    cash_inr: float
    charges_inr: float | None
    realised_inr: float


def bookings(
    fills: Iterable[FillRow], orders: Mapping[str, OrderRow], catalogue: Catalogue
) -> Sequence[Booking]:
    """Return every fill in the journal's order. Raises ``FileError`` for an unlisted instrument."""
    ledger = Ledger()
    made = []
    for row in fills:
        instrument = catalogue.by_key(row.instrument)
        ledger.apply(_fill(row, instrument))
        order = orders[row.client_id]
        charges = order.charges_inr
        share = None if charges is None else charges * _part(row.value, order.filled_value)
        made.append(
            Booking(
                at=row.at,
                strategy=row.strategy,
                instrument=instrument,
                units=row.quantity * row.side.sign,
                price=float(row.price),
                cash_inr=float(-row.value * row.side.sign),
                charges_inr=None if share is None else float(share),
                realised_inr=float(ledger.realised_inr(row.strategy)),
            )
        )
    return made


def _part(value: Decimal, whole: Decimal) -> Decimal:
    return value / whole if whole else ZERO


def _fill(row: FillRow, instrument: Instrument) -> Fill:
    return Fill(
        client_id=row.client_id,
        group_id=row.group_id,
        strategy=row.strategy,
        account=row.account,
        instrument=instrument,
        side=row.side,
        product=row.product,
        quantity=row.quantity,
        price=row.price,
        at=row.at,
        filled_before=row.filled_before,
        exact_value=row.value,
    )
