"""A file with room: what is in it is what was appended, whatever becomes of the room."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.record import AlertRaised
from engine.runtime import disk as disk_module
from engine.runtime import journal_reader, roomy_disk
from engine.runtime.clock import VirtualClock
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.journal_reader import JournalContent, read_journal
from engine.runtime.roomy_disk import LEAST_BYTES, ROOM_BYTES, RoomyDisk
from tests.engine.runtime.test_disk import loses_what_was_written


def alert(number: int) -> AlertRaised:
    return AlertRaised(0, number, "info", "one", "x" * number)


def journal_on(disk: RoomyDisk, count: int) -> Journal:
    journal = Journal.create(disk, VirtualClock(5), name="journal")
    journal.sync()
    journal.make_room()
    for number in range(1, count + 1):
        journal.append(alert(number), at=number)
    journal.sync()
    return journal


def read(path: Path) -> JournalContent:
    return read_journal(path, Catalogue())


def test_room_is_made_and_taken_away_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    disk = RoomyDisk.create(path)
    disk.append(b"one")
    disk.sync()
    assert path.stat().st_size == 3
    disk.make_room()
    disk.append(b"two")
    assert path.stat().st_size == 3 + ROOM_BYTES
    assert path.read_bytes() == b"onetwo" + bytes(ROOM_BYTES - 3)
    assert disk.read() == b"onetwo"
    assert disk.length == 6
    disk.close()
    assert path.read_bytes() == b"onetwo"


def test_more_is_made_when_little_is_left_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "log"
    disk = RoomyDisk.create(path)
    disk.make_room()
    disk.append(b"x" * (ROOM_BYTES - LEAST_BYTES))
    disk.make_room()
    assert path.stat().st_size == ROOM_BYTES
    disk.append(b"x")
    disk.make_room()
    assert path.stat().st_size == 2 * ROOM_BYTES
    disk.close()


def test_what_is_larger_than_the_room_makes_the_file_longer(tmp_path: Path) -> None:
    path = tmp_path / "log"
    disk = RoomyDisk.create(path)
    disk.make_room()
    content = os.urandom(2 * ROOM_BYTES + 7)
    disk.append(content)
    assert path.stat().st_size == len(content)
    disk.append(b"end")
    assert disk.read() == content + b"end"
    disk.close()
    assert path.read_bytes() == content + b"end"


def test_what_is_cut_is_gone_with_its_room(tmp_path: Path) -> None:
    path = tmp_path / "log"
    disk = RoomyDisk.create(path)
    disk.append(b"onetwo")
    disk.make_room()
    disk.truncate(4)
    assert path.read_bytes() == b"onet"
    disk.append(b"end")
    disk.make_room()
    assert disk.read() == b"onetend"
    disk.close()
    assert path.read_bytes() == b"onetend"


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = RoomyDisk.create(tmp_path / "log")
    real_write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real_write(fd, bytes(data)[:3], at))
    disk.append(b"0123456789")
    disk.append(b"ab")
    monkeypatch.undo()
    assert disk.read() == b"0123456789ab"
    disk.close()


def test_a_journal_that_was_killed_is_whole_and_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal_on(RoomyDisk.create(path), 30)
    content = read(path)
    assert [entry.record for entry in content] == [alert(n) for n in range(1, 31)]
    assert content.torn is None

    disk = RoomyDisk.open(path)
    assert read_journal(disk, Catalogue()).position == content.position
    journal = Journal.resume(disk, VirtualClock(6), name="journal", position=content.position)
    journal.append(alert(31), at=31)
    assert [entry.record for entry in read(path)] == [alert(n) for n in range(1, 32)]
    journal.close()
    assert path.stat().st_size == read(path).position.length


def test_a_record_of_which_any_part_is_missing_is_torn_and_the_room_is_not(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal_on(RoomyDisk.create(path), 5)
    whole = read(path)
    last, end = whole.raw[-1].offset, whole.position.length
    content = path.read_bytes()
    for cut in range(last, end):
        path.write_bytes(content[:cut] + bytes(len(content) - cut))
        if content[cut:end].strip(b"\0") == b"":
            continue  # What is missing was zeros: nothing is.
        found = read(path)
        assert len(found) == 4
        assert found.position.length == last
        if cut == last:
            assert found.torn is None
        else:
            assert found.torn is not None
            assert found.torn.offset == last
            assert found.torn.length == len(content[last:cut].rstrip(b"\0"))


def test_zeros_with_a_record_behind_them_are_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal_on(RoomyDisk.create(path), 9)
    raw = read(path).raw
    content = bytearray(path.read_bytes())
    content[raw[3].offset : raw[5].offset] = bytes(raw[5].offset - raw[3].offset)
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"record 4 at byte .* is damaged, but record 6 at byte"):
        read(path)


def test_a_torn_record_before_much_room_is_not_sought_for_in_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    journal_on(RoomyDisk.create(path), 3)
    last = read(path).raw[-1].offset
    content = bytearray(path.read_bytes())
    content[last + 40] ^= 1
    path.write_bytes(content)
    looked = list[int]()
    record_end = journal_reader._record_end
    monkeypatch.setattr(
        journal_reader,
        "_record_end",
        lambda data, offset: (looked.append(offset), record_end(data, offset))[1],
    )
    assert len(read(path)) == 2
    assert len(looked) < 1000


def fails(number: int, *, after: int) -> Callable[..., int]:
    """Return a ``pwrite`` that works so often, and then fails."""
    real_write, calls = os.pwrite, list[int]()

    def write(descriptor: int, data: bytes, at: int) -> int:
        calls.append(at)
        if len(calls) > after:
            raise OSError(number, os.strerror(number))
        return real_write(descriptor, data, at)

    return write


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_without_space_for_room_it_does_without(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    disk = RoomyDisk.create(path)
    disk.append(b"one")
    monkeypatch.setattr(os, "pwrite", fails(number, after=2))
    disk.make_room()
    monkeypatch.undo()
    disk.append(b"two")
    disk.make_room()
    disk.sync()
    assert disk.read() == b"onetwo"
    assert path.stat().st_size < ROOM_BYTES
    disk.close()
    assert path.read_bytes() == b"onetwo"


def test_a_disk_that_breaks_while_room_is_made_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = RoomyDisk.create(tmp_path / "log")
    monkeypatch.setattr(os, "pwrite", fails(errno.EIO, after=1))
    with pytest.raises(OSError, match="Input/output error"):
        disk.make_room()
    monkeypatch.undo()
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync()
    disk.close()


def test_room_that_does_not_become_durable_breaks_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = RoomyDisk.create(tmp_path / "log")
    journal = Journal.create(disk, VirtualClock(5), name="journal")
    journal.sync()
    monkeypatch.setattr(disk_module, "_sync_data", loses_what_was_written)
    with pytest.raises(JournalBroken, match="could not be made durable"):
        journal.make_room()
    monkeypatch.undo()
    for again in (journal.make_room, journal.sync):
        with pytest.raises(JournalBroken):
            again()
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync()
    journal.close()


def test_what_is_appended_while_another_thread_syncs_is_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roomy_disk, "ROOM_BYTES", 1 << 16)
    monkeypatch.setattr(roomy_disk, "LEAST_BYTES", 1 << 14)
    disk, dice, is_over = RoomyDisk.create(tmp_path / "log"), Random(1), threading.Event()
    errors = list[Any]()

    def sync() -> None:
        while not is_over.is_set():
            try:
                disk.sync()
                disk.make_room()
            except OSError as error:
                errors.append(error)

    thread = threading.Thread(target=sync)
    thread.start()
    parts = list[bytes]()
    for number in range(3000):
        size = dice.choice((10, 100, 1000, 5000, 200_000 if number % 500 == 0 else 20))
        parts.append(bytes([number % 251 + 1]) * size)
        disk.append(parts[-1])
    is_over.set()
    thread.join()
    assert not errors
    assert disk.read() == b"".join(parts)
    disk.close()
    assert (tmp_path / "log").read_bytes() == b"".join(parts)
