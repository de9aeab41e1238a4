"""What a person's calendar file changes in the tables: plain data, judged before it gets here.

See ``engine.runtime.calendar_file`` for how it is written and checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple

from engine.model.instrument import Segment
from engine.rules.hours import HoursClass

Clock = tuple[int, int]
Trades = Literal["closed", "usual", "morning", "evening"] | tuple[Clock, ...]
"""What a segment does on a changed day: not at all, as usual, one half of a commodity day, or
between clock times, each (open, close) in seconds after midnight in India."""


class Change(NamedTuple):
    """One day of one segment. ``hours_class`` None means every contract of it."""

    day: date
    segment: Segment
    hours_class: HoursClass | None
    trades: Trades
    why: str
    source: str


class Changes(NamedTuple):
    """A whole calendar file.

    ``closing_auction`` names shares with derivatives, ``commodities`` the hours of MCX underlyings
    the table does not have. ``until``: the file lists every holiday up to that day, which is then
    as known as a day of the tables.
    """

    days: tuple[Change, ...] = ()
    closing_auction: tuple[str, ...] = ()
    commodities: Mapping[str, HoursClass] = {}
    until: date | None = None


NO_CHANGES: Final = Changes()
