"""What the columns of a source mean: the map of an import (docs/importing.md has the reference)."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RowsAre(StrEnum):
    """What one row of the source is."""

    SNAPSHOTS = "snapshots"
    CANDLES = "candles"


class Policy(StrEnum):
    """What becomes of rows that are not as they should be."""

    REFUSE = "refuse"
    SKIP = "skip"
    ROUND = "round"
    KEEP = "keep"
    FIRST = "first"
    LAST = "last"
    SORT = "sort"
    REFUSE_DAY = "refuse_day"


PRICES: Final[tuple[str, ...]] = ("last", "open", "high", "low", "close")
"""The prices that lie on the contract's tick grid and that every row must have, where mapped."""

BOOK_PRICES: Final[tuple[str, ...]] = ("bid", "ask")
DAY_PRICES: Final[tuple[str, ...]] = (
    "average_price",
    "day_open",
    "day_high",
    "day_low",
    "previous_close",
)
QUANTITIES: Final[tuple[str, ...]] = (
    "volume",
    "open_interest",
    "last_quantity",
    "bid_quantity",
    "ask_quantity",
)
IDENTITY: Final[tuple[str, ...]] = (
    "token",
    "symbol",
    "segment",
    "kind",
    "underlying",
    "expiry",
    "strike",
    "right",
)


_DIRECTIVE: Final = re.compile(r"%.")


class FieldSource(BaseModel):
    """Where one field comes from: a column, several joined by a blank, or the same value always.

    ``format`` is of ``strptime``; ``unit`` is of an epoch (``s ms us ns``) or a quantity (``lots``)
    ``rename`` replaces what the source writes by what this engine calls it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    columns: tuple[str, ...] = ()
    value: str | None = None
    format: str | None = None
    unit: Literal["s", "ms", "us", "ns", "lots", "units"] | None = None
    rename: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is not None) + bool(self.columns) + (self.value is not None) != 1:
            raise ValueError("one of column, columns and value says where it comes from")
        return self

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read for it."""
        return self.columns or ((self.column,) if self.column is not None else ())


class Fields(BaseModel):
    """Every field a source can have; a map may write a bare text for its column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: FieldSource
    token: FieldSource | None = None
    symbol: FieldSource | None = None
    segment: FieldSource | None = None
    kind: FieldSource | None = None
    underlying: FieldSource | None = None
    expiry: FieldSource | None = None
    strike: FieldSource | None = None
    right: FieldSource | None = None
    last: FieldSource | None = None
    open: FieldSource | None = None
    high: FieldSource | None = None
    low: FieldSource | None = None
    close: FieldSource | None = None
    volume: FieldSource | None = None
    open_interest: FieldSource | None = None
    last_quantity: FieldSource | None = None
    bid: FieldSource | None = None
    bid_quantity: FieldSource | None = None
    ask: FieldSource | None = None
    ask_quantity: FieldSource | None = None
    average_price: FieldSource | None = None
    day_open: FieldSource | None = None
    day_high: FieldSource | None = None
    day_low: FieldSource | None = None
    previous_close: FieldSource | None = None
    underlying_last: FieldSource | None = None

    def given(self) -> dict[str, FieldSource]:
        """The fields that are mapped, by name."""
        return {
            name: source
            for name in type(self).model_fields
            if (source := getattr(self, name)) is not None
        }


class Policies(BaseModel):
    """What becomes of rows that are not as they should be; unless said otherwise, refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_row: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    missing: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    bad_price: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    broken_candle: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    overlapping_candle: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    off_grid: Literal[Policy.REFUSE, Policy.ROUND, Policy.SKIP] = Policy.REFUSE
    odd_lot: Literal[Policy.REFUSE, Policy.KEEP] = Policy.REFUSE
    absurd_strike: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    unknown_instrument: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    expired: Literal[Policy.REFUSE, Policy.SKIP] = Policy.REFUSE
    outside_session: Literal[Policy.REFUSE, Policy.REFUSE_DAY, Policy.SKIP] = Policy.REFUSE_DAY
    backward: Literal[Policy.REFUSE, Policy.SORT] = Policy.SORT
    duplicate: Literal[Policy.REFUSE, Policy.FIRST, Policy.LAST, Policy.KEEP] = Policy.REFUSE
    falling_volume: Literal[Policy.REFUSE, Policy.SKIP, Policy.KEEP] = Policy.REFUSE


