"""What we have already taken of the recorded book, so that nothing is taken twice.

A recording goes on showing what a real market would no longer show after our order. Therefore what
we took at a price is remembered together with the quantity that was displayed there, and stays
taken until a frame shows another quantity at that price.
"""

from __future__ import annotations

from brokers.exchange.view import MarketView


class Taken:
    """Units we took, by side and price (ticks) of the displayed level."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[tuple[int, int], tuple[int, int]] = {}

    def available(self, sign: int, price: int, displayed: int) -> int:
        """Return what an order of ``sign`` may still take of ``displayed`` units at ``price``."""
        _, taken = self._levels.get((sign, price), (displayed, 0))
        return max(0, displayed - taken)

    def take(self, sign: int, price: int, displayed: int, quantity: int) -> None:
        """Remember that an order of ``sign`` took ``quantity`` of ``displayed`` at ``price``."""
        _, taken = self._levels.get((sign, price), (displayed, 0))
        self._levels[sign, price] = (displayed, taken + quantity)

    def refresh(self, view: MarketView) -> int:
        """Forget the levels that ``view`` shows changed; return the units we had taken of them.

        The recording's own traders took those units instead of us, so that much of its traded
        volume has been ours already.
        """
        if not self._levels:
            return 0
        forgotten = 0
        kept: dict[tuple[int, int], tuple[int, int]] = {}
        for (sign, price), (displayed, taken) in self._levels.items():
            # The level we took from is on the other side, which rests with the other sign.
            if view.displayed(-sign, price) == displayed:
                kept[sign, price] = (displayed, taken)
            else:
                forgotten += taken
        self._levels = kept
        return forgotten
