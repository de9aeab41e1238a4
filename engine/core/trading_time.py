"""When the instruments of one run trade on its day: what bars, timers and groups go by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from engine.core.timers import NEVER
from engine.model.instrument import Instrument
from engine.rules.clock_time import clock_text
from engine.rules.sessions import Sessions

Windows = tuple[tuple[int, int], ...]
"""Continuous trading as (open, close), ns UTC, in order and apart."""


class TradingTime:
    """Windows by instrument, looked up once. Times are ns UTC.

    Every method raises ``FileError`` for an instrument whose calendar or hours are not known.
    """

    def __init__(self, instruments: Iterable[Instrument], sessions: Sessions, day: date) -> None:
        self._instruments = instruments
        self._sessions = sessions
        self._day = day
        self._by_index: dict[int, Windows] = {}
        self._of_run: Windows | None = None

    def windows(self, instrument: Instrument) -> Windows:
        """Return when ``instrument`` trades; nothing on a day without a session."""
        known = self._by_index.get(instrument.index)
        if known is None:
            session = self._sessions.of(instrument, self._day)
            known = () if session is None else session.windows_ns()
            self._by_index[instrument.index] = known
        return known

    def require(self, instrument: Instrument) -> Windows:
        """Return its windows. Raises ``FileError`` on a day without a session."""
        found = self.windows(instrument)
        if not found:
            hours_class = self._sessions.hours_class(instrument)
            self._sessions.continuous(instrument.segment, self._day, hours_class)
        return found

    def of_run(self) -> Windows:
        """Return when anything of this run trades."""
        if self._of_run is None:
            self._of_run = self.of(self._instruments)
        return self._of_run

    def of(self, instruments: Iterable[Instrument]) -> Windows:
        """Return when any of ``instruments`` trades."""
        return merged(window for i in instruments for window in self.windows(i))

    def opened_at(self, instrument: Instrument, now: int) -> int | None:
        """Return when the window that ``now`` lies in opened, None while it does not trade."""
        for opens, closes in self._by_index.get(instrument.index) or self.windows(instrument):
            if opens <= now < closes:
                return opens
        return None

    def reopens_at(self, instrument: Instrument, now: int) -> int | None:
        """Return when it next opens today, None while it trades and after its last close."""
        if self.opened_at(instrument, now) is not None:
            return None
        later = (opens for opens, _ in self.windows(instrument) if opens > now)
        return next(later, None)

    def closed_at(self, instrument: Instrument, now: int) -> int | None:
        """Return when its last window of the day closed, None before that and on no trading day."""
        windows = self.windows(instrument)
        return windows[-1][1] if windows and windows[-1][1] <= now else None


def merged(windows: Iterable[tuple[int, int]]) -> Windows:
    """Return ``windows`` in order, those that touch or overlap as one."""
    apart: list[tuple[int, int]] = []
    for opens, closes in sorted(windows):
        if apart and opens <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], closes)
        else:
            apart.append((opens, closes))
    return tuple(apart)


def next_trading(windows: Windows, at: int) -> int:
    """Return ``at`` if it lies in one of ``windows``, else when the next opens; NEVER after all."""
    for opens, closes in windows:
        if at < closes:
            return max(at, opens)
    return NEVER


def outside_note(windows: Windows, at: int) -> str:
    """Say that ``at`` lies in a break or after the last close; nothing of it before the open."""
    if not windows or at < windows[0][0] or next_trading(windows, at) == at:
        return ""
    hours = ", ".join(f"{clock_text(o, 0)[:5]}-{clock_text(c, 0)[:5]}" for o, c in windows)
    return f"nothing of this run trades then (it trades {hours}): no order can go out"
