"""Instrument lists for imports: a broker's master, another broker's list, or one of your own.

Which it is, its ending and its header say:

* ``.json``, ``.json.gz``: the master of the broker whose frames are made;
* ``.csv``, ``.csv.gz`` with the columns ``instrument_key exchange_token tradingsymbol ...``: the
  list of NSE contracts that another broker publishes;
* ``.csv``, ``.csv.gz``, ``.yaml`` with ``COLUMNS``: your own.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment, plain
from engine.model.tokens import Listing
from engine.runtime.yaml_marks import parse

REQUIRED: Final = ("segment", "kind", "underlying")
OPTIONAL: Final = (
    "expiry", "strike", "right", "lot_size", "tick_size", "freeze_quantity", "token", "symbol",
)  # fmt: skip
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
"""Columns of a list of your own, in any order; those that do not apply stay empty."""

_OTHER_BROKER: Final = frozenset({"instrument_key", "exchange_token", "tradingsymbol", "exchange"})
_OTHER_KINDS: Final = {
    "OPTIDX": Kind.OPTION, "OPTSTK": Kind.OPTION, "FUTIDX": Kind.FUTURE, "FUTSTK": Kind.FUTURE,
    "EQUITY": Kind.EQUITY, "INDEX": Kind.INDEX,
}  # fmt: skip
_OTHER_SEGMENTS: Final = {
    "NSE_FO": Segment.NSE_FO, "NSE_EQ": Segment.NSE_CM, "NSE_INDEX": Segment.NSE_CM,
}  # fmt: skip
_OTHER_INDICES: Final = {
    "NIFTY": "NIFTY", "NIFTY 50": "NIFTY", "BANKNIFTY": "BANKNIFTY", "NIFTY BANK": "BANKNIFTY",
    "NIFTY FIN SERVICE": "FINNIFTY", "FINNIFTY": "FINNIFTY", "NIFTY MID SELECT": "MIDCPNIFTY",
    "MIDCPNIFTY": "MIDCPNIFTY", "NIFTY NEXT 50": "NIFTYNXT50", "NIFTYNXT50": "NIFTYNXT50",
}  # fmt: skip
_EXPIRY_CHARACTERS: Final = 5
_INDEX_TICK: Final = "0.05"
_SHOWN: Final = 3


class InstrumentList(NamedTuple):
    """A list that was read; ``described`` is for a recording's header, ``notes`` for a person."""

    listings: tuple[Listing, ...]
    described: str
    notes: tuple[str, ...]


def read_instrument_list(
    path: Path, read_master: Callable[[bytes, str], tuple[Sequence[Listing], Sequence[str]]]
) -> InstrumentList:
    """Read the list in ``path``; ``read_master`` reads the broker's own.

    Raises ``FileError`` for a file that cannot be read, and for a list of your own with anything
    wrong in it; a broker's rows that are wrong are left out and said.
    """
    raw = _bytes(path)
    described = f"{path.name}, sha256 {sha256(raw).hexdigest()}"
    data = _unpacked(path, raw)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".json"):
        found, wrong = read_master(data, str(path))
        notes = tuple(f"{path.name}: left out: {each}" for each in wrong)
        return InstrumentList(tuple(found), described, notes)
    if name.endswith((".yaml", ".yml")):
        listings = _own_rows(path, _yaml_rows(path, data))
        return InstrumentList(tuple(listings), described, ())
    if not name.endswith(".csv"):
        raise FileError(
            f"--instruments {path}: a list ends in .json, .csv, .csv.gz or .yaml; "
            "or write `derive` to take lots and ticks from the rules by date"
        )
    rows = _csv_rows(path, data)
    columns = next(iter(rows))[1].keys() if rows else ()
    if _OTHER_BROKER.issubset(columns):
        return _other_broker(path, rows, described)
    return InstrumentList(tuple(_own_rows(path, rows)), described, ())


_Rows = list[tuple[int, dict[str, str]]]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"--instruments {path}: no such file") from None
    except OSError as error:
        raise FileError(f"--instruments {path}: cannot be read: {error.strerror}") from None


def _unpacked(path: Path, raw: bytes) -> bytes:
    if not path.name.lower().endswith(".gz"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise FileError(f"--instruments {path}: cut short or damaged: {error}") from None


def _csv_rows(path: Path, data: bytes) -> _Rows:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"--instruments {path}: not UTF-8 text; save the file as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows: _Rows = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise FileError(
                    f"--instruments {path}:{reader.line_num}: half a row; its header has "
                    f"{len(reader.fieldnames or ())} columns"
                )
            rows.append((reader.line_num, {k: (v or "").strip() for k, v in row.items()}))
    except csv.Error as error:
        raise FileError(f"--instruments {path}:{reader.line_num}: {error}") from None
    if not rows:
        raise FileError(f"--instruments {path}: no rows in it")
    return rows


