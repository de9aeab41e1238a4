"""The read model's rows on their way to SQLite: gathered by table, made into SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar, get_args, get_type_hints

from engine.runtime.readmodel_row import Row
from engine.runtime.readmodel_schema import TABLES

R = TypeVar("R", bound=Row)

_LOOKED_UP: Final = ("client_id", "group_id", "sequence")
_SQL_TYPES: Final[Mapping[type, str]] = {
    bool: "INTEGER",
    int: "INTEGER",
    float: "REAL",
    str: "TEXT",
    Decimal: "TEXT",
}


class Tables:
    """Every row of the read model, by table, in the order in which the journal gave it."""

    def __init__(self) -> None:
        self._rows: dict[type[Row], list[Row]] = {table: [] for table in TABLES}

    def __iter__(self) -> Iterator[tuple[type[Row], list[Row]]]:
        return iter(self._rows.items())

    def add(self, row: Row) -> None:
        """Append a row to its table."""
        self._rows[type(row)].append(row)

    def of(self, table: type[R]) -> list[R]:
        """Return the rows of one table."""
        return self._rows[table]  # type: ignore[return-value]


def create_statement(table: type[Row]) -> str:
    """Return the SQL that makes a table. Raises ``KeyError`` for a type that has no column."""
    hints = get_type_hints(table)
    columns = ", ".join(_column(name, hints[name]) for name in table.__struct_fields__)
    return f'CREATE TABLE "{TABLES[table]}" ({columns})'


def index_statements(table: type[Row]) -> list[str]:
    """Return the SQL that makes what a story is looked up by quick to find."""
    name = TABLES[table]
    return [
        f'CREATE INDEX "{name}_by_{column}" ON "{name}" ("{column}")'
        for column in table.__struct_fields__
        if column in _LOOKED_UP
    ]


def insert_statement(table: type[Row]) -> str:
    """Return the SQL that adds one row."""
    names = ", ".join(f'"{name}"' for name in table.__struct_fields__)
    marks = ", ".join("?" for _ in table.__struct_fields__)
    return f'INSERT INTO "{TABLES[table]}" ({names}) VALUES ({marks})'  # noqa: S608 - our own names


def values_of(row: Row) -> tuple[Any, ...]:
    """Return a row as SQLite keeps it."""
    return tuple(_kept(getattr(row, name)) for name in row.__struct_fields__)


def _column(name: str, hint: Any) -> str:
    inner = [kind for kind in get_args(hint) if kind is not type(None)]
    kind = inner[0] if inner else hint
    base = str if isinstance(kind, type) and issubclass(kind, StrEnum) else kind
    null = "" if inner else " NOT NULL"
    return f'"{name}" {_SQL_TYPES[base]}{null}'


def _kept(value: Any) -> Any:
    if isinstance(value, (Decimal, StrEnum)):
        return str(value)
    return int(value) if isinstance(value, bool) else value
