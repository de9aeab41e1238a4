"""Buy or sell."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Which way an order goes. ``sign``: +1 for a buy, -1 for a sell; ``opposite``: the other."""

    BUY = "BUY"
    SELL = "SELL"

    # Attributes, where properties would read better: every fill and every price asks for one.
    sign: int
    opposite: Side


Side.BUY.sign, Side.BUY.opposite = 1, Side.SELL
Side.SELL.sign, Side.SELL.opposite = -1, Side.BUY
