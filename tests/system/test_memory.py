"""A run holds what is open, not what has passed: twice the recording takes no more memory."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

QUIET = """
    class One(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.watch(self.future("NIFTY"), depth=True)
            self.bars("NIFTY", "1s")
            self.every(5, self.turn)
            self.seen = 0

        def turn(self):
            self.background(self.work(), self.then)

        async def work(self):
            return 1

        def then(self, result):
            self.seen += 1

        def on_tick(self, tick):
            self.seen += 1
"""


def _peak(project: Any) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        ended = project.cli("run", "strategies.yaml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ended.code, ended.err) == (0, "")
    return peak


def test_memory_stays_flat_over_a_longer_recording(project: Any, new_tape: Any) -> None:
    short = new_tape(start="09:15:00")
    short.walk("09:43:00")
    long = new_tape(start="09:15:00")
    long.walk("10:11:00")
    project.write(QUIET, tape=short)
    assert project.cli("run", "strategies.yaml").code == 0  # what is loaded once is kept
    once = _peak(project)
    project.write(QUIET, tape=long)
    twice = _peak(project)
    # 20,160 frames more; what grows are the closed bars, of which a bounded number is kept.
    assert twice < once + 1_500_000, (once, twice)
