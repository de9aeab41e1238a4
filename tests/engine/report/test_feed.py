"""How good a feed was."""

from __future__ import annotations

from collections import Counter

from engine.model.event import FeedHealthChanged, HealthState
from engine.report.feed import Spread, stale_spans

S = 1_000_000_000


def change(state: HealthState, source: str = "angel") -> FeedHealthChanged:
    return FeedHealthChanged(source, state, "no frame for 10 s")


def test_a_span_begins_when_a_feed_goes_stale_and_ends_when_it_is_fresh() -> None:
    changes = [
        (1 * S, change(HealthState.FRESH)),
        (20 * S, change(HealthState.STALE)),
        (32 * S, change(HealthState.FRESH)),
    ]
    (span,) = stale_spans(changes, 90 * S)
    assert (span.at, span.until, span.state) == (20 * S, 32 * S, HealthState.STALE)


def test_a_feed_that_stays_dead_is_so_until_the_end_and_getting_worse_is_a_span_of_its_own() -> (
    None
):
    changes = [
        (5 * S, change(HealthState.STALE, "other")),
        (20 * S, change(HealthState.STALE)),
        (30 * S, change(HealthState.DEAD)),
    ]
    spans = stale_spans(changes, 90 * S)
    assert [(s.source, s.at, s.until, s.state) for s in spans] == [
        ("other", 5 * S, 90 * S, "STALE"),
        ("angel", 20 * S, 30 * S, "STALE"),
        ("angel", 30 * S, 90 * S, "DEAD"),
    ]


def test_percentiles_are_of_the_nearest_rank() -> None:
    # The textbook's list: 15 20 35 40 50; its 50th percentile is 35, its 95th 50.
    found = Spread.of("x", (ms * 1_000_000 for ms in (50, 15, 40, 35, 20)))
    assert (found.least_ms, found.median_ms, found.p95_ms, found.longest_ms) == (15, 35, 50, 50)


def test_nothing_measured_is_not_nothing() -> None:
    found = Spread.of("x", ())
    assert (found.count, found.median_ms, found.longest_ms) == (0, None, None)


def test_a_clock_ahead_of_ours_shows_as_less_than_nothing() -> None:
    assert Spread.of_counts("lag", Counter({-3: 1, 4: 9})).least_ms == -3
