"""What a person's kills, by the journal's own word, keep from leaving (I5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.model.event import KillMode
from engine.model.order import ChildKey, Order, Purpose
from engine.model.record import HumanActed, KillRecorded, Record
from tests.simulation.broker import WORKING, Row


class Decree(NamedTuple):
    """A kill, and the number of its record."""

    sequence: int
    scope: str
    mode: KillMode


def scopes(order: Order) -> tuple[str, str, str]:
    """Return the scopes a kill may name to reach an order."""
    return "all", f"account:{order.account}", order.strategy


def left_to_flatten(key: ChildKey, others: Iterable[tuple[ChildKey, Row]]) -> int:
    """Return what an order's leg holds at its broker, less what other exits of it may yet take.

    ``others`` are the broker's rows of our other orders.
    """
    held = 0
    for other, row in others:
        if (other.group_id, other.account, other.leg) != (key.group_id, key.account, key.leg):
            continue
        if other.exit:
            held -= row.quantity if row.status in WORKING else row.filled
        else:
            held += row.filled
    return held


class Decrees:
    """The kills of one journal that nobody lifted.

    The engine's kill switch is not asked: what it forgets, a record still says.
    """

    def __init__(self, earlier: Iterable[tuple[int, Record]] = ()) -> None:
        self._standing: list[Decree] = []
        self._flattened: list[Decree] = []
        for sequence, record in earlier:
            self.note(record, sequence)

    def note(self, record: Record, sequence: int) -> None:
        """Take up what a record says of kills, if it says anything of them."""
        if isinstance(record, KillRecorded):
            decree = Decree(sequence, record.scope, KillMode(record.mode))
            self._standing.append(decree)
            if decree.mode is KillMode.FLATTEN:
                self._flattened.append(decree)
        elif isinstance(record, HumanActed) and record.action == "arm":
            self._standing = [kill for kill in self._standing if kill.scope != record.subject]

    def barring(self, order: Order, started: int, durable: int) -> Decree | None:
        """Return a kill that is durable and keeps an order from leaving, None when none does.

        ``started`` is the record that started the send. One that flattens is let through where a
        kill that came before it wanted that.
        """
        reached = scopes(order)
        kills = [k for k in self._standing if k.scope in reached and k.sequence <= durable]
        if kills and order.request.purpose is Purpose.FLATTEN:
            wanted = (k.scope in reached and k.sequence < started for k in self._flattened)
            return None if any(wanted) else kills[0]
        return kills[0] if kills else None
