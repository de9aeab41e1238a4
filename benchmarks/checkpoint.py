"""What a checkpoint costs: hashing the state of a live kernel, inside one of its callbacks.

    python -m benchmarks.checkpoint --orders 1000

A real engine trades against the simulated broker until it has so many orders; every checkpoint it
writes meanwhile is timed. Then the same state is hashed from nothing, as after a restart.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Target
from benchmarks.live_rig import Asker, Rig
from engine.core.state_digest import StateDigest
from engine.model.money import trap_float_mixing
from engine.runtime.checkpoints import EVERY_RECORDS

CALLBACK_MS = 3.0
TIMES = 20


class Stopwatch:
    """Times a digest's every use."""

    def __init__(self, digest: StateDigest) -> None:
        self.took_ms: list[float] = []
        sections = digest.sections

        def timed() -> dict[str, str]:
            began = time.perf_counter()
            found = sections()
            self.took_ms.append((time.perf_counter() - began) * 1e3)
            return found

        digest.sections = timed  # type: ignore[method-assign, assignment]


async def measure(folder: Path, orders: int) -> tuple[list[float], float, int]:
    """Return the times of the checkpoints (ms), of one from nothing, and how many records."""
    rig = Rig(folder)
    running = rig.join()
    stopwatch = Stopwatch(running.parts.runner._checkpoints._digest)
    await running.start()

    def some(strategy: Asker) -> None:
        for _ in range(10):
            strategy.buy_one()

    def none(strategy: Asker) -> None:
        for group in strategy.groups():
            strategy.exit(group)

    while len(rig.broker.rows) < orders:
        for work in (some, none):
            running.ask(work)
            await running.quiet()
    kernel = running.parts.kernel
    began = time.perf_counter()
    for _ in range(TIMES):
        StateDigest(kernel).sections()
    anew = (time.perf_counter() - began) / TIMES * 1e3
    records = running.parts.journal.sequence
    await running.stop()
    return stopwatch.took_ms, anew, records


def main() -> int:
    """Measure and print; 1 when the target was missed."""
    trap_float_mixing()
    reader = argparse.ArgumentParser(prog="python -m benchmarks.checkpoint")
    reader.add_argument("--orders", type=int, default=1_000)
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as name:
        took, anew, records = asyncio.run(measure(Path(name), asked.orders))
    took.sort()
    print(f"{asked.orders:,} orders, {records:,} records, a checkpoint every {EVERY_RECORDS}")
    print(
        f"  {len(took)} checkpoints: median {took[len(took) // 2]:.2f} ms, longest {took[-1]:.2f}"
    )
    print(f"  from nothing: {anew:.2f} ms")
    target = Target("ms of the median checkpoint", took[len(took) // 2], CALLBACK_MS)
    print(target)
    return 0 if target.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
