"""Turns a live stream into an Arrow file: compressed, random access, readable by anyone.

zstd at level 3 in batches of 4096 rows: measured at 71 bytes and 0.4 us to read a SnapQuote frame;
smaller batches compress and read worse, larger ones leave the allocator's fast path
(docs/decisions/0002).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from engine.errors import RecordingError
from engine.sessionlog.columns import codes, of_bytes
from engine.sessionlog.format import RowKind
from engine.sessionlog.packed import HashingSink, PackedHash
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import Summary

BATCH_ROWS: Final = 4096
ZSTD_LEVEL: Final = 3


def compact(source: Path, target: Path | None = None, *, zstd_level: int = ZSTD_LEVEL) -> Path:
    """Write the whole rows of ``source`` to ``target`` (by default in its place) as an Arrow file.

    The file appears under its name at once, or not at all: it is written beside it, compared with
    the source's content hash, made durable and renamed. ``source`` stays unless it is the target.
    Raises ``RecordingError`` when the source is damaged or the disk fails; then nothing changed.
    """
    log = SessionLog.open(source)
    target = target or source
    part = target.with_name(f".{target.name}.part")
    try:
        try:
            _write(log, part, zstd_level)
            written = SessionLog.open(part)
            content = written.require_intact()
            # A log that was closed says itself what its content is, and was compared with that.
            alike = written.is_as_packed() if log.is_closed else content == log.content_hash()
            if not alike:
                raise RecordingError(f"{source}: came out differently; the disk or memory is bad")
            part.chmod(source.stat().st_mode)
            part.replace(target)
        except OSError as error:
            raise RecordingError(
                f"{target}: cannot be written: {error.strerror or error}; {source} is as it was: "
                "make room on the disk and try again"
            ) from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _write(log: SessionLog, part: Path, zstd_level: int) -> None:
    """Write the rows, durable; the summary in a batch of its own, behind what it vouches for."""
    options = pa.ipc.IpcWriteOptions(
        compression=pa.Codec("zstd", compression_level=zstd_level), use_threads=False
    )
    summary = log.summary
    with part.open("wb") as file:
        packed = None if summary is None else PackedHash(log.header_json, summary)
        sink = file if packed is None else pa.PythonFile(HashingSink(file, packed), mode="w")
        with pa.ipc.new_file(sink, log.schema, options=options) as writer:
            for batch in _rebatched(log.batches()):
                rows = batch.num_rows - codes(batch.column(0)).count(RowKind.CLOSED)
                if rows:
                    writer.write_batch(batch.slice(0, rows))
                if summary is not None and packed is not None and rows < batch.num_rows:
                    said = msgspec.structs.replace(summary, packed=packed.packed())
                    writer.write_batch(_closing(batch.slice(rows), said))
        file.flush()
        os.fsync(file.fileno())


def _closing(row: pa.RecordBatch, summary: Summary) -> pa.RecordBatch:
    """Return the closing row with ``summary`` for its payload."""
    payload = of_bytes(pa.binary(), [msgspec.json.encode(summary)])
    return pa.RecordBatch.from_arrays([*row.columns[:-1], payload], schema=row.schema)


def _rebatched(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            joined = _joined(waiting)
            whole_rows = rows - rows % BATCH_ROWS
            for start in range(0, whole_rows, BATCH_ROWS):
                yield joined.slice(start, BATCH_ROWS)
            waiting = [joined.slice(whole_rows)]
            rows -= whole_rows
    if rows:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined
