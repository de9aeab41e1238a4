"""Seeded chance for synthetic markets: the same draws on every machine and Python.

Only ``Random.random()`` is promised to repeat across Python versions, and ``exp``, ``log`` and
``cos`` may differ in the last bit between C libraries; so normals here are sums of uniforms, exact
in IEEE arithmetic, and what uses a logarithm is rounded before anybody sees it.
"""

from __future__ import annotations

import math
from random import Random

_WAIT_DECIMALS = 9


class Dice:
    """One stream of draws. Streams of different ``purpose`` do not disturb each other."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = Random(f"{seed}/{purpose}").random  # noqa: S311 - a seeded synthetic market, no secret

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number in ``[low, high)``."""
        return low + (high - low) * self._random()

    def chance(self, probability: float) -> bool:
        """Return True with ``probability``."""
        return self._random() < probability

    def below(self, count: int) -> int:
        """Return a whole number in ``[0, count)``."""
        return int(self._random() * count)

    def normal(self) -> float:
        """Return a draw with mean 0 and deviation 1 (twelve uniforms less six: never beyond 6)."""
        draw = self._random
        return (
            draw() + draw() + draw() + draw() + draw() + draw()
            + draw() + draw() + draw() + draw() + draw() + draw() - 6.0
        )  # fmt: skip

    def exponential(self, mean: float) -> float:
        """Return a draw of the exponential distribution, nine decimals."""
        return round(-math.log(1.0 - self._random()) * mean, _WAIT_DECIMALS)

    def geometric(self, mean: float) -> int:
        """Return a whole number from 0 whose mean is nearly ``mean``."""
        return int(-math.log(1.0 - self._random()) * (mean + 0.5))
