from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import RecordingError
from engine.runtime.disk import FileDisk
from engine.sessionlog.compact import compact
from engine.sessionlog.format import HEADER_KEY, Header, RowKind, encode_header, make_schema
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.writer import SessionLogWriter

Record = Callable[..., Path]


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("frames", [1, 9, 10, 11, 95])
def test_batches_hold_every_frame_once(
    recorded: Record, bytes_of: Callable[[int], bytes], frames: int, *, compacted: bool
) -> None:
    path = recorded(frames)
    log = SessionLog.open(compact(path) if compacted else path)
    assert log.is_compacted is compacted
    assert log.frame_count == frames
    batches = list(log.frame_batches())
    starts = [batch.first_frame for batch in batches]
    assert starts == [sum(len(b.payloads) for b in batches[:k]) for k in range(len(batches))]
    payloads = [payload for batch in batches for payload in batch.payloads]
    assert payloads == [bytes_of(number) for number in range(frames)]
    codes = b"".join(batch.sources for batch in batches)
    assert list(codes) == [int(number % 3 == 2) for number in range(frames)]
    times = [at for batch in batches for at in batch.received_at]
    assert [at - times[0] for at in times] == [number * 1_000_000 for number in range(frames)]


def test_frames_are_found_between_rows_of_other_kinds(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "mixed.arrow"
    writer = SessionLogWriter(FileDisk.create(path), header, name="mixed", flush_rows=4)
    for number in range(20):
        writer.text("angel", number, "pong")
        if number % 2:
            writer.frame("angel", number, bytes([number]))
        if number % 7 == 0:
            writer.flush()
    writer.close(20, "done")
    log = SessionLog.open(path)
    assert [frame.payload[0] for frame in log.frames()] == list(range(1, 20, 2))
    assert sum(1 for _ in log.rows((RowKind.TEXT,))) == 20


@pytest.mark.parametrize("compacted", [False, True])
def test_one_frame_is_found_by_its_number(
    recorded: Record, bytes_of: Callable[[int], bytes], *, compacted: bool
) -> None:
    path = recorded(35)
    log = SessionLog.open(compact(path) if compacted else path)
    assert log.frame(34).payload == bytes_of(34)
    assert log.frame(2).source == "alice"
    for number in (-1, 35):
        with pytest.raises(RecordingError, match=f"no frame {number}; it has 35"):
            log.frame(number)


def test_memory_stays_flat_while_a_log_is_read(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "long.arrow"
    writer = SessionLogWriter(FileDisk.create(path), header, name="long", flush_interval_ns=None)
    payload = random.Random(3).randbytes(379)
    for number in range(50_000):
        writer.frame("angel", number, payload)
    writer.close(50_000, "done")
    log = SessionLog.open(compact(path))
    gc.collect()
    before = pa.total_allocated_bytes()
    peak = max(pa.total_allocated_bytes() for _ in log.frame_batches())
    assert peak - before < 8 << 20 < 50_000 * 379
    assert pa.total_allocated_bytes() <= before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.arrow: no such recording"):
        SessionLog.open(tmp_path / "nothing.arrow")


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
        SessionLog.open(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"A", "cut short after 1 bytes"),
        (b"ARROW1", "cut short after 6 bytes"),
        (b"\xff\xff", "cut short after 2 bytes"),
        (b"ARROW1\x00\x00", "cut short or damaged"),
        (b"ARROW1\x00\x00" + bytes(500), "cut short or damaged"),
        (b"\xff\xff\xff\xff", "inside its header"),
        (b"\xff\xff\xff\xff" + bytes(500), "inside its header"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(500), "inside its header"),
        (b"time,open,high,low,close\n", "not a recording"),
        (b"PAR1" + bytes(100), "not a recording"),
        (b"\x00" * 100, "not a recording"),
    ],
)
def test_a_file_that_is_no_log_is_refused_in_one_clear_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "x.arrow"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=rf"x\.arrow: .*{words}"):
        SessionLog.open(path)


