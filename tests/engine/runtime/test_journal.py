from __future__ import annotations

import errno
import json
import struct
import zlib
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EXIT_FILE, FileError, InvariantBroken
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.legs import GroupState, LegPlan, LegRole
from engine.model.order import OrderType
from engine.model.record import (
    AlertRaised,
    GroupMoved,
    KillRecorded,
    Record,
    SessionClosed,
    StateSaved,
)
from engine.model.side import Side
from engine.runtime.clock import VirtualClock
from engine.runtime.disk import FileDisk
from engine.runtime.journal import LENGTH_MAX, TYPE_NUMBERS, Journal, JournalBroken
from engine.runtime.journal_reader import JournalEntry, canonical, canonical_hash, read_journal
from engine.runtime.memory_disk import MemoryDisk

MAGIC = b"legwork-journal/1\n"


def alert(number: int) -> AlertRaised:
    return AlertRaised(at=number, kseq=number, level="info", subject="a", text="x" * (number % 7))


def journal_on(disk: MemoryDisk, wall: int = 5) -> Journal:
    return Journal.create(disk, VirtualClock(wall), name="day.journal")


def entries(disk: MemoryDisk) -> list[JournalEntry]:
    return list(read_journal(disk, Catalogue()))


@cache
def written(records: int) -> bytes:
    disk = MemoryDisk()
    journal = journal_on(disk)
    for number in range(1, records + 1):
        journal.append(alert(number), at=number * 10)
    journal.close()
    return disk.read()


@cache
def starts(records: int) -> list[int]:
    return [raw.offset for raw in read_journal(MemoryDisk(written(records)), Catalogue()).raw]


def test_records_come_back_in_order_with_their_times() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk, wall=77)
    assert journal.append(alert(1), at=100) == 1
    assert journal.append(alert(2), at=100) == 2
    assert journal.sync() == 2
    journal.close()
    assert entries(disk) == [
        (1, 1, 100, 77, alert(1)),
        (2, 1, 100, 77, alert(2)),
    ]


def test_the_file_is_laid_out_as_documented() -> None:
    disk = MemoryDisk()
    journal = Journal.create(disk, VirtualClock(0x0102), name="x")
    journal.append(KillRecorded(at=9, kseq=1, scope="all", mode="m", who="w", why="y"), at=9)
    data = disk.read()
    assert data[:18] == MAGIC
    length, crc = struct.unpack_from("<II", data, 18)
    body = data[26:]
    assert len(body) == length
    assert crc == zlib.crc32(data[18:22] + body)
    assert struct.unpack_from("<QIHqq", body) == (1, 1, 9, 9, 0x0102)
    payload, prev_hash = body[30:-16], body[-16:]
    assert json.loads(payload)["type"] == "KillRecorded"
    assert prev_hash == blake2b(MAGIC, digest_size=16).digest()
    journal.append(alert(1), at=10)
    assert disk.read()[-16:] == blake2b(data[18:], digest_size=16).digest()


def test_every_record_has_a_number_of_its_own() -> None:
    assert set(TYPE_NUMBERS) == set(get_args(Record))
    assert sorted(TYPE_NUMBERS.values()) == list(range(1, len(TYPE_NUMBERS) + 1))


def test_instruments_come_back_as_the_objects_of_the_catalogue() -> None:
    catalogue = Catalogue()
    share = catalogue.intern(
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
    )
    leg = LegPlan(
        number=1,
        instrument=share,
        side=Side.BUY,
        quantity=1,
        role=LegRole.NEUTRAL,
        order_type=OrderType.LIMIT,
        limit=Decimal("1500.05"),
        trigger=None,
    )
    moved = GroupMoved(1, 1, "g", "a", GroupState.DRAFT, GroupState.CHECKED, "why", (leg,))
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(moved, at=1)
    (entry,) = read_journal(disk, catalogue)
    assert entry.record == moved
    assert isinstance(entry.record, GroupMoved)
    assert entry.record.legs[0].instrument is share
    with pytest.raises(FileError, match=r"record 1 at byte 18 .*no instrument 'nse_cm/INFY/EQ'"):
        list(read_journal(disk, Catalogue()))


def test_money_and_bytes_survive() -> None:
    saved = StateSaved(at=1, kseq=1, strategy="s", payload=b'{"a":1}\x00')
    closed = SessionClosed(
        at=2,
        kseq=2,
        reason="end",
        marks={"x": 0.1},
        realised_inr={"s": Decimal("12.30")},
        unrealised_inr={"s": -0.05},
    )
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(saved, at=1)
    journal.append(closed, at=2)
    assert [entry.record for entry in entries(disk)] == [saved, closed]


