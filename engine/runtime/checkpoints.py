"""Writes the hash of a live kernel's state into its journal, now and then.

At the end of recovery, every so many records, and when the run ends in order. A paper run has none:
its recording makes it all again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.core.kernel import Kernel
from engine.core.state_digest import FORM, StateDigest
from engine.model.record import Checkpoint, Record
from engine.runtime.journal import Journal

EVERY_RECORDS: Final = 500
"""So many records are written between two checkpoints (docs/decisions/0023)."""


class Checkpoints:
    """``look`` is called behind every event that was journaled, ``write`` at the end."""

    def __init__(
        self, kernel: Kernel, journal: Journal, digest: StateDigest, every: int = EVERY_RECORDS
    ) -> None:
        self._kernel = kernel
        self._journal = journal
        self._digest = digest
        self._every = every
        self._due = 0

    def look(self, now: int) -> Sequence[Record]:
        """Write one when it is time, and return it; what is being recovered is not vouched for."""
        if self._journal.sequence >= self._due and not self._kernel.recovery.is_on:
            return (self.write(now),)
        return ()

    def write(self, now: int) -> Checkpoint:
        """Write one for what stands at ``now``, between two events, and return it."""
        record = Checkpoint(now, self._kernel.desk.kseq, FORM, self._digest.sections())
        self._journal.append(record, now)
        self._due = self._journal.sequence + self._every
        return record
