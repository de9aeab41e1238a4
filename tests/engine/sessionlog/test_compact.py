from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from engine.errors import RecordingError
from engine.runtime.disk import FileDisk
from engine.sessionlog import compact as compact_module
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.writer import SessionLogWriter

Record = Callable[..., Path]


def test_compaction_changes_neither_rows_nor_content_hash(recorded: Record) -> None:
    path = recorded(95)
    live = SessionLog.open(path)
    rows, content = list(live.rows()), live.content_hash()
    assert live.summary is not None
    assert live.summary.content_sha256 == content
    compact(path)
    log = SessionLog.open(path)
    assert log.is_compacted
    assert log.header == live.header
    *others, summary = log.rows()
    assert others == rows[:-1]
    assert summary[:4] == rows[-1][:4]
    assert log.summary is not None
    assert msgspec.structs.replace(log.summary, packed=None) == live.summary
    assert log.require_intact() == content


def test_the_content_hash_does_not_depend_on_how_rows_were_flushed(recorded: Record) -> None:
    hashes = {
        SessionLog.open(recorded(95, name=f"{rows}.arrow", flush_rows=rows)).content_hash()
        for rows in (1, 7, 95, 1000)
    }
    assert len(hashes) == 1


def test_another_payload_gives_another_content_hash(header: Header, tmp_path: Path) -> None:
    def content(*payloads: bytes) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.arrow"
        writer = SessionLogWriter(FileDisk.create(path), header, name="x")
        for at, payload in enumerate(payloads):
            writer.frame("angel", at, payload)
        return writer.close(9, "done").content_sha256

    found = [content(b"ab", b"c"), content(b"a", b"bc"), content(b"abc"), content(b"ab", b"d")]
    assert len(set(found)) == len(found)


def test_small_batches_become_large_ones(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    writer = SessionLogWriter(FileDisk.create(path), header, name="x", flush_rows=37)
    for number in range(10_000):
        writer.frame("angel", number, b"abcd")
    writer.close(10_000, "done")
    before = path.stat().st_size
    compact(path)
    assert path.stat().st_size < before / 4
    file = pa.ipc.open_file(str(path))
    rows = [file.get_batch(i).num_rows for i in range(file.num_record_batches)]
    assert rows == [4096, 4096, 1808, 1]


def test_pandas_reads_a_compacted_log_without_us(recorded: Record) -> None:
    frame = pd.read_feather(compact(recorded(30)))
    assert list(frame.columns) == ["kind", "seq", "at", "source", "payload"]
    assert frame["kind"].value_counts()["frame"] == 30
    frames = frame[frame["kind"] == "frame"]
    assert str(frames["at"].iloc[0]) == "2026-08-19 03:45:00+00:00"
    assert list(frames["source"][:3]) == ["angel", "angel", "alice"]
    assert frames["payload"].iloc[4] == b"\x04\x00\x00\x00" * 5


def test_polars_reads_a_compacted_log_without_us(recorded: Record) -> None:
    frame = pl.read_ipc(compact(recorded(30)))
    frames = frame.filter(pl.col("kind").cast(pl.String) == "frame")
    assert frames.height == 30
    assert frames["payload"][4] == b"\x04\x00\x00\x00" * 5
    assert frames["source"].cast(pl.String)[2] == "alice"


def test_pyarrow_reads_a_live_log_without_us(recorded: Record) -> None:
    with pa.OSFile(str(recorded(30, close=False))) as source:
        assert pa.ipc.open_stream(source).read_all().num_rows == 30


def test_a_torn_log_is_compacted_up_to_its_last_whole_batch(recorded: Record) -> None:
    path = recorded(30, close=False)
    os.truncate(path, path.stat().st_size - 3)
    compact(path)
    log = SessionLog.open(path)
    assert (log.frame_count, log.is_torn, log.is_closed) == (20, False, False)


def test_another_target_leaves_the_source_as_it_was(recorded: Record, tmp_path: Path) -> None:
    path = recorded(30)
    before = path.read_bytes()
    target = compact(path, tmp_path / "out.arrow")
    assert path.read_bytes() == before
    assert SessionLog.open(target).frame_count == 30


def test_a_compacted_log_keeps_its_permissions(recorded: Record) -> None:
    path = recorded(3)
    path.chmod(0o640)
    assert compact(path).stat().st_mode & 0o777 == 0o640


def folder_of(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_full_disk_leaves_the_source_and_nothing_half_written(recorded: Record) -> None:
    path = recorded(300)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(RecordingError, match=r"live\.arrow: cannot be written: File too large"):
            compact(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert folder_of(path) == ["live.arrow"]


def test_a_damaged_source_leaves_nothing_half_written(recorded: Record) -> None:
    path = recorded(300)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xaa" * 400
    path.write_bytes(data)
    try:
        compact(path)
    except RecordingError as error:
        assert str(path) in str(error)  # noqa: PT017  either outcome must leave the folder clean
    assert folder_of(path) == ["live.arrow"]


def test_a_folder_that_is_missing_is_named(recorded: Record, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gone.out\.arrow: cannot be written: No such file"):
        compact(recorded(3), tmp_path / "gone" / "out.arrow")


@pytest.mark.parametrize(
    ("close", "said"), [(True, "not what was recorded"), (False, "came out differently")]
)
def test_a_copy_that_differs_never_replaces_the_source(
    recorded: Record, monkeypatch: pytest.MonkeyPatch, *, close: bool, said: str
) -> None:
    path = recorded(30, close=close)
    before = path.read_bytes()

    def lossy(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.slice(1) if batch.num_rows > 1 else batch

    monkeypatch.setattr(compact_module, "_rebatched", lossy)
    with pytest.raises(RecordingError, match=said):
        compact(path)
    assert path.read_bytes() == before
    assert folder_of(path) == ["live.arrow"]
