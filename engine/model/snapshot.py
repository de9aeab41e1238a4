"""One look into an account's books at a broker: its orders, trades and positions.

A snapshot is the truth and a stream only a hint (reliability.md 0, rule 4), provided that it is
complete: every request succeeded, every page was read, and it holds every order already known for
the day. The first two are the adapter's to say, in ``is_complete``; the last is the kernel's.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.model.instrument import Instrument
from engine.model.order import Product
from engine.model.order_update import OrderUpdate


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of the day, as the broker's trade book has it. ``price`` is rupees per unit."""

    broker_id: str
    quantity: int
    price: Decimal
    fill_id: str | None = None
    exchange_time: int | None = None


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Net units of one instrument and product: positive long, negative short."""

    instrument: Instrument
    product: Product
    quantity: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one account. ``asked_at`` (ns UTC) is when the first request for it left.

    ``trades`` and ``positions`` are None where they were not asked for. ``is_complete`` is False
    when a request failed, a page is missing or a row could not be read; ``why`` then says which.
    """

    account: str
    source: str
    asked_at: int
    orders: tuple[OrderUpdate, ...]
    trades: tuple[TradeRow, ...] | None = None
    positions: tuple[PositionRow, ...] | None = None
    is_complete: bool = True
    why: str = ""