def test_an_append_survives_a_crash_of_the_process_and_a_sync_one_of_the_machine() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(alert(1), at=1)
    assert journal.sync() == journal.durable_sequence == 1
    journal.append(alert(2), at=2)
    assert journal.durable_sequence == 1
    assert len(entries(disk)) == 2
    assert len(entries(disk.crash())) == 1


def test_a_journal_is_resumed_in_a_new_epoch_behind_what_was_whole() -> None:
    disk = MemoryDisk(written(3) + b"torn")
    content = read_journal(disk, Catalogue())
    journal = Journal.resume(disk, VirtualClock(6), name="x", position=content.position)
    assert journal.sequence == journal.durable_sequence == 3
    assert journal.append(alert(4), at=40) == 4
    found = entries(disk)
    assert [(e.sequence, e.epoch) for e in found] == [(1, 1), (2, 1), (3, 1), (4, 2)]


@pytest.mark.parametrize("length", range(len(MAGIC) + 1))
def test_a_journal_that_died_at_birth_is_resumed(length: int) -> None:
    disk = MemoryDisk(MAGIC[:length])
    content = read_journal(disk, Catalogue())
    assert len(content) == 0
    journal = Journal.resume(disk, VirtualClock(6), name="x", position=content.position)
    journal.append(alert(1), at=1)
    assert len(entries(disk)) == 1


def test_recovering_twice_is_recovering_once() -> None:
    disk = MemoryDisk(written(3)[:-1])
    for _ in range(2):
        content = read_journal(disk, Catalogue())
        Journal.resume(disk, VirtualClock(6), name="x", position=content.position)
        assert [entry.sequence for entry in entries(disk)] == [1, 2]


def test_a_cut_at_every_byte_gives_a_prefix_and_says_what_was_cut() -> None:
    whole = written(6)
    full = entries(MemoryDisk(whole))
    ends = [*starts(6)[1:], len(whole)]
    for length in range(len(whole) + 1):
        content = read_journal(MemoryDisk(whole[:length]), Catalogue())
        records = sum(end <= length for end in ends)
        assert list(content) == full[:records]
        kept = ends[records - 1] if records else (len(MAGIC) if length >= len(MAGIC) else 0)
        torn = whole[kept:length].rstrip(b"\0")  # Zeros at the end are room.
        if torn:
            assert content.torn == (kept, len(torn), records)
        else:
            assert content.torn is None


def test_every_bit_flip_is_refused_or_lies_in_the_cut_tail() -> None:
    whole = written(5)
    full = entries(MemoryDisk(whole))
    last = starts(5)[-1]
    for place in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            try:
                content = read_journal(MemoryDisk(bytes(data)), Catalogue())
            except FileError:
                assert place < last
                continue
            assert place >= last
            assert content.torn is not None
            assert list(content) == full[:-1]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_truncation_and_flip_gives_a_prefix_or_a_file_error(data: st.DataObject) -> None:
    whole = written(40)
    full = entries(MemoryDisk(whole))
    cut = data.draw(st.integers(0, len(whole)))
    damaged = bytearray(whole[:cut])
    for place in data.draw(st.lists(st.integers(0, max(0, cut - 1)), max_size=3)):
        if damaged:
            damaged[place] ^= data.draw(st.integers(1, 255))
    try:
        found = entries(MemoryDisk(bytes(damaged)))
    except FileError:
        return
    assert found == full[: len(found)]


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=400), keep=st.integers(0, 500))
def test_noise_never_raises_anything_but_a_file_error(noise: bytes, keep: int) -> None:
    try:
        found = entries(MemoryDisk(written(6)[:keep] + noise))
    except FileError:
        return
    assert [entry.sequence for entry in found] == list(range(1, len(found) + 1))


def test_zeros_behind_the_last_record_are_room_and_cut() -> None:
    disk = MemoryDisk(written(3) + bytes(4096))
    content = read_journal(disk, Catalogue())
    assert len(content) == 3
    assert content.torn is None
    Journal.resume(disk, VirtualClock(6), name="x", position=content.position)
    assert disk.read() == written(3)


def test_what_is_torn_is_told_without_the_room_behind_it() -> None:
    content = read_journal(MemoryDisk(written(3) + b"\1\2" + bytes(4096)), Catalogue())
    assert len(content) == 3
    assert "the last 2 bytes (from byte" in str(content.torn)
    assert "after record 3" in str(content.torn)


