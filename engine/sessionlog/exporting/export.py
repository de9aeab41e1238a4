"""A recording, frame by frame, to rows of an export: never more of it in memory than a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.core.bars import BarBuilder
from engine.core.trading_time import TradingTime
from engine.errors import FileError, WireError
from engine.model.catalogue import Catalogue
from engine.model.market import Bar, Depth, Interval, Tick
from engine.ports import Decoder
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions
from engine.sessionlog.exporting.columns import (
    Layout,
    Values,
    bar_layout,
    contract_columns,
    depth_layout,
    tick_layout,
)
from engine.sessionlog.exporting.sink import Sink
from engine.sessionlog.reader import SessionLog

ROW_GROUP_ROWS: Final = 65_536


class What(StrEnum):
    """What an export holds a row of."""

    TICKS = "ticks"
    DEPTH = "depth"
    BARS = "bars"


class ExportJob(NamedTuple):
    """What to take out of ``log``.

    ``decoder`` reads its frames as a run would; ``wanted`` are indices of instruments, all where it
    is empty. ``levels`` are those of a book, a side.
    """

    log: SessionLog
    catalogue: Catalogue
    decoder: Decoder
    sessions: Sessions
    what: What
    interval: Interval
    levels: int
    wanted: Collection[int]
    out: Path
    force: bool


class ExportResult(NamedTuple):
    """``rows`` written of ``frames`` read; ``bad_frames`` could not be decoded and are left out.

    ``deeper_books`` had more levels than asked for.
    """

    rows: int
    frames: int
    bad_frames: int
    deeper_books: int


def run_export(job: ExportJob) -> ExportResult:
    """Write the export, whole or not at all.

    Raises ``FileError`` for a name that cannot be written, for a session whose hours are not known
    (bars), and where the source has nothing of the kind (books); ``RecordingError`` for a damaged
    recording.
    """
    job.log.require_frames()
    if job.what is What.DEPTH and not job.log.header.shows_books:
        raise FileError(
            f"{job.log.path}: was imported from prints without bid and ask, so it has no books; "
            "--what ticks or bars"
        )
    return _Export(job).run()


class _Export:
    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._frames = self._bad = self._deeper = 0
        self._last_at = 0

    def run(self) -> ExportResult:
        job = self._job
        layouts: dict[What, Callable[[], Layout]] = {
            What.TICKS: tick_layout,
            What.DEPTH: lambda: depth_layout(job.levels),
            What.BARS: bar_layout,
        }
        rows_of: dict[What, Callable[[], Iterator[tuple[int, Any]]]] = {
            What.TICKS: self._ticks,
            What.DEPTH: self._books,
            What.BARS: self._bars,
        }
        layout = layouts[job.what]()
        contracts = contract_columns(list(job.catalogue))
        written = 0
        indices: list[int] = []
        rows: list[Values] = []
        with Sink(job.out, layout.schema, force=job.force) as sink:
            for index, thing in rows_of[job.what]():
                indices.append(index)
                rows.append(layout.values(thing))
                if len(rows) >= ROW_GROUP_ROWS:
                    sink.write(layout.table(contracts, indices, rows))
                    written += len(rows)
                    indices, rows = [], []
            sink.write(layout.table(contracts, indices, rows))
            written += len(rows)
        return ExportResult(written, self._frames, self._bad, self._deeper)

    def _ticks(self) -> Iterator[tuple[int, Tick]]:
        decode, wanted = self._job.decoder.tick, self._job.wanted
        for batch in self._job.log.frame_batches(checked=True):
            self._frames += len(batch.payloads)
            for at, payload in zip(batch.received_at, batch.payloads, strict=True):
                try:
                    tick = decode(payload, at)
                except WireError:
                    self._bad += 1
                    continue
                if tick is not None and (not wanted or tick.instrument.index in wanted):
                    yield tick.instrument.index, tick
            self._last_at = batch.received_at[-1]

    def _books(self) -> Iterator[tuple[int, Depth]]:
        decode, wanted = self._job.decoder.depth, self._job.wanted
        for batch in self._job.log.frame_batches(checked=True):
            self._frames += len(batch.payloads)
            for at, payload in zip(batch.received_at, batch.payloads, strict=True):
                try:
                    book = decode(payload, at)
                except WireError:
                    self._bad += 1
                    continue
                if book is None or (wanted and book.instrument.index not in wanted):
                    continue
                self._deeper += max(len(book.bids), len(book.asks)) > self._job.levels
                yield book.instrument.index, book

    def _bars(self) -> Iterator[tuple[int, tuple[Bar, bool]]]:
        """Yield bars as they close, those of one end in order of index."""
        header = self._job.log.header
        trading = TradingTime(self._job.catalogue, self._job.sessions, header.trading_date)
        builders: dict[int, BarBuilder] = {}
        next_end: int | None = None
        for index, tick in self._ticks():
            if next_end is not None and tick.received_at >= next_end:
                yield from self._closed(builders, tick.received_at)
                next_end = None
            builder = builders.get(index)
            if builder is None:
                windows = trading.require(tick.instrument)
                builder = BarBuilder(tick.instrument, self._job.interval, windows)
                builders[index] = builder
            builder.update(tick)
            builder.closed.clear()
            if next_end is None or builder.end < next_end:
                next_end = builder.end
        # A feed that prints at intervals has said all about a bar that ends before its next print.
        until = self._last_at + round(header.cadence_s * NS_PER_S)
        yield from self._closed(builders, until)
        for index in sorted(builders):
            builder = builders[index]
            bar = builder.close(max(builder.end, until))
            if bar is not None:
                yield index, (bar, False)

    @staticmethod
    def _closed(
        builders: dict[int, BarBuilder], now: int
    ) -> Iterator[tuple[int, tuple[Bar, bool]]]:
        done = [
            (bar.end, index, bar)
            for index in sorted(builders)
            if (bar := builders[index].close(now)) is not None
        ]
        for _, index, bar in sorted(done, key=lambda each: each[:2]):
            yield index, (bar, True)
