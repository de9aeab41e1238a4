"""What people ask of an engine, whether it runs or not: files in its state folder, in order.

A person's act is durable once its file is there. A running engine takes it up within a second; one
that does not run takes it up when it starts. The file goes once the act is in the journal.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.codec import Codec
from engine.model.event import Armed, HumanAdjusted, HumanResolved, KillTripped
from engine.runtime.disk import sync_folder

Act = HumanResolved | HumanAdjusted | Armed | KillTripped
FOLDER: Final = "inbox"
SUFFIX: Final = ".act"


class Inbox:
    """The acts asked for in one state folder, oldest first."""

    def __init__(self, state_folder: Path, catalogue: Catalogue | None = None) -> None:
        self.path = state_folder / FOLDER
        self._codec = Codec(catalogue or Catalogue())
        self._taken: list[Path] = []
        self._refused: dict[Path, bytes] = {}
        self._unread: list[str] = []

    def put(self, act: bytes) -> Path:
        """Ask for something, as ``codec.encode`` writes an ``Act``; durable when this returns.

        Raises ``FileError`` when the folder cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(suffix=".new", dir=self.path)
            draft = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(act)
                    file.flush()
                    os.fsync(file.fileno())
                path = self._number(draft)
            finally:
                draft.unlink()
            sync_folder(self.path)
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written: {error.strerror}") from error
        return path

    def _number(self, draft: Path) -> Path:
        """Give a draft the next number; another act that takes it first keeps it."""
        while True:
            names = [path.stem for path in self.path.glob(f"*{SUFFIX}")]
            number = 1 + max((int(name) for name in names if name.isdecimal()), default=0)
            path = self.path / f"{number:08}{SUFFIX}"
            with suppress(FileExistsError):
                os.link(draft, path)
                return path

    def take(self) -> Iterator[Act]:
        """Return what was asked for and not taken yet, oldest first; ``done`` forgets it.

        One that cannot be read stays where it is, and ``unread`` tells of it: a slip of the pen
        must not end an engine that others rely on.
        """
        if not self.path.is_dir():
            return
        for path in sorted(self.path.glob(f"*{SUFFIX}")):
            if path in self._taken:
                continue
            data = b""
            try:
                data = path.read_bytes()
                act = self._codec.decode(data, Act)
            except (OSError, FileError, msgspec.MsgspecError) as error:
                if self._refused.get(path) != data:
                    self._refused[path] = data
                    self._unread.append(f"{path}: nothing was done: {error}; take the file away")
                continue
            self._taken.append(path)
            yield act

    def unread(self) -> list[str]:
        """Return, once, what was asked for and cannot be read: which file, and why."""
        unread, self._unread = self._unread, []
        return unread

    def done(self) -> None:
        """Forget what was taken: it is in the journal, durable."""
        for path in self._taken:
            path.unlink(missing_ok=True)
        self._taken.clear()
