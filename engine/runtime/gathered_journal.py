"""The journal of a run in virtual time: it is written a step of frames at a time.

Nothing outside must agree with such a run, so what it decided need not be in the file before it
goes on. What an order leads to within a step is framed and written in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.model.record import Record
from engine.runtime.journal import Journal, JournalBroken

GATHERED_MAX: Final = 1_000
"""So many records are written whether or not the step is over."""


class GatheredJournal:
    """Takes records as a ``Journal`` does, and has them after ``write`` or ``close``.

    Raises ``JournalBroken`` there, as the journal does.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._gathered = 0
        self._made: list[tuple[Sequence[Record], int]] = []

    def append_all(self, records: Sequence[Record], at: int) -> None:
        """Take records made at ``at`` (ns UTC)."""
        self._made.append((records, at))
        self._gathered += len(records)
        if self._gathered >= GATHERED_MAX:
            self.write()

    def write(self) -> None:
        """Put into the file what was taken since the last time."""
        if not self._made:
            return
        made, self._made, self._gathered = self._made, [], 0
        try:
            self._journal.append_each(made)
        except JournalBroken:
            self._made = made  # Rows that count these records must go on being refused.
            raise

    @property
    def canonical_sha256(self) -> str:
        """``Journal.canonical_sha256`` of what is written."""
        return self._journal.canonical_sha256

    def close(self) -> None:
        """Write, sync and release the file; of a broken journal it is only released."""
        try:
            self.write()
        finally:
            self._journal.close()
