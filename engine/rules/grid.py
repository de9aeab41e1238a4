"""Ticks and lots of contracts without a master, for what a person types on a command line.

A master's own facts per contract come first wherever there is one: two lot sizes coexist across
expiries, and exchanges review ticks monthly. Source: market_rules.md section 3. What it does not
say is None here: the person is asked.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules.contract_class import ContractClass
from engine.rules.contracts import INDEX_TERMS, future_tick
from engine.rules.dated import Row, in_force

_TICKS_BY_LEVEL_SINCE: Final = date(2025, 4, 15)
_OPTION_TICK: Final = Decimal("0.05")
_SHARE_TICKS: Final = (
    (Decimal(250), Decimal("0.01")),
    (Decimal(1_000), Decimal("0.05")),
    (Decimal(5_000), Decimal("0.10")),
    (Decimal(10_000), Decimal("0.50")),
    # 20,000 itself is below the last step, where the others begin at their figure.
    (Decimal("20000.01"), Decimal("1.00")),
)
_SHARE_TICK_ABOVE: Final = Decimal("5.00")
_COMMODITY_TICKS: Final = {
    **dict.fromkeys(("ALUMINI", "ALUMINIUM", "COPPER", "LEAD", "LEADMINI"), Decimal("0.05")),
    **dict.fromkeys(("NICKEL", "ZINC", "ZINCMINI"), Decimal("0.05")),
    **dict.fromkeys(("NATGASMINI", "NATURALGAS"), Decimal("0.10")),
    **dict.fromkeys(("CRUDEOIL", "CRUDEOILM"), Decimal("1.00")),
    **dict.fromkeys(("GOLD", "GOLDGUINEA", "GOLDM", "GOLDPETAL", "GOLDTEN"), Decimal("1.00")),
    **dict.fromkeys(("SILVER", "SILVER100", "SILVERM", "SILVERMIC"), Decimal("1.00")),
}

_SERIES_2026: Final = date(2025, 12, 31)
_AUGUST_2026: Final = date(2026, 8, 1)
_MCX_2026: Final = date(2026, 7, 1)
_MASTERS: Final = "masters of August 2026"
_MCX: Final = "MCX master of July 2026"

LOT_SIZES: Final[dict[str, tuple[Row[int], ...]]] = {
    "BANKNIFTY": (Row(_SERIES_2026, 30, "January 2026 series"),),
    "FINNIFTY": (Row(_AUGUST_2026, 60, _MASTERS),),
    "MIDCPNIFTY": (Row(_AUGUST_2026, 120, _MASTERS),),
    "NIFTYNXT50": (Row(_AUGUST_2026, 25, _MASTERS),),
    "SENSEX": (Row(_AUGUST_2026, 20, _MASTERS),),
    "BANKEX": (Row(_AUGUST_2026, 30, _MASTERS),),
    "CRUDEOIL": (Row(_MCX_2026, 100, _MCX),),
    "CRUDEOILM": (Row(_MCX_2026, 10, _MCX),),
    "NATURALGAS": (Row(_MCX_2026, 1_250, _MCX),),
    "NATGASMINI": (Row(_MCX_2026, 250, _MCX),),
    # 1 kg and 100 g, quoted per 10 g.
    "GOLD": (Row(_MCX_2026, 100, _MCX),),
    "GOLDM": (Row(_MCX_2026, 10, _MCX),),
    # Per kg.
    "SILVER": (Row(_MCX_2026, 30, _MCX),),
    "SILVERM": (Row(_MCX_2026, 5, _MCX),),
    "SILVERMIC": (Row(_MCX_2026, 1, _MCX),),
    "COPPER": (Row(_MCX_2026, 2_500, _MCX),),
    "NICKEL": (Row(_MCX_2026, 250, _MCX),),
    **dict.fromkeys(("ALUMINIUM", "LEAD", "ZINC"), (Row(_MCX_2026, 5_000, _MCX),)),
    **dict.fromkeys(("ALUMINI", "LEADMINI", "ZINCMINI"), (Row(_MCX_2026, 1_000, _MCX),)),
}
"""Units of the quote in a lot, so that price times quantity is rupees, by underlying."""


def lot_size(underlying: str, day: date) -> int | None:
    """Return the units in a lot of ``underlying`` on ``day``, None where it is not known."""
    try:
        if underlying in INDEX_TERMS:
            return in_force(INDEX_TERMS[underlying], day, underlying).lot_size
        return in_force(LOT_SIZES[underlying], day, underlying) if underlying in LOT_SIZES else None
    except FileError:
        return None


def tick_size(
    segment: Segment, klass: ContractClass, underlying: str, price: Decimal, day: date
) -> Decimal | None:
    """Return the tick of a contract that trades at ``price`` on ``day``, None where not known.

    Exchanges set the ticks of shares and futures by last month's close, which ``price`` stands for.
    """
    if segment is Segment.MCX_FO:
        return None if klass.is_option else _COMMODITY_TICKS.get(underlying)
    if klass.is_option:
        return _OPTION_TICK
    if day < _TICKS_BY_LEVEL_SINCE:
        return None
    if klass is ContractClass.FUTIDX:
        return future_tick(price)
    for below, tick in _SHARE_TICKS:
        if price < below:
            return tick
    return _SHARE_TICK_ABOVE
