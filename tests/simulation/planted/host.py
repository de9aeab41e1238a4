"""Bugs of an engine on a machine that fails: its clock, its process, its disk, its state folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.core import doubt
from engine.runtime import state_folder
from engine.runtime.clock import DriftWatch, SteadyClock
from engine.runtime.journal import Journal
from engine.runtime.sender import Sender
from engine.runtime.state_folder import LOCK, PRIVATE, StateFolder
from tests.simulation.planted.planting import planted, swap

# -- the clock -----------------------------------------------------------------------------------


@planted
def the_walls_clock_is_trusted() -> Iterator[None]:
    yield from swap(SteadyClock, "now", lambda self: self._wall_ns())


@planted
def the_time_away_counts_as_waiting_for_an_order_in_doubt() -> Iterator[None]:
    yield from swap(doubt.Doubts, "begin_again", lambda _: None)


@planted
def a_clock_that_was_set_is_not_told() -> Iterator[None]:
    yield from swap(DriftWatch, "look", lambda _: "")


# -- a process that stands still ------------------------------------------------------------------


@planted
def an_order_leaves_however_long_its_process_stood_still() -> Iterator[None]:
    begin = Sender.__init__

    def timeless(self: Any, *parts: Any) -> None:
        executions, commit, order_of, bar, _, publish = parts
        begin(self, executions, commit, order_of, bar, lambda: 0, publish)

    yield from swap(Sender, "__init__", timeless)


# -- the disk -------------------------------------------------------------------------------------


@planted
def a_failed_sync_counts_as_done() -> Iterator[None]:
    def hopeful(self: Any) -> int:
        with suppress(OSError):
            self._disk.sync()
        self._durable = self._written
        return int(self._durable)

    yield from swap(Journal, "sync", hopeful)


@planted
def a_failed_sync_is_tried_again() -> Iterator[None]:
    def stubborn(self: Any) -> int:
        reached = self._written
        try:
            self._disk.sync()
        except OSError:
            self._disk.sync()
        self._durable = reached
        return int(reached)

    yield from swap(Journal, "sync", stubborn)


@planted
def a_record_that_a_full_disk_refused_is_let_go() -> Iterator[None]:
    def careless(self: Any) -> None:
        unwritten, self._unwritten = self._unwritten, []
        self._lines = []
        with suppress(OSError):
            self._disk.append(b"".join(unwritten))
        self._written = self._sequence

    yield from swap(Journal, "_write", careless)


# -- a second instance ----------------------------------------------------------------------------


@planted
def the_lock_of_a_state_folder_is_not_asked() -> Iterator[None]:
    yield from swap(state_folder.fcntl, "flock", lambda *_: None)


@planted
def a_second_engine_takes_the_lock_for_one_left_behind() -> Iterator[None]:
    unlocked = StateFolder.open

    def breaking(path: Path) -> StateFolder:
        (path / LOCK).unlink(missing_ok=True)
        return unlocked(path)

    yield from swap(StateFolder, "open", staticmethod(breaking))


@planted
def a_second_engine_clears_the_lock_before_it_holds_it() -> Iterator[None]:
    unlocked = StateFolder.open

    def clearing(path: Path) -> StateFolder:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        (path / LOCK).write_text("")
        return unlocked(path)

    yield from swap(StateFolder, "open", staticmethod(clearing))
