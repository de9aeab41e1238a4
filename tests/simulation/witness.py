"""What a strategy was told, life after life, held against what was known and what was so (I13)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.model.event import OrderUpdated
from engine.model.record import OrderFilled, SessionBooted
from engine.runtime.journal_reader import read_journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.author import GroupView
    from engine.core.kernel import Kernel
    from engine.model.catalogue import Catalogue
    from engine.model.event import Event
    from engine.model.order import Order
    from engine.ports import Disk
    from engine.runtime.bus import Bus


class Witness:
    """One strategy in one life. Whatever is told out of order is put into ``wrong``.

    ``recovers``: this life goes on with a journal, so that ``on_recovered`` comes before every
    other hook but ``on_start``. ``filled_in_truth`` returns what an order has filled at its broker.
    """

    def __init__(
        self,
        kernel: Kernel,
        strategy: str,
        life: int,
        filled_in_truth: Callable[[str], int],
        wrong: list[str],
    ) -> None:
        self._kernel = kernel
        self.life = life
        self._filled_in_truth = filled_in_truth
        self._wrong = wrong
        self._last: dict[str, Order] = {}
        self._known: dict[str, Order] = {}
        self.strategy = strategy
        self.has_started = False
        self.recoveries = 0
        self.recovers = False

    def starts(self) -> None:
        """``on_start``: what the engine took up from its journal is known, and need not be told."""
        if self.has_started:
            self._complain("on_start ran twice")
        self.has_started = True
        kernel = self._kernel
        self.recovers = kernel.recovery.is_on
        self._known = {o.client_id: o for o in self._mine()}

    def recovered(self) -> None:
        """``on_recovered``: once, and only where there was something to recover."""
        self.recoveries += 1
        if not self.recovers or self.recoveries > 1:
            self._complain("on_recovered ran without a recovery")
        held: dict[str, int] = {}
        for order in self._mine():
            key = order.instrument.key
            held[key] = held.get(key, 0) + order.side.sign * order.filled_quantity
        shown: dict[str, int] = dict.fromkeys(held, 0)
        for position in self._kernel.desk.ledger.positions_of(self.strategy):
            shown[position.instrument.key] = position.quantity
        wrong = {key: (shown.get(key, 0), held.get(key, 0)) for key in {*shown, *held}}
        wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
        if wrong:
            self._complain(f"on_recovered shows positions its orders did not fill: {wrong}")

    def hook(self, name: str) -> None:
        """Any other hook."""
        if not self.has_started:
            self._complain(f"{name} ran before on_start")
        if self.recovers and not self.recoveries:
            self._complain(f"{name} ran before on_recovered")

    def order(self, order: Order) -> None:
        """``on_order``: one step after the other, never back, and never ahead of the truth."""
        self.hook("on_order")
        client_id = order.client_id
        before = self._last.get(client_id) or self._known.get(client_id)
        self._last[client_id] = order
        if before == order:
            self._complain(f"{client_id} was told twice: {order.lifecycle}")
        if before is not None and order.filled_quantity < before.filled_quantity:
            self._complain(
                f"{client_id} fell from {before.filled_quantity} to {order.filled_quantity}"
            )
        if before is None and (order.filled_quantity or order.lifecycle.is_working):
            self._complain(f"{client_id} was first told as {order.lifecycle}")
        truth = self._filled_in_truth(client_id)
        if order.filled_quantity > truth:
            self._complain(f"{client_id} has {order.filled_quantity}, in truth {truth}")

    def legs(self, group: GroupView) -> None:
        """``on_legs``: after every fill that may have moved the group."""
        self.hook("on_legs")
        for order in self._mine():
            if order.key.group_id == group.group_id and order.filled_quantity:
                self._require_told(order, f"{group.group_id} is {group.state} before ")

    def caught_up(self) -> None:
        """Between two events: nothing the kernel knows is still to be told."""
        if not self.has_started or (self.recovers and not self.recoveries):
            return
        if self._kernel.seats[self.strategy].is_halted:
            return
        for order in self._mine():
            self._require_told(order, "never told: ")

    def reached(self, client_id: str) -> int:
        """Return how much of an order this strategy knows to have filled."""
        order = self._last.get(client_id) or self._known.get(client_id)
        return 0 if order is None else order.filled_quantity

    def _require_told(self, order: Order, text: str) -> None:
        known = self.reached(order.client_id)
        if known != order.filled_quantity:
            self._complain(f"{text}{order.client_id} filled {order.filled_quantity}, told {known}")

    def _mine(self) -> Iterable[Order]:
        return [o for o in self._kernel.blotter.orders.values() if o.strategy == self.strategy]

    def _complain(self, text: str) -> None:
        self._wrong.append(f"life {self.life}, {self.strategy}: {text}")


class Lane(deque[Any]):
    """The bus's order lane, watched: what was taken in comes out, once and in its order."""

    def __init__(self, bus: Bus, wrong: list[str]) -> None:
        super().__init__()
        self._bus = bus
        self._wrong = wrong
        self.refused = 0

    def offer(self, event: Event) -> bool:
        """Publish something; what is not taken in must have the books read instead."""
        length = len(self)
        taken = self._bus.publish(event)
        if taken:
            if len(self) != length + 1 or self[-1] is not event:
                self._wrong.append(f"the order lane did not keep {event}")
        else:
            self.refused += 1
            if not self._bus.needs_snapshot or not isinstance(event, OrderUpdated):
                self._wrong.append(f"the order lane dropped {event} without a word")
        return taken


def untold_fills(disk: Disk, catalogue: Catalogue, witnesses: Iterable[Witness]) -> list[str]:
    """Return fills of the journal that no strategy of the life that wrote them was told of."""
    found = []
    told: dict[str, list[Witness]] = {}
    unfinished = set()
    for witness in witnesses:
        if witness.recovers and not witness.recoveries:
            # It ended while it recovered: the next one that does shows what it found.
            unfinished.add(f"sim-{witness.life}")
        told.setdefault(f"sim-{witness.life}", []).append(witness)
    life = ""
    for entry in read_journal(disk, catalogue):
        record = entry.record
        if isinstance(record, SessionBooted):
            life = record.session_id
        if isinstance(record, OrderFilled) and life not in unfinished:
            fill = record.fill
            reached = max((w.reached(fill.client_id) for w in told.get(life, ())), default=0)
            filled = fill.filled_before + fill.quantity
            if reached < filled:
                found.append(f"{life}: the fill of {fill.client_id} to {filled}")
    return found
