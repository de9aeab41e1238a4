"""What look after look into an account's books shows alike: one look may be wrong, many agree.

Books lag, lose pages and come up empty (reliability.md 2.4, 2.5): nothing is concluded from one of
them that a later one may take back.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from engine.rules.clock_time import ns

LOOKS_NEEDED: Final = 3
"""Looks that show the same before it is believed ..."""
SPAN_S: Final = 15.0
"""... and the time they must span."""

Finding = TypeVar("Finding")


class Repeated(Generic[Finding]):
    """One finding, and when the looks that showed it were asked for."""

    def __init__(self) -> None:
        self._found: Finding | None = None
        self._asked_at: list[int] = []

    @property
    def is_open(self) -> bool:
        """True while something was found that is not settled."""
        return bool(self._asked_at)

    @property
    def looks(self) -> int:
        """Looks in a row that showed it."""
        return len(self._asked_at)

    def add(self, found: Finding, asked_at: int) -> bool:
        """Take in what a look showed; True once enough looks, over enough time, showed the same."""
        if found != self._found:
            self._found, self._asked_at = found, []
        self._asked_at.append(asked_at)
        return self.looks >= LOOKS_NEEDED and asked_at - self._asked_at[0] >= ns(SPAN_S)

    def clear(self) -> None:
        """Begin anew: a look showed nothing of it, or it was believed."""
        self._asked_at = []