def _yaml_rows(path: Path, data: bytes) -> _Rows:
    try:
        document = parse(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise FileError(f"--instruments {path}: not UTF-8 text; save the file as UTF-8") from None
    document.problems.raise_any()
    listed: Any = document.data.get("instruments")
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise FileError(
            f"--instruments {path}: `instruments:` must be a list of `name: value` rows"
        )
    return [
        (
            document.line(("instruments", place)),
            {name: "" if value is None else str(value) for name, value in row.items()},
        )
        for place, row in enumerate(listed)
    ]


def _own_rows(path: Path, rows: _Rows) -> Iterable[Listing]:
    for line, row in rows:
        for name in row:
            if name not in COLUMNS:
                close = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.5)
                hint = f"; nearest: {close[0]}" if close else f" (known: {', '.join(COLUMNS)})"
                raise FileError(f"--instruments {path}:{line}: no column {name!r} in a list{hint}")
        missing = [name for name in REQUIRED if not row.get(name)]
        if missing:
            raise FileError(f"--instruments {path}:{line}: {missing[0]} is missing or empty")
    wrong: list[str] = []
    seen: dict[str, int] = {}
    found: list[Listing] = []
    for line, row in rows:
        try:
            facts = _facts(row)
        except (ValueError, ArithmeticError, FileError) as error:
            wrong.append(f"{path}:{line}: {error}")
            continue
        first = seen.setdefault(facts.key, line)
        if first != line:
            wrong.append(f"{path}:{line}: {facts.key} stands on line {first} already")
        found.append(Listing(facts, row.get("token", ""), row.get("symbol", "")))
    if wrong:
        more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        told = "\n  ".join(wrong[:_SHOWN])
        raise FileError(f"--instruments: {len(wrong)} rows cannot be used\n  {told}{more}")
    return found


def _facts(row: Mapping[str, str]) -> InstrumentFacts:
    kind = Kind(row["kind"])
    derivative = kind in (Kind.OPTION, Kind.FUTURE)
    if derivative and not row.get("lot_size"):
        raise ValueError(f"{kind}: needs a lot_size")
    if kind is not Kind.INDEX and not row.get("tick_size"):
        raise ValueError(f"{kind}: needs a tick_size")
    facts = InstrumentFacts(
        segment=Segment(row["segment"]),
        kind=kind,
        underlying=row["underlying"].upper(),
        expiry=date.fromisoformat(row["expiry"]) if derivative else None,
        strike=_number(row, "strike") if kind is Kind.OPTION else None,
        right=Right(row["right"]) if kind is Kind.OPTION else None,
        lot_size=_count(row, "lot_size") if row.get("lot_size") else 1,
        tick_size=_number(row, "tick_size") if row.get("tick_size") else Decimal(_INDEX_TICK),
        freeze_quantity=_count(row, "freeze_quantity") if row.get("freeze_quantity") else None,
    )
    if not facts.key:
        raise ValueError("no contract")
    return facts


def _number(row: Mapping[str, str], name: str) -> Decimal:
    try:
        number = Decimal(row.get(name, ""))
    except InvalidOperation:
        raise ValueError(f"{name} {row.get(name, '')!r} is no number") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{name} {number} is not above 0")
    return Decimal(plain(number))


def _count(row: Mapping[str, str], name: str) -> int:
    number = _number(row, name)
    if number != int(number):
        raise ValueError(f"{name} {number} is no whole number")
    return int(number)


def _other_broker(path: Path, rows: _Rows, described: str) -> InstrumentList:
    left_out: Counter[str] = Counter()
    wrong: list[str] = []
    found: dict[str, Listing] = {}
    for line, row in rows:
        segment = _OTHER_SEGMENTS.get(row["exchange"])
        kind = _OTHER_KINDS.get(row["instrument_type"])
        if segment is None or kind is None:
            left_out[row["exchange"]] += 1
            continue
        try:
            listing = _other_listing(row, segment, kind)
        except (KeyError, ValueError, ArithmeticError) as error:
            wrong.append(f"{path.name}:{line}: {row['tradingsymbol']}: {error}")
            continue
        found.setdefault(listing.facts.key, listing)
    notes = [
        f"{path.name}: left out {count:,} rows of {exchange}, whose units are not known here"
        for exchange, count in left_out.items()
    ]
    if wrong:
        notes.append(f"{path.name}: left out {len(wrong):,} rows: {'; '.join(wrong[:_SHOWN])}")
    if not found:
        raise FileError(f"--instruments {path}: none of its {len(rows):,} rows can be used")
    return InstrumentList(tuple(found.values()), described, tuple(notes))


def _other_listing(row: Mapping[str, str], segment: Segment, kind: Kind) -> Listing:
    symbol = row["tradingsymbol"]
    if kind is Kind.INDEX:
        underlying = _OTHER_INDICES.get(symbol.upper(), symbol.upper())
        facts = InstrumentFacts(segment=segment, kind=kind, underlying=underlying)
        # The token of an index is its broker's own.
        return Listing(facts, "", symbol)
    own = {
        "segment": segment,
        "kind": kind,
        "underlying": symbol,
        "expiry": row["expiry"],
        "strike": row["strike"],
        "right": row["option_type"],
        "lot_size": row["lot_size"],
        "tick_size": row["tick_size"],
    }
    if kind is Kind.OPTION:
        tail = f"{plain(Decimal(row['strike']))}{row['option_type']}"
        if not symbol.endswith(tail):
            raise ValueError(f"does not end in {tail}")
        own["underlying"] = symbol[: -len(tail) - _EXPIRY_CHARACTERS]
    elif kind is Kind.FUTURE:
        own["underlying"] = symbol.removesuffix("FUT")[:-_EXPIRY_CHARACTERS]
    return Listing(_facts(own), row["exchange_token"], symbol)
