"""When a segment trades: its continuous session on a given day, as offsets from midnight in India.

Sources: market_rules.md sections 1 and 2 (NSE/CMTR/74466 and NSE/FAOP/74467 of 29 May 2026 for the
hours since 3 August 2026). Pre-open auctions and the closing auction itself are not continuous
trading and stand outside the windows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules import holidays
from engine.rules.clock_time import NS_PER_S, midnight_ns
from engine.rules.dated import Row, in_force
from engine.rules.holidays import SpecialSession


class Window(NamedTuple):
    """Continuous trading, ``[open, close)``, in seconds after midnight in India."""

    open_s: int
    close_s: int


class Session(NamedTuple):
    """One trading day of one segment. Nearly always one window; a recovery test has two."""

    segment: Segment
    day: date
    windows: tuple[Window, ...]
    name: str

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


def _s(hour: int, minute: int = 0) -> int:
    return (hour * 60 + minute) * 60


_MORNING: Final = _s(9, 15)
_UNTIL_1530: Final = Window(_MORNING, _s(15, 30))
_UNTIL_1540: Final = Window(_MORNING, _s(15, 40))
_UNTIL_1515: Final = Window(_MORNING, _s(15, 15))

_CASH: Final = (Row(holidays.FIRST_DAY, _UNTIL_1530, "market_rules.md 1"),)
_CASH_IN_AUCTION: Final = (
    *_CASH,
    Row(date(2026, 8, 3), _UNTIL_1515, "NSE/CMTR/74466: the closing auction begins at 15:15"),
)
_DERIVATIVES: Final = (
    Row(holidays.FIRST_DAY, _UNTIL_1530, "market_rules.md 1"),
    Row(date(2026, 8, 3), _UNTIL_1540, "NSE/FAOP/74467"),
)
_USUAL: Final = {
    Segment.NSE_CM: _CASH,
    Segment.BSE_CM: _CASH,
    Segment.NSE_FO: _DERIVATIVES,
    Segment.BSE_FO: _DERIVATIVES,
}
_CASH_SEGMENTS: Final = frozenset({Segment.NSE_CM, Segment.BSE_CM})

# Non-agricultural contracts of MCX close at 23:30 while New York keeps summer time, else 23:55.
_COMMODITY_CLOSE: Final = (
    Row(holidays.COMMODITY_FIRST_DAY, _s(23, 55), "market_rules.md 1: winter"),
    Row(date(2026, 3, 9), _s(23, 30), "market_rules.md 1: 9 March to 30 October 2026"),
    Row(date(2026, 11, 2), _s(23, 55), "market_rules.md 1: winter, from 2 November 2026"),
)
_COMMODITY_OPEN: Final = _s(9)
_COMMODITY_EVENING: Final = _s(17)


class Sessions:
    """Looks up sessions. Pure; made once per run.

    ``extra_holidays`` and ``extra_sessions`` are days announced after the tables were compiled;
    they win over the tables, and apply to the equity segments of both exchanges.
    """

    def __init__(
        self,
        extra_holidays: Iterable[date] = (),
        extra_sessions: Iterable[SpecialSession] = (),
    ) -> None:
        closed = frozenset(extra_holidays)
        self._holidays = holidays.EQUITY_HOLIDAYS | closed
        self._special = {
            special.day: special
            for special in holidays.EQUITY_SPECIAL_SESSIONS
            if special.day not in closed
        }
        self._special |= {special.day: special for special in extra_sessions}
        self._known: dict[tuple[Segment, date, bool], Session | None] = {}

    def session(
        self, segment: Segment, day: date, *, closing_auction: bool = False
    ) -> Session | None:
        """Return the session of ``segment`` on ``day``, None when it is closed all day.

        ``closing_auction`` is for shares that have derivatives: since 3 August 2026 their
        continuous trading ends at 15:15. Raises ``FileError`` for a segment or a day whose
        calendar is not known, and for a special session whose hours were never published.
        """
        key = (segment, day, closing_auction)
        if key not in self._known:
            self._known[key] = self._find(segment, day, closing_auction=closing_auction)
        return self._known[key]

    def continuous(
        self, segment: Segment, day: date, *, closing_auction: bool = False
    ) -> tuple[int, int]:
        """Return when continuous trading opens first and closes last on ``day``, ns UTC.

        Raises ``FileError`` where ``session`` does, and on a day without one.
        """
        session = self.session(segment, day, closing_auction=closing_auction)
        if session is None:
            raise FileError(f"{segment} does not trade on {day:%A} {day.isoformat()}")
        return session.open_ns, session.close_ns

    def is_trading_day(self, segment: Segment, day: date) -> bool:
        """True when ``segment`` trades at all on ``day``. Raises ``FileError`` when not known."""
        if segment in holidays.EQUITY_SEGMENTS:
            _require(segment, day, holidays.FIRST_DAY)
            return day in self._special or not self._is_equity_closed(day)
        return self.session(segment, day) is not None

    def previous_trading_day(self, segment: Segment, day: date) -> date:
        """Return the last trading day before ``day``: where an expiry on a holiday moves to."""
        before = day - timedelta(days=1)
        while not self.is_trading_day(segment, before):
            before -= timedelta(days=1)
        return before

    def _find(self, segment: Segment, day: date, *, closing_auction: bool) -> Session | None:
        if segment in holidays.EQUITY_SEGMENTS:
            return self._equity(segment, day, closing_auction=closing_auction)
        if segment is Segment.MCX_FO:
            return self._commodity(day)
        raise FileError(f"no calendar is known for the segment {segment}")

    def _equity(self, segment: Segment, day: date, *, closing_auction: bool) -> Session | None:
        _require(segment, day, holidays.FIRST_DAY)
        special = self._special.get(day)
        if special is None and self._is_equity_closed(day):
            return None
        rows = _USUAL[segment]
        if closing_auction and segment in _CASH_SEGMENTS:
            rows = _CASH_IN_AUCTION
        usual = (in_force(rows, day, f"session of {segment}"),)
        if special is None:
            return Session(segment, day, usual, "normal")
        if special.windows is None:
            return Session(segment, day, usual, special.occasion)
        if not special.windows:
            raise FileError(
                f"the hours of the {special.occasion} session of {day.isoformat()} are not in the "
                "tables; name them as an extra session"
            )
        windows = tuple(
            Window(_of_day(opens), _of_day(closes)) for opens, closes in special.windows
        )
        return Session(segment, day, windows, special.occasion)

    def _is_equity_closed(self, day: date) -> bool:
        return _is_weekend(day) or day in self._holidays

    @staticmethod
    def _commodity(day: date) -> Session | None:
        _require(Segment.MCX_FO, day, holidays.COMMODITY_FIRST_DAY)
        if _is_weekend(day) or day in holidays.COMMODITY_CLOSED:
            return None
        opens, closes = _COMMODITY_OPEN, in_force(_COMMODITY_CLOSE, day, "session of mcx_fo")
        name = "normal"
        if day in holidays.COMMODITY_MORNING_CLOSED:
            opens, name = _COMMODITY_EVENING, "evening only"
        elif day in holidays.COMMODITY_EVENING_CLOSED:
            closes, name = _COMMODITY_EVENING, "morning only"
        return Session(Segment.MCX_FO, day, (Window(opens, closes),), name)


def _require(segment: Segment, day: date, first: date) -> None:
    if not first <= day <= holidays.LAST_DAY:
        raise FileError(
            f"no calendar of {segment} is known for {day.isoformat()}; the tables cover "
            f"{first.isoformat()} to {holidays.LAST_DAY.isoformat()}"
        )


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def _of_day(clock: time) -> int:
    return (clock.hour * 60 + clock.minute) * 60 + clock.second
