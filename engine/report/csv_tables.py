"""A report as CSV: one table a file, for spreadsheets and two lines of pandas or polars."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec

from engine.report.curves import Curves
from engine.report.day import (
    AccountLine,
    ChargesLine,
    DayReport,
    FillLine,
    GroupLine,
    MessageLine,
    NoteLine,
    OrderLine,
    PositionLine,
    RefusalLine,
    Statistics,
    StrategyLine,
)
from engine.report.drawdown import Drawdown
from engine.report.feed import Spread
from engine.rules.charges import KINDS
from engine.rules.clock_time import NS_PER_S, ist_datetime

CURVES: Final = "curves.csv"
TABLES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "strategies": StrategyLine,
    "accounts": AccountLine,
    "statistics": Statistics,
    "positions": PositionLine,
    "groups": GroupLine,
    "orders": OrderLine,
    "fills": FillLine,
    "refusals": RefusalLine,
    "charges": ChargesLine,
    "contract_notes": NoteLine,
    "messages": MessageLine,
    "latencies": Spread,
}
"""Every table by its name in the report, which is the name of its file."""

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "kinds": tuple(f"kinds.{kind}" for kind in KINDS),
    "drawdown": tuple(f"drawdown.{name}" for name in Drawdown.__struct_fields__),
}
"""The columns of what has parts, for a table in which no line has any."""

# What a spreadsheet would run as a formula, were it the first character of a text.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_files(report: DayReport) -> dict[str, bytes]:
    """Return every table as CSV, by file name.

    Times are ISO 8601 in IST, money is unrounded, empty is what is not known. A text that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    made = {}
    for name, kind in TABLES.items():
        lines: list[Any] = list(getattr(report, name))
        if kind is StrategyLine:
            lines.append(report.total)
        made[f"{name}.csv"] = _table(kind, lines)
    if report.curves is not None:
        made[CURVES] = _curves(report.curves)
    return made


def _table(kind: type[msgspec.Struct], lines: Sequence[msgspec.Struct]) -> bytes:
    rows = [dict(_flat(line)) for line in lines]
    named = dict.fromkeys(key for row in rows for key in row) or dict.fromkeys(
        kind.__struct_fields__
    )
    # What is None in one line and has parts in another, or in another day's, is told by its parts.
    parts = dict.fromkeys(part for name in named for part in _PARTS.get(name, (name,)))
    columns = [name for name in parts if not any(n.startswith(f"{name}.") for n in parts)]
    return _written(columns, ([row.get(name) for name in columns] for row in rows))


def _curves(curves: Curves) -> bytes:
    """Write every curve as a column, over one column of time."""
    columns: dict[str, Sequence[float | int | None]] = {}
    for profit in (curves.total, *curves.strategies):
        whose = "total" if profit is curves.total else f"strategy {profit.strategy}"
        columns[f"{whose}: gross_inr"] = profit.gross_inr
        columns[f"{whose}: realised_inr"] = profit.realised_inr
        if profit.net_inr is not None:
            columns[f"{whose}: net_inr"] = profit.net_inr
        columns[f"{whose}: drawdown_inr"] = profit.drawdown_inr
    columns["long_inr"] = curves.exposure.long_inr
    columns["short_inr"] = curves.exposure.short_inr
    for greeks in curves.greeks:
        for name in ("delta", "gamma", "vega", "theta"):
            columns[f"{greeks.underlying}: {name}"] = getattr(greeks, name)
    for price in curves.prices:
        columns[f"{price.symbol}: last"] = price.last
    columns["frames"] = curves.frames
    moments = [curves.midnight_at + round(second * NS_PER_S) for second in curves.clock_s]
    rows = zip(map(_moment, moments), *columns.values(), strict=True)
    return _written(["at", *columns], rows)


def _flat(line: msgspec.Struct, before: str = "") -> Iterator[tuple[str, object]]:
    """Yield names and values; what has parts yields them, as ``drawdown.fall_inr``."""
    for name in line.__struct_fields__:
        value = getattr(line, name)
        if isinstance(value, msgspec.Struct):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, Mapping):
            yield from ((f"{before}{name}.{key}", inner) for key, inner in value.items())
        elif name == "at" or name.endswith("_at"):
            yield f"{before}{name}", None if value is None else _moment(value)
        else:
            yield f"{before}{name}", value


def _written(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_safe(name) for name in columns])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return _safe("; ".join(map(str, value)))
    return _safe(value) if isinstance(value, str) else repr(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _moment(at: int) -> str:
    return ist_datetime(at).isoformat(timespec="microseconds")
