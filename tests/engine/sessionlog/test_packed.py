"""The hash of a compacted file's bytes: what it finds, and what it leaves to the content hash."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from engine.errors import RecordingError
from engine.sessionlog.compact import compact
from engine.sessionlog.reader import SessionLog

Record = Callable[..., Path]


def test_it_is_of_header_summary_and_the_bytes_before_the_last_batch(recorded: Record) -> None:
    path = compact(recorded(95))
    log = SessionLog.open(path)
    assert log.summary is not None
    packed = log.summary.packed
    assert packed is not None
    summary = msgspec.json.encode(msgspec.structs.replace(log.summary, packed=None))
    assert b"packed" not in summary
    before = path.read_bytes()[: packed.bytes]
    assert packed.sha256 == sha256(log.header_json + summary + before).hexdigest()
    # What follows is one batch with the summary, and the index.
    file = pa.ipc.open_file(str(path))
    sizes = [file.get_batch(number).num_rows for number in range(file.num_record_batches)]
    assert sizes == [95, 1]


def test_a_log_that_was_never_compacted_or_closed_has_none(recorded: Record) -> None:
    live = SessionLog.open(recorded(30))
    assert not live.has_packed_hash
    assert not live.is_as_packed()
    open_end = SessionLog.open(compact(recorded(30, name="open.arrow", close=False)))
    assert open_end.is_compacted
    assert not open_end.has_packed_hash
    assert [len(batch.payloads) for batch in open_end.frame_batches(checked=True)] == [30]


def test_one_that_is_compacted_again_has_the_hash_of_its_new_bytes(recorded: Record) -> None:
    path = compact(recorded(95))
    first = SessionLog.open(path).summary
    compact(path, zstd_level=9)
    again = SessionLog.open(path)
    assert again.is_as_packed()
    assert first is not None
    assert again.summary is not None
    assert again.summary.packed != first.packed
    assert again.summary.content_sha256 == first.content_sha256


def test_every_byte_of_a_file_that_is_read_is_vouched_for(recorded: Record, tmp_path: Path) -> None:
    path = compact(recorded(60))
    whole = path.read_bytes()
    wanted = [(b.received_at, b.payloads) for b in SessionLog.open(path).frame_batches()]
    damaged = tmp_path / "damaged.arrow"
    refused = 0
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 0x40
        damaged.write_bytes(data)
        try:
            found = SessionLog.open(damaged)
            frames = [(b.received_at, b.payloads) for b in found.frame_batches(checked=True)]
        except RecordingError:
            refused += 1
            continue
        if not found.is_closed:
            assert "not closed in order" in found.warning  # The one thing that tells of its hash.
            continue
        # What passes is what was recorded: the byte was padding, or the index's own.
        assert frames == wanted
    assert refused > len(whole) * 0.6


def test_damage_is_told_before_the_first_frame(recorded: Record) -> None:
    path = compact(recorded(5_000))
    data = bytearray(path.read_bytes())
    log = SessionLog.open(path)
    assert log.summary is not None
    assert log.summary.packed is not None
    place = log.summary.packed.bytes - 200
    data[place] ^= 1
    path.write_bytes(data)
    batches = SessionLog.open(path).frame_batches(checked=True)
    with pytest.raises(RecordingError, match=r"not what was recorded|is damaged"):
        next(batches)


def test_the_same_rows_rewritten_by_another_program_are_the_same_recording(
    recorded: Record,
) -> None:
    path = compact(recorded(95))
    table = pa.ipc.open_file(str(path)).read_all()
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    log = SessionLog.open(path)
    assert log.has_packed_hash
    assert not log.is_as_packed()
    assert sum(len(batch.payloads) for batch in log.frame_batches(checked=True)) == 95


def test_frames_that_the_summary_does_not_count_are_missed(recorded: Record) -> None:
    """An index that leaves out the last batches of frames is damage that no hash of rows covers."""
    path = compact(recorded(95))
    log = SessionLog.open(path)
    summary = log.summary
    assert summary is not None
    log._summary = msgspec.structs.replace(summary, frames=96)
    log.is_as_packed = lambda: True  # type: ignore[method-assign]
    with pytest.raises(RecordingError, match="has 95 frames, and its summary counts 96"):
        list(log.frame_batches(checked=True))


def test_what_differs_after_writing_is_never_kept(
    recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(30)
    before = path.read_bytes()
    monkeypatch.setattr(SessionLog, "is_as_packed", lambda _: False)
    with pytest.raises(RecordingError, match="came out differently"):
        compact(path)
    assert path.read_bytes() == before
