"""Text and numbers of a source to times, prices and quantities, a column at a time."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import FileError
from engine.rules.clock_time import NS_PER_S
from engine.sessionlog.importing.mapping import FieldSource

_NUMBER: Final = r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$"
_ZONED: Final = r"([zZ]|[-+][0-9]{2}:?[0-9]{2})$"
_ISO: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_DIGITS: Final = re.compile(r"[0-9]+")
_EPOCH_NS: Final = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NO_FLOAT: Final = pa.nulls(1, pa.float64())[0]
_NO_INT: Final = pa.nulls(1, pa.int64())[0]  # pa.scalar would import pandas
_MOST_NS: Final = 2**63 - 1
_MOST_INR: Final = 1e8
_NS: Final = pa.timestamp("ns")
_NS_UTC: Final = pa.timestamp("ns", tz="UTC")

# A price that a source kept in 32 bits differs from its tick by up to half a step of those bits;
# one that was printed with six digits by up to half of the last.
_FLOAT32_HALF_STEP: Final = 2.0**-24
_NOISE: Final = 5.1e-7


def require_zone(name: str) -> None:
    """Raise ``FileError`` for a time zone that nobody knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FileError(
            f"timezone {name!r} is not known; write one such as Asia/Kolkata or UTC"
        ) from None


def joined_text(columns: list[pa.Array]) -> pa.Array:
    """Return the columns as text, joined by a blank; null where one of them is."""
    texts = [as_text(column) for column in columns]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, " ")


def as_text(column: pa.Array) -> pa.Array:
    """Return any column as trimmed text, a whole float without its point."""
    if pa.types.is_floating(column.type):
        whole = pc.equal(pc.floor(column), column)
        if pc.all(whole, min_count=0).as_py() is not False:
            column = pc.cast(column, pa.int64(), safe=False)
    text = column if pa.types.is_string(column.type) else pc.cast(column, pa.string())
    return pc.utf8_trim_whitespace(text)


