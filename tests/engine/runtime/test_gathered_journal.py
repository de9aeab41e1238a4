from __future__ import annotations

import errno

import pytest

from engine.model.catalogue import Catalogue
from engine.model.record import AlertRaised
from engine.runtime.clock import VirtualClock
from engine.runtime.gathered_journal import GATHERED_MAX, GatheredJournal
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.journal_reader import canonical_hash, read_journal
from engine.runtime.memory_disk import MemoryDisk


def alert(number: int) -> AlertRaised:
    return AlertRaised(at=number, kseq=number, level="info", subject="a", text="x")


def journal_on(disk: MemoryDisk) -> Journal:
    return Journal.create(disk, VirtualClock(5), name="day.journal")


def sequences(disk: MemoryDisk) -> list[int]:
    return [entry.sequence for entry in read_journal(disk, Catalogue())]


def test_it_makes_the_file_that_single_writes_make() -> None:
    single, disk = MemoryDisk(), MemoryDisk()
    one_by_one, gathered = journal_on(single), GatheredJournal(journal_on(disk))
    for number in range(1, 8, 2):
        records = [alert(number), alert(number + 1)]
        gathered.append_all(records, number)
        one_by_one.append_all(records, number)
        assert number > 3 or sequences(disk) == []
        if number == 3:
            gathered.write()
            assert sequences(disk) == [1, 2, 3, 4]
    gathered.close()
    one_by_one.close()
    assert disk.read() == single.read()
    assert gathered.canonical_sha256 == one_by_one.canonical_sha256 == canonical_hash(disk)
    assert disk.synced_length == len(disk.read())


def test_it_does_not_wait_for_ever() -> None:
    disk = MemoryDisk()
    gathered = GatheredJournal(journal_on(disk))
    for number in range(1, GATHERED_MAX):
        gathered.append_all([alert(number)], number)
    assert sequences(disk) == []
    gathered.append_all([alert(GATHERED_MAX)], GATHERED_MAX)
    assert len(sequences(disk)) == GATHERED_MAX


def test_nothing_more_is_written_once_something_could_not_be() -> None:
    disk = MemoryDisk()
    gathered = GatheredJournal(journal_on(disk))
    gathered.append_all([alert(1), alert(2)], 1)
    disk.append_error = errno.ENOSPC
    with pytest.raises(JournalBroken, match="records 1 to 2 of the journal could not be written"):
        gathered.write()
    disk.append_error = None
    # Whoever counts records in a log asks for them to be written first, and hears it again.
    with pytest.raises(JournalBroken, match="records 1 to 2"):
        gathered.write()
    gathered.append_all([alert(3)], 2)
    with pytest.raises(JournalBroken, match="records 1 to 2"):
        gathered.close()
    assert sequences(disk) == []
    assert disk.is_closed
