"""A rule that changes on known days: the row in force, or an error before the first."""

from __future__ import annotations

from datetime import date
from typing import Generic, Literal, NamedTuple, TypeVar

from engine.errors import FileError

T = TypeVar("T")

Certainty = Literal["H", "M", "L"]
"""How far a figure can be trusted, as market_rules.md marks it: primary or double (H), one good
source (M), weak (L)."""


class Row(NamedTuple, Generic[T]):
    """One value of a rule, from its first day until the next row's, and where it comes from.

    ``last_day`` is set where a value is known to have ended before the next one that is known.
    """

    first_day: date
    value: T
    source: str
    certainty: Certainty = "H"
    last_day: date | None = None


def in_force(rows: tuple[Row[T], ...], day: date, what: str) -> T:
    """Return the value of ``rows`` (oldest first) that holds on ``day``.

    Raises ``FileError`` before the first row, and between the last day of one and the first of the
    next: a rule that is not known is not guessed.
    """
    return row_in_force(rows, day, what).value


def row_in_force(rows: tuple[Row[T], ...], day: date, what: str) -> Row[T]:
    """Return the row itself, for its source. Raises as ``in_force`` does."""
    later: Row[T] | None = None
    for row in reversed(rows):
        if row.first_day <= day:
            if row.last_day is None or day <= row.last_day:
                return row
            again = "" if later is None else f" and again from {later.first_day.isoformat()}"
            raise FileError(
                f"{what}: no rule known on {day.isoformat()}; one is known up to "
                f"{row.last_day.isoformat()}{again}"
            )
        later = row
    raise FileError(
        f"{what}: no rule known on {day.isoformat()}; the first is of "
        f"{rows[0].first_day.isoformat()}"
    )


def last_days(rows: tuple[Row[T], ...]) -> tuple[date | None, ...]:
    """Return each row's last day: its own or the one before the next row; None: in force still."""
    found: list[date | None] = []
    for row, after in zip(rows, (*rows[1:], None), strict=True):
        if row.last_day is not None or after is None:
            found.append(row.last_day)
        else:
            found.append(date.fromordinal(after.first_day.toordinal() - 1))
    return tuple(found)
