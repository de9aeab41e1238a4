"""The tape: prints at the touch, a day range that brackets them, an average by volume."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from brokers.exchange.book_maker import BookMaker, Quoting
from brokers.exchange.dice import Dice
from brokers.exchange.tape import DayRange, Tape

LOT, TICK = 65, 5
HOW = Quoting(3.0, 1.2, 20.0)


@given(
    st.lists(st.tuples(st.floats(3.0, 4_000.0), st.integers(0, 500)), min_size=1, max_size=40),
    st.integers(0, 999),
)
def test_every_print_lies_inside_the_book_and_the_day_brackets_it(
    path: list[tuple[float, int]], seed: int
) -> None:
    book, tape = BookMaker(Dice(seed, "book")), Tape(Dice(seed, "tape"), LOT, TICK, 1_000)
    volume = 0
    for at_s, (fair, lots) in enumerate(path):
        book.quote(fair, HOW)
        tape.trade(book, lots, at_s)
        volume += lots * LOT
        assert tape.volume == volume
        if lots:
            assert book.bid * TICK <= tape.day.last <= book.ask * TICK
            assert tape.last_trade_s == at_s
            assert tape.last_quantity % LOT == 0
            assert LOT <= tape.last_quantity <= lots * LOT
        if volume:
            assert tape.day.low <= tape.day.last <= tape.day.high
            assert tape.day.low <= tape.day.open <= tape.day.high
            assert tape.day.low <= tape.average <= tape.day.high


def test_a_market_without_a_spread_to_speak_of_has_one_average() -> None:
    book, tape = BookMaker(Dice(1, "book")), Tape(Dice(1, "tape"), LOT, TICK, 1_000)
    for at_s in range(50):
        book.quote(100.5, Quoting(1.0, 1.0, 20.0))
        tape.trade(book, 10, at_s)
    assert abs(tape.average - 100.5 * TICK) <= 2 * TICK


def test_before_the_first_print_there_is_no_average_and_no_range() -> None:
    tape = Tape(Dice(1, "tape"), LOT, TICK, 1_000)
    assert (tape.average, tape.volume, tape.last_quantity, tape.last_trade_s) == (0, 0, 0, 0)
    assert (tape.day.open, tape.day.high, tape.day.low, tape.day.last) == (0, 0, 0, 0)


def test_open_interest_changes_about_once_a_minute_and_in_whole_lots() -> None:
    tape = Tape(Dice(4, "tape"), LOT, TICK, 50_000)
    seen = []
    for second in range(600):
        tape.count_open_interest(second * 10**9, 100.0)
        seen.append(tape.open_interest)
    changes = sum(a != b for a, b in pairwise(seen))
    assert 8 <= changes <= 11
    assert all(interest % LOT == 0 and interest >= 0 for interest in seen)
    expected = (tape.open_interest / (50_000 * LOT) - 1.0) * 100.0
    assert abs(tape.open_interest_change_pct - expected) < 1e-4


def test_a_day_range_starts_with_its_first_value() -> None:
    day = DayRange()
    for value in (500, 495, 510, 505):
        day.print(value)
    assert (day.open, day.high, day.low, day.last) == (500, 510, 495, 505)
