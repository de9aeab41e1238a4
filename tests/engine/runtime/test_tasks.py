"""A helper's one thread does what it is asked for, in order, whoever still waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

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


class Asker:
    """Whoever has a helper work, and waits for it."""

    def __init__(self, name: str = "test") -> None:
        self.helper = Helper(name)

    async def do(self, work: Callable[[], object]) -> Any:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def ended(result: object, error: BaseException | None) -> None:
            if error is None:
                told.set_result(result)
            else:
                told.set_exception(error)

        self.helper.begin(work, ended)
        return await told


async def test_work_is_done_in_the_order_in_which_it_was_asked_for() -> None:
    asker, done = Asker(), list[int]()
    await asyncio.gather(*(asker.do(lambda n=n: done.append(n)) for n in range(20)))  # type: ignore[misc]
    assert done == list(range(20))
    assert await asker.do(threading.get_ident) != threading.get_ident()


async def test_what_it_raises_is_told_to_who_asked_for_it() -> None:
    def fails() -> None:
        raise ValueError("no")

    asker = Asker()
    with pytest.raises(ValueError, match="no"):
        await asker.do(fails)
    assert await asker.do(lambda: 7) == 7


def test_a_loop_that_ended_meanwhile_is_not_told() -> None:
    asker, gate = Asker(), Gate()
    told = list[object]()

    async def leaves() -> None:
        asker.helper.begin(gate.work, lambda *what: told.append(what))
        gate.wait_until_begun()

    async def comes() -> Any:
        return await asker.do(lambda: 7)

    asyncio.run(leaves())
    gate.let_go()
    assert asyncio.run(comes()) == 7
    assert not told


def test_the_thread_ends_with_its_helper() -> None:
    helper = Helper("nobody's")
    (thread,) = (t for t in threading.enumerate() if t.name == "nobody's")
    del helper
    thread.join(timeout=10)
    assert not thread.is_alive()
