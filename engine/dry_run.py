"""A run in memory until every strategy has asked for its first group: what ``engine check`` shows.

The same kernel, gate and paper exchange as a run, over the same frames; only that nothing is
written, and that it stops as soon as there is nothing left to find out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from brokers.replay.recording import Recording
from engine.app import PaperLoaded, join
from engine.core.book import Book
from engine.core.group import Group
from engine.core.pricing import trade_price
from engine.errors import InvariantBroken
from engine.model.effect import Say
from engine.model.instrument import Instrument
from engine.model.legs import GroupState
from engine.model.payoff import Payoff
from engine.model.record import GroupMoved, Record, RiskJudged, StrategyHalted
from engine.model.side import Side
from engine.rules.clock_time import clock_text
from engine.rules.payoff import leg_at, payoff
from engine.runtime.clock import Pacer
from engine.runtime.tasks import read_ahead

NO_GROUP: Final = "enters no group in this recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLeg:
    """One leg of a group, in all accounts together: lots, and the price it would be sent at."""

    side: Side
    lots: int
    instrument: Instrument
    price: Decimal

    @property
    def units(self) -> int:
        """Signed: above 0 bought."""
        return self.side.sign * self.lots * self.instrument.lot_size


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstGroup:
    """The first group that a strategy asks for: when (ns UTC), at what prices, and what of it.

    ``refused`` is what risk says against it, empty where it would be entered.
    """

    group_id: str
    at: int
    legs: tuple[FirstLeg, ...]
    payoff: Payoff
    refused: str


class DryRun:
    """``found`` and ``skipped`` (with the reason) hold every strategy, in one or the other."""

    def __init__(self, loaded: PaperLoaded, recording: Recording) -> None:
        self._recording = recording
        self.found: dict[str, FirstGroup] = {}
        self.skipped = dict.fromkeys((s.settings.strategy_id for s in loaded.strategies), NO_GROUP)
        self._sought = dict(self.skipped)
        self._parts = join(loaded, recording, self, self, _say_nothing)
        # The exchange's prices: the kernel lets go of those of a group that was refused.
        self._book = Book(recording.catalogue)
        self._book.ticks = self._parts.broker.ticks

    async def run(self) -> None:
        """Go through the recording until nothing is left to find. Raises ``FileError`` as a run."""
        runner = self._parts.runner
        begun = False
        for batch in self._recording.frames(through=read_ahead):
            if not begun:
                runner.begin(batch.received_at[0])
                await runner.settle()
                begun = True
            async for _ in runner.feed_batch(batch, Pacer(None)):
                if not self._sought:
                    return

    # -- the journal and the log of this run, which keep nothing ----------------------------------

    def append_all(self, records: Iterable[Record], at: int) -> int:
        """Look at what a run would have journaled at ``at``."""
        for record in records:
            self._look_at(record, at)
        return 0

    def _look_at(self, record: Record, at: int) -> None:
        if isinstance(record, RiskJudged) and record.strategy in self._sought:
            self._judged(record, at)
        elif isinstance(record, GroupMoved) and record.after is GroupState.REFUSED:
            group = self._parts.kernel.placement.groups[record.group_id]
            if group.strategy in self._sought:
                when = clock_text(at, 0)
                self.skipped[group.strategy] = f"{record.group_id} at {when}: {record.why}"
        elif isinstance(record, StrategyHalted) and record.strategy in self._sought:
            del self._sought[record.strategy]
            self.skipped[record.strategy] = f"halted at {clock_text(at, 0)}: {record.why}"

    def dispatched_frames(self, *_: int) -> None:
        """Keep nothing."""

    def dispatched_event(self, *_: object) -> None:
        """Keep nothing."""

    def effects(self, *_: object) -> None:
        """Keep nothing."""

    def _judged(self, record: RiskJudged, at: int) -> None:
        group = self._parts.kernel.placement.groups[record.group_id]
        # No frame has come since it was judged, so these are the prices it was judged at.
        legs = _legs(group, self._book)
        self.found[record.strategy] = FirstGroup(
            group_id=record.group_id,
            at=at,
            legs=legs,
            payoff=payoff(leg_at(leg.instrument, leg.units, leg.price) for leg in legs),
            refused=record.text,
        )
        del self.skipped[record.strategy], self._sought[record.strategy]


def _legs(group: Group, book: Book) -> tuple[FirstLeg, ...]:
    weight = sum(group.plan.accounts.values())
    legs = []
    for leg in group.plan.legs:
        price = trade_price(leg, book)
        if price is None:
            raise InvariantBroken(f"{group.group_id} was judged without a price of {leg}")
        legs.append(
            FirstLeg(side=leg.side, lots=leg.lots * weight, instrument=leg.instrument, price=price)
        )
    return tuple(legs)


def _say_nothing(line: Say) -> None:
    del line
