"""What an option trade on NSE costs from 1 April 2026: market_rules.md section 6, typed again."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from tests.independent.chain_day import BUY, LOT, SELL, Fill

# 6.4: Angel One, an executed order of options.
BROKERAGE: Final = Decimal(20)
# 6.1: of the premium, sales, from 1 April 2026.
STT: Final = Decimal("0.15") / 100
# 6.2: of the premium, both sides, Rs a crore, from 1 March 2026: 3552 and 1.
EXCHANGE: Final = Decimal(3552) / 10_000_000
IPFT: Final = Decimal(1) / 10_000_000
# 6.3: Rs 10 a crore, both sides; stamp of purchases; GST, not of IPFT.
SEBI: Final = Decimal(10) / 10_000_000
STAMP: Final = Decimal("0.003") / 100
GST: Final = Decimal(18) / 100

KINDS: Final = ("brokerage", "stt", "exchange", "ipft", "sebi", "gst", "stamp")


def rupees(paise: int) -> Decimal:
    """Return an amount in rupees."""
    return Decimal(paise) / 100


def gross(fills: Iterable[Fill]) -> Decimal:
    """Return what came in less what went out, rupees."""
    return rupees(sum(-fill.side * fill.paise * LOT for fill in fills))


def charges(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """Return the charges of these orders by kind, not rounded (6.5)."""
    total = dict.fromkeys(KINDS, Decimal(0))
    for fill in fills:
        value = rupees(fill.paise * LOT)
        exchange, sebi = value * EXCHANGE, value * SEBI
        total["brokerage"] += BROKERAGE
        total["stt"] += value * STT if fill.side == SELL else 0
        total["exchange"] += exchange
        total["ipft"] += value * IPFT
        total["sebi"] += sebi
        total["gst"] += (BROKERAGE + exchange + sebi) * GST
        total["stamp"] += value * STAMP if fill.side == BUY else 0
    return total


def note(total: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return them as the day's note shows them: STT to the rupee, the rest to the paisa (6.5)."""
    return {
        kind: amount.quantize(Decimal(1) if kind == "stt" else Decimal("0.01"), ROUND_HALF_UP)
        for kind, amount in total.items()
    }
