"""Timers: a heap of appointments, in order of time and then of asking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.timers import NEVER, Timers


def test_nothing_is_due_while_nothing_was_asked() -> None:
    timers = Timers()
    timers.fire_due(NEVER - 1)
    assert timers.next_due == NEVER


def test_equal_times_fire_in_the_order_of_asking() -> None:
    timers, fired = Timers(), []
    for name in "abc":
        timers.add(5, lambda name=name: fired.append(name))
    timers.fire_due(5)
    assert fired == ["a", "b", "c"]


def test_a_timer_taken_back_does_not_fire_and_is_not_waited_for() -> None:
    timers, fired = Timers(), []
    first = timers.add(5, lambda: fired.append("first"))
    timers.add(9, lambda: fired.append("second"))
    first.cancel()
    first.cancel()
    assert not first.is_pending
    timers.fire_due(6)
    assert (fired, timers.next_due) == ([], 9)


def test_what_a_timer_makes_due_fires_with_it() -> None:
    timers, fired = Timers(), []

    def fire() -> None:
        fired.append("outer")
        timers.add(3, lambda: fired.append("past"))
        timers.add(8, lambda: fired.append("later"))

    timers.add(5, fire)
    timers.fire_due(5)
    assert (fired, timers.next_due) == (["outer", "past"], 8)


def test_a_timer_fires_once() -> None:
    timers, fired = Timers(), []
    timer = timers.add(5, lambda: fired.append("x"))
    timers.fire_due(5)
    timer.fire()
    timers.fire_due(50)
    assert fired == ["x"]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40), st.integers(0, 60))
def test_exactly_what_is_due_and_not_taken_back_fires_in_order(
    asked: list[tuple[int, bool]], now: int
) -> None:
    timers: Timers = Timers()
    fired: list[tuple[int, int]] = []
    for number, (due, is_cancelled) in enumerate(asked):
        timer = timers.add(due, lambda due=due, number=number: fired.append((due, number)))
        if is_cancelled:
            timer.cancel()
    timers.fire_due(now)
    wanted = sorted((d, n) for n, (d, cancelled) in enumerate(asked) if d <= now and not cancelled)
    left = [d for d, cancelled in asked if d > now and not cancelled]
    assert fired == wanted
    assert timers.next_due == min(left, default=NEVER)


def test_the_next_one_is_waited_for_as_soon_as_the_first_is_taken_back() -> None:
    timers = Timers()
    first, second = timers.add(5, list), timers.add(7, list)
    third = timers.add(9, list)
    third.cancel()
    assert timers.next_due == 5
    first.cancel()
    assert timers.next_due == 7
    second.cancel()
    assert timers.next_due == NEVER


def test_one_that_fires_may_take_back_the_next() -> None:
    timers, fired, unwanted = Timers(), [], []
    timers.add(5, lambda: unwanted.pop().cancel())
    unwanted.append(timers.add(5, lambda: fired.append("second")))
    timers.add(6, lambda: fired.append("third"))
    timers.fire_due(6)
    assert (fired, timers.next_due) == (["third"], NEVER)
