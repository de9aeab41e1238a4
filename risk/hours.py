"""When contracts trade on one day, and may be entered, with the words a check says it in.

Both depend on the contract, the day and a strategy's limits alone, so they are worked out once.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from engine.model.instrument import Instrument
from engine.rules.clock_time import clock_text
from engine.rules.sessions import Sessions

NEVER_ENTERED: Final = "no moment of this session: it is too short for both limits"


class Hours(NamedTuple):
    """Continuous trading of one contract, ``[opens, closes)`` in ns UTC, and how it is said."""

    windows: tuple[tuple[int, int], ...]
    text: str

    def is_open(self, now: int) -> bool:
        """True while the contract trades at ``now`` (ns)."""
        return any(opens <= now < closes for opens, closes in self.windows)

    def is_early(self, now: int, after: int) -> bool:
        """True until ``after`` ns behind the open of the window that ``now`` precedes or is in."""
        for opens, closes in self.windows:
            if now < closes:
                return now < opens + after
        return False


class EntryHours(NamedTuple):
    """When a contract may be entered, first and last moment in ns UTC, and how it is said."""

    windows: tuple[tuple[int, int], ...]
    text: str

    def admits(self, now: int) -> bool:
        """True when it may be entered at ``now`` (ns)."""
        return any(first <= now <= last for first, last in self.windows)


class TradingHours:
    """Looks up the hours of one trading date."""

    def __init__(self, sessions: Sessions, trading_date: date) -> None:
        self._sessions = sessions
        self.trading_date = trading_date
        self._hours: dict[Instrument, Hours | None] = {}
        self._entries: dict[tuple[Instrument, int, int], EntryHours] = {}

    def of(self, instrument: Instrument) -> Hours | None:
        """Return when a contract trades, None when it does not. Raises as ``Sessions.of``."""
        if instrument not in self._hours:
            day = self._sessions.of(instrument, self.trading_date)
            windows = () if day is None else day.windows_ns()
            self._hours[instrument] = Hours(windows, _text(windows)) if windows else None
        return self._hours[instrument]

    def for_entry(
        self, instrument: Instrument, hours: Hours, after: int, before: int
    ) -> EntryHours:
        """Return when it may be entered: ``after`` ns behind an open, ``before`` ns to a close."""
        key = (instrument, after, before)
        found = self._entries.get(key)
        if found is None:
            windows = tuple((opens + after, closes - before) for opens, closes in hours.windows)
            said = _text(tuple(w for w in windows if w[0] <= w[1]))
            found = self._entries[key] = EntryHours(windows, said or NEVER_ENTERED)
        return found


# Nearly every contract of a day has the same windows.
@lru_cache(maxsize=64)
def _text(windows: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{clock_text(first, 0)}-{clock_text(last, 0)}" for first, last in windows)
