"""Where tasks and threads are made: kept while they run, let go when they end, never unheard.

A task nobody holds may be collected in the middle, and an error nobody awaits is told when it is
too late (reliability.md 6.8): so tasks are started here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from queue import SimpleQueue
from threading import Thread
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


class Helper:
    """One thread for one kind of blocking work, done in the order in which it is asked for.

    An executor's thread is handed its work through three locks and two futures; whoever waits for
    this one is the send path. The thread ends when nobody holds the helper any more.
    """

    def __init__(self, name: str) -> None:
        self._asked: _Asked = SimpleQueue()
        thread = Thread(target=_help, args=(self._asked,), name=name, daemon=True)
        thread.start()
        weakref.finalize(self, self._asked.put, None)

    async def do(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or raise what it raises; the loop goes on meanwhile."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.put((work, done))
        return await done


_Asked = SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None]


def _help(asked: _Asked) -> None:
    while (what := asked.get()) is not None:
        work, done = what
        try:
            tell = partial(_tell, done, work(), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            tell = partial(_tell, done, None, error)
        # The loop may have ended meanwhile: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            done.get_loop().call_soon_threadsafe(tell)


def _tell(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return  # Whoever waited was cancelled.
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
