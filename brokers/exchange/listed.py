"""One contract of a synthetic session as its feed shows it: an index, or something that trades."""

from __future__ import annotations

from typing import Final, Protocol

from brokers.exchange import activity
from brokers.exchange.book_maker import BookLevel, BookMaker
from brokers.exchange.dice import Dice
from brokers.exchange.snapshot import MarketSnapshot, SnapshotLevel
from brokers.exchange.tape import DayRange, Tape
from brokers.exchange.underlying import Underlying
from brokers.exchange.valuation import Valuation
from engine.model.catalogue import InstrumentFacts
from engine.rules.clock_time import NS_PER_S

_INDEX_TICK_PAISE: Final = 5
_OPEN_INTEREST_MOVES: Final = 0.002
_OPENING_S: Final = 8.0
_OPENING_LOTS_PER_S: Final = 20.0
_BOOKS_IN_TOTAL: Final = (90.0, 160.0)
_TOTAL_MOVES: Final = 0.25
_UNTRADED_SHARE: Final = 0.25


class Listed(Protocol):
    """A contract that is brought to a moment and then shown."""

    def move(self, now: int) -> float:
        """Bring it to ``now`` (ns, UTC); return the mean seconds until it is shown again."""

    def show(self, received_at: int, listing: int, sequence: int, now: int) -> MarketSnapshot:
        """Return it as it is since the last ``move``."""


class ListedIndex:
    """An index: a level and its day range; no book, no quantities, no sequence."""

    def __init__(self, underlying: Underlying) -> None:
        self._underlying = underlying
        self._day = DayRange()
        self._previous_close = on_grid(underlying.previous_close, _INDEX_TICK_PAISE)

    def move(self, now: int) -> float:
        """Take the level of ``now``."""
        self._day.print(on_grid(self._underlying.spot(now), _INDEX_TICK_PAISE))
        return activity.INDEX_EVERY_S

    def show(self, received_at: int, listing: int, sequence: int, now: int) -> MarketSnapshot:
        """Return last and day range; the segment's ``sequence`` does not count indices."""
        del sequence
        day = self._day
        return MarketSnapshot(
            received_at=received_at,
            listing=listing,
            sequence=0,
            exchange_time_s=now // NS_PER_S,
            last=day.last,
            last_quantity=0,
            average=0,
            volume=0,
            total_buy=0,
            total_sell=0,
            open=day.open,
            high=day.high,
            low=day.low,
            previous_close=self._previous_close,
            last_trade_s=0,
            open_interest=0,
            open_interest_change_pct=0.0,
            bids=(),
            asks=(),
            upper_circuit=0,
            lower_circuit=0,
            year_high=0,
            year_low=0,
        )


class ListedContract:
    """A contract with a valuation, a book and a tape."""

    def __init__(
        self, facts: InstrumentFacts, valuation: Valuation, opens: int, dice: Dice
    ) -> None:
        tick = self._tick = int(facts.tick_size * 100)
        self._lot = facts.lot_size
        self._valuation = valuation
        self._opens = opens
        self._dice = dice
        fixed = valuation.figures()
        self._book = BookMaker(dice)
        self._tape = Tape(dice, facts.lot_size, tick, fixed.open_interest_lots)
        self._interest_moves = _OPEN_INTEREST_MOVES * fixed.open_interest_lots
        self._resting_bids = self._resting_asks = 0
        self._moved_at = 0
        self._previous_close = max(on_grid(fixed.previous_close, tick), tick)
        self._upper_circuit = on_grid(fixed.upper_circuit, tick)
        self._lower_circuit = on_grid(fixed.lower_circuit, tick)
        self._year_high = on_grid(fixed.year_high, tick)
        self._year_low = on_grid(fixed.year_low, tick)

    def move(self, now: int) -> float:
        """Quote, trade and count up to ``now``."""
        fair, lively = self._valuation.at(now)
        since = now - self._opens
        self._book.quote(fair * 100.0 / self._tick, lively.quoting)
        self._tape.trade(self._book, self._traded(now, lively.lots_per_s), now // NS_PER_S)
        self._tape.count_open_interest(since, self._interest_moves)
        self._resting_bids = self._resting(self._resting_bids, lively.quoting.lots)
        self._resting_asks = self._resting(self._resting_asks, lively.quoting.lots)
        self._moved_at = now
        return lively.every_s

    def show(self, received_at: int, listing: int, sequence: int, now: int) -> MarketSnapshot:
        """Return the whole picture."""
        tape, day = self._tape, self._tape.day
        bids, asks = self._levels(self._book.bids), self._levels(self._book.asks)
        return MarketSnapshot(
            received_at=received_at,
            listing=listing,
            sequence=sequence,
            exchange_time_s=now // NS_PER_S,
            last=day.last,
            last_quantity=tape.last_quantity,
            average=tape.average,
            volume=tape.volume,
            total_buy=max(self._resting_bids * self._lot, sum([level.quantity for level in bids])),
            total_sell=max(self._resting_asks * self._lot, sum([level.quantity for level in asks])),
            open=day.open,
            high=day.high,
            low=day.low,
            previous_close=self._previous_close,
            last_trade_s=tape.last_trade_s,
            open_interest=tape.open_interest,
            open_interest_change_pct=tape.open_interest_change_pct,
            bids=bids,
            asks=asks,
            upper_circuit=self._upper_circuit,
            lower_circuit=self._lower_circuit,
            year_high=max(self._year_high, day.high),
            year_low=min(self._year_low, day.low),
        )

    def _traded(self, now: int, lots_per_s: float) -> int:
        """Return how many lots traded since the contract was last moved."""
        if not self._moved_at:
            opening = _OPENING_S * min(lots_per_s, _OPENING_LOTS_PER_S)
            return 1 + self._dice.geometric(opening)
        passed_s = (now - self._moved_at) / NS_PER_S
        mean = lots_per_s * passed_s * activity.rush((now - self._opens) / NS_PER_S)
        # Most packets of a quiet contract tell of a changed book and not of a trade.
        trades = self._dice.chance(min(1.0, _UNTRADED_SHARE + mean))
        return self._dice.geometric(mean) if trades else 0

    def _resting(self, lots: int, mean_lots: float) -> int:
        """Let the whole book of one side, of which five levels are seen, drift."""
        dice = self._dice
        if not lots:
            return int(mean_lots * dice.uniform(*_BOOKS_IN_TOTAL)) + 1
        if dice.chance(_TOTAL_MOVES):
            return max(lots + int(mean_lots * dice.normal()), 1)
        return lots

    def _levels(self, side: list[BookLevel]) -> tuple[SnapshotLevel, ...]:
        tick, lot = self._tick, self._lot
        return tuple(
            [SnapshotLevel(price * tick, lots * lot, orders) for price, lots, orders in side]
        )


def on_grid(rupees: float, tick_paise: int) -> int:
    """Return ``rupees`` in paise, on the nearest multiple of ``tick_paise``."""
    return round(rupees * 100.0 / tick_paise) * tick_paise
