"""The arithmetic of the benchmarks' strategy: two moving averages, traded about every 1000 ticks.

Standard library only: the engines that Legwork is compared with run it in environments of their
own (``benchmarks/peers``).
"""

from __future__ import annotations

FAST = 0.2
SLOW = 0.05
TICKS_BETWEEN = 1_000


class Crosses:
    """Two moving averages per instrument; ``see`` says when one has crossed and may be traded."""

    __slots__ = ("fast", "is_up", "seen", "slow")

    def __init__(self, size: int) -> None:
        self.fast = [0.0] * size
        self.slow = [0.0] * size
        self.is_up = [False] * size
        self.seen = 0

    def see(self, index: int, price: float) -> bool:
        fast, slow = self.fast[index] or price, self.slow[index] or price
        self.fast[index] = fast = fast + FAST * (price - fast)
        self.slow[index] = slow = slow + SLOW * (price - slow)
        self.seen += 1
        up = fast > slow
        if up is self.is_up[index]:
            return False
        self.is_up[index] = up
        if self.seen < TICKS_BETWEEN:
            return False
        self.seen = 0
        return True
