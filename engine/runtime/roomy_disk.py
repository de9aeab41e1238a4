"""The ``Disk`` port over a file that is longer than what is in it, so that a sync has less to do.

An append that makes a file longer has the file's length made durable with it, which is a write or
two of the filesystem's own and a wait for each (docs/decisions/0032). So zeros are written ahead,
once for many appends, and what is appended goes over them. Zeros behind the last record are room
and nothing else (``engine.runtime.journal_reader``); ``close`` takes them away.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from threading import Lock
from typing import ClassVar, Final

from engine.runtime.disk import FileDisk

ROOM_BYTES: Final = 1 << 20
"""So much is made at a time: the records of some 180 orders."""
LEAST_BYTES: Final = 1 << 17
"""With less than this left, more is made."""
_CRAMPED: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ZEROS: Final = bytes(1 << 16)


class RoomyDisk(FileDisk):
    """A log file with room. ``sync`` and ``make_room`` may run in another thread than ``append``.

    Where there is no space for room it does without, as any file would.
    """

    _WRITES: ClassVar[int] = 0

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__(path, descriptor)
        self._end = self._room = os.fstat(descriptor).st_size
        self._is_cramped = False
        self._growing = Lock()

    @property
    def length(self) -> int:
        """How many bytes are in it, room apart."""
        return self._end

    def append(self, data: bytes) -> None:
        """Write all of ``data`` behind what is in it; it survives the end of this process."""
        end = self._end + len(data)
        if end <= self._room:
            self._write_at(data, self._end)
        else:
            with self._growing:
                self._write_at(data, self._end)
                self._room = max(self._room, end)
        self._end = end

    def make_room(self) -> None:
        """Write zeros behind the room there is, where little is left, and make them durable.

        Called where nobody waits for a sync; an append that needs what is being made waits.
        """
        with self._growing:
            if self._room - self._end < LEAST_BYTES and not self._is_cramped:
                self._lengthen()

    def read(self) -> bytes:
        """Return the whole content; of a file that was opened, what stood behind it as well."""
        return super().read()[: self._end]

    def truncate(self, length: int) -> None:
        """Cut the file after ``length`` bytes, room and all."""
        with self._growing:
            super().truncate(length)
            self._end = self._room = length

    def close(self) -> None:
        """Take away what is left of the room, and release the file."""
        with self._growing:
            if self._descriptor >= 0 and (self._room > self._end or self._is_cramped):
                # What cannot be taken away is room for whoever opens the file next.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
            super().close()

    def _write_at(self, data: bytes, place: int) -> None:
        written = os.pwrite(self._descriptor, data, place)
        while written < len(data):  # A disk that is almost full takes a part.
            written += os.pwrite(self._descriptor, memoryview(data)[written:], place + written)

    def _lengthen(self) -> None:
        wanted = self._room + ROOM_BYTES
        try:
            for place in range(self._room, wanted, len(_ZEROS)):
                self._write_at(_ZEROS, place)
        except OSError as error:
            if error.errno not in _CRAMPED:
                self._sync_error = error
                raise
            self._is_cramped = True
            return
        self.sync()
        self._room = wanted
