"""What a market shows of one contract at one moment, before any broker has put it into bytes.

Everything is a whole number: prices in paise (1/100 rupee), since an index and an average price
lie on no tick grid; quantities in units; times in the resolution in which exchanges publish them.
"""

from __future__ import annotations

from typing import NamedTuple


class SnapshotLevel(NamedTuple):
    """One level of a book: price in paise, quantity in units, number of orders."""

    price: int
    quantity: int
    orders: int


class MarketSnapshot(NamedTuple):
    """One contract as a feed would show it.

    ``listing`` is the place of the contract in the market's list. ``received_at`` is when the feed
    delivers it (ns, UTC), ``exchange_time_s`` the exchange's own clock, ``last_trade_s`` that of
    the last print (seconds since the epoch). ``sequence`` counts the segment's packets. An index
    has no book, no quantities and no sequence: zeros and empty tuples.
    """

    received_at: int
    listing: int
    sequence: int
    exchange_time_s: int
    last: int
    last_quantity: int
    average: int
    volume: int
    total_buy: int
    total_sell: int
    open: int
    high: int
    low: int
    previous_close: int
    last_trade_s: int
    open_interest: int
    open_interest_change_pct: float
    bids: tuple[SnapshotLevel, ...]
    asks: tuple[SnapshotLevel, ...]
    upper_circuit: int
    lower_circuit: int
    year_high: int
    year_low: int
