"""A disk in memory that fails when told to: for simulation and tests of what a crash leaves."""

from __future__ import annotations

import errno
import os


class MemoryDisk:
    """The ``Disk`` port without a file.

    ``capacity``: bytes until it is full; what still fits of an append is written, as a real disk
    may. ``crash`` loses what was not synced.
    """

    def __init__(self, content: bytes = b"", *, capacity: int | None = None) -> None:
        self._content = bytearray(content)
        self._synced = len(content)
        self.capacity = capacity
        self.append_error: int | None = None
        self.sync_error: int | None = None
        self.sync_count = 0
        self.is_closed = False

    @property
    def synced_length(self) -> int:
        """How many bytes are certain to outlive a loss of power."""
        return self._synced

    def append(self, data: bytes) -> None:
        """Write at the end, or fail with ``append_error`` or ``ENOSPC``."""
        self._require_open()
        if self.append_error is not None:
            raise _os_error(self.append_error)
        if self.capacity is not None and len(self._content) + len(data) > self.capacity:
            self._content += data[: max(0, self.capacity - len(self._content))]
            raise _os_error(errno.ENOSPC)
        self._content += data

    def sync(self) -> None:
        """Make everything appended durable, or fail with ``sync_error``."""
        self._require_open()
        if self.sync_error is not None:
            raise _os_error(self.sync_error)
        self._synced = len(self._content)
        self.sync_count += 1

    def make_room(self) -> None:
        """Do nothing: memory has no length to make durable."""

    def read(self) -> bytes:
        """Return the whole content."""
        return bytes(self._content)

    def truncate(self, length: int) -> None:
        """Cut the content after ``length`` bytes."""
        self._require_open()
        del self._content[length:]
        self._synced = min(self._synced, length)

    def close(self) -> None:
        """Refuse everything but ``read`` from now on."""
        self.is_closed = True

    def crash(self, unsynced_bytes_kept: int = 0) -> MemoryDisk:
        """Return the disk as the next process finds it after power was lost.

        ``unsynced_bytes_kept``: how much of what was appended after the last sync got through.
        """
        return MemoryDisk(bytes(self._content[: self._synced + unsynced_bytes_kept]))

    def _require_open(self) -> None:
        if self.is_closed:
            raise _os_error(errno.EBADF)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
