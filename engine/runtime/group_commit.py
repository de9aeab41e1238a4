"""Makes the journal durable beside the loop: one sync serves everything appended before it.

The records of a decision are appended on the loop; whoever must not go on before they are durable
waits here (reliability.md 2.2). What nobody waits for is synced a moment later, in one go: a sync
of its own would be in the way of a send that comes just behind it. A sync that takes too long is
told, since nothing may be sent meanwhile; one that fails is the end of the run: what the disk holds
is not known any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from engine.model.event import JournalStalled
from engine.model.record import HumanActed, KillRecorded, Record
from engine.runtime import tasks
from engine.runtime.journal import Journal, JournalBroken

STALL_AFTER_S: Final = 0.25
"""A sync that takes longer blocks new sends (reliability.md 2.2)."""
SOON_S: Final = 0.02
"""When what nobody waits for is synced: it is to be durable within 50 ms (reliability.md 2.2)."""
DECREES: Final = (KillRecorded, HumanActed)
"""What stands whether anything is sent because of it or not. A group's decision is durable before
its first send, like all that was appended before a send.
"""

Sync = Callable[[], Awaitable[int]]


def in_thread(journal: Journal) -> Sync:
    """Return how a real journal is synced: in a thread, so that the loop goes on."""
    helper = tasks.Helper("journal sync")

    async def sync() -> int:
        return await helper.do(journal.sync)

    return sync


class GroupCommit:
    """``wait`` returns once a record is durable. One task, ``run``, does all the syncing.

    ``on_durable`` is told of every sequence reached, ``on_stall`` of a sync that takes too long
    (once for each such sync).
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
        self._wanted = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._durable = journal.durable_sequence
        self._broken: JournalBroken | None = None
        self.is_stalled = False

    @property
    def durable_sequence(self) -> int:
        """Everything up to here is on disk."""
        return self._durable

    async def wait(self, sequence: int) -> None:
        """Return once record ``sequence`` is durable. Raises ``JournalBroken`` if it never will."""
        if sequence <= self._durable:
            return
        if self._broken is None:
            self._wanted.set()
            reached = asyncio.get_running_loop().create_future()
            self._waiting.append((sequence, reached))
            await reached
        if self._broken is not None:
            raise self._broken

    async def wait_for_all(self) -> None:
        """Return once everything appended so far is durable."""
        await self.wait(self._journal.sequence)

    def want(self, records: Sequence[Record]) -> None:
        """Have what was just appended made durable without waiting: a decree at once, else soon."""
        if any(isinstance(record, DECREES) for record in records):
            self._wanted.set()
        elif records and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SOON_S, self._wanted.set)

    async def run(self) -> None:
        """Sync whenever somebody wants it. Ends with ``JournalBroken``, or when cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._soon is not None:
                self._soon.cancel()
                self._soon = None
            if self._journal.sequence <= self._durable:
                continue  # The sync that was under way when it was wanted served it.
            try:
                reached = await self._watched()
            except JournalBroken as error:
                self._broken = error
                self._release()
                raise
            self._durable = max(self._durable, reached)
            # Who waits has the next turn of the loop; the news comes behind.
            self._release()
            self._on_durable(self._durable)

    def _release(self) -> None:
        """Let go on who waited for what is durable now; everybody, once nothing ever will be."""
        waiting, self._waiting = self._waiting, []
        for sequence, reached in waiting:
            if self._broken is None and sequence > self._durable:
                self._waiting.append((sequence, reached))
            elif not reached.done():
                reached.set_result(None)

    async def _watched(self) -> int:
        """Sync once; tell when that takes too long."""
        loop = asyncio.get_running_loop()
        started = loop.time()

        def stalls() -> None:
            self.is_stalled = True
            self._on_stall(JournalStalled((loop.time() - started) * 1000))

        telling = loop.call_later(STALL_AFTER_S, stalls)
        try:
            return await self._sync()
        finally:
            telling.cancel()
            self.is_stalled = False
