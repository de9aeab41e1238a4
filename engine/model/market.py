"""What the market says: ticks, depth and bars. Observed prices are floats in rupees.

These are the hot-path events: frozen, without garbage-collector tracking, built positionally.
Absent is ``None``, never 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from engine.model.instrument import Instrument


class Span(NamedTuple):
    """First, lowest and highest last price of the packets that one conflated tick covers."""

    first: float
    low: float
    high: float
    packets: int


class Tick(msgspec.Struct, frozen=True, gc=False):
    """The newest state of one instrument, as one feed packet gave it.

    ``exchange_time`` and ``received_at`` are nanoseconds since the epoch, UTC. ``volume`` is that
    of the day. ``open``, ``high``, ``low`` and ``average_price`` are of the day, ``previous_close``
    is the day before's. ``bid``/``ask`` are the best prices. ``span`` covers every packet since the
    last delivery and is None for one packet, so that bars stay exact when ticks are conflated.

    What every packet has comes first and what only larger packets have comes later, so that a
    decoder names no more than its packet holds.
    """

    instrument: Instrument
    source: str
    last: float
    exchange_time: int
    received_at: int
    last_qty: int | None = None
    volume: int | None = None
    average_price: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    previous_close: float | None = None
    open_interest: int | None = None
    bid: float | None = None
    ask: float | None = None
    bid_qty: int | None = None
    ask_qty: int | None = None
    span: Span | None = None

    @property
    def mid(self) -> float | None:
        """Halfway between bid and ask, or None while one of them is absent."""
        if self.bid is None or self.ask is None:
            return None
        return (self.bid + self.ask) / 2


class Level(NamedTuple):
    """One price level of a book: price in rupees, quantity in units, number of orders."""

    price: float
    quantity: int
    orders: int


class Depth(msgspec.Struct, frozen=True, gc=False):
    """The book of one instrument: up to five (or twenty) levels a side, best first.

    ``upper_circuit`` and ``lower_circuit`` are the day's price limits where the packet names them.
    """

    instrument: Instrument
    source: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    upper_circuit: float | None
    lower_circuit: float | None
    exchange_time: int
    received_at: int


class Interval(StrEnum):
    """How long a bar is."""

    S1 = "1s"
    S5 = "5s"
    S15 = "15s"
    S30 = "30s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M10 = "10m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    D1 = "1d"

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[self.value[-1]]
        return int(self.value[:-1]) * unit


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low, close of one interval ``[start, end)``, nanoseconds since the epoch, UTC.

    ``volume`` is what traded inside the interval (the growth of the day's volume), None where the
    feed gives none (indices). ``count`` is the number of packets. Intervals are aligned to the
    session's open, as Indian charting does (09:15, 09:30, ... for 15 minutes), and the last of the
    session ends at its close.
    """

    instrument: Instrument
    interval: Interval
    start: int
    end: int
    open: float
    high: float
    low: float
    close: float
    volume: int | None
    open_interest: int | None
    count: int
