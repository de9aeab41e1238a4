"""How long to wait before the next try: doubling, with full jitter, forgiven after a quiet spell.

Full jitter, so that a thousand clients cut off together do not come back together.
"""

from __future__ import annotations

from random import Random
from typing import Final

FORGIVEN_AFTER_S: Final = 60.0
"""A connection that held this long has earned a fresh start."""


class Backoff:
    """Delays in seconds: between 0 and ``first_s`` doubled each time, at most ``cap_s``.

    ``floor_s`` is the least: a server is never asked again at once.
    """

    def __init__(
        self, dice: Random, *, first_s: float = 0.5, cap_s: float = 30.0, floor_s: float = 0.1
    ) -> None:
        self._dice = dice
        self._first_s = first_s
        self._cap_s = cap_s
        self._floor_s = floor_s
        self.failures = 0

    def next_s(self) -> float:
        """Count a failure and return how long to wait before the next try."""
        # The power is bounded before it is taken: a long night must not overflow a float.
        ceiling = min(self._cap_s, self._first_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return max(self._floor_s, self._dice.uniform(0.0, ceiling))

    def held(self, for_s: float) -> None:
        """Note that a connection held for so long before it ended."""
        if for_s >= FORGIVEN_AFTER_S:
            self.failures = 0
