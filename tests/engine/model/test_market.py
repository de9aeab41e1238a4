from __future__ import annotations

import gc

import msgspec
import pytest

from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.market import Bar, Depth, Interval, Level, Tick

INDEX = Catalogue().intern(
    InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")
)


def tick(bid: float | None = None, ask: float | None = None) -> Tick:
    return Tick(INDEX, "t", 100.0, 1, 2, bid=bid, ask=ask)


@pytest.mark.parametrize(
    ("bid", "ask", "mid"),
    [(99.0, 101.0, 100.0), (None, 101.0, None), (99.0, None, None), (None, None, None)],
)
def test_the_mid_needs_both_sides(bid: float | None, ask: float | None, mid: float | None) -> None:
    assert tick(bid, ask).mid == mid


def test_absent_is_none_and_never_zero() -> None:
    made = tick()
    absent = [n for n in Tick.__struct_fields__ if getattr(made, n) is None]
    assert absent == [
        "last_qty", "volume", "average_price", "open", "high", "low", "previous_close",
        "open_interest", "bid", "ask", "bid_qty", "ask_qty", "span",
    ]  # fmt: skip


def test_a_tick_is_frozen_and_costs_the_collector_nothing() -> None:
    made = tick()
    with pytest.raises(AttributeError):
        made.last = 1.0  # type: ignore[misc]
    assert not gc.is_tracked(made)
    assert not gc.is_tracked(Bar(INDEX, Interval.M1, 0, 1, 1.0, 1.0, 1.0, 1.0, None, None, 1))


def test_a_book_is_levels_best_first() -> None:
    depth = Depth(INDEX, "t", (Level(99.0, 5, 1),), (), None, None, 1, 2)
    assert depth.bids[0].price == 99.0
    assert msgspec.structs.replace(depth, asks=(Level(101.0, 1, 1),)) != depth


@pytest.mark.parametrize(
    ("interval", "seconds"),
    list(zip(Interval, [1, 5, 15, 30, 60, 180, 300, 600, 900, 1800, 3600, 86400], strict=True)),
)
def test_every_interval_has_its_length(interval: Interval, seconds: int) -> None:
    assert interval.seconds == seconds


def test_intervals_are_read_from_their_names() -> None:
    assert Interval("5m") is Interval.M5
    with pytest.raises(ValueError, match="7m"):
        Interval("7m")
