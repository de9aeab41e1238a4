"""The broker ids an account's order book must show, since they were known before it was asked for.

A book that lacks one of them is not complete: a truncated or empty book is a failed reading, never
"no orders" (reliability.md 2.4). When look after look lacks the same ones they are believed gone,
so that the rest can be worked with; but a book that loses orders never proves one absent.
"""

from __future__ import annotations

from typing import Final

from engine.core.repeated import Repeated
from engine.model.snapshot import Snapshot
from engine.rules.clock_time import ns

SETTLES_S: Final = 5.0
"""What an order did less than this ago may not stand in every book yet."""


class KnownIds:
    """The ids of one account. ``gone``: those its book showed once and does not show any more."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self._learned_at: dict[str, int] = {}
        self._lacking: Repeated[tuple[str, ...]] = Repeated(())

    @property
    def is_lacking(self) -> bool:
        """True while a book lacked ids that are not believed gone yet."""
        return self._lacking.is_open

    def learn(self, broker_id: str, now: int) -> None:
        """Know an id from now on, if it was not known before."""
        self._learned_at.setdefault(broker_id, now)

    def look(self, snapshot: Snapshot, shown: set[str]) -> tuple[str, ...]:
        """Take in what a look showed; return the ids it lacks of those not believed gone."""
        self.gone -= shown
        if not snapshot.is_complete:
            return ()
        settled = snapshot.asked_at - ns(SETTLES_S)
        missing = tuple(
            broker_id
            for broker_id, learned_at in self._learned_at.items()
            if learned_at <= settled and broker_id not in shown and broker_id not in self.gone
        )
        if not missing:
            self._lacking.clear()
        return missing

    def weigh(self, missing: tuple[str, ...], asked_at: int) -> int:
        """Take in what a look lacked; return how many looks say so once it is believed, else 0."""
        if not self._lacking.is_believable(missing, asked_at):
            return 0
        looks = self._lacking.looks
        self.gone.update(missing)
        self._lacking.clear()
        return looks
