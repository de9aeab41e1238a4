"""Folds a journal into the rows of the read model: pure, record by record.

The journal is the only input (DESIGN.md decision 15). Positions are kept by the kernel's own
ledger and charges by the engine's own tables, so that ``explain`` and the run agree to the paisa.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from engine.errors import FileError
from engine.model.legs import GroupState, LegRole
from engine.model.order import Order
from engine.model.record import (
    AccountVerified,
    AlertRaised,
    Checkpoint,
    EntryWithdrawn,
    ForeignHeld,
    ForeignSeen,
    GroupMoved,
    GroupPlanned,
    HumanActed,
    KillRecorded,
    LegRepriced,
    OrderChanged,
    OrderFilled,
    Record,
    RiskJudged,
    SessionBooted,
    SessionClosed,
    SnapshotNoted,
    StateSaved,
    StrategyHalted,
)
from engine.model.tariff import Tariff
from engine.runtime import readmodel_rows as made
from engine.runtime.heap import settled_heap
from engine.runtime.readmodel_books import Books
from engine.runtime.readmodel_charges import add_charges
from engine.runtime.readmodel_doubt import DoubtBooks
from engine.runtime.readmodel_naked import NakedWatch
from engine.runtime.readmodel_schema import (
    AlertRow,
    GroupRow,
    HaltRow,
    KillRow,
    MoveRow,
    PartRow,
    SessionRow,
    StateRow,
    StrategyRow,
)
from engine.runtime.readmodel_tables import Tables


class Entry(Protocol):
    """One record of a journal, with its place and time (``engine.runtime.journal``)."""

    @property
    def sequence(self) -> int:
        """Its number, from 1."""

    @property
    def at(self) -> int:
        """When it was written, ns UTC."""

    @property
    def record(self) -> Record:
        """What was written."""


def fold(entries: Iterable[Entry]) -> Tables:
    """Return the rows of a journal.

    Raises ``FileError`` when it does not begin with the boot of a session.
    """
    builder = _Builder()
    # All of it stays: a collector that looks through it again and again took half of the time.
    with settled_heap():
        for entry in entries:
            builder.take(entry)
    return builder.finish()


class _Builder:
    def __init__(self) -> None:
        self._tables = Tables()
        self._session: SessionRow | None = None
        self._tariff = Tariff()
        self._strategies: dict[str, StrategyRow] = {}
        self._groups: dict[str, GroupRow] = {}
        self._parts: dict[tuple[str, str], PartRow] = {}
        self._orders: dict[str, Order] = {}
        self._books = Books()
        self._naked = NakedWatch()
        self._doubt = DoubtBooks()
        self._takers: Final[Mapping[type, Callable[[Entry, Any], None]]] = {
            SessionBooted: self._booted,
            GroupPlanned: self._planned,
            RiskJudged: self._judged,
            OrderChanged: self._order_changed,
            OrderFilled: self._filled,
            GroupMoved: self._moved,
            EntryWithdrawn: self._withdrawn,
            LegRepriced: self._repriced,
            StrategyHalted: self._halted,
            StateSaved: self._state_saved,
            KillRecorded: self._killed,
            AlertRaised: self._alerted,
            SessionClosed: self._closed,
            # It vouches for the records before it and tells nothing of its own.
            Checkpoint: lambda _, __: None,
            SnapshotNoted: lambda _, record: self._doubt.snapshot(record),
            ForeignSeen: lambda _, record: self._doubt.seen(record),
            ForeignHeld: lambda _, record: self._doubt.held(record),
            AccountVerified: lambda _, record: self._doubt.verified(record),
            HumanActed: lambda entry, record: self._doubt.acted(entry.sequence, record),
        }

    def take(self, entry: Entry) -> None:
        """Fold one record in."""
        record = entry.record
        self._takers[type(record)](entry, record)
        session = self._booted_session()
        session.last_at = entry.at
        session.last_sequence = entry.sequence

    def finish(self) -> Tables:
        """Work out what stands at the end, and return everything."""
        session = self._booted_session()
        tables = self._tables
        tables.add(session)
        totals = add_charges(tables, session, self._orders.values(), self._tariff)
        for order in self._orders.values():
            row = made.order_row(order)
            row.charges_inr = totals[order.client_id]
            tables.add(row)
        self._books.close(tables, self._strategies.values(), self._groups.values())
        for strategy in self._strategies.values():
            tables.add(strategy)
        for group in self._groups.values():
            tables.add(group)
        for (group_id, account), part in self._parts.items():
            part.naked_ns = self._naked.total_ns(group_id, account, session.last_at)
            tables.add(part)
        self._doubt.add_to(tables)
        return tables

    # -- records ---------------------------------------------------------------------------------

    def _booted(self, entry: Entry, boot: SessionBooted) -> None:
        self._session = made.session_row(entry.sequence, entry.at, boot, self._session)
        self._tariff = boot.tariff
        for strategy, source_hash in boot.strategy_hashes.items():
            self._strategy(strategy).source_hash = source_hash

    def _planned(self, entry: Entry, record: GroupPlanned) -> None:
        plan = record.plan
        self._strategy(plan.strategy)
        self._groups[plan.group_id] = made.group_row(entry.sequence, record)
        for leg in made.asked_leg_rows(record):
            self._tables.add(leg)
        for account in plan.accounts:
            self._parts[plan.group_id, account] = PartRow(
                group_id=plan.group_id,
                account=account,
                state=GroupState.DRAFT,
                why="waits until every leg has a price",
                moved_at=record.at,
            )

    def _judged(self, entry: Entry, record: RiskJudged) -> None:
        self._tables.add(made.judgement_row(entry.sequence, record))
        for check in made.check_rows(entry.sequence, record):
            self._tables.add(check)

    def _order_changed(self, entry: Entry, record: OrderChanged) -> None:
        order = record.order
        before = self._orders.get(order.client_id)
        self._orders[order.client_id] = order
        self._tables.add(made.order_event_row(entry.sequence, record, before))

    def _filled(self, entry: Entry, record: OrderFilled) -> None:
        self._books.fill(record.fill)
        self._naked.fill(record.fill)
        self._tables.add(made.fill_row(entry.sequence, record.kseq, record.fill))

    def _moved(self, entry: Entry, record: GroupMoved) -> None:
        self._tables.add(
            MoveRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                group_id=record.group_id,
                account=record.account,
                before=record.before,
                after=record.after,
                why=record.why,
            )
        )
        self._parts[record.group_id, record.account] = PartRow(
            group_id=record.group_id,
            account=record.account,
            state=record.after,
            why=record.why,
            moved_at=record.at,
        )
        for leg in record.legs:
            self._tables.add(made.leg_row(record.group_id, record.account, leg))
        if any(leg.role is LegRole.HEDGE for leg in record.legs):
            self._naked.watch(record.group_id, record.account)

    def _withdrawn(self, entry: Entry, record: EntryWithdrawn) -> None:
        self._stays(entry, record, f"taken back: {record.reason}")

    def _repriced(self, entry: Entry, record: LegRepriced) -> None:
        leg = record.leg
        trigger = "" if leg.trigger is None else f", trigger {leg.trigger}"
        self._stays(entry, record, f"leg {leg.number} is now limited to {leg.limit}{trigger}")

    def _stays(self, entry: Entry, record: EntryWithdrawn | LegRepriced, why: str) -> None:
        """Tell something of a part that leaves it in its state."""
        state = self._parts[record.group_id, record.account].state
        self._tables.add(
            MoveRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                group_id=record.group_id,
                account=record.account,
                before=state,
                after=state,
                why=why,
            )
        )

    def _halted(self, entry: Entry, record: StrategyHalted) -> None:
        strategy = self._strategy(record.strategy)
        strategy.halted_at = record.at
        strategy.halted_why = record.why
        strategy.traceback = record.traceback
        self._tables.add(
            HaltRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                strategy=record.strategy,
                why=record.why,
                traceback=record.traceback,
            )
        )

    def _state_saved(self, entry: Entry, record: StateSaved) -> None:
        self._tables.add(
            StateRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                strategy=record.strategy,
                payload=record.payload.decode(),
            )
        )

    def _killed(self, entry: Entry, record: KillRecorded) -> None:
        self._tables.add(
            KillRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                scope=record.scope,
                mode=record.mode,
                who=record.who,
                why=record.why,
            )
        )

    def _alerted(self, entry: Entry, record: AlertRaised) -> None:
        self._tables.add(
            AlertRow(
                sequence=entry.sequence,
                at=record.at,
                kseq=record.kseq,
                level=record.level,
                subject=record.subject,
                text=record.text,
            )
        )

    def _closed(self, _: Entry, record: SessionClosed) -> None:
        session = self._booted_session()
        session.closed_at = record.at
        session.closed_reason = record.reason
        self._books.marks = record.marks

    def _strategy(self, strategy: str) -> StrategyRow:
        row = self._strategies.get(strategy)
        if row is None:
            row = self._strategies[strategy] = StrategyRow(strategy=strategy, source_hash="")
        return row

    def _booted_session(self) -> SessionRow:
        if self._session is None:
            raise FileError("the journal does not begin with the boot of a session")
        return self._session
