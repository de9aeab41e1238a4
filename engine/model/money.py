"""Money: ``Decimal`` rupees, printed as Indians read them."""

from __future__ import annotations

import decimal
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

ZERO: Final = Decimal(0)
PAISA: Final = Decimal("0.01")


def trap_float_mixing() -> None:
    """Make ``Decimal`` raise when compared with or built from a float by accident.

    ``Decimal('100.05') <= 100.05`` is False without a word. Called by the application before any
    thread starts, never at import.
    """
    for context in (decimal.getcontext(), decimal.DefaultContext):
        context.traps[decimal.FloatOperation] = True


def paise(amount: Decimal) -> Decimal:
    """Round to the paisa, halves away from zero (as a contract note does)."""
    return amount.quantize(PAISA, ROUND_HALF_UP)


def inr(amount: Decimal | float, places: int = 2) -> str:
    """Return ``amount`` in Indian digit grouping: ``-1,23,456.70``."""
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(float(amount)))
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    whole, _, fraction = f"{abs(rounded):f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = []
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    grouped = ",".join([*reversed(groups), tail])
    return f"{sign}{grouped}.{fraction}" if fraction else f"{sign}{grouped}"
