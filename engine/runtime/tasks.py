"""Where tasks are made: kept while they run, let go when they end, never failing unheard.

A task nobody holds may be collected in the middle, and an error nobody awaits is told when it is
too late (reliability.md 6.8): so tasks are started here and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """The tasks of one owner. One that fails goes to the loop's handler, which ends the run."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have ``work`` done beside everything else."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def running(self) -> tuple[asyncio.Task[None], ...]:
        """Return those that have not ended."""
        return tuple(self._running)

    async def close(self) -> None:
        """Cancel what has not ended, and wait until it has."""
        tasks = self.running()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            task.get_loop().call_exception_handler(
                {"message": f"{self._what} failed", "exception": task.exception(), "task": task}
            )


def beside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start something whose one caller awaits it, and may stop waiting without stopping it."""
    return asyncio.create_task(work)


async def in_thread(work: Callable[[], T]) -> T:
    """Run something that blocks in a thread, so that the loop goes on."""
    return await asyncio.to_thread(work)
