"""A thread does what it is asked for, in order, whoever still waits for it."""

from __future__ import annotations

import asyncio
import gc
import threading
from functools import partial
from queue import SimpleQueue

import pytest

from engine.runtime.tasks import BEHIND_MAX, Aside, Helper


class Gate:
    """Work that takes until it is let go on."""

    def __init__(self) -> None:
        self._begun: SimpleQueue[None] = SimpleQueue()
        self._free: SimpleQueue[None] = SimpleQueue()

    def work(self) -> str:
        self._begun.put(None)
        self._free.get()
        return "done"

    def wait_until_begun(self) -> None:
        self._begun.get()

    def let_go(self) -> None:
        self._free.put(None)


async def test_work_is_done_in_the_order_in_which_it_was_asked_for() -> None:
    helper, done = Helper("test"), list[int]()
    await asyncio.gather(*(helper.do(lambda n=n: done.append(n)) for n in range(20)))  # type: ignore[misc]
    assert done == list(range(20))
    assert await helper.do(threading.get_ident) != threading.get_ident()


async def test_what_it_raises_is_raised_where_it_was_asked_for() -> None:
    def fails() -> None:
        raise ValueError("no")

    helper = Helper("test")
    with pytest.raises(ValueError, match="no"):
        await helper.do(fails)
    assert await helper.do(lambda: 7) == 7


async def test_who_stopped_waiting_is_not_told() -> None:
    helper, gate = Helper("test"), Gate()
    waiting = asyncio.ensure_future(helper.do(gate.work))
    await asyncio.sleep(0)
    gate.wait_until_begun()
    waiting.cancel()
    gate.let_go()
    assert await helper.do(lambda: 7) == 7
    assert waiting.cancelled()


def test_a_loop_that_ended_meanwhile_is_not_told() -> None:
    helper, gate = Helper("test"), Gate()

    async def leaves() -> None:
        asyncio.ensure_future(helper.do(gate.work))  # noqa: RUF006 - it is left behind
        await asyncio.sleep(0)
        gate.wait_until_begun()

    async def comes() -> int:
        return await helper.do(lambda: 7)

    asyncio.run(leaves())
    gate.let_go()
    assert asyncio.run(comes()) == 7


def test_the_thread_ends_with_its_helper() -> None:
    helper = Helper("nobody's")
    (thread,) = (t for t in threading.enumerate() if t.name == "nobody's")
    del helper
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_work_done_aside_is_done_in_order_by_the_end() -> None:
    aside, done, threads = Aside("a test's"), list[int](), set[int]()

    def work(number: int) -> None:
        done.append(number)
        threads.add(threading.get_ident())

    for number in range(50):
        aside.do(partial(work, number))
    aside.wait()
    assert done == list(range(50))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    aside.do(partial(work, 50))
    aside.wait()
    assert done[-1] == 50


def test_it_falls_only_so_far_behind() -> None:
    aside, gate = Aside("a test's"), threading.Event()
    for _ in range(BEHIND_MAX):
        aside.do(gate.wait)
    assert not aside._room.acquire(blocking=False)
    gate.set()
    aside.do(gate.wait)
    aside.wait()
    assert aside._room.acquire(blocking=False)


def test_what_it_raises_is_raised_to_whoever_asks_next_and_nothing_more_is_done() -> None:
    aside, done = Aside("a test's"), list[int]()

    def fail() -> None:
        raise ValueError("no more room")

    aside.do(fail)
    with pytest.raises(ValueError, match="no more room"):
        aside.wait()
    with pytest.raises(ValueError, match="no more room"):
        aside.do(lambda: done.append(1))
    with pytest.raises(ValueError, match="no more room"):
        aside.wait()
    assert done == []


def test_its_thread_ends_when_nobody_holds_it() -> None:
    aside, threads = Aside("a test's"), list[threading.Thread]()
    aside.do(lambda: threads.append(threading.current_thread()))
    aside.wait()
    del aside
    gc.collect()
    threads[0].join(10)
    assert not threads[0].is_alive()
