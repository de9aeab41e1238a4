"""The day through basana's back-testing exchange and dispatcher.

Its exchange takes bars, so each tick is a bar whose four prices are the last price; a market order
fills at the open of the next bar of its pair. Liquidity is infinite and free of impact, there are
no fees, and balances are large enough to sell without borrowing. All bars come from one source in
order, which spares its dispatcher a merge of a hundred.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import basana as bs
from basana.backtesting import exchange, liquidity
from basana.core.event import FifoQueueEventSource

from benchmarks.peers.day import LOT, OPENS_NS
from benchmarks.peers.result import Asked, Done, Finish, Run, deliver
from benchmarks.peers.trading import Fill, Trader

UNITS = Decimal(LOT)


class EmaCross:
    def __init__(self, market: exchange.Exchange, pairs: Sequence[bs.Pair]) -> None:
        self.market = market
        self.index = {pair: index for index, pair in enumerate(pairs)}
        self.trader = Trader(len(pairs))
        self.sent: dict[str, tuple[int, int]] = {}

    async def on_bar(self, event: bs.BarEvent) -> None:
        pair = event.bar.pair
        side = self.trader.see(self.index[pair], float(event.bar.close))
        if side:
            operation = bs.OrderOperation.BUY if side > 0 else bs.OrderOperation.SELL
            order = await self.market.create_market_order(operation, pair, UNITS)
            self.sent[order.id] = (self.trader.seen - 1, side)


def load(asked: Asked) -> Run:
    if asked.books:
        raise ValueError("basana's exchange takes bars, which have no bid and ask")
    logging.disable(logging.CRITICAL)
    day = asked.day
    pairs = [bs.Pair(f"S{index}", "INR") for index in range(day.instruments)]
    opens = datetime.fromtimestamp(OPENS_NS // 1_000_000_000, timezone.utc)  # noqa: UP017
    nothing, volume = timedelta(0), Decimal(100 * LOT)
    events: list[Any] = []
    for number, paise in enumerate(day.prices):
        at = opens + timedelta(microseconds=(day.time_ns(number) - OPENS_NS) // 1000)
        price = Decimal(paise).scaleb(-2)
        pair = pairs[number % day.instruments]
        bar = bs.Bar(at, pair, price, price, price, price, volume, nothing)
        events.append(bs.BarEvent(at, bar))
    dispatcher = bs.backtesting_dispatcher()
    balances = {pair.base_symbol: Decimal(1_000_000) for pair in pairs}
    market = exchange.Exchange(
        dispatcher,
        {**balances, "INR": Decimal(1_000_000_000)},
        liquidity_strategy_factory=liquidity.InfiniteLiquidity,
    )
    market.add_bar_source(FifoQueueEventSource(events=events))
    strategy = EmaCross(market, pairs)
    for pair in pairs:
        market.subscribe_to_bar_events(pair, strategy.on_bar)

    async def gather() -> list[Fill]:
        fills = []
        for client_id, (number, side) in strategy.sent.items():
            order = await market.get_order_info(client_id)
            for fill in order.fills:
                units = abs(fill.balance_updates[order.pair.base_symbol])
                fills.append(Fill(number, side, int(units), int(fill.price * 100)))
        return fills

    def finish() -> Done:
        return Done(strategy.trader.seen, len(strategy.sent), asyncio.run(gather()))

    def run() -> Finish:
        asyncio.run(dispatcher.run(stop_signals=[]))
        return finish

    return run


if __name__ == "__main__":
    deliver(f"basana {version('basana')}", load)
