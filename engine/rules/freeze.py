"""Freeze quantities: the most units one order may carry; above it the exchange rejects.

The master's own figure per contract comes first (``Instrument.freeze_quantity``); this table is
for contracts whose master names none. Source: market_rules.md section 3 (NSE/FAOP circulars,
monthly; BSE by ICICI Direct, February 2026) and the exchange's bands by index level.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from engine.errors import FileError
from engine.model.instrument import Instrument
from engine.rules.dated import Row, in_force

_BANDS: Final = (
    (5_750, 8_500),
    (8_625, 5_500),
    (11_500, 4_200),
    (17_250, 2_800),
    (27_500, 1_800),
    (40_000, 1_200),
    (55_000, 900),
)
_ABOVE_THE_BANDS: Final = 600

_AUGUST_2026: Final = "NSE/FAOP, effective 3 August 2026"
_BY_BAND: Final = "the bands by index level"

FREEZE_QUANTITIES: Final[dict[str, tuple[Row[int], ...]]] = {
    "NIFTY": (Row(date(2024, 1, 1), 1_800, _BY_BAND), Row(date(2026, 8, 3), 1_800, _AUGUST_2026)),
    "BANKNIFTY": (
        Row(date(2024, 1, 1), 900, _BY_BAND),
        Row(date(2025, 7, 1), 900, "NSE/FAOP notices of July and August 2025"),
        Row(date(2025, 11, 3), 600, "NSE/FAOP, effective 3 November 2025"),
    ),
    # It was back at 1,800 in August 2026; the month of that change is not known, and until then
    # the smaller figure is the one that no exchange rejects.
    "FINNIFTY": (
        Row(date(2025, 12, 1), 1_200, "NSE/FAOP, December 2025"),
        Row(date(2026, 8, 3), 1_800, _AUGUST_2026),
    ),
    "MIDCPNIFTY": (Row(date(2026, 8, 3), 2_800, _AUGUST_2026),),
    "NIFTYNXT50": (Row(date(2026, 8, 3), 600, _AUGUST_2026),),
    "SENSEX": (Row(date(2026, 2, 1), 1_000, "ICICI Direct, February 2026"),),
    "BANKEX": (Row(date(2026, 2, 1), 900, "ICICI Direct, February 2026"),),
}
"""Units per order, by underlying, oldest first."""


def freeze_by_level(level: Decimal) -> int:
    """Return the freeze quantity the exchange's bands give an index at ``level`` (points)."""
    for up_to, quantity in _BANDS:
        if level <= up_to:
            return quantity
    return _ABOVE_THE_BANDS


def freeze_quantity(instrument: Instrument, day: date) -> int:
    """Return the most units one order may carry, whole lots or not.

    Raises ``FileError`` when neither the contract's master nor the table names one for ``day``.
    """
    if instrument.freeze_quantity is not None:
        return instrument.freeze_quantity
    rows = FREEZE_QUANTITIES.get(instrument.underlying)
    if rows is None:
        raise FileError(
            f"{instrument.symbol}: no freeze quantity known; the instrument master must name it"
        )
    return in_force(rows, day, f"freeze quantity of {instrument.underlying}")


def slice_quantity(instrument: Instrument, day: date) -> int:
    """Return the largest whole-lot quantity one order may carry. Raises as ``freeze_quantity``."""
    return freeze_quantity(instrument, day) // instrument.lot_size * instrument.lot_size
