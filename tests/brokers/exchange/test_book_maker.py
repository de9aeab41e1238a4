"""Made books: never crossed, in order, around the fair value, and much like the one before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brokers.exchange.book_maker import LEVELS, BookMaker, Quoting
from brokers.exchange.dice import Dice

quotings = st.builds(Quoting, st.floats(1.0, 60.0), st.floats(1.0, 12.0), st.floats(1.0, 200.0))
paths = st.lists(st.floats(0.0, 30_000.0), min_size=1, max_size=30)


def check(maker: BookMaker, fair: float) -> None:
    assert 1 <= len(maker.asks) <= LEVELS
    assert len(maker.bids) <= LEVELS
    for side, direction in ((maker.bids, -1), (maker.asks, 1)):
        prices = [level.price * direction for level in side]
        assert prices == sorted(set(prices)), "strictly away from the touch"
        for level in side:
            assert level.price >= 1
            assert 1 <= level.orders <= level.lots
    assert maker.bid < maker.ask
    assert maker.bid <= fair + 1.0
    assert maker.ask >= fair - 1.0


@given(paths, quotings, st.integers(0, 999))
def test_a_book_is_whole_wherever_the_fair_value_jumps(
    path: list[float], how: Quoting, seed: int
) -> None:
    maker = BookMaker(Dice(seed, "book"))
    for fair in path:
        maker.quote(fair, how)
        check(maker, fair)


@given(st.floats(50.0, 5_000.0), quotings, st.integers(0, 999))
def test_a_side_has_five_levels_where_there_is_room(fair: float, how: Quoting, seed: int) -> None:
    maker = BookMaker(Dice(seed, "book"))
    maker.quote(fair + 2_000.0, how)
    assert len(maker.asks) == len(maker.bids) == LEVELS


def test_nobody_bids_for_what_is_worth_nothing() -> None:
    maker = BookMaker(Dice(1, "book"))
    maker.quote(0.2, Quoting(1.0, 1.0, 20.0))
    assert maker.bids == []
    assert maker.bid == 0
    assert maker.ask == 1


def test_an_unmoved_book_keeps_most_of_its_levels() -> None:
    maker = BookMaker(Dice(2, "book"))
    how = Quoting(2.0, 1.2, 20.0)
    maker.quote(1_000.5, how)
    kept = total = 0
    for _ in range(200):
        before = set(maker.bids) | set(maker.asks)
        maker.quote(1_000.5, how)
        after = maker.bids + maker.asks
        kept += sum(level in before for level in after)
        total += len(after)
    assert kept / total > 0.6
