"""Rows of a day to prints: a snapshot is one, a candle four along a path that is stated.

A candle that closed above its open is taken to have gone open, low, high, close, every other one
open, high, low, close: at its start, after a third, after two thirds, and a millisecond before its
end; one that would outlast the session ends with it. Its volume is spread over the three steps
between them, in whole lots, so that the bar built from the prints has the candle's own; its open
interest is that of its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine.model.prints import Prints
from engine.rules.clock_time import NS_PER_S
from engine.sessionlog.importing.batch import AT, ORDER, PLACE
from engine.sessionlog.importing.mapping import ImportMap, RowsAre

CANDLE_PATH: Final = (
    "open, low, high, close when it closed above its open; open, high, low, close otherwise: at "
    "its start, a third, two thirds, and 1 ms before its end, which is the session's where that "
    "comes first; volume in thirds, open interest at the end"
)

_NS_PER_MS: Final = 1_000_000
_RANK: Final = "rank"
_STEPS: Final = 4


class TimedPrints(NamedTuple):
    """Prints and when each was received, ns UTC."""

    received_at: list[int]
    prints: Prints


@dataclass(slots=True)
class PrintMaker:
    """Makes the prints of one day.

    By place of the import: ``index`` is the place in the day's token table, ``ranks`` the order of
    tokens, ``lots`` the lot, ``closes`` when sessions end (ns UTC, in order).
    """

    mapped: ImportMap
    index: dict[int, int]
    ranks: dict[int, int]
    lots: Sequence[int]
    closes: Mapping[int, Sequence[int]]
    _volume: dict[int, int] = field(default_factory=dict)
    _open_interest: dict[int, int] = field(default_factory=dict)

    def prints(self, batches: Iterable[pa.RecordBatch]) -> Iterator[TimedPrints]:
        """Yield the prints of rows in order, in order of (time, token)."""
        waiting: pa.Table | None = None
        for batch in batches:
            table = pa.Table.from_batches([batch])
            if self.mapped.rows is RowsAre.SNAPSHOTS:
                yield self._of_table(table)
                continue
            table = self._expanded(table)
            if waiting is not None:
                table = pa.concat_tables([waiting, table])
            until = batch.column(AT)[batch.num_rows - 1]
            is_due = pc.less_equal(table.column(AT), until)
            yield self._of_table(table.filter(is_due))
            waiting = table.filter(pc.invert(is_due))
        if waiting is not None:
            yield self._of_table(waiting)

    def _of_table(self, table: pa.Table) -> TimedPrints:
        table = table.append_column(_RANK, self._looked_up(table, self.ranks))
        table = table.sort_by([(AT, "ascending"), (_RANK, "ascending"), (ORDER, "ascending")])

        def column(name: str) -> list[int | None] | None:
            return table.column(name).to_pylist() if name in table.column_names else None

        at = table.column(AT)
        prints = Prints(
            places=self._looked_up(table, self.index).to_pylist(),
            exchange_times_ms=pc.divide(at, _NS_PER_MS).to_pylist(),
            last=table.column("last").to_pylist(),
            last_qty=column("last_quantity"),
            volume=column("volume"),
            average_price=column("average_price"),
            open=column("day_open"),
            high=column("day_high"),
            low=column("day_low"),
            previous_close=column("previous_close"),
            open_interest=column("open_interest"),
            bid=column("bid"),
            bid_qty=column("bid_quantity"),
            ask=column("ask"),
            ask_qty=column("ask_quantity"),
        )
        return TimedPrints(at.to_pylist(), prints)

    def _looked_up(self, table: pa.Table, by_place: dict[int, int]) -> pa.ChunkedArray:
        values = [by_place.get(place, 0) for place in range(max(by_place) + 1)]
        return pa.array(values, pa.int64()).take(table.column(PLACE))

    def _expanded(self, table: pa.Table) -> pa.Table:
        lengths = self._lengths(table)
        third, two_thirds = pc.divide(lengths, 3), pc.divide(pc.multiply(lengths, 2), 3)
        last = pc.max_element_wise(pc.subtract(lengths, _NS_PER_MS), two_thirds)
        open_, high = table.column("open"), table.column("high")
        low, close = table.column("low"), table.column("close")
        is_up = pc.greater(close, open_)
        prices = (open_, pc.if_else(is_up, low, high), pc.if_else(is_up, high, low), close)
        offsets = (0, third, two_thirds, last)
        spread = self._spread(table)
        fixed = table.drop_columns(
            [n for n in ("open", "high", "low", "close", *spread) if n in table.column_names]
        )
        steps = []
        for step in range(_STEPS):
            made = fixed.set_column(0, AT, pc.add(fixed.column(AT), offsets[step]))
            made = made.append_column("last", prices[step])
            for name, columns in spread.items():
                made = made.append_column(name, pa.array(columns[step], pa.int64()))
            steps.append(made)
        return pa.concat_tables(steps)

    def _lengths(self, table: pa.Table) -> pa.Array:
        """Return how long each candle is, ns: as the map says, or what was left of its session."""
        length = round(self.mapped.cadence_s * NS_PER_S)
        lengths = []
        starts = zip(table.column(AT).to_pylist(), table.column(PLACE).to_pylist(), strict=True)
        for at, place in starts:
            left = next((close - at for close in self.closes[place] if at < close), length)
            lengths.append(min(length, left))
        return pa.array(lengths, pa.int64())

    def _spread(self, table: pa.Table) -> dict[str, list[list[int | None]]]:
        """Return the day's volume and the open interest at each step of each candle."""
        found: dict[str, list[list[int | None]]] = {}
        places = table.column(PLACE).to_pylist()
        if "volume" in table.column_names:
            steps: list[list[int | None]] = [[] for _ in range(_STEPS)]
            before = self._volume
            for place, traded in zip(places, table.column("volume").to_pylist(), strict=True):
                start = before.get(place, 0)
                if traded is None:
                    for step in steps:
                        step.append(None)
                    continue
                lot = self.lots[place]
                third = traded // (3 * lot) * lot
                before[place] = start + traded
                steps[0].append(start)
                steps[1].append(start + third)
                steps[2].append(start + 2 * third)
                steps[3].append(start + traded)
            found["volume"] = steps
        if "open_interest" in table.column_names:
            steps = [[] for _ in range(_STEPS)]
            known = self._open_interest
            column = table.column("open_interest").to_pylist()
            for place, held in zip(places, column, strict=True):
                for step in steps[:-1]:
                    step.append(known.get(place))
                if held is not None:
                    known[place] = held
                steps[-1].append(known.get(place))
            found["open_interest"] = steps
        return found
