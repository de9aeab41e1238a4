"""The strategy of the replay benchmark: an EMA cross that trades about every thousandth tick."""

from __future__ import annotations

from benchmarks.crosses import Crosses
from engine import Params, Strategy, Tick, buy, sell


class EmaParams(Params):
    symbols: list[str]
    trades: bool = True


class EmaCross(Strategy[EmaParams]):
    """Enters the way of the cross, leaves at the next one; without ``trades`` it only computes."""

    def on_start(self) -> None:
        for symbol in self.params.symbols:
            self.watch(symbol)
        self.crosses = Crosses(len(self.params.symbols) + 1)

    def on_tick(self, tick: Tick) -> None:
        if self.crosses.see(tick.instrument.index, tick.last) and self.params.trades:
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
