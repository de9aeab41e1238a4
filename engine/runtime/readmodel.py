"""The read model: the journal as tables, for ``status``, ``orders``, ``positions`` and ``explain``.

A SQLite file beside the journal, built from it alone. It may be deleted at any time: it is built
again when it is missing, unreadable, of another version or of another journal.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from engine.errors import FileError
from engine.model.order import Lifecycle
from engine.runtime.journal_reader import read_journal
from engine.runtime.readmodel_build import Entry, fold
from engine.runtime.readmodel_row import Row
from engine.runtime.readmodel_schema import (
    SCHEMA_VERSION,
    TABLES,
    AlertRow,
    ChargeRow,
    CheckRow,
    GroupRow,
    JudgementRow,
    KillRow,
    OrderRow,
    PartRow,
    PositionRow,
    SessionRow,
    StampRow,
    StrategyRow,
)
from engine.runtime.readmodel_tables import (
    Tables,
    create_statement,
    index_statements,
    insert_statement,
    values_of,
)
from engine.runtime.sessions_on_disk import SessionFolder
from engine.sessionlog.reader import SessionLog

R = TypeVar("R", bound=Row)

MEMORY: Final = ":memory:"


class ReadModel:
    """One session's tables. Close it, or use it as a context."""

    def __init__(self, database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        self._database = database

    @classmethod
    def open(cls, folder: SessionFolder) -> ReadModel:
        """Open a session's read model, building it first where it is not the journal's.

        In a folder that cannot be written to, it is built in memory. Raises ``FileError`` for a
        journal or session log that cannot be read.
        """
        stamp = _stamp(folder)
        known = _open_fresh(folder.read_model, stamp)
        if known is not None:
            return cls(known)
        tables = fold(_entries(folder))
        tables.add(stamp)
        try:
            _write(tables, folder.read_model)
        except (OSError, sqlite3.OperationalError):
            return cls(_fill(sqlite3.connect(MEMORY), tables))
        return cls(sqlite3.connect(folder.read_model))

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> ReadModel:
        """Build a read model in memory. Raises ``FileError`` for what is no session's journal."""
        return cls(_fill(sqlite3.connect(MEMORY), fold(entries)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def rows(self, table: type[R], **equals: str | int) -> list[R]:
        """Return the rows of a table, in the journal's order, whose columns have these values."""
        clause = " AND ".join(f'"{name}" = ?' for name in equals)
        where = f" WHERE {clause}" if clause else ""
        found = self._database.execute(
            f'SELECT * FROM "{TABLES[table]}"{where} ORDER BY rowid',  # noqa: S608 - our own names
            tuple(equals.values()),
        )
        return [_row(table, row) for row in found]

    # -- one thing -------------------------------------------------------------------------------

    @property
    def session(self) -> SessionRow:
        """The session's own facts."""
        return self.rows(SessionRow)[0]

    def group(self, group_id: str) -> GroupRow:
        """Return a group. Raises ``FileError`` when there is none."""
        return _one(self.rows(GroupRow, group_id=group_id), "group", group_id)

    def order(self, client_id: str) -> OrderRow:
        """Return an order by our own id. Raises ``FileError`` when there is none."""
        return _one(self.rows(OrderRow, client_id=client_id), "order", client_id)

    # -- lists -----------------------------------------------------------------------------------

    def strategies(self) -> list[StrategyRow]:
        """Every strategy of the session."""
        return self.rows(StrategyRow)

    def orders(
        self,
        *,
        strategy: str | None = None,
        group_id: str | None = None,
        states: Sequence[Lifecycle] = (),
    ) -> list[OrderRow]:
        """Return orders, oldest first, of one strategy, one group or in some states."""
        wanted: dict[str, str | int] = {}
        if strategy is not None:
            wanted["strategy"] = strategy
        if group_id is not None:
            wanted["group_id"] = group_id
        found = self.rows(OrderRow, **wanted)
        return [order for order in found if not states or order.state in states]

    def parts(self, **equals: str | int) -> list[PartRow]:
        """Return parts of groups."""
        return self.rows(PartRow, **equals)

    def positions(self) -> list[PositionRow]:
        """Every position ever held: what is open first."""
        return sorted(self.rows(PositionRow), key=lambda p: p.quantity == 0)

    def charges(self, **equals: str | int) -> list[ChargeRow]:
        """Return what executed orders cost, order by order."""
        return self.rows(ChargeRow, **equals)

    def judgements(self, **equals: str | int) -> list[JudgementRow]:
        """Return judgements of risk."""
        return self.rows(JudgementRow, **equals)

    def checks(self, sequence: int) -> list[CheckRow]:
        """Return the checks of one judgement."""
        return self.rows(CheckRow, sequence=sequence)

    def alerts(self) -> list[AlertRow]:
        """Everything a person was told."""
        return self.rows(AlertRow)

    def kills(self) -> list[KillRow]:
        """Every trip of the kill switch."""
        return self.rows(KillRow)


def _one(found: list[R], what: str, asked: str) -> R:
    if not found:
        raise FileError(f"no {what} {asked!r} in this session")
    return found[0]


def _row(table: type[R], row: sqlite3.Row) -> R:
    # SQLite has no booleans and knows no Decimal: lax conversion is what brings them back.
    return msgspec.convert(dict(row), table, strict=False)


def _entries(folder: SessionFolder) -> Iterable[Entry]:
    catalogue = SessionLog.open(folder.log).header.catalogue()
    entries = read_journal(folder.journal, catalogue)
    if not len(entries):
        raise FileError(f"{folder.journal}: empty: the run stopped before it began; run it again")
    return entries


def _stamp(folder: SessionFolder) -> StampRow:
    try:
        with folder.journal.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            length = file.tell()
    except OSError as error:
        raise FileError(f"{folder.journal}: cannot be read: {error.strerror}") from error
    return StampRow(schema_version=SCHEMA_VERSION, journal_bytes=length, journal_sha256=digest)


def _open_fresh(path: Path, stamp: StampRow) -> sqlite3.Connection | None:
    """Return the database at ``path`` if it was built from this journal by this version."""
    if not path.is_file():
        return None
    try:
        database = sqlite3.connect(path)
    except sqlite3.Error:
        return None
    try:
        found: Any = database.execute(
            f'SELECT * FROM "{TABLES[StampRow]}"'  # noqa: S608 - our own name
        ).fetchall()
    except sqlite3.Error:
        found = []
    if found == [values_of(stamp)]:
        return database
    database.close()
    return None


def _write(tables: Tables, path: Path) -> None:
    """Write the tables whole or not at all: beside the old file, then in its place."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as database:
            # A draft that is torn is thrown away: nothing of it need survive a crash.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            _fill(database, tables)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _fill(database: sqlite3.Connection, tables: Tables) -> sqlite3.Connection:
    with database:
        for table, rows in tables:
            database.execute(create_statement(table))
            database.executemany(insert_statement(table), [values_of(row) for row in rows])
            for statement in index_statements(table):
                database.execute(statement)
    return database
