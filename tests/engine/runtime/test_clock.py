from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvariantBroken
from engine.runtime.clock import (
    DriftWatch,
    Pacer,
    SteadyClock,
    SystemClock,
    VirtualClock,
    stopwatch_ns,
)


def test_virtual_time_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(5)
    assert [clock.now(), clock.now()] == [5, 5]
    clock.advance(9)
    clock.advance(9)
    assert clock.now() == 9


def test_virtual_time_never_runs_back() -> None:
    clock = VirtualClock(5)
    with pytest.raises(InvariantBroken, match="run back by 1 ns"):
        clock.advance(4)
    assert clock.now() == 5


def test_the_system_clock_is_in_nanoseconds_since_the_epoch() -> None:
    assert 1_600_000_000 < SystemClock().now() / 1e9 < 5_000_000_000
    assert stopwatch_ns() <= stopwatch_ns()


def test_as_fast_as_it_goes_never_waits() -> None:
    pacer = Pacer(None)
    assert pacer.delay_s(0, 0) == pacer.delay_s(10**18, 0) == 0.0


@given(speed=st.sampled_from([0.5, 1.0, 60.0]), steps=st.lists(st.integers(0, 10**10), max_size=20))
def test_virtual_time_is_held_to_its_multiple_of_real_time(speed: float, steps: list[int]) -> None:
    pacer, virtual, real = Pacer(speed), 1_000, 77
    pacer.delay_s(virtual, real)
    for step in steps:
        virtual += step
        real += round(pacer.delay_s(virtual, real) * 1e9)
    assert (real - 77) * speed == pytest.approx(virtual - 1_000, abs=60 * (len(steps) + 1))


def test_one_who_falls_behind_catches_up() -> None:
    pacer = Pacer(1.0)
    pacer.delay_s(0, 0)
    assert pacer.delay_s(1_000_000_000, 5_000_000_000) == 0.0
    assert pacer.delay_s(6_000_000_000, 5_000_000_000) == pytest.approx(1.0)


def test_a_steady_clock_goes_on_while_the_walls_is_set_back() -> None:
    wall, steady = [10_000], [5]
    clock = SteadyClock(lambda: wall[0], lambda: steady[0])
    assert clock.now() == 10_000
    steady[0] += 700
    wall[0] += 700 - 3_600
    assert clock.now() == 10_700
    assert clock.drift_ns == -3_600


def test_a_steady_clock_begins_with_the_machines_time() -> None:
    assert abs(SteadyClock().now() - SystemClock().now()) < 10**9


def test_a_step_of_the_walls_clock_is_told_once_and_a_drift_is_not() -> None:
    wall, steady = [0], [0]
    watch = DriftWatch(SteadyClock(lambda: wall[0], lambda: steady[0]))
    wall[0] += 900_000_000
    assert not watch.look()
    wall[0] += 3_600 * 10**9
    assert "3601 s ahead of the time this run goes by" in watch.look()
    assert not watch.look()
    wall[0] -= 7_200 * 10**9
    assert "3599 s behind" in watch.look()
    wall[0] = steady[0]
    assert watch.look() == "the machine's clock shows the time of this run again"
    assert not watch.look()


def test_a_steady_clock_never_goes_back() -> None:
    clock = SteadyClock()
    times = [clock.now() for _ in range(1_000)]
    assert times == sorted(times)
