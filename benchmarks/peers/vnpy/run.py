"""The day through vn.py's CTA ``BacktestingEngine``, in tick mode, on one instrument.

The engine is made for one instrument. It fills a limit order on the next tick whose ask (or bid)
it reaches, at that ask; ours are two percent beyond, so the next one does. ``TickData`` is built
while loading, in place of the engine's database; its progress lines go nowhere, and
``calculate_result`` is not called.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from typing import Any

from vnpy.trader.constant import Direction, Exchange, Interval
from vnpy.trader.object import TickData, TradeData
from vnpy_ctastrategy.backtesting import BacktestingEngine, BacktestingMode
from vnpy_ctastrategy.template import CtaTemplate

from benchmarks.peers.day import LOT, OPENS_NS, SPREAD_PAISE
from benchmarks.peers.result import Asked, Done, Finish, Run, deliver
from benchmarks.peers.trading import Fill, Trader

INDIA = timezone(timedelta(hours=5, minutes=30))
BEYOND_PCT = 2


class EmaCross(CtaTemplate):
    def __init__(self, engine: Any, name: str, symbol: str, setting: dict[str, Any]) -> None:
        super().__init__(engine, name, symbol, setting)
        self.trader = Trader(1)
        self.sent: dict[str, tuple[int, int]] = {}
        self.filled: list[TradeData] = []

    def on_init(self) -> None:
        """Nothing to warm up."""

    def on_tick(self, tick: TickData) -> None:
        side = self.trader.see(0, tick.last_price)
        if side:
            price = tick.last_price * (1 + side * BEYOND_PCT / 100)
            if side > 0:
                ids = self.cover(price, LOT) if self.pos < 0 else self.buy(price, LOT)
            else:
                ids = self.sell(price, LOT) if self.pos > 0 else self.short(price, LOT)
            self.sent[ids[0]] = (self.trader.seen - 1, side)

    def on_trade(self, trade: TradeData) -> None:
        self.filled.append(trade)


def load(asked: Asked) -> Run:
    day = asked.day
    if day.instruments != 1:
        raise ValueError(f"vn.py's CTA engine replays one instrument, not {day.instruments}")
    engine = BacktestingEngine()
    engine.output = lambda _: None
    opens = datetime.fromtimestamp(OPENS_NS // 1_000_000_000, INDIA).replace(tzinfo=None)
    engine.set_parameters(
        vt_symbol="S0.SSE",
        interval=Interval.TICK,
        start=opens,
        end=opens,
        rate=0,
        slippage=0,
        size=1,
        pricetick=0.05,
        capital=1_000_000_000,
        mode=BacktestingMode.TICK,
    )
    half = SPREAD_PAISE if asked.books else 0
    engine.history_data = [
        TickData(
            gateway_name="BACKTESTING",
            symbol="S0",
            exchange=Exchange.SSE,
            datetime=opens + timedelta(microseconds=(day.time_ns(number) - OPENS_NS) // 1000),
            last_price=paise / 100,
            bid_price_1=(paise - half) / 100,
            ask_price_1=(paise + half) / 100,
            bid_volume_1=100 * LOT,
            ask_volume_1=100 * LOT,
        )
        for number, paise in enumerate(day.prices)
    ]
    engine.add_strategy(EmaCross, {})
    strategy: Any = engine.strategy

    def finish() -> Done:
        fills = []
        for trade in strategy.filled:
            number, side = strategy.sent[trade.vt_orderid]
            if (side > 0) is not (trade.direction is Direction.LONG):
                raise ValueError(f"order {trade.vt_orderid} filled on the other side")
            fills.append(Fill(number, side, int(trade.volume), round(trade.price * 100)))
        return Done(strategy.trader.seen, len(strategy.sent), fills)

    def run() -> Finish:
        engine.run_backtesting()
        return finish

    return run


if __name__ == "__main__":
    deliver(f"vnpy {version('vnpy')}, vnpy_ctastrategy {version('vnpy_ctastrategy')}", load)
