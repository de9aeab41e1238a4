"""The book of one instrument, as tables: frames and orders in, reports out."""

from __future__ import annotations

from typing import Any

import pytest

from brokers.exchange.matching import Book, Settings, TriggerCheck
from brokers.exchange.order import BookOrder
from brokers.exchange.report import Rejection, Report, ReportKind, Why
from brokers.exchange.view import MarketView
from engine.model.instrument import Instrument
from engine.model.side import Side

CADENCE = 1_000
SLIPPAGE = 2

BIDS = ((998, 100), (997, 200), (996, 300), (995, 400), (994, 500))
ASKS = ((1000, 100), (1001, 200), (1002, 300), (1003, 400), (1004, 500))


Rungs = tuple[tuple[int, int], ...]


def frame(
    at: int = 0, last: int = 999, volume: int = 0, bids: Rungs = BIDS, asks: Rungs = ASKS
) -> MarketView:
    return MarketView(at, last, volume, bids, asks)


def bare(at: int = 0, last: int = 1000) -> MarketView:
    return MarketView(at, last, None, None, None)


def never(_order: BookOrder, _reference: int) -> None:
    return None


def buy(name: str, quantity: int, price: int, **more: Any) -> tuple[Any, ...]:
    return (Side.BUY, name, quantity, price, more)


def sell(name: str, quantity: int, price: int, **more: Any) -> tuple[Any, ...]:
    return (Side.SELL, name, quantity, price, more)


class Play:
    """Feeds steps to a book and writes what it says as short lines."""

    def __init__(self, instrument: Instrument, at_trigger: TriggerCheck = never) -> None:
        self.book = Book(Settings(CADENCE, SLIPPAGE), at_trigger)
        self.instrument = instrument
        self.view: MarketView | None = None
        self.now = 0
        self.before: dict[str, tuple[int, int]] = {}
        self.lines: list[str] = []

    def run(self, *steps: Any) -> list[str]:
        for step in steps:
            if isinstance(step, MarketView):
                self.view, self.now = step, step.at
                if self.book.orders:
                    self.tell(self.book.observe(step))
            elif isinstance(step, int):
                self.now = step
            else:
                side, name, quantity, price, more = step
                order = BookOrder(
                    order_id=name, instrument=self.instrument, side=side,
                    quantity=quantity, price=price, **more,
                )  # fmt: skip
                self.tell(self.book.add(order, self.view, self.now))
        return self.lines

    def tell(self, reports: list[Report]) -> None:
        for said in reports:
            filled, value = self.before.get(said.order_id, (0, 0))
            line = f"{said.order_id} {said.kind}"
            if said.kind is ReportKind.FILLED:
                units = said.filled - filled
                price = (said.value - value) // units
                line = f"{said.order_id} {units}@{price} {said.filled}/{said.quantity}"
            elif said.rejection is not None:
                line += f" {said.rejection.why}"
            self.before[said.order_id] = (said.filled, said.value)
            self.lines.append(line)


