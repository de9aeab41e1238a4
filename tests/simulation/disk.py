"""A disk whose process may die at any point of a write or a sync, and lose what was not synced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.runtime.group_commit import Synced
from engine.runtime.memory_disk import MemoryDisk

POINTS = ("before a write", "after a write", "before a sync", "after a sync")
WITHIN = "within a write"
"""A point that is passed only when the power fails there."""


class ProcessDied(BaseException):
    """The process is gone: no handler of its own may catch this."""


class MortalDisk(MemoryDisk):
    """``on_point`` is told of every point before it is passed; it may raise ``ProcessDied``.

    ``gets_through`` returns how many bytes of a write reach the file: all, unless the power fails.

    A sync that fails fails once and drops what it should have written, as Linux does: the next one
    succeeds, and nothing after the loss is worth anything.
    """

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.on_point: Callable[[str], None] = lambda _: None
        self.gets_through: Callable[[bytes], int] = len
        self._has_dropped = False

    @property
    def length(self) -> int:
        """How many bytes were appended, synced or not."""
        return len(self._content)

    def append(self, data: bytes) -> None:
        self.on_point("before a write")
        through = self.gets_through(data)
        super().append(data[:through])
        if through < len(data):
            self.on_point(WITHIN)
        self.on_point("after a write")

    def sync(self) -> None:
        self.on_point("before a sync")
        synced = self._synced
        try:
            super().sync()
        except OSError:
            self._has_dropped, self.sync_error = True, None
            raise
        if self._has_dropped:
            self._synced = synced
        self.on_point("after a sync")


class InTask:
    """A journal synced in a task, where it takes the loop's own time. ``cancel``: nobody is told."""

    def __init__(self, sync: Callable[[], Awaitable[int]]) -> None:
        self._sync = sync
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, synced: Synced) -> None:
        task = asyncio.ensure_future(self._tell(synced))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    async def _tell(self, synced: Synced) -> None:
        try:
            reached = await self._sync()
        except ProcessDied:
            return
        except Exception as error:  # noqa: BLE001 - whoever asked for it is told
            synced(0, error)
        else:
            synced(reached, None)