class ImportMap(BaseModel):
    """The whole map. ``cadence_s``: length of a candle, or seconds between two snapshots."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    rows: RowsAre
    cadence_s: float = Field(ge=0, allow_inf_nan=False)
    timezone: str | None = None
    candle_time: Literal["start", "end"] = "start"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    fields: Fields
    ignore: tuple[str, ...] = ()
    policy: Policies = Policies()

    @model_validator(mode="after")
    def _prices_fit(self) -> Self:
        fields = self.fields.given()
        candles = ("open", "high", "low", "close")
        if self.rows is RowsAre.CANDLES:
            missing = [name for name in candles if name not in fields]
            if missing:
                raise ValueError(f"candles need {', '.join(missing)} among the fields")
            if "last" in fields:
                raise ValueError("candles have a close, not a last")
            if "underlying_last" in fields:
                raise ValueError("underlying_last belongs to snapshots: a candle has no one moment")
            if self.cadence_s <= 0:
                raise ValueError("cadence_s is how long a candle is, above 0")
        else:
            wrong = [name for name in candles if name in fields]
            if wrong:
                raise ValueError(
                    f"snapshots have a last price; {', '.join(wrong)} is a candle's "
                    "(day_open, day_high, day_low are the day's)"
                )
            if "last" not in fields:
                raise ValueError("snapshots need last among the fields")
        return self

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        fields = self.fields.given()
        for name, source in fields.items():
            allowed = {"lots", "units"} if name in QUANTITIES else set()
            allowed = {"s", "ms", "us", "ns"} if name == "time" else allowed
            if source.unit is not None and source.unit not in allowed:
                raise ValueError(f"{name} has no unit {source.unit}")
            if source.format is not None and name not in ("time", "expiry"):
                raise ValueError(f"{name} has no format; time and expiry do")
            written = _DIRECTIVE.findall(source.format or "") if name == "time" else ()
            if "%f" in written or "%s" in written:
                raise ValueError(
                    "time: a format with %f or %s cannot be read; without a format ISO 8601 times "
                    "are, down to the nanosecond, and an epoch is with `unit: s`"
                )
            if source.columns and name != "time":
                raise ValueError(f"{name} comes from one column; only time is joined of several")
        if fields["time"].value is not None:
            raise ValueError("time comes from a column")
        wants_volume = [n for n in ("open_interest", "bid", "ask") if n in fields]
        if wants_volume and "volume" not in fields:
            raise ValueError(
                f"{wants_volume[0]} without volume: no packet can carry the one and leave out the "
                "other; map a volume column, or leave it out"
            )
        for price in BOOK_PRICES:
            if (price in fields) != (f"{price}_quantity" in fields):
                raise ValueError(f"{price} and {price}_quantity come together: a level has both")
        if not any(name in fields for name in ("token", "symbol", "underlying")):
            raise ValueError(
                "nothing says which instrument a row is of; map underlying (with segment, expiry, "
                "strike, right), or token or symbol of an instrument list, or say it for all rows "
                "with --set underlying=NAME"
            )
        return self

    @property
    def needs_volume(self) -> bool:
        """Whether no row without a volume can become a frame, an index's neither."""
        return self.fields.open_interest is not None or self.has_books

    @property
    def has_books(self) -> bool:
        """Whether the source shows best prices."""
        return self.fields.bid is not None or self.fields.ask is not None


def expiry_of(text: str, written: str | None) -> date:
    """Return an expiry as a source writes it. Raises ``ValueError``."""
    return date.fromisoformat(text) if written is None else datetime.strptime(text, written).date()  # noqa: DTZ007
