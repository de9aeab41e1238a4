from __future__ import annotations

import random
from array import array

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.crosses import FAST, SLOW, TICKS_BETWEEN
from benchmarks.peers.day import LOT, SPREAD_PAISE, Day, make
from benchmarks.peers.trading import Fill, Trader, agreement, checksum, expected

FILLS = st.lists(
    st.builds(
        Fill,
        st.integers(0, 5),
        st.sampled_from((-1, 1)),
        st.sampled_from((65, 130)),
        st.integers(1, 3),
    ),
    max_size=12,
)


def crossings(prices: list[float]) -> list[int]:
    """Where one instrument's averages cross, after a thousand ticks of rest; written apart."""
    fast = slow = prices[0]
    above, rested, found = False, 0, []
    for number, price in enumerate(prices):
        fast, slow = fast + FAST * (price - fast), slow + SLOW * (price - slow)
        rested += 1
        if (fast > slow) != above:
            above = not above
            if rested >= TICKS_BETWEEN:
                found.append(number)
                rested = 0
    return found


def test_it_trades_where_the_averages_cross_about_every_thousand_ticks() -> None:
    day = make(20_000, 1, 7)
    trader = Trader(1)
    traded = [n for n, paise in enumerate(day.prices) if trader.see(0, paise / 100)]
    assert traded == crossings([paise / 100 for paise in day.prices])
    assert 15 <= len(traded) <= 20
    assert trader.seen == 20_000


def test_it_enters_and_leaves_by_turns_in_each_instrument() -> None:
    dice = random.Random(1)
    trader = Trader(3)
    held = [0, 0, 0]
    price = [100.0, 100.0, 100.0]
    for number in range(60_000):
        index = number % 3
        price[index] += dice.choice((-0.05, 0.05))
        held[index] += trader.see(index, price[index])
        assert held[index] in (-1, 0, 1)


def test_an_order_fills_at_the_next_price_of_its_instrument() -> None:
    day = make(40_000, 100, 1)
    orders, fills = expected(day, books=False)
    assert 0 < len(fills) <= orders
    assert all(
        (fill.quantity, fill.price_paise) == (LOT, day.prices[fill.number + 100]) for fill in fills
    )
    # With books a buy pays the ask of that tick, a sale gets its bid.
    _, with_books = expected(day, books=True)
    assert with_books == [
        fill._replace(price_paise=fill.price_paise + fill.side * SPREAD_PAISE) for fill in fills
    ]


def test_an_order_on_the_last_tick_of_its_instrument_does_not_fill() -> None:
    day = make(20_000, 1, 7)
    _, fills = expected(day, books=False)
    last = fills[-1].number
    orders, cut = expected(Day(1, array("i", day.prices[: last + 1])), books=False)
    assert (orders, cut) == (len(fills), fills[:-1])


@given(FILLS)
def test_the_checksum_knows_no_order(fills: list[Fill]) -> None:
    assert checksum(fills) == checksum(fills[::-1])


def test_the_checksum_sees_every_part_of_a_fill() -> None:
    fill = Fill(10, 1, 65, 12_345)
    others = [Fill(11, 1, 65, 12_345), Fill(10, -1, 65, 12_345), Fill(10, 1, 130, 12_345)]
    others += [Fill(10, 1, 65, 12_350)]
    sums = [checksum(fills) for fills in ([fill], [fill, fill], [], *([o] for o in others))]
    assert len(set(sums)) == len(sums)


def test_fills_that_differ_are_counted_by_how() -> None:
    wanted = [Fill(n, 1, 65, 100) for n in range(4)]
    got = [wanted[0], Fill(1, 1, 65, 105), Fill(2, -1, 65, 100), Fill(9, 1, 65, 100)]
    found = agreement(wanted, got)
    assert (found.same, found.repriced, found.missing, found.extra) == (1, 1, 2, 2)
    assert str(found) == "1 at another price, 2 missing, 2 more of 4"
    assert str(agreement(wanted, wanted[::-1])) == "same"


@given(FILLS, FILLS)
def test_every_fill_is_counted_once(wanted: list[Fill], got: list[Fill]) -> None:
    found = agreement(wanted, got)
    assert found.same + found.repriced + found.missing == len(wanted)
    assert found.same + found.repriced + found.extra == len(got)
    assert found.is_whole is (sorted(wanted) == sorted(got))
