"""Every send, and every end of an order, held against the truth at the moment it is believed."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.kernel import Kernel
from engine.model.order import Lifecycle, Order, Purpose
from engine.model.record import KillRecorded, OrderChanged, Record
from engine.ports import Clock, TradingState
from engine.runtime.journal import Journal
from tests.simulation.broker import WORKING, Broker, Row
from tests.simulation.decrees import Decrees, left_to_flatten, scopes
from tests.simulation.disk import MortalDisk

MOMENTS = ("killed_before_durable", "killed_before_first_byte")
"""An order's wait for its sync, and for its connection: what a kill may fall into."""
FLATTENED = "flattened_while_killed"
"""An order that a kill lets through."""


@dataclass
class Written:
    """What of one journal stands on its disk: the disk's own word, whatever the journal believes.

    ``clock`` and ``kernel`` are those of the process that writes it, ``decrees`` what it says of
    kills.
    """

    journal: Journal
    disk: MortalDisk
    clock: Clock
    kernel: Kernel
    decrees: Decrees
    lengths: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)

    def note(self) -> None:
        """Note how long the disk is now that everything up to a record was written."""
        self.lengths.append(self.disk.length)
        self.sequences.append(self.journal.sequence)

    @property
    def durable_sequence(self) -> int:
        """The last record that outlives a loss of power."""
        synced = bisect_right(self.lengths, self.disk.synced_length)
        return self.sequences[synced - 1] if synced else 0


@dataclass(frozen=True)
class Start:
    """The record that started a send, and the order it sends."""

    written: Written
    sequence: int
    order: Order


