"""What has traded today in one contract: prints, day range, volume, average price, open interest.

Prices in paise, quantities in units.
"""

from __future__ import annotations

from typing import Final

from brokers.exchange.book_maker import BookMaker
from brokers.exchange.dice import Dice

_INSIDE_PRINT: Final = 0.15
_OPEN_INTEREST_EVERY_NS: Final = 60_000_000_000
_OPEN_INTEREST_DECIMALS: Final = 4


class DayRange:
    """Open, high, low and last of the day, in paise. Zeros until the first print."""

    __slots__ = ("high", "last", "low", "open")

    def __init__(self) -> None:
        self.open = self.high = self.low = self.last = 0

    def print(self, price: int) -> None:
        """Take one traded price (or index value)."""
        if not self.open:
            self.open = self.high = self.low = price
        self.last = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)


class Tape:
    """The day's trading in one contract, print by print at the touch of its book or inside it."""

    def __init__(self, dice: Dice, lot_size: int, tick_paise: int, open_interest_lots: int) -> None:
        self._dice = dice
        self._lot = lot_size
        self._tick = tick_paise
        self._yesterday = max(open_interest_lots, 1) * lot_size
        self._value = 0
        # Contracts do not publish their open interest all at once.
        self._next_count_ns = int(dice.uniform() * _OPEN_INTEREST_EVERY_NS)
        self.day = DayRange()
        self.volume = 0
        self.last_quantity = 0
        self.last_trade_s = 0
        self.open_interest = self._yesterday
        self.open_interest_change_pct = 0.0

    @property
    def average(self) -> int:
        """Value traded over volume, rounded to the paisa; 0 before the first print."""
        return (2 * self._value + self.volume) // (2 * self.volume) if self.volume else 0

    def trade(self, book: BookMaker, lots: int, at_s: int) -> None:
        """Print ``lots`` (0 or more) against ``book`` at ``at_s`` (seconds since the epoch)."""
        if lots == 0:
            return
        dice = self._dice
        low, high = book.bid or book.ask, book.ask
        bought = min(lots, int(lots * dice.uniform(0.2, 0.85) + 0.5))
        parts = [(high, bought), (low, lots - bought)]
        if dice.chance(0.5):
            parts.reverse()
        if high - low > 1 and dice.chance(_INSIDE_PRINT):
            inside = low + 1 + dice.below(high - low - 1)
            parts[1] = (inside, parts[1][1])
        for ticks, size in parts:
            if size:
                price = ticks * self._tick
                self.day.print(price)
                self._value += price * size * self._lot
                self.last_quantity = min(size, 1 + dice.geometric(2.0)) * self._lot
        self.volume += lots * self._lot
        self.last_trade_s = at_s

    def count_open_interest(self, since_open_ns: int, lots_per_count: float) -> None:
        """Let the open interest change when it is due, about once a minute."""
        if since_open_ns < self._next_count_ns:
            return
        self._next_count_ns += _OPEN_INTEREST_EVERY_NS
        change = round(lots_per_count * (self._dice.normal() + 0.25)) * self._lot
        self.open_interest = max(self.open_interest + change, 0)
        share = self.open_interest / self._yesterday - 1.0
        self.open_interest_change_pct = round(100.0 * share, _OPEN_INTEREST_DECIMALS)
