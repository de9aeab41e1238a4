"""When a segment trades: its session on a day, from the tables and what a calendar file changes.

For a reader of data: ``Sessions().session(segment, day)`` is None on a day without trading, else a
``Session`` whose ``windows_ns()`` are all its continuous trading; ``is_open(at)`` says whether a
price of that moment belongs to it. ``of(instrument, day)`` knows the contract's own hours: shares
with derivatives end with the closing auction, commodities by their class. Pre-open and closing
auctions are not continuous trading and stand outside of the windows; ``phases`` has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.instrument import Instrument, Kind, Segment
from engine.rules import holidays
from engine.rules.changes import NO_CHANGES, Change, Changes
from engine.rules.clock_time import NS_PER_S, midnight_ns
from engine.rules.dated import row_in_force
from engine.rules.holidays import Holiday, Part
from engine.rules.hours import (
    COMMODITY_CLASSES,
    COMMODITY_SPLIT_S,
    HOURS,
    WINTER_CLOSE_S,
    HoursClass,
    Phase,
    PhaseKind,
    Phases,
)
from engine.rules.special_sessions import SPECIAL_SESSIONS, SpecialSession
from engine.rules.summer_time import is_new_york_summer

_AUCTIONED: Final = (Segment.NSE_CM, Segment.BSE_CM)
_HALF_OPEN: Final = {Part.MORNING: "evening only", Part.EVENING: "morning only"}
_SEARCH_DAYS: Final = 31
"""No exchange has been closed for longer than this."""


class Window(NamedTuple):
    """Continuous trading, ``[open, close)``, in seconds after midnight in India."""

    open_s: int
    close_s: int


class Session(NamedTuple):
    """One trading day of one segment. Nearly always one window; a recovery test has two.

    ``name`` says what kind of day it is (``normal``, ``Muhurat``, ...), ``source`` where its hours
    are written.
    """

    segment: Segment
    day: date
    windows: tuple[Window, ...]
    name: str
    source: str = ""

    @property
    def open_ns(self) -> int:
        """When the first window opens, ns UTC."""
        return midnight_ns(self.day) + self.windows[0].open_s * NS_PER_S

    @property
    def close_ns(self) -> int:
        """When the last window closes, ns UTC."""
        return midnight_ns(self.day) + self.windows[-1].close_s * NS_PER_S

    def windows_ns(self) -> tuple[tuple[int, int], ...]:
        """Return every window as (open, close), ns UTC."""
        start = midnight_ns(self.day)
        return tuple(
            (start + w.open_s * NS_PER_S, start + w.close_s * NS_PER_S) for w in self.windows
        )

    def is_open(self, now: int) -> bool:
        """True while the segment trades continuously at ``now`` (ns)."""
        return any(opens <= now < closes for opens, closes in self.windows_ns())


class DayPlan(NamedTuple):
    """What happens on one day, with what made it so."""

    phases: Phases
    name: str
    source: str


class Sessions:
    """Looks up sessions. Pure; made once per run.

    ``changes`` is a calendar file; it wins over the tables. ``closing_auction`` names shares that
    have derivatives, beside those the file names: ``shares_with_derivatives`` finds them among the
    instruments of a run.
    """

    def __init__(
        self, changes: Changes = NO_CHANGES, closing_auction: frozenset[str] = frozenset()
    ) -> None:
        self._changed = {(c.day, c.segment, c.hours_class): c for c in changes.days}
        self._special = {
            (special.day, segment): special
            for special in SPECIAL_SESSIONS
            for segment in special.segments
        }
        self._in_auction = closing_auction.union(changes.closing_auction)
        self._commodities = {**COMMODITY_CLASSES, **changes.commodities}
        self._last_day = max(holidays.LAST_DAY, changes.until or holidays.LAST_DAY)
        self._known: dict[tuple[Segment, date, HoursClass | None], Session | None] = {}

    # -- sessions --------------------------------------------------------------------------------

    def session(
        self, segment: Segment, day: date, hours_class: HoursClass | None = None
    ) -> Session | None:
        """Return the session of ``segment`` on ``day``, None when it is closed all day.

        Without ``hours_class`` it is that of the segment's first class: shares without derivatives,
        options, commodities that are not agricultural; the longest there is. Raises ``FileError``
        for a segment or a day whose calendar is not known, and for a special session whose hours
        were never published.
        """
        key = (segment, day, hours_class)
        if key not in self._known:
            plan = self.plan(segment, day, hours_class)
            self._known[key] = None if plan is None else _session(segment, day, plan)
        return self._known[key]

    def of(self, instrument: Instrument, day: date) -> Session | None:
        """Return the session of one contract on ``day``. Raises as ``session``."""
        return self.session(instrument.segment, day, self.hours_class(instrument))

    def hours_class(self, instrument: Instrument) -> HoursClass:
        """Return whose hours ``instrument`` keeps.

        Raises ``FileError`` for a segment without hours and an MCX underlying nobody classed.
        """
        segment = instrument.segment
        if segment in _AUCTIONED:
            is_share = instrument.kind is Kind.EQUITY
            in_auction = is_share and instrument.underlying in self._in_auction
            return HoursClass.CLOSING_AUCTION if in_auction else HoursClass.CASH
        if segment is Segment.MCX_FO:
            found = self._commodities.get(instrument.underlying)
            if found is None:
                raise FileError(
                    f"the hours of {instrument.underlying} on MCX are not in the tables; name them "
                    "in the calendar file, under commodities"
                )
            return found
        _require_segment(segment)
        return HoursClass.OPTIONS if instrument.kind is Kind.OPTION else HoursClass.FUTURES

    def continuous(
        self, segment: Segment, day: date, hours_class: HoursClass | None = None
    ) -> tuple[int, int]:
        """Return when continuous trading opens first and closes last on ``day``, ns UTC.

        Raises ``FileError`` where ``session`` does, and on a day without one.
        """
        session = self.session(segment, day, hours_class)
        if session is None:
            raise FileError(f"{segment} does not trade on {day:%A} {day.isoformat()}")
        return session.open_ns, session.close_ns

    # -- days ------------------------------------------------------------------------------------

    def is_trading_day(self, segment: Segment, day: date) -> bool:
        """True when ``segment`` trades at all on ``day``, known hours or not.

        Raises ``FileError`` for a segment or a day whose calendar is not known.
        """
        change = self._change(segment, day, None)
        special = self._special.get((day, segment))
        if change is None and special is not None and special.windows == ():
            return True
        return self.session(segment, day) is not None

    def holiday(self, segment: Segment, day: date) -> Holiday | None:
        """Return the holiday of the tables that ``day`` is in ``segment``, if any."""
        if segment in holidays.EQUITY_SEGMENTS:
            return holidays.EQUITY_HOLIDAYS.get(day)
        return holidays.COMMODITY_HOLIDAYS.get(day) if segment is Segment.MCX_FO else None

    def why_closed(self, segment: Segment, day: date) -> tuple[str, str]:
        """Return why a day without a session has none, and where that is written."""
        change = self._change(segment, day, None)
        if change is not None:
            return change.why, change.source
        holiday = self.holiday(segment, day)
        return (holiday.name, holiday.source) if holiday is not None else (f"{day:%A}", "")

    def previous_trading_day(self, segment: Segment, day: date) -> date:
        """Return the last trading day before ``day``: where an expiry on a holiday moves to."""
        return self._nearest(segment, day, -1)

    def next_trading_day(self, segment: Segment, day: date) -> date:
        """Return the first trading day after ``day``. Raises ``FileError`` past the tables."""
        return self._nearest(segment, day, 1)

    def _nearest(self, segment: Segment, day: date, step: int) -> date:
        for _ in range(_SEARCH_DAYS):
            if day == (date.max if step > 0 else date.min):
                break
            day += timedelta(days=step)
            if self.is_trading_day(segment, day):
                return day
        raise FileError(f"{segment} has no trading day within {_SEARCH_DAYS} days of {day}")

    # -- plans -----------------------------------------------------------------------------------

    def plan(
        self, segment: Segment, day: date, hours_class: HoursClass | None = None
    ) -> DayPlan | None:
        """Return all phases of a day, in order, or None when the segment is closed.

        A day with hours of its own has only the phases that were published for it. Raises as
        ``session``.
        """
        change = self._change(segment, day, hours_class)
        if change is not None:
            return self._changed_plan(change, hours_class)
        _require_segment(segment)
        self._require_day(segment, day)
        special = self._special.get((day, segment))
        if special is not None:
            return self._special_plan(special, segment, hours_class)
        if day.weekday() >= 5:
            return None
        holiday = self.holiday(segment, day)
        if holiday is None:
            return self._usual(segment, day, hours_class)
        if holiday.closed is Part.DAY:
            return None
        plan = _without(self._usual(segment, day, hours_class), holiday.closed)
        return plan and plan._replace(
            name=f"{plan.name}, {holiday.name}", source=f"{plan.source}; {holiday.source}"
        )

    def _change(self, segment: Segment, day: date, hours_class: HoursClass | None) -> Change | None:
        own = self._changed.get((day, segment, hours_class))
        return own or self._changed.get((day, segment, None))

    def _changed_plan(self, change: Change, hours_class: HoursClass | None) -> DayPlan | None:
        segment, day, trades = change.segment, change.day, change.trades
        if trades == "closed":
            return None
        if isinstance(trades, tuple):
            return DayPlan(_continuous(trades), change.why, change.source)
        plan: DayPlan | None = self._usual(segment, day, hours_class)
        if trades != "usual" and plan is not None:
            plan = _without(plan, Part.EVENING if trades == "morning" else Part.MORNING)
        return plan and plan._replace(name=change.why, source=change.source)

    def _special_plan(
        self, special: SpecialSession, segment: Segment, hours_class: HoursClass | None
    ) -> DayPlan:
        if special.windows is None:
            usual = self._usual(segment, special.day, hours_class)
            return usual._replace(name=special.occasion, source=f"{special.source}; {usual.source}")
        if not special.windows:
            day = special.day.isoformat()
            raise FileError(
                f"{segment}: {day} has a {special.occasion} session whose hours are not in the "
                "tables; give them in a calendar file (`calendar:` in the YAML), such as "
                f'days: [{{day: "{day}", segments: [{segment}], trades: ["18:00-19:00"], why: ..., '
                "source: ...}]"
            )
        clocks = tuple((_of_day(opens), _of_day(closes)) for opens, closes in special.windows)
        return DayPlan(_continuous(clocks), special.occasion, special.source)

    def _usual(self, segment: Segment, day: date, hours_class: HoursClass | None) -> DayPlan:
        classes = HOURS[segment]
        chosen = next(iter(classes)) if hours_class is None else hours_class
        if chosen not in classes:
            raise FileError(f"{segment} has no contracts of the class {chosen}")
        rows = classes[chosen]
        row = row_in_force(rows, day, f"hours of {segment}")
        phases = row.value
        if chosen is HoursClass.NON_AGRI and not is_new_york_summer(day):
            phases = tuple(phase._replace(closes_s=WINTER_CLOSE_S) for phase in phases)
        return DayPlan(phases, "normal", row.source)

    def _require_day(self, segment: Segment, day: date) -> None:
        if not holidays.FIRST_DAY <= day <= self._last_day:
            raise FileError(
                f"no calendar of {segment} is known for {day.isoformat()}; the tables cover "
                f"{holidays.FIRST_DAY.isoformat()} to {self._last_day.isoformat()}. A calendar "
                "file (`calendar:` in the YAML) can name single days, or all holidays `until` a day"
            )


def shares_with_derivatives(instruments: Iterable[Instrument]) -> frozenset[str]:
    """Return the underlyings that ``instruments`` has both a share and a derivative of."""
    listed = tuple(instruments)
    derived = {i.underlying for i in listed if i.is_derivative}
    return frozenset(
        i.underlying for i in listed if i.kind is Kind.EQUITY and i.underlying in derived
    )


def _session(segment: Segment, day: date, plan: DayPlan) -> Session:
    windows = tuple(
        Window(phase.opens_s, phase.closes_s)
        for phase in plan.phases
        if phase.kind is PhaseKind.CONTINUOUS
    )
    return Session(segment, day, windows, plan.name, plan.source)


def _continuous(clocks: tuple[tuple[int, int], ...]) -> Phases:
    return tuple(Phase(PhaseKind.CONTINUOUS, opens, closes) for opens, closes in clocks)


def _without(plan: DayPlan, closed: Part) -> DayPlan | None:
    """Return what of a commodity day is left when one half of it is closed."""
    left = []
    for phase in plan.phases:
        opens, closes = phase.opens_s, phase.closes_s
        if closed is Part.MORNING:
            opens = max(opens, COMMODITY_SPLIT_S)
        else:
            closes = min(closes, COMMODITY_SPLIT_S)
        if opens < closes:
            left.append(phase._replace(opens_s=opens, closes_s=closes))
    return DayPlan(tuple(left), _HALF_OPEN[closed], plan.source) if left else None


def _require_segment(segment: Segment) -> None:
    if segment not in HOURS:
        raise FileError(f"no calendar is known for the segment {segment}")


def _of_day(clock: time) -> int:
    return (clock.hour * 60 + clock.minute) * 60 + clock.second
