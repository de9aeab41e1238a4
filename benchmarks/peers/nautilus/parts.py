"""What both ways through NautilusTrader have in common: instruments, quotes, venue, strategy.

A quote's bid and ask are both the last price, or with books a tick away. Orders travel for one and
a half turns of the instruments, so that they arrive between the next tick of theirs and the one
after it, and fill at the quote that stands there.
"""

from __future__ import annotations

from collections.abc import Sequence

from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.model.currencies import INR
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers.day import APART_NS, LOT, SPREAD_PAISE, Day
from benchmarks.peers.result import Done
from benchmarks.peers.trading import Fill, Trader

VENUE = Venue("NSE")


class EmaCross(Strategy):
    def __init__(self, instruments: Sequence[Equity]) -> None:
        super().__init__()
        self.trader = Trader(len(instruments))
        self.index = {one.id: index for index, one in enumerate(instruments)}
        self.quantity = Quantity.from_int(LOT)
        self.sent: dict[str, tuple[int, int]] = {}
        self.filled: list[OrderFilled] = []

    def on_start(self) -> None:
        for one in self.index:
            self.subscribe_quote_ticks(one)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        bid, ask = tick.bid_price.as_double(), tick.ask_price.as_double()
        price = bid if bid == ask else round((bid + ask) / 2, 2)
        side = self.trader.see(self.index[tick.instrument_id], price)
        if side:
            order = self.order_factory.market(
                tick.instrument_id, OrderSide.BUY if side > 0 else OrderSide.SELL, self.quantity
            )
            self.sent[order.client_order_id.value] = (self.trader.seen - 1, side)
            self.submit_order(order)

    def on_order_filled(self, event: OrderFilled) -> None:
        self.filled.append(event)

    def done(self) -> Done:
        """Return what it was shown, what it asked for and what filled."""
        fills = []
        for event in self.filled:
            number, side = self.sent[event.client_order_id.value]
            paise = round(event.last_px.as_double() * 100)
            fills.append(Fill(number, side, int(event.last_qty), paise))
        return Done(self.trader.seen, len(self.sent), fills)


def instruments_of(day: Day) -> list[Equity]:
    """Return the day's instruments, in the order of its ticks."""
    return [
        Equity(
            instrument_id=InstrumentId(Symbol(f"S{index}"), VENUE),
            raw_symbol=Symbol(f"S{index}"),
            currency=INR,
            price_precision=2,
            price_increment=Price.from_str("0.05"),
            lot_size=Quantity.from_int(LOT),
            ts_event=0,
            ts_init=0,
        )
        for index in range(day.instruments)
    ]


def quotes_of(day: Day, instruments: Sequence[Equity], *, books: bool) -> list[QuoteTick]:
    """Return the day's ticks as quotes."""
    half = SPREAD_PAISE if books else 0
    size = Quantity.from_int(100 * LOT)
    ids = [one.id for one in instruments]
    return [
        QuoteTick(
            ids[number % day.instruments],
            Price((paise - half) / 100, 2),
            Price((paise + half) / 100, 2),
            size,
            size,
            at := day.time_ns(number),
            at,
        )
        for number, paise in enumerate(day.prices)
    ]


def add_market(engine: BacktestEngine, instruments: Sequence[Equity]) -> None:
    """Give an engine the exchange and what is traded there."""
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=INR,
        starting_balances=[Money(1_000_000_000, INR)],
        latency_model=LatencyModel(base_latency_nanos=(2 * len(instruments) - 1) * APART_NS // 2),
    )
    for one in instruments:
        engine.add_instrument(one)
