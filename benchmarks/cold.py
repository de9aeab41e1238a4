"""What a pause costs: risk's judgement of one entry, right behind another one and after pauses.

    python -m benchmarks.cold

The same order is judged again and again by the gate of a live engine, with something else in
between. What it takes longer after a pause than without one is not the engine's work but the
processor's way into it: compare ``benchmarks.order_path``, where every intent comes after a pause.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.live_rig import Asker, Rig
from engine.model.money import trap_float_mixing
from engine.runtime.loop import loop_factory

TIMES = 300
BYTES = 5_632
"""What an order's records take in a journal."""
MEMORY = bytes(8 << 20)


async def nothing() -> None:
    """Judge right behind the judgement before."""


def asleep(seconds: float) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.sleep(seconds)


async def busy() -> None:
    """Calculate for three milliseconds."""
    until = time.perf_counter() + 0.003
    while time.perf_counter() < until:
        pass


async def reading() -> None:
    """Go through more memory than the processor keeps near."""
    MEMORY.count(7)


def syncing(descriptor: int) -> Callable[[], Awaitable[None]]:
    async def sync() -> None:
        os.pwrite(descriptor, bytes(BYTES), 0)
        os.fdatasync(descriptor)

    return sync


async def measure(folder: Path, between: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Print how long one judgement takes after each of these, the median of many."""
    running = Rig(folder / "state").join()
    await running.start()
    judge = running.gate.judge
    judged: list[Any] = []

    def noting(*asked: Any) -> Any:
        judged[:] = asked
        return judge(*asked)

    running.gate.judge = noting  # type: ignore[method-assign]
    for _ in range(20):
        running.ask(Asker.buy_one)
        await running.quiet()
    for name, pause in between.items():
        took = []
        for _ in range(TIMES):
            await pause()
            began = time.perf_counter_ns()
            judge(*judged)
            took.append(time.perf_counter_ns() - began)
        print(f"  {name:<32} p50 {statistics.median(took) / 1000:6.0f} us")
    await running.stop()


def main() -> None:
    trap_float_mixing()
    with (
        tempfile.TemporaryDirectory() as name,
        (Path(name) / "synced").open("wb") as file,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        print(f"one order judged {TIMES} times")
        runner.run(
            measure(
                Path(name),
                {
                    "right behind the last": nothing,
                    "after 0.5 ms of sleep": asleep(0.0005),
                    "after 3 ms of a busy loop": busy,
                    "after 8 MB of memory": reading,
                    "after 3 ms of sleep": asleep(0.003),
                    "after a write and fdatasync": syncing(file.fileno()),
                    "after 20 ms of sleep": asleep(0.02),
                },
            )
        )


if __name__ == "__main__":
    main()
