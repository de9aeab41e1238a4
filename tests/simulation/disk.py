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

    def forget_behind(self, length: int, synced_before: int) -> None:
        """Have a sync cover no more than what was there when it began: ``length`` bytes."""
        self._synced = max(synced_before, min(length, self._synced))

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
    """A journal synced in a task, where it takes the loop's own time.

    ``begun`` is called when a sync begins, and returns what does it. After ``cancel`` nobody is told
    and nothing begins: the process is dead.
    """

    def __init__(self, begun: Callable[[], Callable[[], Awaitable[int]]]) -> None:
        self._begun = begun
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False

    def __call__(self, synced: Synced) -> None:
        if self._is_over:
            return
        task = asyncio.ensure_future(self._tell(self._begun(), synced))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        self._is_over = True
        for task in tuple(self._tasks):
            task.cancel()

    async def _tell(self, sync: Callable[[], Awaitable[int]], synced: Synced) -> None:
        try:
            reached = await sync()
        except ProcessDied:
            return
        except Exception as error:  # noqa: BLE001 - whoever asked for it is told
            synced(None, error)
        else:
            synced(reached, None)
