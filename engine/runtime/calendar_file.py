"""A person's own calendar (``calendar:`` in the YAML): days the tables do not know or have wrong.

    days:
      - day: "2026-11-08"
        segments: [nse_cm, nse_fo]
        trades: ["18:00-19:00"]       # or closed, usual; mcx_fo also morning, evening
        why: Muhurat
        source: NSE/CMTR/12345
    closing_auction: [SBIN]           # shares with derivatives, where no derivative is recorded
    commodities: {NEWMETAL: non_agri} # hours of MCX underlyings the tables do not have
    until: "2027-12-31"               # every holiday up to then is in this file

A day has ``contracts:`` where it is for one class of them only (``closing_auction``, ``agri``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.model.instrument import Segment
from engine.rules import holidays
from engine.rules.changes import Change, Changes, Clock, Trades
from engine.rules.hours import HOURS, HoursClass
from engine.rules.sessions import Sessions
from engine.runtime import yaml_check
from engine.runtime.yaml_marks import Document, KeyPath, read

_CLOCKS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d) ?- ?([01]\d|2[0-3]):([0-5]\d)")
_TABLES: Final = Sessions()

Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Day(_Section):
    day: date
    segments: Annotated[list[Segment], Field(min_length=1)]
    trades: Literal["closed", "usual", "morning", "evening"] | list[str]
    contracts: HoursClass | None = None
    why: Text
    source: Text


class _File(_Section):
    days: list[_Day] = Field(default_factory=list)
    closing_auction: list[Text] = Field(default_factory=list)
    commodities: dict[Text, HoursClass] = Field(default_factory=dict)
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """A calendar file, understood. ``canonical`` is its content as JSON, equal for equal files."""

    path: Path
    changes: Changes
    canonical: str

    @property
    def sha256(self) -> str:
        """The hash of ``canonical``, hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def load(path: Path) -> CalendarFile:
    """Read a calendar file. Raises ``ConfigError`` with all that is wrong, line by line."""
    document = read(path)
    content = yaml_check.check(document, (), document.data, _File)
    made = _changes(document, content) if content is not None else Changes()
    document.problems.raise_any()
    assert content is not None  # noqa: S101 - without content there were problems
    return CalendarFile(path=path, changes=made, canonical=content.model_dump_json())


def _changes(document: Document, content: _File) -> Changes:
    seen: set[tuple[date, Segment, HoursClass | None]] = set()
    days = []
    for number, entry in enumerate(content.days):
        path: KeyPath = ("days", number)
        trades = _trades(document, path, entry)
        for place, segment in enumerate(entry.segments):
            key = (entry.day, segment, entry.contracts)
            if key in seen:
                where = (*path, "segments", place)
                document.complain(where, f"a second entry for {segment} on {entry.day}; keep one")
            seen.add(key)
            fault = _fault(entry, segment)
            if fault:
                document.complain(path, fault)
            days.append(
                Change(entry.day, segment, entry.contracts, trades, entry.why, entry.source)
            )
    if content.until is not None and content.until <= holidays.LAST_DAY:
        document.complain(
            ("until",),
            f"the tables reach {holidays.LAST_DAY} already; leave it out or name a later day",
        )
    return Changes(tuple(days), tuple(content.closing_auction), content.commodities, content.until)


def _trades(document: Document, path: KeyPath, entry: _Day) -> Trades:
    if isinstance(entry.trades, str):
        return entry.trades
    clocks: list[Clock] = []
    for number, written in enumerate(entry.trades):
        here = (*path, "trades", number)
        found = _CLOCKS.fullmatch(written)
        if found is None:
            document.complain(here, f'must be times like "18:00-19:00"; got {written!r}')
            continue
        hour, minute, until_hour, until_minute = (int(part) for part in found.groups())
        opens, closes = (hour * 60 + minute) * 60, (until_hour * 60 + until_minute) * 60
        if opens >= closes:
            document.complain(here, f"{written} ends before it begins; a day ends before midnight")
        elif clocks and opens <= clocks[-1][1]:
            document.complain(
                here, f"{written} must begin after {entry.trades[number - 1]} is over"
            )
        clocks.append((opens, closes))
    if not entry.trades:
        document.complain((*path, "trades"), "has no times in it; write `trades: closed`")
    return tuple(clocks)


def _fault(entry: _Day, segment: Segment) -> str:
    """Return what is wrong with one day of one segment beside the tables, or nothing."""
    classes = HOURS.get(segment)
    if entry.contracts is not None and entry.contracts not in (classes or ()):
        known = ", ".join(classes or ())
        return f"{segment} has no contracts {entry.contracts}; it has {known or 'no classes'}"
    if isinstance(entry.trades, list):
        return ""
    if entry.trades in ("morning", "evening") and segment is not Segment.MCX_FO:
        return f"{segment} has no {entry.trades} session; give the times it trades"
    if classes is None and entry.trades != "closed":
        return f"no usual hours of {segment} are known; give the times it trades"
    inside = holidays.FIRST_DAY <= entry.day <= holidays.LAST_DAY
    if classes is None or not inside:
        return ""
    trades = _TABLES.is_trading_day(segment, entry.day)
    if entry.trades == "closed" and entry.day.weekday() >= 5 and not trades:
        return f"{entry.day} is a {entry.day:%A}, and closed already; is the date right?"
    ordinary = trades and entry.day.weekday() < 5 and _TABLES.holiday(segment, entry.day) is None
    if entry.trades == "usual" and ordinary:
        return f"{segment} trades as usual on {entry.day} already; is the date right?"
    return ""
