from __future__ import annotations

import errno
from pathlib import Path

import pytest

from engine.errors import InvariantBroken, RecordingError
from engine.runtime.memory_disk import MemoryDisk
from engine.sessionlog.format import Header, RowKind
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import (
    Connection,
    DispatchedEvent,
    DispatchedFrames,
    Effects,
)
from engine.sessionlog.writer import SessionLogWriter

MS = 1_000_000


def opened(disk: MemoryDisk, folder: Path) -> SessionLog:
    path = folder / "copy.arrow"
    path.write_bytes(disk.read())
    return SessionLog.open(path)


def test_the_header_is_on_disk_before_anything_happens(header: Header, tmp_path: Path) -> None:
    disk = MemoryDisk()
    SessionLogWriter(disk, header, name="x")
    log = opened(disk, tmp_path)
    assert log.header == header
    assert log.frame_count == 0
    assert not log.is_torn
    assert not log.is_closed


def test_frames_come_back_in_order_with_source_and_time(header: Header, tmp_path: Path) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x", flush_rows=2)
    assert writer.frame("angel", 100, b"one") == 0
    assert writer.frame("alice", 100, b"") == 1
    assert writer.frame("angel", 250, b"three") == 2
    writer.close(300, "done")
    assert list(opened(disk, tmp_path).frames()) == [
        (0, "angel", 100, b"one"),
        (1, "alice", 100, b""),
        (2, "angel", 250, b"three"),
    ]


def test_every_kind_of_row_keeps_its_place(header: Header, tmp_path: Path) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x")
    writer.connection("angel", 5, Connection("OPENED"))
    writer.frame("angel", 10, b"a")
    writer.text("angel", 20, "pong ₹")
    writer.frame("angel", 30, b"b")
    writer.dispatched_event(1, 5, b'{"type":"Started"}')
    writer.dispatched_frames(2, 0, 2, 10, parts=2)
    writer.effects(5, 30, b'[{"type":"Say"}]')
    summary = writer.close(40, "done")
    log = opened(disk, tmp_path)
    assert [(row.kind, row.seq, row.at, row.source) for row in log.rows()] == [
        (RowKind.CONNECTION, 0, 5, "angel"),
        (RowKind.FRAME, 0, 10, "angel"),
        (RowKind.TEXT, 1, 20, "angel"),
        (RowKind.FRAME, 1, 30, "angel"),
        (RowKind.DISPATCH_EVENT, 1, 5, "engine"),
        (RowKind.DISPATCH_FRAMES, 2, 10, "engine"),
        (RowKind.EFFECTS, 5, 30, "engine"),
        (RowKind.CLOSED, 7, 40, "engine"),
    ]
    assert [row.payload.decode() for row in log.rows((RowKind.TEXT,))] == ["pong ₹"]
    assert list(log.decisions()) == [
        DispatchedEvent(1, 5, b'{"type":"Started"}'),
        DispatchedFrames(2, 10, 0, 2, 2),
        Effects(5, 30, b'[{"type":"Say"}]'),
    ]
    assert log.summary == summary
    assert (summary.frames, summary.texts, summary.connections) == (2, 1, 1)
    assert (summary.events, summary.effects) == (5, 1)
    assert (summary.first_at, summary.last_at, summary.reason) == (10, 30, "done")


def test_a_row_is_flushed_when_the_oldest_has_waited_250_ms(header: Header) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x")
    empty = len(disk.read())
    writer.frame("angel", 1000 * MS, b"a")
    writer.frame("angel", 1249 * MS, b"b")
    assert len(disk.read()) == empty
    writer.frame("angel", 1250 * MS, b"c")
    assert len(disk.read()) > empty


def test_a_quiet_feed_is_flushed_by_whoever_watches_the_time(header: Header) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x")
    empty = len(disk.read())
    writer.flush_due(10_000 * MS)
    writer.frame("angel", 1000 * MS, b"a")
    writer.flush_due(1249 * MS)
    assert len(disk.read()) == empty
    writer.flush_due(1250 * MS)
    assert len(disk.read()) > empty


def test_without_an_interval_only_the_number_of_rows_counts(header: Header) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x", flush_rows=3, flush_interval_ns=None)
    empty = len(disk.read())
    writer.frame("angel", 0, b"a")
    writer.frame("angel", 10**18, b"b")
    assert len(disk.read()) == empty
    writer.frame("angel", 10**18, b"c")
    assert len(disk.read()) > empty


def test_time_that_runs_back_is_our_own_bug(header: Header) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    writer.frame("angel", 100, b"a")
    with pytest.raises(InvariantBroken, match="frame 1 of alice was received 1 ns before"):
        writer.frame("alice", 99, b"b")


