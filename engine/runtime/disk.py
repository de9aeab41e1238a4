"""The ``Disk`` port over a real file: one append-only log, readable by its owner only."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import ClassVar, Final, Self

from engine.errors import FileError

_MODE: Final = 0o600
_READ_BYTES: Final = 1 << 20
# fdatasync leaves out the times of the file; where the platform has none, fsync is as safe.
_sync_data: Final = getattr(os, "fdatasync", os.fsync)


class FileDisk:
    """An append-only file. ``create`` or ``open`` makes one.

    Its methods raise ``OSError`` as the ``Disk`` port says. After a failed ``sync`` the kernel may
    have dropped the pages and a second one would lie (reliability.md 2.2), so it keeps failing. Of
    two at a time it may tell only one that they failed, so they come one after the other.
    """

    _WRITES: ClassVar[int] = os.O_APPEND
    """How the file is opened to be written."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._sync_error: OSError | None = None
        self._syncing = Lock()

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new file, durable in its folder. Raises ``FileError`` if it exists already."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | cls._WRITES | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, _MODE)
        except FileExistsError:
            raise FileError(
                f"{path}: exists already and is not overwritten; move it away or take another name"
            ) from None
        except OSError as error:
            raise FileError(f"{path}: cannot be created: {error.strerror}") from error
        try:
            sync_folder(path.parent)
        except OSError as error:
            os.close(descriptor)
            raise FileError(f"{path.parent}: cannot be made durable: {error.strerror}") from error
        return cls(path, descriptor)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing file to read and append. Raises ``FileError`` if that is impossible."""
        try:
            descriptor = os.open(path, os.O_RDWR | cls._WRITES | os.O_CLOEXEC)
        except OSError as error:
            raise FileError(f"{path}: cannot be opened: {error.strerror}") from error
        return cls(path, descriptor)

    def append(self, data: bytes) -> None:
        """Write all of ``data`` at the end; it survives the end of this process."""
        written = os.write(self._descriptor, data)
        while written < len(data):  # A disk that is almost full takes a part.
            written += os.write(self._descriptor, memoryview(data)[written:])

    def sync(self) -> None:
        """Make everything appended durable."""
        with self._syncing:
            if self._sync_error is not None:
                raise self._sync_error
            try:
                _sync_data(self._descriptor)
            except OSError as error:
                self._sync_error = error
                raise

    def make_room(self) -> None:
        """Do nothing: this file grows with what is appended."""

    def read(self) -> bytes:
        """Return the whole content."""
        parts: list[bytes] = []
        offset = 0
        while part := os.pread(self._descriptor, _READ_BYTES, offset):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def truncate(self, length: int) -> None:
        """Cut the file after ``length`` bytes."""
        os.ftruncate(self._descriptor, length)

    def close(self) -> None:
        """Release the file; closing it again does nothing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
