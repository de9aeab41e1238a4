"""A walk over a tape of known prices: every figure worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from brokers.angelone import BROKER
from engine.core.book import Book
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.report.booking import Booking
from engine.report.curves import POINTS_MAX, STEPS_S, step_for
from engine.report.greek_curves import GreekSampler
from engine.report.walk import Walk
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions
from engine.sessionlog.reader import Through
from engine.sessionlog.row import FrameBatch


class Played(NamedTuple):
    """A tape as a market."""

    catalogue: Catalogue
    decoder: Any
    batch: FrameBatch

    def frames(self, *, through: Through) -> Iterator[FrameBatch]:
        del through  # Nothing is unpacked here.
        yield self.batch


@pytest.fixture
def tape(new_tape: Callable[..., Any]) -> Any:
    """From 09:20:00: the call at 100, 110, 90, 95, one price every two seconds."""
    made = new_tape(start="09:20:00")
    made.call = made.option(24_300, "CE")
    for price in (100.0, 110.0, 90.0, 95.0):
        made.print(made.call, price)
        made.seconds(2)
    return made


def walk(tape: Any, *booked: Booking, until_s: float = 8, step_s: int = 1, **more: Any) -> Walk:
    decoder = BROKER.decoder(tape.catalogue, tape.rows, "angel")
    at, frames = zip(*tape.frames, strict=True)
    played = Played(tape.catalogue, decoder, FrameBatch(0, list(at), list(frames), b""))
    book = Book(tape.catalogue)
    begin = at[0]
    made = Walk(
        played,
        booked,
        more.pop("strategies", ["a"]),
        [(tape.call, True)],
        GreekSampler(tape.catalogue, book, Sessions()),
        book,
        step_s=step_s,
        begin=begin,
        end=begin + round(until_s * NS_PER_S),
    )
    made.run()
    return made


def fill(tape: Any, second: float, units: int, price: float, **more: Any) -> Booking:
    instrument: Instrument = more.pop("instrument", tape.call)
    return Booking(
        at=tape.frames[0][0] + round(second * NS_PER_S),
        strategy=more.pop("strategy", "a"),
        instrument=instrument,
        units=units,
        price=price,
        cash_inr=-units * price,
        charges_inr=more.pop("charges", 0.0),
        realised_inr=more.pop("realised", 0.0),
    )


def test_a_point_has_the_state_after_the_last_frame_before_it(tape: Any) -> None:
    made = walk(tape)
    assert [(at - tape.frames[0][0]) // NS_PER_S for at in made.points] == list(range(9))
    assert made.prices[0].last == [100, 100, 110, 110, 90, 90, 95, 95, 95]


def test_profit_is_cash_and_what_is_held_at_the_last_price_less_charges(tape: Any) -> None:
    # Sold 10 at 100, bought back at 95: 50 earned, 3 and 4 paid.
    made = walk(
        tape,
        fill(tape, 1, -10, 100.0, charges=3.0),
        fill(tape, 7, 10, 95.0, charges=4.0, realised=50.0),
    )
    assert made.total.gross_inr == [0, 0, -100, -100, 100, 100, 50, 50, 50]
    assert made.total.net_inr == [0, -3, -103, -103, 97, 97, 47, 43, 43]
    assert made.total.realised_inr == [0, 0, 0, 0, 0, 0, 0, 50, 50]
    assert made.total.drawdown_inr == [0, -3, -103, -103, 0, 0, -50, -54, -54]
    assert made.exposure.short_inr == [0, -1000, -1100, -1100, -900, -900, -950, 0, 0]
    assert made.exposure.long_inr == [0] * 9
    assert made.drawdown(None).fall_inr == 103.0
    assert made.drawdown("a") == made.drawdown(None)


def test_a_fall_between_two_points_is_not_overlooked(tape: Any) -> None:
    made = walk(tape, fill(tape, 0, 10, 100.0), step_s=600)
    assert made.total.gross_inr == [0, -50]
    # From 110 to 90, though no point lies there.
    assert made.drawdown(None).fall_inr == 200.0


def test_a_fill_comes_before_the_frame_of_its_own_moment(tape: Any) -> None:
    made = walk(tape, fill(tape, 2, 10, 100.0))
    assert made.total.gross_inr[1:4] == [0, 100, 100]


def test_strategies_on_both_sides_are_each_right_and_cancel_out(tape: Any) -> None:
    made = walk(
        tape,
        fill(tape, 1, 10, 100.0, strategy="a"),
        fill(tape, 1, -10, 100.0, strategy="b"),
        strategies=["a", "b", "idle"],
    )
    long, short, idle = made.profits
    assert long.gross_inr[4] == -100
    assert short.gross_inr[4] == 100
    assert idle.gross_inr == [0] * 9
    assert made.total.gross_inr == [0] * 9
    assert made.exposure.long_inr == [0] * 9


def test_what_was_never_priced_counts_at_cost_and_is_counted(tape: Any) -> None:
    put = tape.option(24_300, "PE")
    made = walk(tape, fill(tape, 4, 10, 70.0, instrument=put))
    assert made.total.gross_inr == [0] * 9
    assert made.exposure.long_inr[4] == 700
    assert made.unpriced_points == 5


def test_without_rates_there_is_no_net(tape: Any) -> None:
    made = walk(tape, fill(tape, 1, 10, 100.0, charges=None))
    assert made.total.net_inr is None
    assert made.total.gross_inr[2] == 100


def test_frames_are_counted_the_bad_and_the_tickless_too(tape: Any) -> None:
    tape.raw(b"\x01\x02 not a packet")
    tape.text("pong")
    made = walk(tape, until_s=20)
    assert (made.frames, made.bad_frames, made.other_frames) == (6, 1, 1)
    assert made.bad[0].startswith("frame 4: ")
    assert sum(made.frame_counts) == 6
    assert made.longest_silence == (2 * NS_PER_S, tape.frames[0][0])


def test_frames_after_the_end_of_the_session_are_not_seen(tape: Any) -> None:
    made = walk(tape, until_s=5)
    assert made.frames == 3
    assert made.prices[0].last[-1] == 90


def test_the_lag_is_receive_time_less_the_exchange_stamp(new_tape: Callable[..., Any]) -> None:
    made = new_tape(start="09:20:00")
    made.call = made.option(24_300, "CE")
    for _ in range(2):
        made.print(made.call, 100.0)
        made.seconds(0.25)
    # The exchange stamps whole seconds.
    assert walk(made, until_s=1).lag_ms == {0: 1, 250: 1}


def test_the_grid_is_as_fine_as_the_page_has_room_for() -> None:
    day = 23_100 * NS_PER_S
    assert step_for(day) == 30
    assert step_for(0) == 1
    assert step_for(POINTS_MAX * NS_PER_S) == 1
    assert step_for(POINTS_MAX * NS_PER_S + 1) == 5
    assert step_for(10**18) == STEPS_S[-1]
