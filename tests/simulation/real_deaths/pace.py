"""A day that runs faster than real time, in every process alike: the clock and the loop.

Engine time is ``start + pace x (monotonic clock since zero)``, and the loop's own time is scaled
the same way, so that every wait of the engine, in a kernel timer or in ``asyncio``, is ``1 / pace``
of what it says. What is not scaled is what the machine does: files, sockets, decisions.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any


class PacedClock:
    """ns UTC. ``zero_ns`` is the reading of the monotonic clock at which the day began."""

    def __init__(self, start_ns: int, zero_ns: int, pace: int) -> None:
        self._start_ns = start_ns
        self._zero_ns = zero_ns
        self._pace = pace

    def now(self) -> int:
        """Return the day's time."""
        return self._start_ns + (time.monotonic_ns() - self._zero_ns) * self._pace


class _PacedSelector(selectors.DefaultSelector):
    """Waits ``1 / pace`` of what it is asked to."""

    def __init__(self, pace: int) -> None:
        super().__init__()
        self._pace = pace

    def select(self, timeout: float | None = None) -> list[Any]:
        return super().select(None if timeout is None else timeout / self._pace)


class PacedLoop(asyncio.SelectorEventLoop):
    """A loop on which a second takes ``1 / pace`` seconds."""

    def __init__(self, pace: int) -> None:
        self._pace = pace
        super().__init__(_PacedSelector(pace))

    def time(self) -> float:
        return super().time() * self._pace


def paced(pace: int) -> Callable[[], PacedLoop]:
    """Return what makes such a loop."""
    return lambda: PacedLoop(pace)
