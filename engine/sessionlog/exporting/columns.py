"""What the columns of an export are: typed, with units in their names; absent is null, never 0.

Times are instants, shown in Indian time (Parquet keeps the zone, CSV writes the offset). Prices are
rupees as a strategy sees them, quantities units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import pyarrow as pa

from engine.model.instrument import Instrument
from engine.model.market import Bar, Depth, Tick

TIME: Final = pa.timestamp("ns", tz="Asia/Kolkata")
_WORD: Final = pa.dictionary(pa.int32(), pa.utf8())
_INR: Final = pa.float64()
_UNITS: Final = pa.int64()

CONTRACT: Final = {
    "instrument": _WORD,
    "symbol": _WORD,
    "kind": _WORD,
    "underlying": _WORD,
    "expiry": pa.date32(),
    "strike_inr": _INR,
    "right": _WORD,
}
"""The first columns of every export, from ``instrument``, the canonical key, on."""

_TICK: Final = {
    "received_at": ("received_at", TIME),
    "exchange_time": ("exchange_time", TIME),
    "last_inr": ("last", _INR),
    "last_quantity_units": ("last_qty", _UNITS),
    "volume_units": ("volume", _UNITS),
    "open_interest_units": ("open_interest", _UNITS),
    "bid_inr": ("bid", _INR),
    "bid_quantity_units": ("bid_qty", _UNITS),
    "ask_inr": ("ask", _INR),
    "ask_quantity_units": ("ask_qty", _UNITS),
    "average_price_inr": ("average_price", _INR),
    "day_open_inr": ("open", _INR),
    "day_high_inr": ("high", _INR),
    "day_low_inr": ("low", _INR),
    "previous_close_inr": ("previous_close", _INR),
}
_BAR: Final = {
    "start": ("start", TIME),
    "end": ("end", TIME),
    "open_inr": ("open", _INR),
    "high_inr": ("high", _INR),
    "low_inr": ("low", _INR),
    "close_inr": ("close", _INR),
    "volume_units": ("volume", _UNITS),
    "open_interest_units": ("open_interest", _UNITS),
    "prints": ("count", _UNITS),
}

Values = tuple[Any, ...]


class Layout:
    """The columns of one kind of export, and how one thing becomes a row of them."""

    def __init__(self, columns: Mapping[str, pa.DataType], values: Callable[[Any], Values]) -> None:
        self.schema = pa.schema(
            [pa.field(name, kind) for name, kind in (CONTRACT | dict(columns)).items()]
        )
        self.values = values
        self._own = [pa.field(name, kind) for name, kind in columns.items()]

    def table(
        self, contracts: Mapping[str, pa.Array], indices: Sequence[int], rows: Sequence[Values]
    ) -> pa.Table:
        """Return rows as columns; ``indices`` say whose they are."""
        place = pa.array(indices, pa.int32())
        columns = [contracts[name].take(place) for name in CONTRACT]
        values = zip(*rows, strict=True) if rows else [()] * len(self._own)
        columns += [
            pa.array(column, field.type) for column, field in zip(values, self._own, strict=True)
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)


def contract_columns(instruments: Sequence[Instrument]) -> dict[str, pa.Array]:
    """Return the columns of ``CONTRACT`` by index of instrument."""
    plain = {
        "instrument": [i.key for i in instruments],
        "symbol": [i.symbol for i in instruments],
        "kind": [str(i.kind) for i in instruments],
        "underlying": [i.underlying for i in instruments],
        "expiry": [i.expiry for i in instruments],
        "strike_inr": [None if i.strike is None else float(i.strike) for i in instruments],
        "right": [None if i.right is None else str(i.right) for i in instruments],
    }
    found = {}
    for name, values in plain.items():
        kind = CONTRACT[name]
        if pa.types.is_dictionary(kind):
            found[name] = pa.array(values, pa.utf8()).dictionary_encode().cast(kind)
        else:
            found[name] = pa.array(values, kind)
    return found


def tick_layout() -> Layout:
    """Return the columns of ticks."""
    fields: Callable[[Tick], Values] = attrgetter(*(name for name, _ in _TICK.values()))
    return Layout({name: kind for name, (_, kind) in _TICK.items()}, fields)


def bar_layout() -> Layout:
    """Return the columns of bars; ``is_complete`` is False for one in which the data end."""
    fields: Callable[[Bar], Values] = attrgetter(*(name for name, _ in _BAR.values()))
    columns = {name: kind for name, (_, kind) in _BAR.items()}
    return Layout({**columns, "is_complete": pa.bool_()}, lambda row: (*fields(row[0]), row[1]))


def depth_layout(levels: int) -> Layout:
    """Return the columns of books with ``levels`` levels a side, best first."""
    columns: dict[str, pa.DataType] = {"received_at": TIME, "exchange_time": TIME}
    for side in ("bid", "ask"):
        for level in range(1, levels + 1):
            columns[f"{side}_{level}_inr"] = _INR
            columns[f"{side}_{level}_quantity_units"] = _UNITS
            columns[f"{side}_{level}_orders"] = _UNITS
    columns |= {"upper_circuit_inr": _INR, "lower_circuit_inr": _INR}

    def values(book: Depth) -> Values:
        row: list[Any] = [book.received_at, book.exchange_time]
        for side in (book.bids, book.asks):
            for level in side[:levels]:
                row += level
            row += [None] * 3 * (levels - len(side))
        return (*row, book.upper_circuit, book.lower_circuit)

    return Layout(columns, values)
