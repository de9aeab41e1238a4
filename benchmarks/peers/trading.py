"""What every engine decides, how its orders should fill, and how its fills are compared.

Standard library only. The rule of the fills, for all engines: an order asked for on a tick fills
whole at the price of the next tick of its instrument. With books, a buy fills at that tick's ask
and a sale at its bid.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.crosses import Crosses
from benchmarks.peers.day import LOT, SPREAD_PAISE, Day


class Fill(NamedTuple):
    """Units that changed hands: ``number`` is the tick that was decided on, ``side`` 1 or -1."""

    number: int
    side: int
    quantity: int
    price_paise: int


class Trader:
    """Enters the way of a cross, leaves at the next one of the same instrument.

    ``seen`` counts the ticks it was shown.
    """

    __slots__ = ("crosses", "held", "seen")

    def __init__(self, instruments: int) -> None:
        self.crosses = Crosses(instruments)
        self.held = [0] * instruments
        self.seen = 0

    def see(self, index: int, price: float) -> int:
        """Return 1 to buy one lot now, -1 to sell one, 0 to do nothing."""
        self.seen += 1
        if not self.crosses.see(index, price):
            return 0
        held = self.held[index]
        if held:
            self.held[index] = 0
            return -held
        side = 1 if self.crosses.is_up[index] else -1
        self.held[index] = side
        return side


def expected(day: Day, *, books: bool) -> tuple[int, list[Fill]]:
    """Return how many orders there should be, and the fills of those that can still fill."""
    trader = Trader(day.instruments)
    orders, fills = 0, []
    half = SPREAD_PAISE if books else 0
    for number, paise in enumerate(day.prices):
        side = trader.see(number % day.instruments, paise / 100)
        if side:
            orders += 1
            following = number + day.instruments
            if following < len(day):
                fills.append(Fill(number, side, LOT, day.prices[following] + side * half))
    return orders, fills


def checksum(fills: Sequence[Fill]) -> str:
    """Return eight characters that are the same for the same fills, in whatever order."""
    text = "\n".join(f"{n} {side} {units} {paise}" for n, side, units, paise in sorted(fills))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an engine's fills compare with those that should be.

    ``repriced``: the same order filled the same units at another price. ``missing`` and ``extra``:
    fills that only one of the two has.
    """

    wanted: int
    same: int
    repriced: int
    missing: int
    extra: int

    @property
    def is_whole(self) -> bool:
        return not (self.repriced or self.missing or self.extra)

    def __str__(self) -> str:
        if self.is_whole:
            return "same"
        parts = [
            f"{count} {word}"
            for word, count in (
                ("at another price", self.repriced),
                ("missing", self.missing),
                ("more", self.extra),
            )
            if count
        ]
        return f"{', '.join(parts)} of {self.wanted}"


def agreement(wanted: Sequence[Fill], got: Sequence[Fill]) -> Agreement:
    """Compare fills, each counted once."""
    left, right = Counter(wanted), Counter(got)
    same = (left & right).total()
    left, right = left - right, right - left
    loose, found = (Counter(f[:3] for f in side.elements()) for side in (left, right))
    repriced = (loose & found).total()
    return Agreement(
        wanted=len(wanted),
        same=same,
        repriced=repriced,
        missing=left.total() - repriced,
        extra=right.total() - repriced,
    )
