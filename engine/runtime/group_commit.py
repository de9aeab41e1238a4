"""Makes the journal durable beside the loop: one sync serves everything appended before it.

The records of a decision are appended on the loop; whoever must not go on before they are durable
waits here (reliability.md 2.2). What nobody waits for is synced a moment later, in one go, and a
decree when the loop has handled what came with it: a sync of its own would be in the way of a send
that comes just behind it. A sync that takes too long is told, since nothing may be sent meanwhile;
one that fails is the end of the run: what the disk holds is not known any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from engine.errors import InvariantBroken
from engine.model.event import JournalStalled
from engine.model.record import HumanActed, KillRecorded, Record
from engine.runtime import tasks
from engine.runtime.journal import Journal

STALL_AFTER_S: Final = 0.25
"""A sync that takes longer blocks new sends (reliability.md 2.2)."""
SOON_S: Final = 0.02
"""When what nobody waits for is synced: it is to be durable within 50 ms (reliability.md 2.2)."""
DECREES: Final = (KillRecorded, HumanActed)
"""What stands whether anything is sent because of it or not. A group's decision is durable before
its first send, like all that was appended before a send.
"""

Synced = Callable[[int | None, BaseException | None], None]
"""Told, on the loop's thread, of the sequence a sync has reached, or of what went wrong."""
Sync = Callable[[Synced], None]
"""Begins to make a journal durable and returns at once; whoever is given to it is told later."""


def in_thread(journal: Journal) -> Sync:
    """Return how a real journal is synced: in a thread, so that the loop goes on."""
    helper = tasks.Helper("journal sync")

    def sync(synced: Synced) -> None:
        helper.begin(journal.sync, synced, then=journal.make_room)

    return sync


class GroupCommit:
    """``wait`` returns once a record is durable. ``run`` lasts as long as the journal is whole.

    A sync begins in the very call that wants it: it is what a send waits for longest, and what is
    left to do for the send goes on beside it. ``on_durable`` is told of every sequence reached,
    ``on_stall`` of a sync that takes too long (once for each such sync).
    """

    def __init__(
        self,
        journal: Journal,
        sync: Sync,
        on_durable: Callable[[int], None],
        on_stall: Callable[[JournalStalled], object],
    ) -> None:
        self._journal = journal
        self._sync = sync
        self._on_durable = on_durable
        self._on_stall = on_stall
        self._soon: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._durable = journal.durable_sequence
        self._error: BaseException | None = None
        self._over: asyncio.Future[None] | None = None
        self._began: float | None = None
        self._serves = 0
        self._is_wanted = False
        self._stalling: asyncio.TimerHandle | None = None
        self.is_stalled = False

    @property
    def durable_sequence(self) -> int:
        """Everything up to here is on disk."""
        return self._durable

    async def run(self) -> None:
        """Return never: ends with ``JournalBroken``, or when cancelled."""
        if self._error is not None:
            raise self._error
        self._over = asyncio.get_running_loop().create_future()
        self.begin()  # What was written before the run had nobody to want it durable.
        await self._over

    async def wait(self, sequence: int) -> None:
        """Return once record ``sequence`` is durable.

        Raises what ended all syncing, ``JournalBroken`` unless it is our own bug, if it never will.
        """
        if sequence <= self._durable:
            return
        if self._error is None:
            self.begin()
            reached = asyncio.get_running_loop().create_future()
            self._waiting.append((sequence, reached))
            await reached
        if self._error is not None:
            raise self._error

    async def wait_for_all(self) -> None:
        """Return once everything appended so far is durable."""
        await self.wait(self._journal.sequence)

    def want(self, records: Sequence[Record]) -> None:
        """Have what was just appended made durable without waiting: a decree at once, else soon.

        At once is behind the loop's turn: the cancels of a kill are begun in it, and one sync
        serves them and the kill.
        """
        if any(record.__class__ in DECREES for record in records):
            asyncio.get_running_loop().call_soon(self.begin)
        elif records and self._soon is None and not self._is_served():
            self._soon = asyncio.get_running_loop().call_later(SOON_S, self._soon_is_over)

    def begin(self) -> None:
        """Sync what was appended so far, unless one that serves it is under way; else behind it."""
        if self._error is not None or self._journal.sequence <= self._durable:
            return
        if self._began is not None:
            self._is_wanted = self._is_wanted or not self._is_served()
            return
        loop = asyncio.get_running_loop()
        self._is_wanted = False
        self._serves = self._journal.sequence
        self._began = loop.time()
        if self._stalling is None:
            self._stalling = loop.call_later(STALL_AFTER_S, self._look_at_stall)
        self._sync(self._synced)

    def _is_served(self) -> bool:
        """True when a sync is under way that was begun behind everything appended so far."""
        return self._began is not None and self._serves >= self._journal.sequence

    def _soon_is_over(self) -> None:
        self._soon = None
        self.begin()

    def _synced(self, reached: int | None, error: BaseException | None) -> None:
        """Take in how a sync ended; let go on who waits, and begin the next one if it is wanted."""
        if error is not None or reached is None:
            self._fail(error or InvariantBroken("a sync ended and did not say how far it reached"))
            return
        self._began = None
        self.is_stalled = False
        self._durable = max(self._durable, reached)
        # Who waits has the next turn of the loop; the news comes behind.
        self._release()
        if self._is_wanted:
            self.begin()
        self._on_durable(self._durable)

    def _fail(self, error: BaseException) -> None:
        """Nothing becomes durable any more: tell whoever waits, and end the run."""
        self._began = None
        self.is_stalled = False
        self._error = self._error or error
        self._release()
        if self._over is not None and not self._over.done():
            self._over.set_exception(error)

    def _release(self) -> None:
        """Let go on who waited for what is durable now; everybody, once nothing ever will be."""
        waiting, self._waiting = self._waiting, []
        for sequence, reached in waiting:
            if self._error is None and sequence > self._durable:
                self._waiting.append((sequence, reached))
            elif not reached.done():
                reached.set_result(None)

    def _look_at_stall(self) -> None:
        """Tell of a sync that takes too long. One timer serves the many that do not."""
        self._stalling = None
        if self._began is None or self.is_stalled:
            return
        loop = asyncio.get_running_loop()
        # The very sum that is waited for: a difference may round to a wait of nothing, for ever.
        stalls_at = self._began + STALL_AFTER_S
        if loop.time() < stalls_at:
            self._stalling = loop.call_at(stalls_at, self._look_at_stall)
            return
        self.is_stalled = True
        self._on_stall(JournalStalled((loop.time() - self._began) * 1000))