def test_an_unknown_source_raises(header: Header) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    with pytest.raises(KeyError):
        writer.frame("zerodha", 100, b"a")


@pytest.mark.parametrize("kseq", [1, 2, 4])
def test_event_numbers_have_no_holes(header: Header, kseq: int) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    writer.dispatched_frames(1, 0, 2, 5)
    with pytest.raises(InvariantBroken, match="the next event is 3"):
        writer.dispatched_event(kseq, 5, b"{}")


@pytest.mark.parametrize("kseq", [1, 3])
def test_effects_belong_to_the_event_dispatched_last(header: Header, kseq: int) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    writer.dispatched_frames(1, 0, 2, 5)
    with pytest.raises(InvariantBroken, match="effects of event"):
        writer.effects(kseq, 5, b"[]")


def test_an_empty_run_is_refused(header: Header) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    with pytest.raises(InvariantBroken):
        writer.dispatched_frames(1, 0, 0, 5)


def test_nothing_is_accepted_after_the_close(header: Header) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x.arrow")
    writer.close(1, "done")
    assert disk.is_closed
    assert disk.sync_count == 1
    with pytest.raises(RecordingError, match=r"x\.arrow: the log is closed"):
        writer.frame("angel", 2, b"a")
    with pytest.raises(RecordingError, match="closed"):
        writer.close(2, "again")


def record_until_it_fails(writer: SessionLogWriter) -> None:
    for number in range(10_000):
        writer.frame("angel", number, b"abc")


def test_a_full_disk_is_one_clear_error_and_what_was_flushed_stays_readable(
    header: Header, tmp_path: Path
) -> None:
    whole = MemoryDisk()
    SessionLogWriter(whole, header, name="x")
    smallest = len(whole.read())
    for capacity in range(smallest, smallest + 2500, 61):
        disk = MemoryDisk(capacity=capacity)
        writer = SessionLogWriter(disk, header, name="x.arrow", flush_rows=3)
        with pytest.raises(RecordingError, match=r"x\.arrow: .*No space left.*make room"):
            record_until_it_fails(writer)
        with pytest.raises(RecordingError, match="No space left"):
            writer.frame("angel", 10**9, b"abc")
        with pytest.raises(RecordingError, match="No space left"):
            writer.close(10**9, "done")
        log = opened(disk, tmp_path)
        assert not log.is_torn
        assert log.frame_count % 3 == 0
        assert [frame.number for frame in log.frames()] == list(range(log.frame_count))


def test_a_full_disk_at_the_start_is_the_same_error(header: Header) -> None:
    with pytest.raises(RecordingError, match=r"x\.arrow: cannot write the log: No space left"):
        SessionLogWriter(MemoryDisk(capacity=10), header, name="x.arrow")


def test_a_failing_sync_at_the_close_is_reported(header: Header) -> None:
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="x.arrow")
    disk.sync_error = errno.EIO
    with pytest.raises(RecordingError, match=r"x\.arrow: cannot write the log: Input/output"):
        writer.close(1, "done")


def test_frames_at_once_are_the_bytes_of_frames_one_by_one(header: Header) -> None:
    times = [100 + 3 * n for n in range(11)]
    payloads = [bytes([n]) * n for n in range(11)]
    single, several = MemoryDisk(), MemoryDisk()
    writer = SessionLogWriter(single, header, name="x", flush_rows=4, flush_interval_ns=None)
    for at, payload in zip(times, payloads, strict=True):
        writer.frame("angel", at, payload)
    one_by_one = writer.close(200, "done")
    writer = SessionLogWriter(several, header, name="x", flush_rows=4, flush_interval_ns=None)
    writer.frame("angel", times[0], payloads[0])
    writer.frames("angel", times[1:7], payloads[1:7])
    writer.frames("angel", [], [])
    writer.frames("angel", times[7:], payloads[7:])
    assert writer.close(200, "done") == one_by_one
    assert several.read() == single.read()


def test_frames_at_once_that_run_backwards_are_our_bug(header: Header) -> None:
    writer = SessionLogWriter(MemoryDisk(), header, name="x")
    writer.frame("angel", 100, b"a")
    with pytest.raises(InvariantBroken, match="not in the order"):
        writer.frames("angel", [99, 101], [b"b", b"c"])
    with pytest.raises(InvariantBroken, match="not in the order"):
        writer.frames("angel", [105, 101], [b"b", b"c"])
    writer.abandon()
    with pytest.raises(RecordingError, match="abandoned"):
        writer.frames("angel", [105], [b"b"])
