"""A day's charges as the contract note shows them (market_rules.md 6.5).

STT is rounded once, for the whole note, to the nearest rupee, halves up; CTT likewise, on the note
of the commodity account. It is computed on day-weighted averages, which comes to the sum of the
values, so that rounding the sum is the same. All else is rounded to the paisa. The statute would
round stamp duty to the rupee too (marked L); real notes show paise, and so does this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from engine.model.instrument import Segment
from engine.model.money import paise
from engine.rules.charges.amounts import KINDS, NO_CHARGES, Charges

COMMODITY_SEGMENTS = frozenset({Segment.MCX_FO, Segment.NCX_FO})


class DayNote(msgspec.Struct, frozen=True, kw_only=True):
    """One note: an account's day on the stock exchanges, or on the commodity exchange.

    ``unrounded`` is the sum of its orders' charges, ``charges`` what the note shows. The broker
    takes ``dp`` and its tax from the ledger, not by the note; they are in both all the same.
    """

    account: str
    is_commodity: bool
    unrounded: Charges
    charges: Charges

    @property
    def total(self) -> Decimal:
        """What the client pays for the day, rupees."""
        return self.charges.total


def rounded(day: Charges) -> Charges:
    """Return the sum of a day's unrounded charges as its note shows them."""
    shown = {kind: paise(getattr(day, kind)) for kind in KINDS}
    shown["stt"] = day.stt.quantize(Decimal(1), ROUND_HALF_UP)
    return Charges(**shown)


def day_notes(orders: Iterable[tuple[str, Segment, Charges]]) -> tuple[DayNote, ...]:
    """Return the notes of a day from (account, segment, charges) of each executed order.

    One per account, and one more where it traded commodities, in order of first appearance.
    """
    sums: dict[tuple[str, bool], Charges] = {}
    for account, segment, charges in orders:
        key = (account, segment in COMMODITY_SEGMENTS)
        sums[key] = sums.get(key, NO_CHARGES) + charges
    return tuple(
        DayNote(account=account, is_commodity=is_commodity, unrounded=total, charges=rounded(total))
        for (account, is_commodity), total in sums.items()
    )
