"""Backoff and rate windows: how often the network is bothered."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from brokers.transport.backoff import Backoff
from brokers.transport.rate_windows import Rate, RateWindows

NS = 1_000_000_000


def test_delays_grow_to_the_cap_and_never_beyond() -> None:
    backoff = Backoff(Random(1), first_s=1.0, cap_s=30.0)
    ceilings = [1, 2, 4, 8, 16, *[30] * 500]
    for ceiling in ceilings:
        assert 0.1 <= backoff.next_s() <= ceiling


def test_delays_are_spread_over_the_whole_range() -> None:
    dice = Random(7)
    firsts = [Backoff(dice, first_s=10.0, cap_s=10.0).next_s() for _ in range(400)]
    assert min(firsts) < 1
    assert max(firsts) > 9


def test_a_connection_that_held_starts_afresh_and_one_that_flapped_does_not() -> None:
    backoff = Backoff(Random(1))
    for _ in range(6):
        backoff.next_s()
    backoff.held(59.9)
    assert backoff.failures == 6
    backoff.held(60.0)
    assert backoff.failures == 0


@given(
    st.lists(st.integers(0, 3 * NS), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_no_window_ever_holds_more_than_its_share(gaps: list[int], first: int, second: int) -> None:
    rates = (Rate(first, 1.0), Rate(first * second, 3.0))
    windows = RateWindows(*rates)
    now, taken = 0, []
    for gap in gaps:
        now += gap
        taken.append(windows.take(now))
    assert taken == sorted(taken)
    for requests, span_s in rates:
        span = round(span_s * NS)
        for start in taken:
            assert sum(start <= at < start + span for at in taken) <= requests


def test_a_free_window_costs_no_wait_and_a_penalty_does() -> None:
    windows = RateWindows(Rate(1, 1.0))
    assert windows.take(5 * NS) == 5 * NS
    assert windows.take(5 * NS) == 6 * NS
    windows.penalize(7 * NS, 30.0)
    assert windows.take(8 * NS) == 37 * NS
