"""The broker ids an account's order book must show, since they were known before it was asked for.

A book that lacks one of them is not complete: a truncated or empty book is a failed reading, never
"no orders" (reliability.md 2.4). One that look after look lacks is believed gone, so that the rest
can be worked with; but a book that lacks orders which are known never proves another one absent.
"""

from __future__ import annotations

from typing import Final

from engine.core.repeated import Repeated
from engine.model.snapshot import Snapshot
from engine.rules.clock_time import ns

SETTLES_S: Final = 5.0
"""What an order did less than this ago may not stand in every book yet."""


class KnownIds:
    """The ids of one account. ``gone``: those its book lacked so often that it is believed."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self._learned_at: dict[str, int] = {}
        self._lacking: dict[str, Repeated[bool]] = {}

    def learn(self, broker_id: str, now: int) -> None:
        """Know an id from now on, if it was not known before."""
        self._learned_at.setdefault(broker_id, now)

    def forget(self, broker_id: str) -> None:
        """Ask no book for an id any more: a person said what became of its order."""
        self._learned_at.pop(broker_id, None)
        self._lacking.pop(broker_id, None)
        self.gone.discard(broker_id)

    def look(self, snapshot: Snapshot, shown: set[str]) -> tuple[str, ...]:
        """Take in what a look showed; return the ids it lacks of those not believed gone."""
        self.gone -= shown
        for broker_id in shown:
            self._lacking.pop(broker_id, None)
        if not snapshot.is_complete:
            return ()
        settled = snapshot.asked_at - ns(SETTLES_S)
        return tuple(
            broker_id
            for broker_id, learned_at in self._learned_at.items()
            if learned_at <= settled and broker_id not in shown and broker_id not in self.gone
        )

    def weigh(self, missing: tuple[str, ...], asked_at: int) -> dict[str, int]:
        """Take in what a look lacked; return which ids are believed gone now, after how many."""
        believed: dict[str, int] = {}
        for broker_id in missing:
            lacking = self._lacking.setdefault(broker_id, Repeated())
            if lacking.add(True, asked_at):
                believed[broker_id] = lacking.looks
                del self._lacking[broker_id]
        self.gone.update(believed)
        return believed
