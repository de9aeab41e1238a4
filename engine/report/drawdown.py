"""The deepest fall of a running profit, and how long it lasted."""

from __future__ import annotations

from typing import Final

import msgspec

_LEAST_FALL_INR: Final = 0.005
"""Less than half a paisa is the noise of floats, not a fall."""


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The largest fall from an earlier high; a day starts at its first high, 0.

    ``fall_inr`` is positive rupees, 0 when profit never fell. The times (ns UTC) are those of the
    high, of the low after it, and of the first moment back at the high: None for all without a
    fall, and for ``recovered_at`` when it was not recovered.
    """

    fall_inr: float
    high_at: int | None = None
    low_at: int | None = None
    recovered_at: int | None = None

    def lasted_s(self, until: int) -> float | None:
        """Seconds from the high to its recovery, else to ``until`` (ns UTC).

        None without a fall.
        """
        if self.high_at is None:
            return None
        end = until if self.recovered_at is None else self.recovered_at
        return (end - self.high_at) / 1e9


class DrawdownWatch:
    """Follows one running profit. Cheap, since it is told at every price of what is held."""

    __slots__ = ("_fall", "_high", "_high_at", "_is_under", "_span")

    def __init__(self, at: int) -> None:
        self._high = 0.0
        self._high_at = at
        self._fall = _LEAST_FALL_INR
        self._span: tuple[int, int, int | None] | None = None
        self._is_under = False

    @property
    def high(self) -> float:
        """The high so far, rupees: what a fall is measured from."""
        return self._high

    def see(self, profit: float, at: int) -> None:
        """Profit is ``profit`` rupees at ``at`` (ns UTC), which never runs backwards."""
        if profit >= self._high:
            if self._is_under and self._span is not None:
                self._span = (self._span[0], self._span[1], at)
            self._is_under = False
            self._high, self._high_at = profit, at
        elif self._high - profit > self._fall:
            self._fall = self._high - profit
            self._span = (self._high_at, at, None)
            self._is_under = True

    def worst(self) -> Drawdown:
        """Return the deepest fall so far, to the paisa."""
        if self._span is None:
            return Drawdown(fall_inr=0.0)
        high_at, low_at, recovered_at = self._span
        return Drawdown(
            fall_inr=round(self._fall, 2),
            high_at=high_at,
            low_at=low_at,
            recovered_at=recovered_at,
        )
