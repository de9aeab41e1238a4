"""A rule that changes on known days: the row in force, or an error before the first."""

from __future__ import annotations

from datetime import date
from typing import Generic, NamedTuple, TypeVar

from engine.errors import FileError

T = TypeVar("T")


class Row(NamedTuple, Generic[T]):
    """One value of a rule, from its first day until the next row's, and where it comes from."""

    first_day: date
    value: T
    source: str


def in_force(rows: tuple[Row[T], ...], day: date, what: str) -> T:
    """Return the value of ``rows`` (oldest first) that holds on ``day``.

    Raises ``FileError`` before the first row: a rule that is not known is not guessed.
    """
    for row in reversed(rows):
        if row.first_day <= day:
            return row.value
    raise FileError(
        f"{what}: no rule known on {day.isoformat()}; the first is of "
        f"{rows[0].first_day.isoformat()}"
    )