@pytest.mark.parametrize("records", [10, 70_000])
def test_a_hole_is_refused_with_its_byte_and_sequence(records: int) -> None:
    data = bytearray(written(records))
    second, third = starts(records)[-4], starts(records)[-3]
    data[second] ^= 0xFF
    with pytest.raises(FileError) as caught:
        read_journal(MemoryDisk(bytes(data)), Catalogue(), name="day.journal")
    text = str(caught.value)
    assert text.startswith(f"day.journal: record {records - 3} at byte {second} is damaged")
    assert f"record {records - 2} at byte {third} is whole" in text


def test_a_record_taken_out_is_refused() -> None:
    whole, places = written(6), starts(6)
    with pytest.raises(FileError, match=r"record 4 at byte .* does not follow record 2"):
        entries(MemoryDisk(whole[: places[2]] + whole[places[3] :]))


def test_a_record_replaced_by_a_well_formed_one_breaks_the_chain() -> None:
    other = MemoryDisk()
    journal = journal_on(other)
    for number in range(1, 7):
        journal.append(msgspec.structs.replace(alert(number), level="care"), at=number * 10)
    whole, places, forged = written(6), starts(6), other.read()
    swapped = whole[: places[2]] + forged[places[2] : places[3]] + whole[places[3] :]
    with pytest.raises(FileError, match=r"record 3 at byte .* does not follow record 2"):
        entries(MemoryDisk(swapped))


def test_an_epoch_that_goes_back_is_two_engines_on_one_file() -> None:
    disk = MemoryDisk(written(2))
    position = read_journal(disk, Catalogue()).position
    journal = Journal.resume(disk, VirtualClock(6), name="x", position=position._replace(epoch=-1))
    journal.append(alert(3), at=30)
    with pytest.raises(FileError, match="written by two engines"):
        entries(disk)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"legwork-journal/2\nwhatever", "format legwork-journal/2; this engine reads"),
        (b"legwork-journal/x\n", "not a journal of this engine"),
        (b"SQLite format 3\x00", "not a journal of this engine"),
        (bytes(100), "not a journal of this engine"),
    ],
)
def test_what_is_no_journal_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(FileError, match=f"day.journal: .*{words}"):
        read_journal(MemoryDisk(content), Catalogue(), name="day.journal")


def test_a_missing_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"gone\.journal: .* cannot be read: No such file"):
        read_journal(tmp_path / "gone.journal", Catalogue())


def test_a_type_nobody_knows_is_refused_when_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    monkeypatch.setitem(TYPE_NUMBERS, AlertRaised, 99)
    journal.append(alert(1), at=1)
    with pytest.raises(FileError, match="record 1 at byte 18 has the unknown type 99"):
        entries(disk)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failed_write_poisons_the_journal(error: int) -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(alert(1), at=1)
    disk.append_error = error
    with pytest.raises(JournalBroken, match=r"day\.journal: record 2 .* nothing more is sent"):
        journal.append(alert(2), at=2)
    disk.append_error = None
    with pytest.raises(JournalBroken):
        journal.append(alert(2), at=2)
    with pytest.raises(JournalBroken):
        journal.sync()
    journal.close()
    assert disk.is_closed
    assert len(entries(disk)) == 1
    assert JournalBroken.exit_code == EXIT_FILE


def test_records_written_together_are_as_if_written_one_by_one() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    one_by_one = journal_on(MemoryDisk())
    for number in range(1, 4):
        one_by_one.append(alert(number), at=10)
    assert journal.append_all([alert(1), alert(2), alert(3)], at=10) == 3
    assert journal.append_all([], at=10) == 3
    assert entries(disk) == [(n, 1, 10, 5, alert(n)) for n in (1, 2, 3)]
    assert journal.canonical_sha256 == one_by_one.canonical_sha256 == canonical_hash(disk)


def test_a_failed_write_of_several_names_them_all() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(alert(1), at=1)
    disk.append_error = errno.ENOSPC
    with pytest.raises(JournalBroken, match=r"day\.journal: records 2 to 4 of .* be written"):
        journal.append_all([alert(2), alert(3), alert(4)], at=2)
    disk.append_error = None
    with pytest.raises(JournalBroken, match="records 2 to 4"):
        journal.append(alert(2), at=2)
    assert [entry.sequence for entry in entries(disk)] == [1]


def test_several_that_are_torn_at_any_byte_leave_a_readable_prefix() -> None:
    whole, ends = written(4), [*starts(4)[1:], len(written(4))]
    for capacity in range(len(MAGIC), len(whole)):
        disk = MemoryDisk(capacity=capacity)
        journal = journal_on(disk)
        with pytest.raises(JournalBroken, match="records 1 to 4"):
            journal.append_all([alert(number) for number in range(1, 5)], at=1)
        kept = sum(end <= capacity for end in ends)
        assert [entry.sequence for entry in entries(disk)] == list(range(1, kept + 1))