def as_numbers(column: pa.Array) -> pa.Array:
    """Return float64; null for what is absent, empty, NaN, infinite or no number."""
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.float64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        readable = pc.match_substring_regex(text, _NUMBER)
        text = pc.if_else(readable, text, pa.scalar(None, text.type))
        numbers = pc.cast(text, pa.float64())
    else:
        numbers = pc.cast(column, pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def as_prices(column: pa.Array) -> pa.Array:
    """Return prices as ``as_numbers``; null as well for what wire units cannot hold exactly."""
    numbers = as_numbers(column)
    return pc.if_else(_is_within(numbers, _MOST_INR), numbers, _NO_FLOAT)


def as_units(numbers: pa.Array) -> pa.Array:
    """Return whole numbers from 0 as int64, null for every other."""
    fits = pc.and_(pc.greater_equal(numbers, 0.0), pc.less(numbers, 2.0**53))
    whole = pc.and_(fits, pc.equal(pc.floor(numbers), numbers))
    return pc.cast(pc.if_else(whole, numbers, pa.scalar(None, pa.float64())), pa.int64())


def as_wire(numbers: pa.Array, scale: pa.Array) -> pa.Array:
    """Return prices (rupees) as whole wire units, ``scale`` of which make a rupee, nearest."""
    return pc.cast(pc.round(pc.multiply(numbers, scale)), pa.int64(), safe=False)


def is_on(numbers: pa.Array, nearest: pa.Array, scale: pa.Array) -> pa.Array:
    """Return whether a price is what ``nearest`` (wire units) says, but for a float's noise."""
    exact = pc.divide(pc.cast(nearest, pa.float64()), scale)
    off = pc.abs(pc.subtract(numbers, exact))
    noise = pc.add(pc.multiply(pc.abs(exact), _FLOAT32_HALF_STEP), _NOISE)
    return pc.less_equal(off, noise)


def as_times(
    columns: list[pa.Array], source: FieldSource, zone: str | None, where: str
) -> pa.Array:
    """Return times as ns UTC (int64), null where a time cannot be read.

    Raises ``FileError`` for a column of which nothing says the zone, or of which some times have
    one and some have none. ``where`` is the file and column for messages.
    """
    column = columns[0]
    if len(columns) == 1 and pa.types.is_timestamp(column.type):
        return _of_timestamps(column, zone, where)
    if source.format is not None:
        read = _of_format(joined_text(columns), source.format)
        # A format with %z reads instants; a cast that dropped their zone would shift them.
        return _of_timestamps(_cast(read, _NS if read.type.tz is None else _NS_UTC), zone, where)
    if source.unit in _EPOCH_NS:
        factor = _EPOCH_NS[source.unit]
        if pa.types.is_integer(column.type):
            return _instants(pc.cast(column, pa.int64()), factor)
        numbers = as_numbers(column)
        numbers = pc.if_else(_is_within(numbers, _MOST_NS / factor), numbers, _NO_FLOAT)
        whole = pc.cast(pc.floor(numbers), pa.int64(), safe=False)
        part = pc.subtract(numbers, pc.cast(whole, pa.float64(), safe=False))
        rest = pc.cast(pc.round(pc.multiply(part, float(factor))), pa.int64(), safe=False)
        return pc.add(pc.multiply(whole, factor), rest)
    if len(columns) == 1 and not (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        raise FileError(
            f"{where}: holds {column.type}, and the map does not say how to read a time of it; "
            'say `unit: s` (or ms, us, ns) for an epoch, or a format such as "%Y%m%d%H%M"'
        )
    return _of_iso(joined_text(columns), zone, where)


def _of_format(text: pa.Array, form: str) -> pa.Array:
    """Return ``text`` read by a format of ``strptime``, null where it is no time or no such day.

    Arrow reads 31-02 as 3 March. What it read is written again: the numbers are to be the same.
    """
    read = pc.strptime(text, format=form, unit="s", error_is_null=True)
    plain = read
    if read.type.tz is not None:
        # Written again in UTC another day may stand there: compared without its zone.
        if not form.endswith("%z"):
            return read
        text = pc.replace_substring_regex(text, r"\s*([zZ]|[-+][0-9]{2}:?[0-9]{2})$", "")
        form = form.removesuffix("%z").rstrip()
        plain = pc.strptime(text, format=form, unit="s", error_is_null=True)
    shown = pc.strftime(plain, format=form)
    suspects = pc.fill_null(pc.not_equal(shown, text), fill_value=False)
    if not pc.any(suspects, min_count=0).as_py():
        return read
    pairs = zip(text.to_pylist(), shown.to_pylist(), suspects.to_pylist(), strict=True)
    same = [not suspect or _numbers(was) == _numbers(now) for was, now, suspect in pairs]
    return pc.if_else(pa.array(same), read, pa.scalar(None, read.type))


def _numbers(text: str) -> list[int]:
    return [int(digits) for digits in _DIGITS.findall(text)]


def _instants(counts: pa.Array, factor: int) -> pa.Array:
    """Return whole counts of ``factor`` ns as ns, null for what ns cannot hold."""
    held = pc.if_else(_is_within(counts, _MOST_NS // factor), counts, _NO_INT)
    return pc.multiply(held, factor)


def _is_within(numbers: pa.Array, bound: float) -> pa.Array:
    return pc.and_(pc.greater(numbers, -bound), pc.less(numbers, bound))


def _of_iso(text: pa.Array, zone: str | None, where: str) -> pa.Array:
    readable = pc.match_substring_regex(text, _ISO)
    text = pc.if_else(readable, text, pa.scalar(None, text.type))
    zoned = pc.match_substring_regex(text, _ZONED)
    with_zone = pc.sum(zoned).as_py() or 0
    without = pc.sum(pc.invert(zoned)).as_py() or 0
    if with_zone and without:
        some = text.filter(pc.invert(zoned))[0].as_py()
        other = text.filter(zoned)[0].as_py()
        raise FileError(
            f"{where}: {with_zone:,} times name a zone ({other}) and {without:,} do not ({some}); "
            "write all of them in one way"
        )
    if not with_zone:
        return _of_timestamps(_cast(text, _NS), zone, where)
    return pc.cast(_cast(text, _NS_UTC), pa.int64())


def _cast(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return ``text`` (or times) as ``kind``, null where that cannot be."""
    try:
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return pa.concat_arrays([_cast_one(text.slice(n, 1), kind) for n in range(len(text))])


def _cast_one(text: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return pa.nulls(1, kind)


def _of_timestamps(column: pa.Array, zone: str | None, where: str) -> pa.Array:
    if column.type.tz is None:
        if zone is None:
            raise FileError(
                f"{where}: its times name no zone, and neither does the map; "
                "add `timezone: Asia/Kolkata` (or where they are of)"
            )
        column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="earliest")
    return pc.cast(_cast(column, _NS_UTC), pa.int64())
