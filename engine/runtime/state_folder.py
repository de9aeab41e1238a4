"""Where live state lives: one folder an account, one process at a time, and what outlives it.

The folder holds the day's journal, the kill latch and a lock. Two engines on one account would
send every order twice, so the second one refuses (reliability.md 2.2, 2.5); it is private, since a
journal tells what its owner trades.
"""

from __future__ import annotations

import fcntl
import os
import stat
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import FileError
from engine.model.event import KillMode, KillTripped
from engine.model.scope import EVERYTHING
from engine.runtime.disk import sync_folder
from engine.runtime.roomy_disk import RoomyDisk

LOCK: Final = "lock"
LATCH: Final = "killed.json"
PRIVATE: Final = 0o700


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """A kill that stands, whatever process is running: who tripped it, when (ns UTC) and why."""

    scope: str
    mode: KillMode
    who: str
    why: str
    at: int

    @property
    def event(self) -> KillTripped:
        """The kill as the kernel takes it."""
        return KillTripped(self.scope, self.mode, self.who, self.why)


class StateFolder:
    """One account's state on disk, held by this process until ``close``.

    ``open`` makes or takes the folder. Raises ``FileError`` when another process holds it, when it
    is not this user's own and private, or when it cannot be written.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> StateFolder:
        """Make the folder where it is missing, check that it is private, and lock it."""
        try:
            path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            _require_private(path)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FileError(
                f"{path}: the state folder cannot be used: {error.strerror}; make it a folder that "
                "only you can read and write"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(lock, 64, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise FileError(
                f"{path}: another engine (process {holder}) trades this account; two would send "
                "every order twice: stop it first"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return cls(path, lock)

    def journal_path(self, day: date) -> Path:
        """Return where the journal of a trading date stands."""
        return self.path / f"journal-{day.isoformat()}.log"

    def journal_disk(self, day: date) -> RoomyDisk:
        """Open the journal file of a trading date, made when it is missing."""
        path = self.journal_path(day)
        disk = RoomyDisk.open(path) if path.exists() else RoomyDisk.create(path)
        sync_folder(self.path)
        return disk

    def read_latch(self) -> Latch | None:
        """Return the kill that stands, None when there is none.

        A latch that cannot be read counts as a kill of everything: nobody knows what it forbade.
        """
        path = self.path / LATCH
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _unreadable(f"{path}: {error.strerror}")
        try:
            return msgspec.json.decode(data, type=Latch)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _unreadable(f"{path}: {error}")

    def write_latch(self, latch: Latch) -> None:
        """Make a kill durable. Raises ``OSError`` when the disk does not take it."""
        self._replace(LATCH, msgspec.json.encode(latch))

    def clear_latch(self) -> None:
        """Forget the kill: a person armed again."""
        (self.path / LATCH).unlink(missing_ok=True)
        sync_folder(self.path)

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def _replace(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        fresh = self.path / f".{name}.new"
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path / name)
        sync_folder(self.path)


def _require_private(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise FileError(
            f"{path}: others can read or write this state folder (mode "
            f"{stat.S_IMODE(found.st_mode):04o}); make it yours alone: chmod 700 {path}"
        )


def _unreadable(why: str) -> Latch:
    return Latch(
        scope=EVERYTHING,
        mode=KillMode.BLOCK_NEW,
        who="engine",
        why=f"the kill latch cannot be read, so nobody knows what it forbade: {why}",
        at=0,
    )
