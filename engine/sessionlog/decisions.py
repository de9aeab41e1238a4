"""What a run decides, on its way into the session log: gathered, and made rows a step at a time.

An order is half a dozen events with what each led to. Written down one by one they found the code
for it cold; a step's together they take half as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.model.codec import encode
from engine.model.effect import Effect, Kept
from engine.model.event import Event, FrameDepth
from engine.model.record import Record
from engine.sessionlog.format import RowKind
from engine.sessionlog.row import Run
from engine.sessionlog.writer import SessionLogWriter


def as_logged(records: Sequence[Record], others: Sequence[Effect]) -> bytes:
    """Return what a log says of an event's effects: how many records, and all the rest."""
    return encode([Kept(len(records)), *others] if records else others)


class DecisionRows:
    """Implements ``engine.ports.DecisionLog``; the rows are in ``log`` after ``write``.

    Raises there what the log raises. Events and effects are never changed once they are made, so
    that they can be written later.
    """

    def __init__(self, log: SessionLogWriter) -> None:
        self._log = log
        self._made: list[tuple[RowKind, int, int, Any]] = []

    def dispatched_frames(
        self, first_kseq: int, first_frame: int, count: int, first_at: int
    ) -> None:
        """Take consecutive frames that were dispatched, each at the time it was received."""
        run = Run(first_frame, count)
        self._made.append((RowKind.DISPATCH_FRAMES, first_kseq, first_at, run))

    def dispatched_event(self, kseq: int, now: int, event: Event | FrameDepth) -> None:
        """Take another event that was dispatched."""
        self._made.append((RowKind.DISPATCH_EVENT, kseq, now, event))

    def effects(
        self, kseq: int, now: int, records: Sequence[Record], others: Sequence[Effect]
    ) -> None:
        """Take what the kernel wanted: what went to the journal, and all else."""
        self._made.append((RowKind.EFFECTS, kseq, now, (records, others)))

    def write(self) -> None:
        """Put into the log what was taken since the last time."""
        if self._made:
            made, self._made = self._made, []
            self._log.decided(_rows(made))


def _rows(
    made: Sequence[tuple[RowKind, int, int, Any]],
) -> Iterator[tuple[RowKind, int, int, int, bytes]]:
    """Yield what was taken as rows, encoded one by one: what has no form stops the rest only."""
    effects, frames = RowKind.EFFECTS, RowKind.DISPATCH_FRAMES
    for kind, kseq, at, what in made:
        if kind is effects:
            yield kind, kseq, at, 0, as_logged(*what)
        else:
            yield kind, kseq, at, what.count if kind is frames else 1, encode(what)
