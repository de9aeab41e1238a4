"""What threads do for others: a helper's work, in order; things made before they are asked for."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

import pytest

from engine.runtime.tasks import AHEAD, Helper, read_ahead


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

        def ended(
            result: object, error: BaseException | None, _holds_the_helper: Asker = self
        ) -> None:
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


async def test_the_thread_ends_with_its_helper() -> None:
    asker = Asker("nobody's")
    (thread,) = (t for t in threading.enumerate() if t.name == "nobody's")
    # Who is told holds the helper, as a group commit does.
    assert await asker.do(lambda: 7) == 7
    del asker
    for _ in range(200):  # It may be at work still, for whoever is let go of.
        gc.collect()
        thread.join(timeout=0.05)
        if not thread.is_alive():
            break
    assert not thread.is_alive()


async def test_something_is_done_behind_it_when_it_was_told() -> None:
    helper, gate, story = Helper("test"), Gate(), SimpleQueue[object]()
    told = asyncio.Event()

    def ended(result: object, _: BaseException | None) -> None:
        story.put(result)
        told.set()

    helper.begin(lambda: 7, ended, then=lambda: story.put(gate.work()))
    await told.wait()
    gate.wait_until_begun()
    assert story.get() == 7
    gate.let_go()
    assert story.get() == "done"


async def test_what_fails_behind_it_is_told_and_the_next_work_is_done() -> None:
    asker, told = Asker(), list[object]()

    def fails() -> None:
        raise ValueError("no")

    asker.helper.begin(lambda: 7, lambda *what: told.append(what), then=fails)
    asker.helper.begin(fails, lambda *what: told.append(what), then=lambda: told.append("never"))
    assert await asker.do(lambda: 8) == 8
    assert [result for result, _ in told] == [7, None, None]  # type: ignore[misc]
    assert [str(error) for _, error in told] == ["None", "no", "no"]  # type: ignore[misc]


async def test_it_is_told_in_the_context_of_whoever_asked() -> None:
    helper, told = Helper("test"), asyncio.Event()
    mine: ContextVar[int] = ContextVar("mine", default=0)
    mine.set(7)
    found = list[int]()

    def ended(*_: object) -> None:
        found.append(mine.get())
        told.set()

    helper.begin(lambda: None, ended)
    await told.wait()
    assert found == [7]


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("read ahead")]


def test_what_is_read_ahead_comes_whole_and_in_order() -> None:
    assert list(read_ahead(iter(range(100)))) == list(range(100))
    assert list(read_ahead(iter(()))) == []
    assert not readers()


def test_no_more_is_read_ahead_than_has_room() -> None:
    made = list[int]()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    taken = read_ahead(numbers())
    for number in range(50):
        assert next(taken) == number
        assert len(made) <= number + 1 + AHEAD
    taken.close()
    assert not readers()
    assert len(made) <= 50 + AHEAD


def test_what_reading_raises_is_raised_behind_what_was_read_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("damaged")

    taken = list[int]()
    with pytest.raises(ValueError, match="damaged"):
        taken.extend(read_ahead(numbers()))
    assert taken == [1, 2]
    assert not readers()


def test_it_is_read_beside_whoever_works() -> None:
    where = set[int]()

    def numbers() -> Iterator[int]:
        for number in range(10):
            where.add(threading.get_ident())
            yield number

    assert len(list(read_ahead(numbers()))) == 10
    assert len(where) == 1
    assert threading.get_ident() not in where
