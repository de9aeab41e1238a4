"""Angel One's scrip master: a JSON array of rows of strings, read into instrument facts.

Quirks per protocols/angelone.md section 5: strikes and ticks are in paise (1e-7 rupees on CDS),
futures and shares carry a strike of -1, indices a tick of 0, an option's right is the last two
letters of its symbol, which is parsed for nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from brokers.angelone.wire import EXCHANGE_TYPES, divisor, instrument_key
from engine.errors import FileError, WireError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment, plain
from engine.model.tokens import Listing

SEGMENTS: Final = {
    "NSE": Segment.NSE_CM,
    "BSE": Segment.BSE_CM,
    "NFO": Segment.NSE_FO,
    "BFO": Segment.BSE_FO,
    "MCX": Segment.MCX_FO,
    "NCDEX": Segment.NCX_FO,
    "CDS": Segment.CDE_FO,
}

_EXCHANGES_WITHOUT_FEED: Final = frozenset({"NCO"})

_INDEX: Final = "AMXIDX"
_CASH: Final = ""
_FUTURES: Final = frozenset(
    {
        "FUTIDX",
        "FUTSTK",
        "FUTCUR",
        "FUTIRC",
        "FUTIRT",
        "FUTCOM",
        "FUTBLN",
        "FUTBAS",
        "FUTENR",
    }
)
_OPTIONS: Final = frozenset({"OPTIDX", "OPTSTK", "OPTCUR", "OPTIRC", "OPTFUT", "OPTBLN"})
_NOT_CONTRACTS: Final = frozenset(
    {"INDEX", "UNDCUR", "UNDIRC", "UNDIRD", "UNDIRT", "UNDCOM", "COMDTY"}
)

# NSE series that are shares or funds. EQ is the share itself; a name may stand in several series
# at once (SBIN-EQ, SBIN-BE), so the others keep theirs in the underlying.
_MAIN_SERIES: Final = "EQ"
_SHARE_SERIES: Final = frozenset({_MAIN_SERIES, "BE", "BZ", "SM", "ST"})

_INDEX_TICK: Final = Decimal("0.05")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
        start=1,
    )
}
_DATE: Final = re.compile(r"([0-9]{2})([A-Z]{3})([0-9]{4})")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?")
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_SHOWN: Final = 5


class Master(msgspec.Struct, frozen=True):
    """A read master: what can be used, what is no contract of ours, and what is wrong with it.

    ``left_out`` counts rows by why they are no contract (bonds, underlyings). ``malformed`` counts
    rows that should be one and are not; ``problems`` are the first few, in words.
    """

    listings: tuple[Listing, ...]
    left_out: dict[str, int]
    malformed: int
    problems: tuple[str, ...]

    @property
    def rows_read(self) -> int:
        """How many rows the file has."""
        return len(self.listings) + sum(self.left_out.values()) + self.malformed


class _Row(msgspec.Struct, frozen=True):
    """A row as it comes; unknown keys are accepted, ``freeze_qty`` exists since 2026."""

    token: str
    symbol: str
    name: str
    expiry: str
    strike: str
    lotsize: str
    instrumenttype: str
    exch_seg: str
    tick_size: str
    freeze_qty: str | None = None


class _Malformed(Exception):
    """What is wrong with a row."""


class _LeftOut(Exception):
    """Why a row is no contract of ours."""


_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ROW: Final = msgspec.json.Decoder(_Row)


def read_master(data: bytes, name: str = "scrip master") -> Master:
    """Read the bytes of a scrip master; ``name`` is what messages call it.

    A contract listed twice is kept once and counted as malformed. Raises ``FileError`` for a file
    that is empty, truncated or no JSON array, and for one without a single usable row.
    """
    if not data.strip():
        raise FileError(f"{name} is empty; keep yesterday's copy and download it again")
    try:
        raw_rows = _ROWS.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise FileError(
            f"{name} is truncated or no JSON array of rows ({len(data)} bytes): {error}; "
            "keep yesterday's copy and download it again"
        ) from None
    listings: list[Listing] = []
    problems: list[str] = []
    left_out: Counter[str] = Counter()
    keys: set[str] = set()
    places: set[tuple[Segment, str]] = set()
    malformed = 0
    for number, raw in enumerate(raw_rows, start=1):
        try:
            listing = _listing(raw)
            _check_new(listing, keys, places)
        except _LeftOut as why:
            left_out[str(why)] += 1
        except _Malformed as why:
            malformed += 1
            if len(problems) < _SHOWN:
                problems.append(f"row {number}: {why}")
        else:
            listings.append(listing)
    if not listings:
        first = f"; {problems[0]}" if problems else ""
        raise FileError(f"{name} has {len(raw_rows)} rows and none can be used{first}")
    return Master(tuple(listings), dict(left_out), malformed, tuple(problems))


def _check_new(listing: Listing, keys: set[str], places: set[tuple[Segment, str]]) -> None:
    key = listing.facts.key
    place = (listing.facts.segment, listing.token)
    if key in keys or place in places:
        raise _Malformed(f"{listing.symbol} (token {listing.token}) is listed already")
    keys.add(key)
    places.add(place)


def _listing(raw: msgspec.Raw) -> Listing:
    try:
        row = _ROW.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _Malformed(str(error)) from None
    if row.exch_seg in _EXCHANGES_WITHOUT_FEED:
        raise _LeftOut(f"exchange {row.exch_seg} has no feed")
    segment = SEGMENTS.get(row.exch_seg)
    if segment is None:
        raise _Malformed(f"{row.symbol}: exchange {row.exch_seg!r} is unknown")
    kind = _kind(row)
    try:
        instrument_key(EXCHANGE_TYPES[segment], row.token)
    except WireError as error:
        raise _Malformed(f"{row.symbol}: {error}") from None
    if not row.symbol or not row.name:
        raise _Malformed(f"token {row.token}: no symbol or no name")
    scale = divisor(segment)
    is_option = kind is Kind.OPTION
    strike = _number(row, "strike", row.strike, scale) if is_option else None
    if strike is not None and strike <= 0:
        raise _Malformed(f"{row.symbol}: strike {row.strike!r} is not above 0")
    facts = InstrumentFacts(
        segment=segment,
        kind=kind,
        underlying=_underlying(row, segment) if kind is Kind.EQUITY else row.name,
        expiry=_expiry(row) if kind in (Kind.FUTURE, Kind.OPTION) else None,
        strike=strike,
        right=_right(row) if is_option else None,
        lot_size=_count(row, "lotsize", row.lotsize),
        tick_size=_tick_size(row, kind, scale),
        freeze_quantity=_freeze_quantity(row),
    )
    return Listing(facts, row.token, row.symbol)


def _kind(row: _Row) -> Kind:
    written = row.instrumenttype
    if written == _CASH:
        return Kind.EQUITY
    if written in _OPTIONS:
        return Kind.OPTION
    if written in _FUTURES:
        return Kind.FUTURE
    if written == _INDEX:
        return Kind.INDEX
    if written in _NOT_CONTRACTS:
        raise _LeftOut(f"{written} is no contract")
    raise _Malformed(f"{row.symbol}: instrument type {written!r} is unknown")


def _underlying(row: _Row, segment: Segment) -> str:
    if segment is not Segment.NSE_CM:
        return row.symbol
    _, dash, series = row.symbol.rpartition("-")
    if not dash:
        raise _Malformed(f"{row.symbol}: an NSE share without a series")
    if series not in _SHARE_SERIES:
        raise _LeftOut(f"series {series} is no share")
    return row.name if series == _MAIN_SERIES else row.symbol


def _expiry(row: _Row) -> date:
    written = _DATE.fullmatch(row.expiry.upper())
    try:
        day, month, year = written.groups() if written else ("", "", "")
        return date(int(year), _MONTHS[month], int(day))
    except (KeyError, ValueError):
        raise _Malformed(f"{row.symbol}: expiry {row.expiry!r} is not like 30DEC2025") from None


def _right(row: _Row) -> Right:
    try:
        return Right(row.symbol[-2:])
    except ValueError:
        raise _Malformed(
            f"{row.symbol}: an option whose symbol ends in neither CE nor PE"
        ) from None


def _tick_size(row: _Row, kind: Kind, scale: int) -> Decimal:
    tick = _number(row, "tick_size", row.tick_size, scale)
    if kind is Kind.INDEX and tick == 0:
        return _INDEX_TICK
    if tick <= 0:
        raise _Malformed(f"{row.symbol}: tick_size {row.tick_size!r} is not above 0")
    return tick


def _freeze_quantity(row: _Row) -> int | None:
    if row.freeze_qty is None or row.freeze_qty in ("", "0"):
        return None
    return _count(row, "freeze_qty", row.freeze_qty)


def _number(row: _Row, field: str, text: str, scale: int) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _Malformed(f"{row.symbol}: {field} {text!r} is not a number")
    return Decimal(plain(Decimal(text) / scale))


def _count(row: _Row, field: str, text: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) == 0:
        raise _Malformed(f"{row.symbol}: {field} {text!r} is not a whole number above 0")
    return int(text)