@pytest.mark.parametrize("maker", [pa.ipc.new_file, pa.ipc.new_stream])
def test_an_arrow_file_of_somebody_else_is_refused(
    tmp_path: Path, maker: Callable[..., pa.ipc.RecordBatchStreamWriter]
) -> None:
    path = tmp_path / "x.arrow"
    batch = pa.record_batch({"price": [1.0, 2.0]})
    with maker(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(RecordingError, match=r"x\.arrow: an Arrow file, but not a Legwork"):
        SessionLog.open(path)


def test_a_log_with_other_columns_is_refused(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "x.arrow"
    schema = pa.schema([("price", pa.float64())], metadata={HEADER_KEY: encode_header(header)})
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_batch(pa.record_batch([pa.array([1.0])], schema=schema))
    with pytest.raises(RecordingError, match=r"x\.arrow: its columns are not those of"):
        SessionLog.open(path)


def test_a_newer_log_is_refused(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "x.arrow"
    newer = encode_header(header).replace(b"session-log/1", b"session-log/2")
    with pa.ipc.new_file(str(path), make_schema(newer)):
        pass
    with pytest.raises(RecordingError, match=r"x\.arrow: written in format legwork-session-log/2"):
        SessionLog.open(path)


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    table = change(pa.ipc.open_file(str(path)).read_all())
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return path


def swapped(table: pa.Table) -> pa.Table:
    seq = table.column("seq")
    at = table.column("at").take([0, 2, 1, *range(3, table.num_rows)])
    return table.set_column(1, table.schema.field("seq"), seq).set_column(
        2, table.schema.field("at"), at
    )


def test_times_out_of_order_are_refused(recorded: Record) -> None:
    log = SessionLog.open(rewritten(compact(recorded(30)), swapped))
    with pytest.raises(RecordingError, match="receive times run backwards between frames 0 and 29"):
        list(log.frame_batches())


def test_a_missing_frame_is_refused(recorded: Record) -> None:
    log = SessionLog.open(rewritten(compact(recorded(30)), lambda table: table.slice(1)))
    with pytest.raises(RecordingError, match="frame 0 is missing"):
        list(log.frame_batches())


def test_a_changed_payload_is_found_by_the_content_hash(recorded: Record) -> None:
    def change(table: pa.Table) -> pa.Table:
        payloads = table.column("payload").to_pylist()
        payloads[3] = b"\x01" + payloads[3][1:]
        return table.set_column(4, table.schema.field("payload"), pa.array(payloads, pa.binary()))

    log = SessionLog.open(rewritten(compact(recorded(30)), change))
    with pytest.raises(RecordingError, match="its content is not what was recorded"):
        log.require_intact()


def test_changed_effects_break_the_chain(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    writer = SessionLogWriter(FileDisk.create(path), header, name="x")
    for kseq in range(1, 5):
        writer.dispatched_event(kseq, kseq, b'{"type":"Started"}')
        writer.effects(kseq, kseq, b'["buy 1"]')
    writer.close(9, "done")

    def change(table: pa.Table) -> pa.Table:
        payloads = [
            payload.replace(b"buy 1", b"buy 2") if row == 3 else payload
            for row, payload in enumerate(table.column("payload").to_pylist())
        ]
        return table.set_column(4, table.schema.field("payload"), pa.array(payloads, pa.binary()))

    log = SessionLog.open(rewritten(compact(path), change))
    with pytest.raises(RecordingError, match="effects of event 2 or some before it were changed"):
        list(log.decisions())


def test_a_log_without_frames_cannot_be_replayed(recorded: Record) -> None:
    with pytest.raises(RecordingError, match=r"holds no market data \(0 frames\)"):
        SessionLog.open(recorded(0)).require_frames()
    SessionLog.open(recorded(1, name="other.arrow")).require_frames()


@pytest.mark.parametrize("compacted", [False, True])
def test_damage_anywhere_gives_a_recording_error_or_rows(
    recorded: Record, tmp_path: Path, *, compacted: bool
) -> None:
    path = recorded(60, decisions=20)
    whole = (compact(path) if compacted else path).read_bytes()
    dice = random.Random(11)
    damaged = tmp_path / "damaged.arrow"
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 1, 4, 64))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        damaged.write_bytes(data)
        try:
            log = SessionLog.open(damaged)
            for batch in log.frame_batches():
                assert len(batch.payloads) == len(batch.received_at) == len(batch.sources)
            list(log.decisions())
            log.require_intact()
        except RecordingError as error:
            assert str(error).startswith(str(damaged))  # noqa: PT017  the message is the point
            refused += 1
    assert refused > 150
