"""The clocks: the wall's, and the one a recording drives. Nothing else reads the time.

Everything that decides is handed its time as a parameter (DESIGN.md, decision 11); these are where
that parameter comes from. Nanoseconds since the epoch, UTC.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable
from typing import Final

from engine.errors import InvariantBroken
from engine.rules.clock_time import NS_PER_S

DRIFT_TOLD_NS: Final = NS_PER_S
"""The wall's clock may be set by less without a word."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> int:
        """Return the wall's time."""
        return time.time_ns()


def _since_boot_ns() -> int:
    """Read a clock that nobody sets and that goes on while the machine sleeps, where there is one.

    Python's own monotonic clock stands still in a suspended Linux machine: a laptop that slept
    through noon would trade the afternoon by the morning's time.
    """
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class SteadyClock:
    """The machine's time when it was made, and from then on by a clock that nobody can set.

    A live run's: while the wall's clock is put right by an hour, timers, deadlines and doubts go on
    as if nothing had happened. ``drift_ns`` says how far the two have come apart.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = _since_boot_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._offset = wall_ns() - steady_ns()

    def now(self) -> int:
        """Return the time."""
        return self._steady_ns() + self._offset

    @property
    def drift_ns(self) -> int:
        """How far the wall's clock is ahead of this one; negative when it was set back."""
        return self._wall_ns() - self.now()


class DriftWatch:
    """Finds out that the wall's clock was set while a run goes on by its steady one."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._told_ns = 0

    def look(self) -> str:
        """Return what to tell a person, once for each time it was set; else an empty text."""
        drift_ns = self._clock.drift_ns
        if abs(drift_ns - self._told_ns) < DRIFT_TOLD_NS:
            return ""
        self._told_ns = drift_ns
        if abs(drift_ns) < DRIFT_TOLD_NS:
            return "the machine's clock shows the time of this run again"
        where = "ahead of" if drift_ns > 0 else "behind"
        return (
            f"the machine's clock was set: it is {abs(drift_ns) / NS_PER_S:.0f} s {where} the time "
            "this run goes by. If it was wrong before, so are this run's times and market hours: "
            "stop it, see that the clock is right, and start it again"
        )


class VirtualClock:
    """Stands still until somebody moves it, and never goes back."""

    __slots__ = ("_now",)

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Return the time it was last moved to."""
        return self._now

    def advance(self, to: int) -> None:
        """Move to ``to``. Raises ``InvariantBroken`` when that lies in the past."""
        if to < self._now:
            raise InvariantBroken(f"time would run back by {self._now - to} ns, to {to}")
        self._now = to


class Pacer:
    """Holds virtual time to ``speed`` times real time; None means as fast as it goes.

    The first moment it is shown is where both times start. A caller that falls behind is not
    waited for and catches up: the distance from the start counts, not the last step.
    """

    __slots__ = ("_real_start", "_speed", "_virtual_start")

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._virtual_start: int | None = None
        self._real_start = 0

    @property
    def is_on(self) -> bool:
        """True when there is a speed to hold to."""
        return self._speed is not None

    def delay_s(self, virtual_now: int, real_now: int) -> float:
        """Return the real seconds to wait before ``virtual_now`` may happen."""
        if self._speed is None:
            return 0.0
        if self._virtual_start is None:
            self._virtual_start, self._real_start = virtual_now, real_now
        due = self._real_start + (virtual_now - self._virtual_start) / self._speed
        return max(0.0, (due - real_now) / 1e9)

    async def wait(self, virtual_now: int, *, at_most_s: float = math.inf) -> bool:
        """Wait until ``virtual_now`` may happen; False when ``at_most_s`` was over before."""
        delay = self.delay_s(virtual_now, stopwatch_ns())
        if delay > 0:
            await asyncio.sleep(min(delay, at_most_s))
        return delay <= at_most_s


# Not a function around it: hooks are timed twice a tick, and a call costs as much as the reading.
stopwatch_ns = time.perf_counter_ns
"""Reads a monotonic clock, for measuring how long something took; it is no time of day."""

STOPWATCH_IS_MONOTONIC: Final = (
    time.get_clock_info("perf_counter").implementation == "clock_gettime(CLOCK_MONOTONIC)"
)
"""Whether that clock is the one C calls CLOCK_MONOTONIC, as on Linux: compiled code can read it."""
