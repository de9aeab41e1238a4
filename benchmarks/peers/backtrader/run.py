"""The day through backtrader's ``Cerebro``: one data feed per instrument, in tick bars.

A market order fills at the open of the next bar. A turn of the instruments is given one time, so
that backtrader, which looks at every feed at every time, takes a step per turn and not per tick.
The feeds are read within the run, as ``Cerebro.run`` does; observers are off.
"""

from __future__ import annotations

from array import array
from typing import Any

import backtrader as bt

from benchmarks.peers.day import LOT
from benchmarks.peers.result import Asked, Done, Finish, Run, deliver
from benchmarks.peers.trading import Fill, Trader

DAY_NS = 86_400 * 1_000_000_000


class Prices(bt.feed.DataBase):
    """A feed over prices in rupees and times in backtrader's days."""

    params = (("prices", None), ("times", None))
    _next = 0

    def _load(self) -> bool:
        at = self._next
        if at == len(self.p.prices):
            return False
        self._next = at + 1
        lines = self.lines
        lines.datetime[0] = self.p.times[at]
        price = self.p.prices[at]
        lines.open[0] = lines.high[0] = lines.low[0] = lines.close[0] = price
        lines.volume[0] = 100.0 * LOT
        lines.openinterest[0] = 0.0
        return True


class EmaCross(bt.Strategy):
    def __init__(self) -> None:
        self.trader = Trader(len(self.datas))
        self.sent: dict[int, tuple[int, int]] = {}
        self.filled: list[Any] = []

    def next(self) -> None:
        see = self.trader.see
        for index, data in enumerate(self.datas):
            side = see(index, data.close[0])
            if side:
                order = (self.buy if side > 0 else self.sell)(data=data, size=LOT)
                self.sent[order.ref] = (self.trader.seen - 1, side)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.filled.append(order)


def load(asked: Asked) -> Run:
    if asked.books:
        raise ValueError("backtrader's feeds are bars, which have no bid and ask")
    day = asked.day
    count = day.instruments
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.set_cash(1e12)
    epoch = bt.date2num(bt.datetime.datetime(1970, 1, 1))
    first = range(0, len(day), count)
    times = array("d", (epoch + day.time_ns(number) / DAY_NS for number in first))
    for index in range(count):
        prices = array("d", (paise / 100 for paise in day.prices[index::count]))
        feed = Prices(prices=prices, times=times, timeframe=bt.TimeFrame.Ticks)
        cerebro.adddata(feed, name=f"S{index}")
    cerebro.addstrategy(EmaCross)
    ran: list[EmaCross] = []

    def finish() -> Done:
        (strategy,) = ran
        fills = []
        for order in strategy.filled:
            number, side = strategy.sent[order.ref]
            paise = round(order.executed.price * 100)
            fills.append(Fill(number, side, abs(int(order.executed.size)), paise))
        return Done(strategy.trader.seen, len(strategy.sent), fills)

    def run() -> Finish:
        ran.extend(cerebro.run())
        return finish

    return run


if __name__ == "__main__":
    deliver(f"backtrader {bt.__version__}", load)