SCENARIOS: dict[str, tuple[list[Any], list[str]]] = {
    # Arrival
    "a buy inside the spread rests": ([frame(), buy("a", 50, 999)], []),
    "a buy at the ask takes what is displayed there": (
        [frame(), buy("a", 50, 1000)],
        ["a 50@1000 50/50"],
    ),
    "a buy walks the levels up to its limit and rests with what is left": (
        [frame(), buy("a", 700, 1002)],
        ["a 100@1000 100/700", "a 200@1001 300/700", "a 300@1002 600/700"],
    ),
    "a sell walks the levels down to its limit": (
        [frame(), sell("a", 250, 997)],
        ["a 100@998 100/250", "a 150@997 250/250"],
    ),
    "an order larger than five levels rests with the part nobody displays": (
        [frame(), buy("a", 1600, 2000)],
        ["a 100@1000 100/1600", "a 200@1001 300/1600", "a 300@1002 600/1600",
         "a 400@1003 1000/1600", "a 500@1004 1500/1600"],
    ),
    "a one-sided book fills nothing": ([frame(asks=()), buy("a", 50, 1200)], []),
    "before the first frame an order waits, then takes what is displayed": (
        [buy("a", 50, 1000), frame()],
        ["a 50@1000 50/50"],
    ),
    "fills are whole lots": ([frame(asks=((1000, 13),)), buy("a", 50, 1000)], ["a 10@1000 10/50"]),
    # Nothing is taken twice
    "the same recorded quantity is not taken twice": (
        [frame(), buy("a", 100, 1000), buy("b", 100, 1000), frame(at=1)],
        ["a 100@1000 100/100"],
    ),
    "a second order takes what the first left": (
        [frame(), buy("a", 60, 1000), buy("b", 60, 1000)],
        ["a 60@1000 60/60", "b 40@1000 40/60"],
    ),
    "a changed quantity at the price is new liquidity": (
        [frame(), buy("a", 100, 1000), frame(at=1, asks=((1000, 105), *ASKS[1:])), buy("b", 100, 1000)],
        ["a 100@1000 100/100", "b 100@1000 100/100"],
    ),
    "the other side of the book is not touched by what we took": (
        [frame(), buy("a", 100, 1000), sell("b", 100, 998)],
        ["a 100@1000 100/100", "b 100@998 100/100"],
    ),
    "volume that traded at a level we had taken is ours already": (
        [frame(), buy("a", 150, 1000), frame(at=1, last=999, volume=100, asks=((1001, 200),))],
        ["a 100@1000 100/150"],
    ),
    # Queue
    "a resting buy waits behind the displayed quantity": (
        [frame(), buy("a", 50, 998), frame(at=1, last=998, volume=100)],
        [],
    ),
    "a resting buy fills after the queue ahead has traded": (
        [frame(), buy("a", 50, 998), frame(at=1, last=998, volume=120)],
        ["a 20@998 20/50"],
    ),
    "the queue ahead is worked off over several frames": (
        [frame(), buy("a", 50, 998), frame(at=1, last=998, volume=60),
         frame(at=2, last=998, volume=110), frame(at=3, last=998, volume=150)],
        ["a 10@998 10/50", "a 40@998 50/50"],
    ),
    "a shrinking level moves the order up": (
        [frame(), buy("a", 50, 998), frame(at=1, bids=((998, 10), *BIDS[1:])),
         frame(at=2, last=998, volume=30, bids=((998, 10), *BIDS[1:]))],
        ["a 20@998 20/50"],
    ),
    "a growing level does not move it back": (
        [frame(), buy("a", 50, 998), frame(at=1, bids=((998, 900), *BIDS[1:])),
         frame(at=2, last=998, volume=150)],
        ["a 50@998 50/50"],
    ),
    "a better price than the best bid has no queue": (
        [frame(), buy("a", 50, 999), frame(at=1, last=999, volume=30)],
        ["a 30@999 30/50"],
    ),
    "no new volume, no fill, whatever the last price": (
        [frame(), buy("a", 50, 999), frame(at=1, last=990)],
        [],
    ),
    "trades above a resting buy do nothing for it": (
        [frame(), buy("a", 50, 998), frame(at=1, last=999, volume=5000)],
        [],
    ),
    "a trade through the limit skips the queue, up to what traded": (
        [frame(), buy("a", 50, 998), frame(at=1, last=997, volume=30, bids=BIDS[1:])],
        ["a 30@998 30/50"],
    ),
    "after a trade through the limit nobody stands ahead any more": (
        [frame(), buy("a", 50, 998), frame(at=1, last=997, volume=30), frame(at=2, last=998, volume=50)],
        ["a 30@998 30/50", "a 20@998 50/50"],
    ),
    "beyond the fifth level the queue is unknown until the price comes into sight": (
        [frame(), buy("a", 50, 990), frame(at=1, last=990, volume=5000)],
        [],
    ),
    "once in sight the queue is what is displayed then": (
        [frame(), buy("a", 50, 990), frame(at=1, last=991, bids=((990, 20),)),
         frame(at=2, last=990, volume=40, bids=((990, 20),))],
        ["a 20@990 20/50"],
    ),
    "earlier orders at the price fill first and share what traded": (
        [frame(), buy("a", 50, 999), buy("b", 50, 999), frame(at=1, last=999, volume=70)],
        ["a 50@999 50/50", "b 20@999 20/50"],
    ),
    "the better price fills first": (
        [frame(asks=((1005, 10),)), buy("a", 50, 999), buy("b", 50, 1001),
         frame(at=1, last=998, volume=70, asks=((1005, 10),))],
        ["b 50@1001 50/50", "a 20@999 20/50"],
    ),
    "a resting sell mirrors a resting buy": (
        [frame(), sell("a", 50, 1000), frame(at=1, last=1000, volume=120),
         frame(at=2, last=1001, volume=130)],
        ["a 20@1000 20/50", "a 10@1000 30/50"],
    ),
    # Crossing
    "a resting buy fills at its own limit when the ask comes to it": (
        [frame(), buy("a", 50, 999), frame(at=1, asks=((998, 30), (999, 500)))],
        ["a 30@999 30/50", "a 20@999 50/50"],
    ),
    "a crossing quantity is shared": (
        [frame(), buy("a", 50, 999), buy("b", 50, 999), frame(at=1, asks=((999, 60),))],
        ["a 50@999 50/50", "b 10@999 10/50"],
    ),
    # Without a book
    "a print exactly as old as the cadence fills, with slippage": (
        [bare(at=0), CADENCE, buy("a", 50, 1010)],
        ["a 50@1002 50/50"],
    ),
    "an older print does not; the first later one does": (
        [bare(at=0), CADENCE + 1, buy("a", 50, 1010), bare(at=5000, last=1004)],
        ["a 50@1006 50/50"],
    ),
    "slippage never goes beyond the limit": (
        [bare(), buy("a", 50, 1001)],
        ["a 50@1001 50/50"],
    ),
    "a sell slips downwards": ([bare(), sell("a", 50, 990)], ["a 50@998 50/50"]),
    "slippage never reaches zero": ([bare(last=2), sell("a", 50, 1)], ["a 50@1 50/50"]),
    "a limit the print does not reach rests, and a print at the limit is not enough": (
        [bare(), buy("a", 50, 995), bare(at=1, last=995)],
        [],
    ),
    "a print through the limit fills at the limit": (
        [bare(), buy("a", 50, 995), bare(at=1, last=994)],
        ["a 50@995 50/50"],
    ),
    "the first later print that does not reach the limit leaves it resting": (
        [bare(), CADENCE + 1, buy("a", 50, 995), bare(at=5000, last=996), bare(at=6000, last=990)],
        ["a 50@995 50/50"],
    ),
    "before any print an order waits": ([buy("a", 50, 1010), bare(at=7)], ["a 50@1002 50/50"]),
    # Stops
    "a stop waits below its trigger": (
        [frame(), buy("s", 50, 1003, trigger=1001), frame(at=1, last=1000, volume=5)],
        [],
    ),
    "a buy stop fires at its trigger and walks the book": (
        [frame(), buy("s", 150, 1003, trigger=1001), frame(at=1, last=1001, volume=5)],
        ["s triggered", "s 100@1000 100/150", "s 50@1001 150/150"],
    ),
    "a sell stop fires at or below its trigger": (
        [frame(), sell("s", 50, 990, trigger=997), frame(at=1, last=996, volume=5)],
        ["s triggered", "s 50@998 50/50"],
    ),
    "a fired stop whose limit the market has left rests": (
        [frame(), buy("s", 50, 1003, trigger=1001),
         frame(at=1, last=1010, volume=5, bids=((1009, 50),), asks=((1011, 50),)),
         frame(at=2, last=1003, volume=60, bids=((1002, 50),), asks=((1004, 50),))],
        ["s triggered", "s 50@1003 50/50"],
    ),
    "a stop takes its place in the queue when it fires, not when it was sent": (
        [frame(asks=((1020, 50),)), buy("s", 50, 1003, trigger=1001), buy("a", 50, 1003),
         frame(at=1, last=1004, volume=5, bids=((1002, 50),), asks=((1020, 50),)),
         frame(at=2, last=1003, volume=65, bids=((1002, 50),), asks=((1020, 50),))],
        ["s triggered", "a 50@1003 50/50", "s 10@1003 10/50"],
    ),
    "without a book a fired stop takes its print with slippage": (
        [bare(), buy("s", 50, 1010, trigger=1005), bare(at=1, last=1006)],
        ["s triggered", "s 50@1008 50/50"],
    ),
    # A cap (scripted fault)
    "a capped order fills to its cap and stays": (
        [frame(), buy("a", 100, 1000, fillable=50), frame(at=1, last=990, volume=9000, asks=((990, 900),))],
        ["a 50@1000 50/100"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_book_matches_as_documented(name: str, option: Instrument) -> None:
    steps, expected = SCENARIOS[name]
    assert Play(option).run(*steps) == expected


def test_a_stop_out_of_price_protection_is_cancelled_at_its_trigger(option: Instrument) -> None:
    no = Rejection(Why.PRICE_PROTECTION, "1", "2")
    play = Play(option, at_trigger=lambda _order, _reference: no)
    lines = play.run(frame(), buy("s", 50, 1003, trigger=1001), frame(at=1, last=1001, volume=5))
    assert lines == ["s triggered", "s cancelled price_protection"]
    assert play.book.orders == []


def test_what_traded_while_nothing_worked_is_not_ours(option: Instrument) -> None:
    play = Play(option)
    play.view = frame(volume=9_000)
    assert play.run(buy("a", 50, 999), frame(at=1, last=999, volume=9_000)) == []


def test_a_day_volume_that_falls_back_counts_as_no_trade(option: Instrument) -> None:
    play = Play(option)
    play.run(frame(volume=100), buy("a", 50, 999))
    assert play.run(frame(at=1, last=990, volume=50)) == []
    assert play.run(frame(at=2, last=990, volume=60)) == ["a 10@999 10/50"]
