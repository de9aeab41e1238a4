"""How a real journal is made durable while the loop goes on: by the kernel, or else in a thread.

One thing is done to the file at a time. Of two syncs that fail together the kernel may tell only
one (reliability.md 2.2), and the other would say that all is well.
"""

from __future__ import annotations

import asyncio
import errno
import os
from functools import partial

from engine.ports import Disk
from engine.runtime import tasks
from engine.runtime.aio_sync import AioSync
from engine.runtime.disk import FileDisk
from engine.runtime.group_commit import Sync, Synced
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.roomy_disk import RoomyDisk


class JournalSync:
    """The ``Sync`` of ``journal``, which is on ``disk``; one is asked for when the last has ended.

    A thread does it where the kernel cannot, and for a disk that is no file. Room for the next
    records is made while nobody waits for a sync; one that is wanted meanwhile begins behind that.
    """

    def __init__(self, journal: Journal, disk: Disk) -> None:
        self._journal = journal
        self._helper = tasks.Helper("journal sync")
        self._begin_in_kernel = _in_kernel(journal, disk)
        self._room = disk if isinstance(disk, RoomyDisk) else None
        self._is_syncing = self._is_making_room = False
        self._waiting: Synced | None = None

    def __call__(self, synced: Synced) -> None:
        """Begin to sync what was appended so far, and have ``synced`` told how that ended."""
        if self._is_making_room:
            self._waiting = synced
        else:
            self._begin(synced)

    def _begin(self, synced: Synced) -> None:
        self._is_syncing = True
        ended = partial(self._ended, synced)
        try:
            self._begin_in_kernel(ended)
        except (JournalBroken, OSError):
            # The kernel has no place for it now, or nothing at all works: the thread will find out.
            self._helper.begin(self._journal.sync, ended)

    def _ended(self, synced: Synced, reached: int | None, error: BaseException | None) -> None:
        self._is_syncing = False
        synced(reached, error)
        if error is None and not self._is_syncing and self._room and self._room.wants_room:
            self._is_making_room = True
            self._helper.begin(self._journal.make_room, partial(self._room_made, synced))

    def _room_made(self, synced: Synced, _: object, error: BaseException | None) -> None:
        self._is_making_room = False
        if error is not None:
            synced(None, error)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._begin(waiting)


def _in_kernel(journal: Journal, disk: Disk) -> Sync:
    """Return what has the kernel sync ``disk``; it raises ``OSError`` where that is impossible."""
    if isinstance(disk, FileDisk):
        try:
            return _InKernel(journal, disk).begin
        except OSError:
            pass
    return _impossible


def _impossible(_: Synced) -> None:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


class _InKernel:
    """Has the kernel sync a journal's file, and hears from it on the loop."""

    def __init__(self, journal: Journal, disk: FileDisk) -> None:
        self._journal = journal
        self._disk = disk
        self._aio = AioSync()
        self._is_heard = False
        self._under_way: tuple[int, Synced] | None = None

    def begin(self, synced: Synced) -> None:
        reached = self._journal.begin_sync()
        self._aio.begin(self._disk.fileno())
        self._under_way = reached, synced
        if not self._is_heard:
            self._is_heard = True
            asyncio.get_running_loop().add_reader(self._aio.fileno(), self._look)

    def _look(self) -> None:
        number = self._aio.ended()
        if number is None or self._under_way is None:
            return
        (reached, synced), self._under_way = self._under_way, None
        try:
            self._journal.end_sync(reached, partial(self._disk.take_sync, number))
        except JournalBroken as error:
            synced(None, error)
        else:
            synced(reached, None)
