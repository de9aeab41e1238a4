"""What trading costs besides its price, by kind, in rupees."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from engine.model.money import ZERO


class Charges(msgspec.Struct, frozen=True, kw_only=True):
    """Rupees, unrounded, by kind. They add up with ``+``.

    ``stt`` is the transaction tax, on commodities too (there called CTT); ``ipft`` the investor
    protection fund's part of the exchange's bill; ``gst`` the tax on services, on all of them;
    ``dp`` the depository's fee for shares that leave; ``square_off`` what a broker takes for
    closing a position itself.
    """

    brokerage: Decimal = ZERO
    stt: Decimal = ZERO
    exchange: Decimal = ZERO
    ipft: Decimal = ZERO
    sebi: Decimal = ZERO
    gst: Decimal = ZERO
    stamp: Decimal = ZERO
    dp: Decimal = ZERO
    square_off: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of them together."""
        return sum((getattr(self, kind) for kind in KINDS), start=ZERO)

    def __add__(self, other: Charges) -> Charges:
        return Charges(**{kind: getattr(self, kind) + getattr(other, kind) for kind in KINDS})


KINDS: Final = Charges.__struct_fields__
"""The kinds of charges, in the order in which they are shown."""

NO_CHARGES: Final = Charges()

_ABBREVIATED: Final = frozenset({"dp", "gst", "ipft", "sebi", "stt"})


def kind_name(kind: str) -> str:
    """Return a kind of charges as a person writes it."""
    return kind.upper() if kind in _ABBREVIATED else kind.replace("_", " ")