def test_those_before_one_that_cannot_be_written_are() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    too_long = StateSaved(at=1, kseq=1, strategy="s", payload=bytes(LENGTH_MAX))
    with pytest.raises(InvariantBroken, match="record 2 has"):
        journal.append_all([alert(1), too_long, alert(2)], at=1)
    assert journal.append(alert(3), at=2) == 2
    assert [entry.record for entry in entries(disk)] == [alert(1), alert(3)]


def test_a_sync_counts_only_what_is_in_the_file() -> None:
    class Slow(MemoryDisk):
        """Is synced by another thread just before a write."""

        def append(self, data: bytes) -> None:
            reached.append(journal.sync() if len(data) > len(MAGIC) else 0)
            super().append(data)

    reached: list[int] = []
    journal = journal_on(Slow())
    journal.append(alert(1), at=1)
    journal.append_all([alert(2), alert(3)], at=1)
    assert reached == [0, 0, 1]
    assert journal.sync() == 3


def test_a_failed_sync_is_never_tried_again() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(alert(1), at=1)
    disk.sync_error = errno.EIO
    with pytest.raises(JournalBroken, match="could not be made durable: Input/output error"):
        journal.sync()
    disk.sync_error = None
    for act in (journal.sync, lambda: journal.append(alert(2), at=2)):
        with pytest.raises(JournalBroken, match="could not be made durable"):
            act()
    assert journal.durable_sequence == 0


def test_a_disk_that_fills_up_at_any_byte_leaves_a_readable_prefix() -> None:
    whole = written(4)
    for capacity in range(len(MAGIC), len(whole)):
        disk = MemoryDisk(capacity=capacity)
        journal = journal_on(disk)
        kept = 0
        for number in range(1, 5):
            try:
                kept = journal.append(alert(number), at=number * 10)
            except JournalBroken:
                break
        assert kept < 4
        assert [entry.sequence for entry in entries(disk)] == list(range(1, kept + 1))


def test_a_full_disk_at_the_start_is_one_clear_error() -> None:
    with pytest.raises(JournalBroken, match="No space left"):
        journal_on(MemoryDisk(capacity=3))


def test_nothing_is_accepted_after_the_close() -> None:
    disk = MemoryDisk()
    journal = journal_on(disk)
    journal.append(alert(1), at=1)
    journal.close()
    assert disk.sync_count == 1
    with pytest.raises(JournalBroken, match="the journal is closed"):
        journal.append(alert(2), at=2)


def test_a_record_that_could_not_be_read_back_is_not_written() -> None:
    journal = journal_on(MemoryDisk())
    with pytest.raises(InvariantBroken, match="record 1 has"):
        journal.append(StateSaved(at=1, kseq=1, strategy="s", payload=bytes(LENGTH_MAX)), at=1)
    assert journal.append(alert(1), at=1) == 1


def test_the_canonical_journal_leaves_out_wall_time_and_epoch() -> None:
    first, second = MemoryDisk(), MemoryDisk()
    one = journal_on(first, wall=1)
    two = journal_on(second, wall=2)
    one.append(alert(1), at=10)
    two.append(alert(1), at=10)
    position = read_journal(second, Catalogue()).position
    two = Journal.resume(second, VirtualClock(3), name="x", position=position)
    one.append(alert(2), at=20)
    two.append(alert(2), at=20)
    assert first.read() != second.read()
    assert canonical(first) == canonical(second)
    assert canonical_hash(first) == canonical_hash(second) == one.canonical_sha256
    assert [json.loads(line) for line in canonical(first).splitlines()] == [
        {"sequence": n, "at": n * 10, "record": {"type": "AlertRaised", **vars_of(alert(n))}}
        for n in (1, 2)
    ]
    two.append(alert(3), at=30)
    assert canonical_hash(first) != canonical_hash(second)


def vars_of(record: AlertRaised) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_a_journal_on_a_real_file_reads_back_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "2026-08-19.journal"
    journal = Journal.create(FileDisk.create(path), VirtualClock(5), name=str(path))
    for number in range(1, 4):
        journal.append(alert(number), at=number)
    journal.close()
    assert [entry.record for entry in read_journal(path, Catalogue())] == [
        alert(1),
        alert(2),
        alert(3),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert canonical(path).count(b"\n") == 3
