"""Rows in order, checked against the row before, and parted into trading days.

What only neighbours show is judged here: the same row twice, two rows of one contract and time, a
candle inside of another, a day's volume that falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from engine.rules.clock_time import NS_PER_DAY, NS_PER_S
from engine.sessionlog.importing.batch import AT, FILE, OF_NO_FILE, PLACE, ROW, value_names
from engine.sessionlog.importing.mapping import ImportMap, Policy, RowsAre
from engine.sessionlog.importing.sieve import Findings, Place, Why

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_IST_NS: Final = 19_800 * NS_PER_S
_LZ4: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_NO_THREADS: Final = pa.ipc.IpcReadOptions(use_threads=False)


@dataclass(slots=True)
class Day:
    """The rows of one trading day, checked and in order, in a file of their own.

    ``rows`` are rows of the source, ``prints_made`` those made of their underlyings. ``places`` are
    the contracts that stand in it.
    """

    day: date
    path: Path
    rows: int = 0
    prints_made: int = 0
    first_at: int = 0
    last_at: int = 0
    places: set[int] = field(default_factory=set)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        with pa.OSFile(str(self.path)) as file:
            yield from pa.ipc.open_stream(file, options=_NO_THREADS)


@dataclass(slots=True)
class DayParter:
    """Judges rows in order; ``left_out`` are places, ``refused`` days since 1970, with reasons."""

    mapped: ImportMap
    schema: pa.Schema
    folder: Path
    files: list[str]
    findings: Findings
    left_out: Mapping[int, str]
    refused: Mapping[int, str]
    days: list[Day] = field(default_factory=list)
    _number: int | None = None
    _writer: pa.ipc.RecordBatchStreamWriter | None = None
    _ends: dict[int, int] = field(default_factory=dict)
    _top: dict[int, int] = field(default_factory=dict)
    _top_of: int | None = None

    def part(self, batches: Iterable[pa.RecordBatch]) -> list[Day]:
        """Take all rows in order of (time, place, order of reading); return the days they make.

        No time is cut in two: whatever shares one stands in one batch of its day.
        """
        try:
            for batch in whole_times(batches):
                for day, rows in self._by_day(batch):
                    judged = self._judged(self._without_left_out(rows, day))
                    if judged.num_rows:
                        self._write(day, judged)
        finally:
            if self._writer is not None:
                self._writer.close()
        return self.days

    def _by_day(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        start = 0
        at = batch.column(AT)
        while start < batch.num_rows:
            day = (at[start].as_py() + _IST_NS) // NS_PER_DAY
            midnight = (day + 1) * NS_PER_DAY - _IST_NS
            rows = pc.sum(pc.less(at.slice(start), midnight)).as_py()
            yield day, batch.slice(start, rows)
            start += rows

    def _without_left_out(self, rows: pa.RecordBatch, day: int) -> pa.RecordBatch:
        if day in self.refused:
            own = _own(rows)
            self.findings.count(Why.REFUSED_DAY, own, [])
            return rows.slice(0, 0)
        if not self.left_out:
            return rows
        bad = pc.is_in(rows.column(PLACE), pa.array(list(self.left_out), pa.int32()))
        wrong = rows.filter(bad)
        if wrong.num_rows:
            first = wrong.column(PLACE)[0].as_py()
            where = f"{self._place(wrong, 0)} {self.left_out[first]}"
            self.findings.count(Why.ABSURD_STRIKE, _own(wrong), [where])
        return rows.filter(pc.invert(bad))

    def _judged(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        rows = self._without_repeats(rows)
        if self.mapped.rows is RowsAre.CANDLES:
            return self._without_overlaps(rows)
        return self._without_falls(rows) if "volume" in self.schema.names else rows

    def _without_overlaps(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Take out candles that begin inside of another: the prints of both would be mixed."""
        length, ends = round(self.mapped.cadence_s * NS_PER_S), self._ends
        inside: list[int] = []
        starts = zip(rows.column(AT).to_pylist(), rows.column(PLACE).to_pylist(), strict=True)
        for n, (at, place) in enumerate(starts):
            end = ends.get(place, at)
            # Two that begin together were judged as duplicates.
            if end - length < at < end:
                inside.append(n)
            else:
                ends[place] = at + length
        if not inside:
            return rows
        self.findings.count(
            Why.OVERLAPPING, len(inside), [self._place(rows, n) for n in inside[:3]]
        )
        kept = pa.array(sorted(set(range(rows.num_rows)) - set(inside)), pa.int64())
        return rows.take(kept)

    def _without_repeats(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not rows.num_rows:
            return rows
        again = pc.and_(_same(rows, AT), _same(rows, PLACE))
        if not pc.any(again, min_count=0).as_py():
            return rows
        same = again
        for name in value_names(self.mapped):
            same = pc.and_(same, _same(rows, name))
        made = pc.equal(rows.column(FILE).slice(1), OF_NO_FILE)
        own = pc.and_(again, pc.invert(made))
        self._count_underlyings(pc.and_(again, pc.and_(made, pc.invert(same))))
        policy = self.findings.decide(Why.DUPLICATE)
        repeats = pc.and_(own, same)
        if policy is Policy.KEEP:
            repeats = pc.and_(repeats, pa.scalar(value=False))
        differ = pc.and_(own, pc.invert(repeats))
        self._count_pairs(Why.DUPLICATE_SAME, rows, repeats)
        self._count_pairs(Why.DUPLICATE, rows, differ)
        later = pc.or_(repeats, pc.and_(again, made))
        never = pa.array([False])
        drop = pa.concat_arrays([never, later])
        if policy in (Policy.FIRST, Policy.REFUSE):
            drop = pc.or_(drop, pa.concat_arrays([never, differ]))
        elif policy is Policy.LAST:
            drop = pc.or_(drop, pa.concat_arrays([differ, never]))
        return rows.filter(pc.invert(drop))

    def _count_underlyings(self, differ: pa.Array) -> None:
        count = pc.sum(differ).as_py() or 0
        if count:
            self.findings.changed[Why.TWO_UNDERLYINGS] += count

    def _count_pairs(self, why: Why, rows: pa.RecordBatch, pairs: pa.Array) -> None:
        """Count pairs of neighbours; the place of a pair is that of its earlier row."""
        count = pc.sum(pairs).as_py() or 0
        if count:
            first = pc.indices_nonzero(pairs)[:3].to_pylist()
            where = [f"{self._place(rows, n)} and {self._place(rows, n + 1)}" for n in first]
            self.findings.count(why, count, where)

    def _without_falls(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        day = (rows.column(AT)[0].as_py() + _IST_NS) // NS_PER_DAY if rows.num_rows else None
        if day != self._top_of:
            self._top_of = day
            self._top.clear()
        top = self._top
        falls: list[int] = []
        places = rows.column(PLACE).to_pylist()
        for n, (place, volume) in enumerate(
            zip(places, rows.column("volume").to_pylist(), strict=True)
        ):
            if volume is None:
                continue
            if volume < top.get(place, 0):
                falls.append(n)
            else:
                top[place] = volume
        if not falls:
            return rows
        examples = [
            f"{self._place(rows, n)} {rows.column('volume')[n].as_py()} after {top[places[n]]}"
            for n in falls[:3]
        ]
        policy = self.findings.count(Why.FALLING_VOLUME, len(falls), examples)
        if policy is Policy.KEEP:
            return rows
        kept = pa.array(sorted(set(range(rows.num_rows)) - set(falls)), pa.int64())
        return rows.take(kept)

    def _write(self, number: int, rows: pa.RecordBatch) -> None:
        if number != self._number:
            if self._writer is not None:
                self._writer.close()
            self._number = number
            day = date.fromordinal(_EPOCH_DAY + number)
            made = Day(day, self.folder / f"day-{day.isoformat()}.arrow")
            made.first_at = rows.column(AT)[0].as_py()
            self.days.append(made)
            self._writer = pa.ipc.new_stream(str(made.path), self.schema, options=_LZ4)
        today = self.days[-1]
        own = _own(rows)
        today.rows += own
        today.prints_made += rows.num_rows - own
        today.last_at = rows.column(AT)[rows.num_rows - 1].as_py()
        today.places.update(pc.unique(rows.column(PLACE)).to_pylist())
        if self._writer is not None:
            self._writer.write_batch(rows)

    def _place(self, rows: pa.RecordBatch, n: int) -> str:
        file = rows.column(FILE)[n].as_py()
        return str(Place(self.files[file], rows.column(ROW)[n].as_py()))


def _own(rows: pa.RecordBatch) -> int:
    made: int = pc.sum(pc.equal(rows.column(FILE), OF_NO_FILE)).as_py() or 0
    return int(rows.num_rows) - made


def _same(rows: pa.RecordBatch, name: str) -> pa.Array:
    """Return, for each row but the first, whether a column is as in the row before."""
    column = rows.column(name)
    before, here = column.slice(0, rows.num_rows - 1), column.slice(1)
    both_null = pc.and_(pc.is_null(before), pc.is_null(here))
    return pc.or_(pc.fill_null(pc.equal(here, before), fill_value=False), both_null)


def whole_times(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield ordered rows so that no time is cut in two between batches."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        at = batch.column(AT)
        last = at[batch.num_rows - 1]
        start = pc.index(at, last).as_py()
        if start or (waiting and waiting[-1].column(AT)[0] != last):
            yield _joined([*waiting, batch.slice(0, start)])
            waiting = []
        waiting.append(batch.slice(start))
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    batches = [batch for batch in batches if batch.num_rows]
    if len(batches) == 1:
        return batches[0]
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined
