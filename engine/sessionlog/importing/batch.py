"""A batch of a source to rows: instants, places, prices in wire units, quantities in units.

Everything is done a column at a time; a row is looked at alone only where something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from engine.model.instrument import Kind
from engine.rules.clock_time import NS_PER_DAY, NS_PER_S, clock_text
from engine.sessionlog.importing import parsing
from engine.sessionlog.importing.hours import Hours
from engine.sessionlog.importing.identity import NO_PLACE, Places
from engine.sessionlog.importing.mapping import (
    BOOK_PRICES,
    DAY_PRICES,
    PRICES,
    QUANTITIES,
    FieldSource,
    ImportMap,
    Policy,
    RowsAre,
)
from engine.sessionlog.importing.sieve import Findings, Place, Sieve, Why
from engine.sessionlog.importing.source import RawBatch, count_from

AT: Final = "at"
PLACE: Final = "place"
ORDER: Final = "order"
FILE: Final = "file"
ROW: Final = "row"
FIXED: Final = (AT, PLACE, ORDER, FILE, ROW)
"""When (ns UTC), of what, in which order it was read, and where it stands in its source."""

OF_NO_FILE: Final = -1
"""The file of a row that was made of another's ``underlying_last``."""

_IST_NS: Final = 19_800 * NS_PER_S
_CODES: Final = 1 << 20
_NO_INT: Final = pa.nulls(1, pa.int64())[0]  # pa.scalar would import pandas


def value_names(mapped: ImportMap) -> list[str]:
    """Return the value columns that rows of this map have."""
    given = mapped.fields.given()
    return [n for n in (*PRICES, *BOOK_PRICES, *DAY_PRICES, *QUANTITIES) if n in given]


def row_schema(mapped: ImportMap) -> pa.Schema:
    """Return the schema of rows."""
    fixed = (pa.int64(), pa.int32(), pa.int64(), pa.int32(), pa.int64())
    fields = [pa.field(name, kind) for name, kind in zip(FIXED, fixed, strict=True)]
    return pa.schema([*fields, *(pa.field(name, pa.int64()) for name in value_names(mapped))])


@dataclass(slots=True)
class Reader:
    """Turns the batches of one source into rows. ``overridden`` are columns that --set replaced."""

    mapped: ImportMap
    places: Places
    findings: Findings
    hours: Hours
    overridden: Mapping[str, FieldSource]
    read: int = 0
    _schema: pa.Schema = field(init=False)
    _fields: dict[str, FieldSource] = field(init=False)

    def __post_init__(self) -> None:
        self._schema = row_schema(self.mapped)
        self._fields = self.mapped.fields.given()

    @property
    def columns(self) -> dict[str, str]:
        """What the map takes each column it reads as."""
        found: dict[str, str] = {}
        for name, source in (*self._fields.items(), *self.overridden.items()):
            for column in source.read:
                found.setdefault(column, name)
        return found

    def rows(self, raw: RawBatch, number: int, file: str) -> Iterator[pa.RecordBatch]:
        """Yield the usable rows of a batch of file ``number``, and those of its underlyings."""
        findings = self.findings
        sieve = Sieve(findings, file, raw.rows)
        first = self.read
        self.read += len(raw.rows)
        self._warn_of_overridden(raw, file)
        at = self._times(raw, file)
        sieve.take(Why.NO_TIME, pc.is_null(at), self._text(raw, "time"))
        if at.null_count == len(at):
            return
        # A row without a time is out of the sieve; another's time lends it a day to reckon with.
        at = pc.fill_null(at, pc.min(at))
        days = _days(at)
        anchor = "close" if self.mapped.rows is RowsAre.CANDLES else "last"
        prices = {name: self._numbers(raw, name) for name in PRICES if name in self._fields}
        places = self.places.of(
            [parsing.as_text(raw.columns[name]) for name in self.places.columns],
            days,
            prices[anchor],
        )
        self._judge_places(sieve, places)
        # Whatever has no place is out of the sieve; place 0 lends it figures to reckon with.
        known = pc.greater_equal(places, 0)
        if not self.places.facts:
            return
        at_place = pc.if_else(known, places, pa.scalar(0, pa.int32()))
        scale = self.places.scales().take(at_place)
        values = self._prices(sieve, prices, at_place, scale)
        values |= self._other_prices(sieve, raw, scale)
        values |= self._quantities(sieve, raw, at_place)
        self._judge_hours(sieve, at, at_place, days)
        kept = sieve.kept
        columns = {
            AT: at,
            PLACE: places,
            ORDER: count_from(first, len(at)),
            FILE: pa.repeat(pa.scalar(number, pa.int32()), len(at)),
            ROW: raw.rows,
            **values,
        }
        batch = self._batch(columns).filter(kept)
        for counted in batch.column(PLACE).value_counts().to_pylist():
            self.places.rows[counted["values"]] += counted["counts"]
        yield batch
        if "underlying_last" in self._fields:
            yield from self._underlyings(raw, columns, kept, days)

    def _batch(self, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
        rows = len(columns[AT])
        return pa.RecordBatch.from_arrays(
            [
                columns[f.name] if f.name in columns else pa.nulls(rows, f.type)
                for f in self._schema
            ],
            schema=self._schema,
        )

    def _times(self, raw: RawBatch, file: str) -> pa.Array:
        source = self._fields["time"]
        columns = [raw.columns[name] for name in source.read]
        where = f"{file}, column {' + '.join(source.read)}"
        at = parsing.as_times(columns, source, self.mapped.timezone, where)
        if self.mapped.rows is RowsAre.CANDLES and self.mapped.candle_time == "end":
            at = pc.subtract(at, round(self.mapped.cadence_s * NS_PER_S))
        return at

    def _text(self, raw: RawBatch, name: str) -> pa.Array:
        return parsing.joined_text([raw.columns[column] for column in self._fields[name].read])

    def _numbers(self, raw: RawBatch, name: str) -> pa.Array:
        source = self._fields[name]
        read = parsing.as_numbers if name in QUANTITIES else parsing.as_prices
        if source.column is not None:
            return read(raw.columns[source.column])
        return read(pa.repeat(pa.scalar(source.value), len(raw.rows)))

    def _judge_places(self, sieve: Sieve, places: pa.Array) -> None:
        for why, code in NO_PLACE.items():
            if sieve.take(why, pc.equal(places, code)):
                told = self.places.problems(why)
                more = f" and {len(told) - 3} more" if len(told) > 3 else ""
                self.findings.places[why] = [*self.findings.places[why][:1], *told[:3]]
                if more:
                    self.findings.places[why][-1] += more

    def _prices(
        self, sieve: Sieve, prices: Mapping[str, pa.Array], places: pa.Array, scale: pa.Array
    ) -> dict[str, pa.Array]:
        ticks = self.places.ticks().take(places)
        values = {}
        for name, numbers in prices.items():
            shown = pc.binary_join_element_wise(name, pc.cast(numbers, pa.string()), " ")
            sieve.take(Why.MISSING, pc.is_null(numbers), pa.repeat(name, len(numbers)))
            sieve.take(Why.BAD_PRICE, pc.less_equal(numbers, 0.0), shown)
            wire = parsing.as_wire(pc.fill_null(numbers, 0.0), scale)
            in_ticks = pc.divide(wire, ticks)
            on_tick = pc.equal(pc.multiply(in_ticks, ticks), wire)
            off = pc.invert(pc.and_(on_tick, parsing.is_on(numbers, wire, scale)))
            if sieve.take(Why.OFF_GRID, off, shown):
                wire = pc.multiply(
                    pc.cast(
                        pc.round(
                            pc.divide(pc.multiply(numbers, scale), pc.cast(ticks, pa.float64()))
                        ),
                        pa.int64(),
                        safe=False,
                    ),
                    ticks,
                )
            values[name] = wire
        if self.mapped.rows is RowsAre.CANDLES:
            high = pc.max_element_wise(values["open"], values["close"])
            low = pc.min_element_wise(values["open"], values["close"])
            broken = pc.or_(pc.less(values["high"], high), pc.greater(values["low"], low))
            sieve.take(Why.BROKEN_CANDLE, broken)
        return values

    def _other_prices(self, sieve: Sieve, raw: RawBatch, scale: pa.Array) -> dict[str, pa.Array]:
        values = {}
        for name in (*BOOK_PRICES, *DAY_PRICES):
            if name not in self._fields:
                continue
            numbers = self._numbers(raw, name)
            sieve.take(Why.BAD_PRICE, pc.fill_null(pc.less(numbers, 0.0), fill_value=False))
            present = pc.fill_null(pc.greater(numbers, 0.0), fill_value=False)
            values[name] = pc.if_else(present, parsing.as_wire(numbers, scale), _NO_INT)
        return values

    def _quantities(self, sieve: Sieve, raw: RawBatch, places: pa.Array) -> dict[str, pa.Array]:
        lots = self.places.lots().take(places)
        needy = self._needs_volume(places)
        values = {}
        if "volume" not in self._fields:
            sieve.take(Why.MISSING, needy, pa.repeat("volume", len(places)))
        for name in QUANTITIES:
            if name not in self._fields:
                continue
            numbers = self._numbers(raw, name)
            if name == "volume":
                absent = pc.and_(pc.is_null(numbers), needy)
                sieve.take(Why.MISSING, absent, pa.repeat(name, len(numbers)))
            units = parsing.as_units(numbers)
            bad = pc.and_(pc.is_valid(numbers), pc.is_null(units))
            sieve.take(Why.BAD_QUANTITY, bad, pc.cast(numbers, pa.string()))
            if self._fields[name].unit == "lots":
                units = pc.multiply(units, lots)
            else:
                rest = pc.subtract(units, pc.multiply(pc.divide(units, lots), lots))
                odd = pc.fill_null(pc.not_equal(rest, 0), fill_value=False)
                sieve.take(Why.ODD_LOT, odd, pc.cast(units, pa.string()))
            values[name] = units
        return values

    def _needs_volume(self, places: pa.Array) -> pa.Array:
        """Return where a row without a volume cannot become a frame: 0 in it would be a fact.

        Frames of an index have no volume, but they may have a range.
        """
        if self.mapped.needs_volume:
            return pa.repeat(pa.scalar(value=True), len(places))
        needs = any(name in self._fields for name in (*DAY_PRICES, "last_quantity"))
        of_index = pa.array([f.kind is Kind.INDEX for f in self.places.facts], pa.bool_())
        return pc.and_(pc.invert(of_index.take(places)), pa.scalar(needs))

    def _judge_hours(self, sieve: Sieve, at: pa.Array, places: pa.Array, days: pa.Array) -> None:
        codes = self.hours.codes(self.places.facts).take(places)
        both = pc.add(pc.multiply(pc.cast(days, pa.int64()), _CODES), codes)
        by_day = self.findings.decide(Why.OUTSIDE) is Policy.REFUSE_DAY
        for key in pc.unique(both.filter(sieve.kept)).to_pylist():
            day, code = divmod(key, _CODES)
            here = pc.and_(pc.equal(both, key), sieve.kept)
            outside, why = self.hours.outside(code, day, at)
            if outside is None:
                continue
            bad = pc.and_(here, outside)
            if by_day:
                self.hours.tally(day, why, at.filter(bad))
            else:
                sieve.take(why, bad, _clocks(at, bad))
        self.hours.seen(days.filter(sieve.kept))

    def _underlyings(
        self, raw: RawBatch, columns: Mapping[str, pa.Array], kept: pa.Array, days: pa.Array
    ) -> Iterator[pa.RecordBatch]:
        numbers = self._numbers(raw, "underlying_last")
        there = pc.and_(kept, pc.fill_null(pc.greater(numbers, 0.0), fill_value=False))
        at, order = columns[AT].filter(there), columns[ORDER].filter(there)
        if not len(at):
            return
        numbers = numbers.filter(there)
        places = self.places.underlyings(columns[PLACE].filter(there), days.filter(there))
        wire = parsing.as_wire(numbers, self.places.scales().take(places))
        table = pa.table({AT: at, PLACE: places, "last": wire, ORDER: order})
        # A price a row says hundreds of times a minute is one print; two prices stay two.
        once = table.group_by([AT, PLACE, "last"], use_threads=False).aggregate([(ORDER, "min")])
        rows = once.num_rows
        found = {name: once.column(name).combine_chunks() for name in (AT, PLACE, "last")}
        found[ORDER] = once.column(f"{ORDER}_min").combine_chunks()
        yield self._batch(
            {
                **found,
                FILE: pa.repeat(pa.scalar(OF_NO_FILE, pa.int32()), rows),
                ROW: pa.repeat(pa.scalar(0, pa.int64()), rows),
            }
        )

    def _warn_of_overridden(self, raw: RawBatch, file: str) -> None:
        for name, source in self.overridden.items():
            value = self._fields[name].value
            if source.column is None or value is None:
                continue
            texts = pc.unique(parsing.as_text(raw.columns[source.column])).to_pylist()
            for text in texts[:5]:
                if text is not None and source.rename.get(text, text) != value:
                    self.findings.note(
                        f"{file}: its column {source.column!r} says {text!r}; taken as {value!r}, "
                        f"as --set {name} says"
                    )


def day_number(day: date) -> int:
    """Return ``day`` as days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def place_of_row(file: str, row: int) -> str:
    """Return where a row stands, in words."""
    return str(Place(file, row))


def _days(at: pa.Array) -> pa.Array:
    # Instants of this engine lie after 1970, where dividing is flooring.
    return pc.cast(pc.divide(pc.add(at, _IST_NS), NS_PER_DAY), pa.int32())


def _clocks(at: pa.Array, bad: pa.Array) -> pa.Array:
    """Return clock times of the first bad rows, which are all that is shown of them."""
    texts: list[str | None] = [None] * len(at)
    for n in pc.indices_nonzero(bad)[:3].to_pylist():
        texts[n] = clock_text(at[n].as_py(), 0)
    return pa.array(texts, pa.string())
