"""A machine whose clock is wrong, or whose process stands still."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

from tests.simulation.__main__ import SHORT_DAY_S
from tests.simulation.day import run
from tests.simulation.loop import PROCESS, START_S, VirtualLoop, run_virtual


def test_a_clock_an_hour_behind_at_the_start_sends_nothing_before_the_market_opens() -> None:
    # 09:20 in truth, 08:20 by the machine: entries wait for the open, by the engine's own time.
    outcome = run(1, scale=0, deaths=0, trades_for_s=SHORT_DAY_S, clock_off_s=-3_600)
    assert (outcome.violation, outcome.orders) == ("", 0)


def test_a_clock_an_hour_ahead_at_the_start_trades_and_loses_nothing() -> None:
    outcome = run(1, scale=0, deaths=0, trades_for_s=SHORT_DAY_S, clock_off_s=3_600)
    assert not outcome.violation
    assert outcome.trades


def test_a_process_that_is_stopped_gets_no_turn_and_then_all_it_missed() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        async def tick(name: str) -> None:
            for _ in range(4):
                await asyncio.sleep(10)
                seen.append((name, loop.time() - START_S))

        def born() -> asyncio.Task[None]:
            PROCESS.set(1)
            return loop.create_task(tick("engine"))

        tasks = [copy_context().run(born), loop.create_task(tick("world"))]
        await asyncio.sleep(15)
        loop.freeze(30)
        await asyncio.gather(*tasks)
        return seen

    seen = run_virtual(main, 1)
    assert [at for name, at in seen if name == "world"] == [10, 20, 30, 40]
    assert [at for name, at in seen if name == "engine"] == [10, 45, 55, 65]