class Sends:
    """Watches what a journal says of orders, what leaves, and what arrives at a broker.

    ``beyond``: tags whose acceptance comes after their absence may have been proven (A1 of
    ``engine.core.doubt`` does not hold for them). ``refused``: those that risk refused at the second
    look. ``early``: tags that a broker saw before their start was durable. ``stale``: those that left
    though nobody wanted or allowed them any more. ``untrue``: ends that were believed and were wrong.
    """

    def __init__(
        self,
        brokers: Mapping[str, Broker],
        beyond: Collection[str],
        refused: set[str],
        counts: Counter[str],
        note: Callable[[str], None],
    ) -> None:
        self._brokers = brokers
        self._beyond = beyond
        self._refused = refused
        self._counts = counts
        self._note = note
        self._started: dict[str, Start] = {}
        self._waiting: dict[str, bool] = {}
        """Those being sent whose first byte has not left, and whether they have a connection made."""
        self._absent: dict[str, tuple[Lifecycle, Written, int]] = {}
        self._current: Written
        self.early: list[str] = []
        self.stale: list[str] = []
        self.untrue: list[str] = []
        for broker in brokers.values():
            broker.on_placed = self._arrived

    def watch(
        self,
        journal: Journal,
        disk: MortalDisk,
        clock: Clock,
        kernel: Kernel,
        earlier: Iterable[tuple[int, Record]],
    ) -> None:
        """Note which record of a journal started every send, and what it says of every end.

        ``earlier``: the records that stood in it before, each with its number.
        """
        frame, write = journal._frame, journal._write
        written = Written(journal, disk, clock, kernel, Decrees(earlier))
        written.note()
        self._waiting.clear()
        # An id whose records were lost with the disk's cache is given out again.
        self._refused.clear()
        self._current = written

        def framing(records: Iterable[Record], at: int) -> None:
            taken, before = list(records), journal.sequence
            frame(taken, at)
            for sequence, record in enumerate(taken, before + 1):
                noting(record, sequence)

        def noting(record: Record, sequence: int) -> None:
            written.decrees.note(record, sequence)
            if isinstance(record, KillRecorded):
                self._count_killed(record.scope)
            if isinstance(record, OrderChanged):
                order = record.order
                if order.lifecycle is not Lifecycle.SENDING:
                    self._waiting.pop(order.client_id, None)
                if order.lifecycle is Lifecycle.SENDING:
                    known = self._started.get(order.client_id)
                    # An id that was journaled and lost with the disk's cache is given out again.
                    if known is None or known.written is not written:
                        self._started[order.client_id] = Start(written, sequence, order)
                        self._waiting[order.client_id] = False
                        self._forget_lost(order.client_id, written)
                self._check_end(order, written, sequence)

        def writing() -> None:
            length = disk.length
            write()
            if disk.length > length:
                written.note()

        journal._frame = framing  # type: ignore[method-assign]
        journal._write = writing  # type: ignore[method-assign]

    def waiting(self) -> list[str]:
        """Return the orders being sent that no transport has yet: they wait for a sync."""
        return [tag for tag, is_connecting in self._waiting.items() if not is_connecting]

    def order(self, tag: str) -> Order:
        """Return an order as it was when its send started."""
        return self._started[tag].order

    def connecting(self, tag: str) -> None:
        """An order is handed to the transport, and has a connection made for it."""
        self._waiting[tag] = True

    def _count_killed(self, scope: str) -> None:
        """Count the moments into which a kill fell: orders of its scope that have not left."""
        for tag, is_connecting in self._waiting.items():
            if scope in scopes(self.order(tag)):
                self._counts[MOMENTS[is_connecting]] += 1

    def left(self, tag: str) -> None:
        """The first byte of an order leaves: it must still be wanted, and allowed."""
        self._waiting.pop(tag, None)
        start = self._started[tag]
        order, written = start.order, start.written
        late_ns = written.clock.now() - order.request.expires_at
        if late_ns > 0:
            self.stale.append(f"{tag}, {late_ns / 1e9:.1f} s after nobody wanted it any more")
        if tag in self._refused:
            self.stale.append(f"{tag}, which risk refused at the second look")
        state, _ = written.kernel.view.trading_state(order.strategy, order.account)
        purpose = order.request.purpose
        flattens = purpose is Purpose.FLATTEN
        passes = flattens if state is TradingState.KILLED else purpose.reduces
        if state is not TradingState.ACTIVE and not passes:
            self.stale.append(f"{tag}, for {purpose} while its account is {state.name}")
        self.changed(tag)
        if flattens and state is TradingState.KILLED:
            self._check_reduces(tag, order)

    def changed(self, tag: str) -> None:
        """An order, or a change of one, leaves: no kill that is durable may forbid it."""
        start = self._started[tag]
        durable = self._current.durable_sequence
        kill = self._current.decrees.barring(start.order, start.sequence, durable)
        if kill is not None:
            why = f"for {start.order.request.purpose} after its kill in record {kill.sequence}"
            self.stale.append(f"{tag}, {why}")

    def _check_reduces(self, tag: str, order: Order) -> None:
        """Check that what a kill lets through takes away from what its leg holds in truth."""
        self._counts[FLATTENED] += 1
        others = [
            (start.order.key, row)
            for other, start in self._started.items()
            if other != tag and (row := self.row_of(other)) is not None
        ]
        held = left_to_flatten(order.key, others)
        if order.quantity > held or not order.key.exit:
            self.stale.append(f"{tag}, to flatten {order.quantity} of {held}")

    def row_of(self, tag: str) -> Row | None:
        """Return the broker's row with one of our tags."""
        for broker in self._brokers.values():
            row = broker.by_tag.get(tag)
            if row is not None:
                return row
        return None

    def filled(self, tag: str) -> int:
        """Return how many units of an order have filled in truth."""
        row = self.row_of(tag)
        return 0 if row is None else row.filled

    def _arrived(self, tag: str) -> None:
        """The broker has an order: its start must have been durable, or it is early."""
        said = self._absent.get(tag)
        if said is not None and said[0] is Lifecycle.NOT_PLACED and tag in self._beyond:
            self._counts["arrived_after_proof"] += 1
            self._note(f"{tag} is accepted, long after it was proven absent")
        elif said is not None:
            self.untrue.append(f"{tag} was called absent, and arrives")
        start = self._started[tag]
        if start.sequence > start.written.durable_sequence:
            self.early.append(tag)

    def _forget_lost(self, tag: str, written: Written) -> None:
        """Forget that an order was called absent by a record which its process's death has lost."""
        said = self._absent.get(tag)
        if said is not None and said[1] is not written and said[2] > said[1].durable_sequence:
            del self._absent[tag]

    def _check_end(self, order: Order, written: Written, sequence: int) -> None:
        """Hold every end of an order against the truth, at the moment it is believed."""
        row = self.row_of(order.client_id)
        wrong = ""
        if order.lifecycle in {Lifecycle.NOT_PLACED, Lifecycle.DENIED}:
            self._absent[order.client_id] = (order.lifecycle, written, sequence)
            wrong = "is at the broker" if row is not None else ""
        elif order.lifecycle in {Lifecycle.CANCELLED, Lifecycle.REJECTED}:
            wrong = f"is {row.status}" if row is not None and row.status in WORKING else ""
        if wrong:
            self.untrue.append(f"{order.client_id} is called {order.lifecycle} and {wrong}")
