"""Five levels a side around a fair value, kept from quote to quote as a real book keeps them.

A level stays where it is until the touch passes it, and its size changes now and then; so a book
is recognisably the one of a moment ago, and two neighbouring snapshots of it compress well.
Everything is in whole ticks and whole lots.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from brokers.exchange.dice import Dice

LEVELS: Final = 5

_TOUCH_REFRESH: Final = 0.45
_DEEP_REFRESH: Final = 0.08
_RESPREAD: Final = 0.12
_INSIDE: Final = 0.2
_NEW_LEVEL: Final = 0.03
_HOLE: Final = 3.0
_SIZE_BY_LEVEL: Final = (0.6, 1.0, 1.3, 1.5, 1.7)


class BookLevel(NamedTuple):
    """A resting level: price in ticks, size in lots, number of orders."""

    price: int
    lots: int
    orders: int


class Quoting(NamedTuple):
    """How a book is made at the moment: mean spread and gap in ticks, mean size in lots."""

    spread: float
    gap: float
    lots: float


class BookMaker:
    """The book of one contract. Never crossed; without bids when nothing is left to bid for."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.bids: list[BookLevel] = []
        self.asks: list[BookLevel] = []

    @property
    def bid(self) -> int:
        """The best bid in ticks, 0 while there is none."""
        return self.bids[0].price if self.bids else 0

    @property
    def ask(self) -> int:
        """The best offer in ticks."""
        return self.asks[0].price

    def quote(self, fair: float, how: Quoting) -> None:
        """Move the book so that ``fair`` (ticks) lies inside the touch, and let sizes change."""
        bid, ask = self._touch(fair, how)
        self.bids = self._side(self.bids, bid, -1, how) if bid else []
        self.asks = self._side(self.asks, ask, 1, how)

    def _touch(self, fair: float, how: Quoting) -> tuple[int, int]:
        if self.asks:
            bid, ask = self.bid, self.ask
            margin = _INSIDE * (ask - bid)
            if bid + margin <= fair <= ask - margin and not self._dice.chance(_RESPREAD):
                return bid, ask
        spread = 1 + self._dice.geometric(how.spread - 1.0)
        bid = max(int(fair - spread / 2.0 + 0.5), 0)
        return bid, max(bid + spread, 1)

    def _side(
        self, old: list[BookLevel], touch: int, direction: int, how: Quoting
    ) -> list[BookLevel]:
        dice = self._dice
        made: list[BookLevel] = []
        standing = [level for level in old if (level.price - touch) * direction >= 0]
        reach = direction * int(_HOLE * how.gap + 1.0)
        price, latest, following = touch, touch, 0
        for depth in range(LEVELS):
            if following < len(standing) and self._joins(
                standing[following].price, price, latest, reach, depth
            ):
                level = standing[following]
                following += 1
                if dice.chance(_TOUCH_REFRESH if depth == 0 else _DEEP_REFRESH):
                    level = self._level(level.price, depth, how)
            else:
                level = self._level(price, depth, how)
            made.append(level)
            latest = level.price
            price = latest + direction * (1 + dice.geometric(how.gap - 1.0))
            if price < 1:
                break
        return made

    def _joins(self, standing: int, price: int, latest: int, reach: int, depth: int) -> bool:
        """Tell whether the next standing level comes next, or a new one at ``price`` before it."""
        if depth == 0:
            return standing == price
        direction = 1 if reach > 0 else -1
        if (standing - price) * direction <= 0:
            return True
        is_near = (standing - latest) * direction <= reach * direction
        return is_near and not self._dice.chance(_NEW_LEVEL)

    def _level(self, price: int, depth: int, how: Quoting) -> BookLevel:
        lots = 1 + self._dice.geometric(how.lots * _SIZE_BY_LEVEL[depth])
        orders = 1 + self._dice.below(max(1, lots // 2))
        return BookLevel(price, lots, min(orders, 1 + int(lots**0.5 * 2.0)))
