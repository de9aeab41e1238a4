"""Has a person told when an account's books cannot be read whole for too long.

Its orders are told by its stream meanwhile, and everything looks alive; but what was sent and not
answered cannot be settled, and a difference would not be seen.
"""

from __future__ import annotations

from typing import Final

from engine.core.desk import Desk
from engine.rules.clock_time import NS_PER_S, ns

INCOMPLETE_S: Final = 60.0
"""A person hears of books that were not complete for this long."""


class BookWatch:
    """Follows the readings of one account. ``is_blind``: the last of them was not complete."""

    def __init__(self, desk: Desk, account: str) -> None:
        self._desk = desk
        self._account = account
        self._since: int | None = None
        self._why = ""
        self._is_told = False

    @property
    def is_blind(self) -> bool:
        """True until a reading is complete again."""
        return self._since is not None

    def note(self, *, is_complete: bool, why: str) -> None:
        """Take in whether a reading was complete, and why it was not."""
        desk = self._desk
        if is_complete:
            if self._is_told:
                desk.alert("info", self._account, "its books are read whole again")
            self._since, self._is_told = None, False
            return
        self._why = why
        if self._since is None:
            began = self._since = desk.now
            desk.timers.add(began + ns(INCOMPLETE_S), lambda: self._tell(began))

    def _tell(self, began: int) -> None:
        if self._since != began:
            return
        self._is_told = True
        waited = (self._desk.now - began) / NS_PER_S
        self._desk.alert(
            "critical",
            self._account,
            f"its books could not be read whole for {waited:.0f} s ({self._why}): what was sent "
            "and not answered is not settled, and no difference is seen",
        )
