"""The price that limit price protection is measured from when a stop fires.

The exchange takes the simple mean of the last 30 seconds' trades and renews it every 30 seconds
(market_rules.md section 4). So it lags: a stop that fires in a jump can be cancelled.
"""

from __future__ import annotations

from typing import Final

WINDOW_NS: Final = 30_000_000_000


class ReferencePrice:
    """The mean of one window's prints, renewed as each window of the clock ends."""

    __slots__ = ("_count", "_mean", "_sum", "_window")

    def __init__(self) -> None:
        self._window: int | None = None
        self._sum = 0
        self._count = 0
        self._mean: int | None = None

    def note(self, at: int, ticks: int) -> None:
        """Count a print. ``at`` (ns) never goes back."""
        window = at // WINDOW_NS
        if window != self._window:
            if self._count:
                self._mean = (2 * self._sum + self._count) // (2 * self._count)
            self._window, self._sum, self._count = window, 0, 0
        self._sum += ticks
        self._count += 1

    def over(self, last: int) -> int:
        """Return the mean of the last whole window in ticks, or ``last`` before there is one."""
        return last if self._mean is None else self._mean
