"""The strategy of the replay benchmark: an EMA cross that trades about every thousandth tick.

``Crosses`` is the arithmetic, shared with the bare loop; ``EmaCross`` is the strategy around it.
"""

from __future__ import annotations

from engine import Params, Strategy, Tick, buy, sell

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


class EmaParams(Params):
    symbols: list[str]


class EmaCross(Strategy[EmaParams]):
    """Enters the way of the cross, leaves at the next one of the same instrument."""

    def on_start(self) -> None:
        for symbol in self.params.symbols:
            self.watch(symbol)
        self.crosses = Crosses(len(self.params.symbols) + 1)

    def on_tick(self, tick: Tick) -> None:
        if self.crosses.see(tick.instrument.index, tick.last):
            self.trade(tick)

    def trade(self, tick: Tick) -> None:
        instrument = tick.instrument
        name = instrument.symbol
        if self.group(name):
            self.exit(name)
        elif self.crosses.is_up[instrument.index]:
            self.place(buy(instrument), name=name)
        else:
            self.place(sell(instrument), name=name)
