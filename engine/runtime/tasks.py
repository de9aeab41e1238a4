"""Where tasks and threads are made: kept while they run, let go when they end, never unheard.

A task nobody holds may be collected in the middle, and an error nobody awaits is told when it is
too late (reliability.md 6.8): so tasks are started here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

AHEAD = 4
"""So many things are made ready before they are asked for."""


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


Ended = Callable[[Any, BaseException | None], None]
"""Told what work returned, or what it raised."""


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

    def begin(
        self, work: Callable[[], object], ended: Ended, then: Callable[[], object] | None = None
    ) -> None:
        """Have ``work`` done, and ``ended`` told of it on this loop's thread; the loop goes on.

        ``then`` is done in the thread when ``ended`` is under way, before the next work; what it
        raises ``ended`` is told as well.
        """
        loop, context = asyncio.get_running_loop(), copy_context()
        self._asked.put((work, partial(_tell, loop, context, ended), then))


_Asked = SimpleQueue[tuple[Callable[[], object], Ended, Callable[[], object] | None] | None]


def _tell(
    loop: asyncio.AbstractEventLoop,
    context: Context,
    ended: Ended,
    result: object,
    error: BaseException | None,
) -> None:
    # The loop may have ended meanwhile: then nobody waits any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(ended, result, error, context=context)


def _help(asked: _Asked) -> None:
    while (what := asked.get()) is not None:
        _help_once(*what)
        # Whoever asked may hold the helper, and is not held while nothing is to be done.
        del what


def _help_once(work: Callable[[], object], tell: Ended, then: Callable[[], object] | None) -> None:
    result: object = None
    error: BaseException | None = None
    try:
        result = work()
    except BaseException as raised:  # noqa: BLE001 - whoever asked for it is told
        error = raised
    tell(result, error)
    if then is None or error is not None:
        return
    try:
        then()
    except BaseException as raised:  # noqa: BLE001 - as above
        tell(None, raised)


def read_ahead(items: Iterator[T]) -> Generator[T]:
    """Yield ``items``, of which the next few are made in a thread while one is worked on.

    It pays where making one leaves the interpreter to others, as unpacking does. What making one
    raises is raised in its place. The thread ends with the iteration, however that ends.
    """
    end: Any = object()
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead")
    try:
        made = deque(pool.submit(next, items, end) for _ in range(AHEAD))
        while (item := made.popleft().result()) is not end:
            made.append(pool.submit(next, items, end))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
