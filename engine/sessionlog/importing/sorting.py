"""Rows of any number of files in one order, in bounded memory: sorted runs on disk, merged.

A run is sorted in memory and written; runs that follow each other are read one after the other,
and only those whose times overlap are read side by side. So a source that is in order costs one
pass, and one that is newest first, or many files of the same day, still fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

RUN_ROWS: Final = 524_288
BATCH_ROWS: Final = 16_384

_LZ4: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_NO_THREADS: Final = pa.ipc.IpcReadOptions(use_threads=False)

Key = tuple[int, ...]


class Sorter:
    """Takes batches in any order and gives them back in the order of ``keys``, all int columns.

    The keys together must tell rows apart. ``folder`` holds the runs; whoever made it removes it.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, keys: Sequence[str], *, run_rows: int = RUN_ROWS
    ) -> None:
        self._folder = folder
        self._schema = schema
        self._keys = tuple(keys)
        self._run_rows = run_rows
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._runs: list[_Run] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in more rows."""
        if batch.num_rows:
            self._waiting.append(batch)
            self._waiting_rows += batch.num_rows
            if self._waiting_rows >= self._run_rows:
                self._write_run()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield every row in order; call it once, after the last ``add``."""
        self._write_run()
        waiting = sorted(self._runs, key=lambda run: run.first)
        active: list[_Run] = []
        while waiting or active:
            if not active:
                active.append(waiting.pop(0))
            for run in active:
                run.load()
            active = [run for run in active if run.has_rows]
            if not active:
                continue
            bound = min(run.loaded_until for run in active)
            if waiting and waiting[0].first <= bound:
                active.append(waiting.pop(0))
                continue
            pieces = [piece for run in active if (piece := run.take(bound)) is not None]
            yield pieces[0] if len(pieces) == 1 else self._sorted(pieces)

    def _write_run(self) -> None:
        if not self._waiting:
            return
        ordered = self._sorted(self._waiting)
        self._waiting = []
        self._waiting_rows = 0
        path = self._folder / f"run-{len(self._runs):06}.arrow"
        with (
            pa.OSFile(str(path), "wb") as file,
            pa.ipc.new_stream(file, self._schema, options=_LZ4) as writer,
        ):
            for start in range(0, ordered.num_rows, BATCH_ROWS):
                writer.write_batch(ordered.slice(start, BATCH_ROWS))
        self._runs.append(_Run(path, self._keys, _key(ordered, self._keys, 0)))

    def _sorted(self, batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
        table = pa.Table.from_batches(batches, self._schema).combine_chunks()
        (joined,) = table.to_batches()
        order = pc.sort_indices(joined, sort_keys=[(key, "ascending") for key in self._keys])
        return joined.take(order)


class _Run:
    """A sorted file, read a batch at a time."""

    def __init__(self, path: Path, keys: tuple[str, ...], first: Key) -> None:
        self._path = path
        self._keys = keys
        self.first = first
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._rest: pa.RecordBatch | None = None
        self.loaded_until: Key = ()

    @property
    def has_rows(self) -> bool:
        return self._rest is not None

    def load(self) -> None:
        """Have at least one row at hand, unless the run is over."""
        if self._rest is not None:
            return
        if self._batches is None:
            self._batches = self._read()
        self._rest = next(self._batches, None)
        if self._rest is not None:
            self.loaded_until = _key(self._rest, self._keys, self._rest.num_rows - 1)

    def take(self, bound: Key) -> pa.RecordBatch | None:
        """Take the rows up to and with ``bound``."""
        if self._rest is None:
            return None
        rows = self._rest.num_rows
        end = rows if self.loaded_until <= bound else self._first_after(bound)
        if not end:
            return None
        taken = self._rest.slice(0, end)
        self._rest = self._rest.slice(end) if end < rows else None
        return taken

    def _first_after(self, bound: Key) -> int:
        if self._rest is None:
            return 0
        low, high = 0, self._rest.num_rows
        while low < high:
            middle = (low + high) // 2
            if _key(self._rest, self._keys, middle) <= bound:
                low = middle + 1
            else:
                high = middle
        return low

    def _read(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self._path)) as file:
            yield from pa.ipc.open_stream(file, options=_NO_THREADS)
        self._path.unlink()


def _key(batch: pa.RecordBatch, keys: tuple[str, ...], row: int) -> Key:
    return tuple(batch.column(key)[row].as_py() for key in keys)
