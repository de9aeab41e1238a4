from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from engine.errors import FileError
from engine.ports import Disk
from engine.runtime import disk as disk_module
from engine.runtime.clock import VirtualClock
from engine.runtime.disk import FileDisk
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.memory_disk import MemoryDisk

FULL = Path("/dev/full")


def loses_what_was_written(_: int) -> None:
    """Stands in for ``fdatasync`` on a disk that is broken."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_both_disks_answer_to_the_port(tmp_path: Path) -> None:
    disks: list[Disk] = [FileDisk.create(tmp_path / "log"), MemoryDisk()]
    for disk in disks:
        disk.append(b"one")
        disk.append(b"")
        disk.append(b"two")
        disk.sync()
        assert disk.read() == b"onetwo"
        disk.truncate(4)
        disk.append(b"end")
        assert disk.read() == b"onetend"
        disk.close()
        disk.close()


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        FileDisk.create(tmp_path / "log").close()
    finally:
        os.umask(mask)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_made_durable_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(disk_module, "sync_folder", synced.append)
    FileDisk.create(tmp_path / "log").close()
    assert synced == [tmp_path]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"precious")
    with pytest.raises(FileError, match="log: exists already and is not overwritten"):
        FileDisk.create(path)
    assert path.read_bytes() == b"precious"


def test_a_missing_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be created: No such file or directory"):
        FileDisk.create(tmp_path / "gone" / "log")
    with pytest.raises(FileError, match="cannot be opened: No such file or directory"):
        FileDisk.open(tmp_path / "log")


def test_an_opened_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one")
    disk = FileDisk.open(path)
    disk.append(b"two")
    disk.close()
    assert path.read_bytes() == b"onetwo"


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    disk = FileDisk.create(tmp_path / "log")
    disk.append(content)
    assert disk.read() == content
    disk.close()


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FileDisk.create(tmp_path / "log")
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, bytes(data)[:3]))
    disk.append(b"0123456789")
    monkeypatch.undo()
    assert disk.read() == b"0123456789"
    disk.close()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_os_error() -> None:
    disk = FileDisk.open(FULL)
    with pytest.raises(OSError, match="No space left on device"):
        disk.append(b"x")
    disk.close()


def test_a_failed_sync_is_never_followed_by_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FileDisk.create(tmp_path / "log")
    monkeypatch.setattr(disk_module, "_sync_data", loses_what_was_written)
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync()
    monkeypatch.undo()
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync()
    disk.close()


def test_a_sync_that_another_thread_is_about_to_lose_is_lost_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells a lost write once: whoever synced behind it would be told that all is well.

    A journal is closed while the group commit's thread syncs it, when its run ends of an error.
    """
    begun, go, calls = threading.Event(), threading.Event(), list[int]()

    def loses_the_first(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            begun.set()
            assert go.wait(60)
            loses_what_was_written(descriptor)

    disk = FileDisk.create(tmp_path / "log")
    journal = Journal.create(disk, VirtualClock(0), name="journal")
    monkeypatch.setattr(disk_module, "_sync_data", loses_the_first)
    told = list[JournalBroken]()

    def sync() -> None:
        try:
            journal.sync()
        except JournalBroken as error:
            told.append(error)

    thread = threading.Thread(target=sync)
    thread.start()
    assert begun.wait(60)
    threading.Timer(0.05, go.set).start()
    with pytest.raises(JournalBroken, match="could not be made durable: Input/output error"):
        journal.close()
    thread.join()
    assert len(told) == len(calls) == 1
    assert journal.durable_sequence == 0


def test_a_memory_disk_keeps_what_was_synced_and_what_got_through() -> None:
    disk = MemoryDisk()
    disk.append(b"safe")
    disk.sync()
    disk.append(b"maybe")
    assert disk.crash().read() == b"safe"
    assert disk.crash(unsynced_bytes_kept=2).read() == b"safema"
    assert disk.crash(unsynced_bytes_kept=99).read() == b"safemaybe"


def test_a_full_memory_disk_keeps_what_fitted() -> None:
    disk = MemoryDisk(capacity=5)
    disk.append(b"abc")
    with pytest.raises(OSError, match="No space left"):
        disk.append(b"def")
    assert disk.read() == b"abcde"
    with pytest.raises(OSError, match="No space left"):
        disk.append(b"g")


def test_a_closed_memory_disk_refuses_to_write() -> None:
    disk = MemoryDisk()
    disk.close()
    for act in (lambda: disk.append(b"x"), disk.sync, lambda: disk.truncate(0)):
        with pytest.raises(OSError, match="Bad file descriptor"):
            act()
