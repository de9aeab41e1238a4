"""A helper's one thread does what it is asked for, in order, whoever still waits for it."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue

import pytest

from engine.runtime.tasks import Helper


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
