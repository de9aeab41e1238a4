"""The tester tested: a loop that is not itself deterministic proves nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.loop import START_S, Deadlock, VirtualLoop, run_virtual


async def _babble(loop: VirtualLoop) -> tuple[str, list[str]]:
    said: list[str] = []
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def talk(name: str) -> None:
        for number in range(20):
            await asyncio.sleep(0 if number % 3 else 0.01 * number)
            said.append(f"{name}{number}")
            await queue.put(number)

    async def listen() -> None:
        for _ in range(60):
            await queue.get()

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(talk(name))
        group.create_task(listen())
    return loop.trace, said


@pytest.mark.parametrize("seed", range(50))
def test_the_same_seed_gives_the_same_run(seed: int) -> None:
    assert run_virtual(_babble, seed) == run_virtual(_babble, seed)


def test_different_seeds_give_different_orders() -> None:
    assert len({tuple(run_virtual(_babble, seed)[1]) for seed in range(30)}) > 20


def test_time_jumps_to_the_next_timer_and_nobody_waits() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(6 * 3600)
        return loop.time() - START_S

    assert run_virtual(main, 1) == pytest.approx(6 * 3600)


def test_a_timeout_fires_at_its_virtual_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return loop.time() - START_S

    assert run_virtual(main, 1) == pytest.approx(30)


def test_everybody_waiting_for_nobody_is_an_error_and_no_hang() -> None:
    async def main(_: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(main, 1)


def test_a_failed_task_nobody_awaits_is_kept() -> None:
    async def main(loop: VirtualLoop) -> int:
        async def fail() -> None:
            raise ValueError("unseen")

        task = asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(1)
        assert task.done()
        del task
        return len(loop.failures)

    assert run_virtual(main, 1) == 1
