"""A real journal is made durable beside the loop: by the kernel where it can, else in a thread."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ports import Disk
from engine.runtime import disk as disk_module
from engine.runtime import journal_sync, roomy_disk
from engine.runtime.aio_sync import AioSync
from engine.runtime.clock import VirtualClock
from engine.runtime.disk import FileDisk
from engine.runtime.group_commit import GroupCommit
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.journal_sync import JournalSync
from engine.runtime.memory_disk import MemoryDisk
from engine.runtime.roomy_disk import RoomyDisk
from tests.engine.core.live_kernel import BOOT
from tests.engine.runtime.test_aio_sync import needs_aio

EIO = os.strerror(errno.EIO)


class NoAio:
    """A kernel that takes no syncs in."""

    def __init__(self) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


class FullAio(AioSync):
    """A kernel that has no place for another one just now."""

    def begin(self, _: int) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


class BadAio(AioSync):
    """A kernel that could not write what it was to sync."""

    def ended(self) -> int | None:
        return None if super().ended() is None else errno.EIO


def kept(disk: Disk) -> tuple[Journal, GroupCommit]:
    journal = Journal.create(disk, VirtualClock(0), name="journal")
    return journal, GroupCommit(journal, JournalSync(journal, disk), lambda _: None, lambda _: None)


async def one_more(journal: Journal, commit: GroupCommit) -> None:
    sequence = journal.append(BOOT, 0)
    await commit.wait(sequence)
    assert journal.durable_sequence == commit.durable_sequence == sequence


@pytest.fixture(
    params=[
        "memory",
        "thread",
        pytest.param("full", marks=needs_aio),
        pytest.param("kernel", marks=needs_aio),
    ]
)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param in ("thread", "full"):
        monkeypatch.setattr(
            journal_sync, "AioSync", NoAio if request.param == "thread" else FullAio
        )
    return str(request.param)


@pytest.fixture
def disk(way: str, tmp_path: Path) -> Iterator[Disk]:
    made: Disk = MemoryDisk() if way == "memory" else RoomyDisk.create(tmp_path / "log")
    yield made
    made.close()


async def test_it_is_durable_up_to_what_was_appended_before(disk: Disk) -> None:
    journal, commit = kept(disk)
    running = asyncio.ensure_future(commit.run())
    for _ in range(5):
        await one_more(journal, commit)
    running.cancel()


@pytest.mark.parametrize("kernel", [pytest.param(BadAio, marks=needs_aio), NoAio])
async def test_a_sync_that_fails_is_the_end_for_everybody(
    kernel: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_sync, "AioSync", kernel)
    disk = FileDisk.create(tmp_path / "log")
    journal, commit = kept(disk)
    running = asyncio.ensure_future(commit.run())
    with monkeypatch.context() as broken:
        broken.setattr(disk_module, "_sync_data", fails)
        with pytest.raises(JournalBroken, match=f"could not be made durable: {EIO}"):
            await commit.wait(journal.append(BOOT, 0))
    with pytest.raises(JournalBroken):
        await running
    # It may be written again, and what was lost is lost all the same.
    with pytest.raises(JournalBroken):
        journal.append(BOOT, 0)
    with pytest.raises(OSError, match=EIO):
        disk.sync()
    disk.close()


async def test_a_journal_that_broke_before_it_was_watched_ends_the_run() -> None:
    disk = MemoryDisk()
    journal, commit = kept(disk)
    disk.sync_error = errno.EIO
    for again in (lambda: commit.wait(journal.append(BOOT, 0)), commit.run):
        with pytest.raises(JournalBroken):
            await again()


@needs_aio
async def test_a_journal_that_is_closed_says_so() -> None:
    """Nothing is begun for it in the kernel; the thread finds out what is wrong."""
    disk = MemoryDisk()
    journal, commit = kept(disk)
    sequence = journal.append(BOOT, 0)
    journal.close()
    with pytest.raises(JournalBroken, match="the journal is closed"):
        await commit.wait(sequence)


def fails(_: int) -> None:
    raise OSError(errno.EIO, EIO)


class Slow(RoomyDisk):
    """Takes its time to make room. ``story`` tells when it began and ended, and every sync."""

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__(path, descriptor)
        self.story: list[str] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def make_room(self) -> None:
        self.story.append("room begun")
        self.begun.set()
        assert self.go.wait(60)
        super().make_room()
        self.story.append("room made")

    def sync(self) -> None:
        super().sync()
        self.story.append("synced")

    def take_sync(self, number: int) -> None:
        super().take_sync(number)
        self.story.append("synced")


async def seen(event: threading.Event) -> None:
    await asyncio.get_running_loop().run_in_executor(None, event.wait, 60)
    assert event.is_set()


@pytest.mark.parametrize("way", ["thread", pytest.param("kernel", marks=needs_aio)], indirect=True)
async def test_a_sync_begins_behind_room_that_is_being_made(way: str, tmp_path: Path) -> None:
    disk = Slow.create(tmp_path / way)
    journal, commit = kept(disk)
    await one_more(journal, commit)
    await seen(disk.begun)
    waiting = asyncio.ensure_future(one_more(journal, commit))
    await asyncio.sleep(0.02)
    assert disk.story == ["synced", "room begun"]
    disk.go.set()
    await waiting
    # The room is made durable itself: one sync by the thread before it is said to be made.
    assert disk.story == ["synced", "room begun", "synced", "room made", "synced"]
    disk.close()


@pytest.mark.parametrize("way", ["thread", pytest.param("kernel", marks=needs_aio)], indirect=True)
async def test_no_room_is_made_while_somebody_waits(way: str, tmp_path: Path) -> None:
    disk = Slow.create(tmp_path / way)
    journal = Journal.create(disk, VirtualClock(0), name="journal")
    sync, ended, is_over = JournalSync(journal, disk), list[int | None](), asyncio.Event()

    def synced(reached: int | None, _: BaseException | None) -> None:
        ended.append(reached)
        if len(ended) > 3:
            is_over.set()
        if len(ended) < 3:
            journal.append(BOOT, 0)
            sync(synced)

    sync(synced)
    await seen(disk.begun)
    assert disk.story == ["synced", "synced", "synced", "room begun"]
    assert ended == [0, 1, 2]
    disk.go.set()
    sync(synced)
    await is_over.wait()
    disk.close()


@pytest.mark.parametrize("way", ["thread", pytest.param("kernel", marks=needs_aio)], indirect=True)
@pytest.mark.parametrize("more", [0, 1])
async def test_room_that_cannot_be_made_durable_ends_the_run(
    way: str, more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Slow.create(tmp_path / way)
    journal, commit = kept(disk)
    running = asyncio.ensure_future(commit.run())
    await one_more(journal, commit)
    await seen(disk.begun)
    late = [asyncio.ensure_future(one_more(journal, commit)) for _ in range(more)]
    await asyncio.sleep(0)
    monkeypatch.setattr(disk_module, "_sync_data", fails)
    disk.go.set()
    with pytest.raises(JournalBroken, match="could not be made durable"):
        await running
    for waiting in late:
        with pytest.raises(JournalBroken):
            await waiting
    disk.close()


async def test_room_is_made_as_it_is_used_up(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roomy_disk, "ROOM_BYTES", 1 << 14)
    monkeypatch.setattr(roomy_disk, "LEAST_BYTES", 1 << 13)
    journal, commit = kept(disk)
    for _ in range(200):
        await one_more(journal, commit)
        await asyncio.sleep(0)
    await commit.wait(journal.append(BOOT, 0))
    journal.close()


def test_a_journal_let_go_of_leaves_nothing_behind(disk: Disk) -> None:
    threads = list[threading.Thread]()
    gone = list[weakref.ref[Any]]()

    async def one() -> None:
        before = set(threading.enumerate())
        journal, commit = kept(disk)
        threads.extend(set(threading.enumerate()) - before)
        gone.extend((weakref.ref(commit), weakref.ref(commit._sync)))
        await one_more(journal, commit)

    asyncio.run(one())
    (thread,) = threads
    assert eventually(lambda: not thread.is_alive())
    assert [ref() for ref in gone] == [None, None]


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it comes to be so: a thread may be at work still, for whoever is let go of."""
    for _ in range(200):
        gc.collect()
        if is_so():
            return True
        threading.Event().wait(0.05)
    return False
