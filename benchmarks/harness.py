"""Interleaved rounds and medians of ratios: the only figures a noisy machine can be trusted with.

Every variant runs once per round, so that what slows the machine down slows all of them; a ratio
is taken inside each round, and the median of the rounds is what counts. Nanoseconds are shown as
indications.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Nanoseconds per operation, by variant and round."""

    rounds: Mapping[str, Sequence[float]]

    def median_ns(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def least_ns(self, name: str) -> float:
        return min(self.rounds[name])

    def ratio(self, name: str, to: str) -> float:
        """How many times as long ``name`` takes as ``to``: the median over the rounds."""
        pairs = zip(self.rounds[name], self.rounds[to], strict=True)
        return statistics.median(a / b for a, b in pairs)


def interleave(
    variants: Mapping[str, Callable[[], object]], *, operations: int, rounds: int
) -> Timings:
    """Run every variant once per round, each round starting one variant further on.

    A variant does ``operations`` operations per call. One round is run before and not counted.
    """
    if rounds < 1 or operations < 1:
        raise ValueError(f"{rounds} rounds of {operations} operations measure nothing")
    names = list(variants)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            run = variants[name]
            gc.collect()
            began = time.perf_counter_ns()
            run()
            took = (time.perf_counter_ns() - began) / operations
            if number >= 0:
                taken[name].append(took)
    return Timings(taken)


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that was promised: ``measured`` must be at most (or at least) ``bound``."""

    what: str
    measured: float
    bound: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "met" if self.is_met else "MISSED"
        return f"{verdict:6}  {self.what}: {self.measured:.2f} ({sign} {self.bound:g})"
