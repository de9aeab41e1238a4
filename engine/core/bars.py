"""Bars built from ticks, exact even when ticks were conflated.

A bar holds what was *received* in ``[start, end)``: it closes on time, with what could be known
then. A conflated tick carries first, low, high and count of everything it stands for, and the bus
never conflates across a whole second, so every interval of a second or more stays exact. For the
same reason volume is counted from the end of the second in which an instrument is first seen: how
much of the day's volume that second began with, a conflated tick does not say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from engine.core.timers import NEVER
from engine.model.instrument import Instrument
from engine.model.market import Bar, Interval, Tick
from engine.rules.clock_time import NS_PER_S

KEPT_BARS = 5_000
"""How many closed bars one builder remembers: more than a day of one-minute bars for a week."""


class BarBuilder:
    """Builds the bars of one instrument and interval; ``windows`` are (open, close) in ns.

    Intervals are aligned to the open of each window of the day's session, and the last of a window
    ends with it: an hour from 15:15 is fifteen minutes long, and a day ends at the close. So no bar
    spans the break of a recovery test or a halt. What is received outside is built likewise:
    before the open counted back from it, in a break or after the close counted from its start.
    """

    __slots__ = (
        "_anchor",
        "_close",
        "_count",
        "_counts_from",
        "_high",
        "_length",
        "_limit",
        "_low",
        "_oi",
        "_open",
        "_since",
        "_volume",
        "_volume_before",
        "_windows",
        "closed",
        "end",
        "instrument",
        "interval",
        "start",
    )

    def __init__(
        self, instrument: Instrument, interval: Interval, windows: tuple[tuple[int, int], ...]
    ) -> None:
        self.instrument = instrument
        self.interval = interval
        self._length = interval.seconds * NS_PER_S
        self._windows = windows
        # The stretch in which the anchor holds, [since, limit): a window, or what is between two.
        self._anchor = self._since = self._limit = 0
        self.start = 0
        self.end = 0
        self.closed: deque[Bar] = deque(maxlen=KEPT_BARS)
        self._count = 0
        self._open = self._high = self._low = self._close = 0.0
        self._volume: int | None = None
        self._volume_before: int | None = None
        self._counts_from = 0
        self._oi: int | None = None

    def seed(self, bars: Iterable[Bar]) -> None:
        """Put bars from before the session in front of what is built here."""
        ours = list(self.closed)
        self.closed.clear()
        self.closed.extend(bars)
        self.closed.extend(ours)

    def next_end(self, now: int) -> int:
        """Return the end of the interval that ``now`` lies in."""
        if not self._since <= now < self._limit:
            self._move_to(now)
        return min(now - (now - self._anchor) % self._length + self._length, self._limit)

    def _start_of(self, at: int) -> int:
        if not self._since <= at < self._limit:
            self._move_to(at)
        return max(at - (at - self._anchor) % self._length, self._since)

    def _move_to(self, now: int) -> None:
        """Take the anchor of the stretch that ``now`` lies in."""
        first, since = self._windows[0][0], 0
        for edge in (edge for window in self._windows for edge in window):
            if now < edge:
                self._anchor = since or first
                self._since, self._limit = since, edge
                return
            since = edge
        self._anchor = self._since = since
        self._limit = NEVER

    def update(self, tick: Tick) -> Bar | None:
        """Take a tick in; return the bar that it closed, if it is the first of a later one."""
        at = tick.received_at
        done = self.close(at) if self._count and at >= self.end else None
        last = tick.last
        first, low, high, count = tick.span or (last, last, last, 1)
        if not self._count:
            # A tick that was late for its own bar, which has closed on time, is of the next one.
            self.start = max(self._start_of(at), self.end)
            self.end = self.next_end(self.start)
            self._open = first
            self._low = low
            self._high = high
        else:
            # Comparing is half of what calling min and max would cost, and this is every tick.
            if low < self._low:  # noqa: PLR1730
                self._low = low
            if high > self._high:  # noqa: PLR1730
                self._high = high
        self._close = last
        self._count += count
        self._volume = tick.volume
        if self._volume_before is None and tick.volume is not None:
            self._counts_from = at - at % NS_PER_S + NS_PER_S
        if at < self._counts_from:
            self._volume_before = tick.volume
        self._oi = tick.open_interest
        return done

    def close(self, now: int) -> Bar | None:
        """Return the bar if it ended at or before ``now`` and anything was seen in it."""
        if not self._count or now < self.end:
            return None
        volume = None
        if self._volume is not None and self._volume_before is not None:
            volume = max(0, self._volume - self._volume_before)
        bar = Bar(
            self.instrument,
            self.interval,
            self.start,
            self.end,
            self._open,
            self._high,
            self._low,
            self._close,
            volume,
            self._oi,
            self._count,
        )
        self._volume_before = self._volume
        self._count = 0
        self.closed.append(bar)
        return bar
