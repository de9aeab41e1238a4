"""The strategy as an author of Legwork writes it: its entries reach the next price."""

from __future__ import annotations

from benchmarks.ema_cross import EmaCross
from engine import Tick, buy, sell

BEYOND = 0.02


class ReachingCross(EmaCross):
    """Its entries are limits two percent beyond the last price; exits are the engine's own."""

    def trade(self, tick: Tick) -> None:
        instrument = tick.instrument
        name = instrument.symbol
        if self.group(name):
            self.exit(name)
        elif self.crosses.is_up[instrument.index]:
            self.place(buy(instrument, limit=tick.last * (1 + BEYOND)), name=name)
        else:
            self.place(sell(instrument, limit=tick.last * (1 - BEYOND)), name=name)
