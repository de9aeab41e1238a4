"""Rows and replies that are wrong in the ways brokers' are: pure functions of what was right."""

from __future__ import annotations

from random import Random
from typing import Any

Rows = list[dict[str, Any]]

UNPROCESSED = {"reply_301": 301, "reply_401": 401, "reply_429": 429, "reply_502_before": 502}
"""Replies of something in front of the broker: it never saw the request."""
PROCESSED = {"reply_401_after": 401, "reply_429_after": 429, "reply_504_after": 504}
"""The same to one that it did see."""
HIDDEN_S = (5.0, 120.0)
"""How long a row may be away from a book before it is there again."""


def stream_row(fault: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of an order stream with a fault in it."""
    match fault:
        case "stream_filled_without_quantity" if row["status"] == "COMPLETE":
            return {**row, "filled": 0, "average": "0"}
        case "stream_filled_too_small" if row["status"] == "COMPLETE":
            return {**row, "filled": row["filled"] // 2}
        case "stream_version_regresses":
            return {**row, "version": 0}
    return row


def book(fault: str, rows: Rows, dice: Random) -> Rows:
    """Return the rows of a book with a fault in them."""
    match fault:
        case "book_loses_a_page":
            first = dice.randrange(len(rows) + 1)
            return [*rows[:first], *rows[first + max(1, len(rows) // 4) :]]
        case "book_numbers_as_strings":
            return [{key: _text(value) for key, value in row.items()} for row in rows]
    return rows


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


class Hidden:
    """Orders that their broker's book does not show for a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def hide(self, rows: Rows, now: float, dice: Random) -> None:
        """Hide one of these from now on."""
        if rows:
            self._until[dice.choice(rows)["order_id"]] = now + dice.uniform(*HIDDEN_S)

    def shown(self, rows: Rows, now: float) -> Rows:
        """Return those that are not hidden."""
        return [row for row in rows if self._until.get(row["order_id"], now) <= now]

    @property
    def any(self) -> bool:
        """True once something was hidden."""
        return bool(self._until)

    def forget(self) -> None:
        """Show everything again."""
        self._until.clear()
