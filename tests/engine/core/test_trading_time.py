"""When the instruments of a run trade, and what follows for timers, entries and exits."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import GroupState, buy, sell
from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime, merged, next_trading, outside_note
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.sessions import Sessions

RECOVERY_TEST = date(2024, 3, 2)
MUHURAT = date(2024, 11, 1)
DAY = date(2026, 8, 19)

CATALOGUE = Catalogue()
INDEX, FUTURE, SHARE, CRUDE, DOLLAR = (
    CATALOGUE.intern(
        InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=name,
            expiry=date(2026, 8, 25) if kind is Kind.FUTURE else None,
        )
    )
    for segment, kind, name in (
        (Segment.NSE_CM, Kind.INDEX, "NIFTY"),
        (Segment.NSE_FO, Kind.FUTURE, "SBIN"),
        (Segment.NSE_CM, Kind.EQUITY, "SBIN"),
        (Segment.MCX_FO, Kind.FUTURE, "CRUDEOIL"),
        (Segment.CDE_FO, Kind.FUTURE, "USDINR"),
    )
)


def trading(day: date, *instruments: Any) -> TradingTime:
    return TradingTime(instruments, Sessions(closing_auction=frozenset({"SBIN"})), day)


def clocks(day: date, *spans: str) -> tuple[tuple[int, int], ...]:
    return tuple(
        (at_ns(day, time.fromisoformat(span[:5])), at_ns(day, time.fromisoformat(span[6:])))
        for span in spans
    )


@pytest.mark.parametrize(
    ("day", "instruments", "spans"),
    [
        (DAY, (INDEX,), ["09:15-15:30"]),
        (DAY, (SHARE,), ["09:15-15:15"]),
        (DAY, (INDEX, FUTURE, SHARE), ["09:15-15:40"]),
        (DAY, (FUTURE, CRUDE), ["09:00-23:30"]),
        (RECOVERY_TEST, (INDEX, FUTURE), ["09:15-10:00", "11:30-12:30"]),
        (RECOVERY_TEST, (CRUDE,), []),
        (MUHURAT, (INDEX, FUTURE), ["18:00-19:00"]),
        (date(2026, 9, 14), (FUTURE, CRUDE), ["17:00-23:30"]),
    ],
)
def test_a_run_trades_when_anything_of_it_does(
    day: date, instruments: Any, spans: list[str]
) -> None:
    assert trading(day, *instruments).of_run() == clocks(day, *spans)


def test_an_instrument_without_a_calendar_is_an_error() -> None:
    with pytest.raises(FileError, match="cde_fo"):
        trading(DAY, DOLLAR).of_run()


def test_bars_on_a_closed_day_are_an_error_that_names_it() -> None:
    with pytest.raises(FileError, match="nse_fo does not trade on Monday 2026-09-14"):
        trading(date(2026, 9, 14), FUTURE).require(FUTURE)


def test_a_break_has_a_reopening_and_the_last_close_has_none() -> None:
    found = trading(RECOVERY_TEST, FUTURE)

    def at(clock: str) -> int:
        return at_ns(RECOVERY_TEST, time.fromisoformat(clock))

    reopenings = {"09:00": "09:15", "09:15": None, "10:00": "11:30", "11:30": None, "12:30": None}
    for clock, opens in reopenings.items():
        assert found.reopens_at(FUTURE, at(clock)) == (None if opens is None else at(opens)), clock
    assert found.opened_at(FUTURE, at("11:45")) == at("11:30")
    assert found.opened_at(FUTURE, at("10:30")) is None
    closed = {"09:00": None, "10:30": None, "12:29": None, "12:30": "12:30", "15:00": "12:30"}
    for clock, closes in closed.items():
        assert found.closed_at(FUTURE, at(clock)) == (None if closes is None else at(closes)), clock


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda p: (p[0], p[0] + p[1]))),
    st.integers(-5, 80),
)
def test_merged_windows_cover_the_same_moments(windows: list[tuple[int, int]], at: int) -> None:
    joined = merged(windows)
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    inside = any(opens <= at < closes for opens, closes in windows)
    assert any(opens <= at < closes for opens, closes in joined) is inside
    later = [opens for opens, _ in windows if opens > at]
    assert next_trading(joined, at) == (at if inside else min(later, default=NEVER))


@pytest.mark.parametrize(
    ("clock", "is_noted"),
    [("09:00", False), ("09:15", False), ("10:00", True), ("11:29", True), ("11:30", False), ("12:30", True)],
)  # fmt: skip
def test_a_time_in_a_break_or_after_the_close_is_noted(clock: str, *, is_noted: bool) -> None:
    windows = clocks(RECOVERY_TEST, "09:15-10:00", "11:30-12:30")
    note = outside_note(windows, at_ns(RECOVERY_TEST, time.fromisoformat(clock)))
    assert bool(note) is is_noted
    if note:
        assert "09:15-10:00, 11:30-12:30" in note


# -- in a strategy ---------------------------------------------------------------------------------


def test_a_repeating_timer_rests_in_the_break_and_after_the_close(stage: Any) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    called: list[str] = []
    s.ask(lambda p: p.every(1_200, lambda: called.append(f"{p.now:%H:%M}")))
    s.advance("13:30:00")
    # Asked for at 09:20: forty minutes to the break, then from the second open on.
    assert called == ["09:40", "11:30", "11:50", "12:10"]


def test_a_timer_of_the_clock_runs_whenever_it_is_asked_for_and_says_that_nothing_trades(
    stage: Any,
) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    called: list[str] = []

    def note() -> None:
        called.append(f"{s.strategy.now:%H:%M}")

    s.ask(lambda p: [p.at(time.fromisoformat(c), note) for c in ("09:30", "10:30", "12:45")])
    s.advance("13:00:00")
    assert called == ["09:30", "10:30", "12:45"]
    warned = [line for line in s.log if "no order can go out" in line]
    assert [line.split(":", 1)[1].split(" ")[1:4] for line in warned] == [
        ["note", "at", "10:30:00:"],
        ["note", "at", "12:45:00:"],
    ]


def test_a_timer_after_the_index_has_closed_is_not_said_to_be_too_late_for_its_options(
    stage: Any,
) -> None:
    s = stage()  # It watches the index, until 15:30; options trade until 15:40.
    s.ask(lambda p: [p.at(time.fromisoformat(c), lambda: None) for c in ("15:35", "15:40")])
    (warned,) = [line for line in s.log if "no order can go out" in line]
    assert "at 15:40:00: nothing of this run trades then (it trades 09:15-15:40)" in warned


def test_an_exit_asked_for_in_the_break_goes_out_when_trading_opens_again(stage: Any) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    s.enter(sell(s.call))
    s.seconds(2)
    assert s.group("group").state is GroupState.HELD
    s.advance("10:15:00")
    s.ask(lambda p: p.exit("group", "a quiet hour"))
    s.advance("11:29:59")
    assert s.group("group").state is GroupState.EXITING
    assert [o for o in s.orders if o.key.exit] == []
    assert any("not left before 11:30:00" in line for line in s.log)
    s.advance("11:30:05")
    assert s.strategy.group("group") is None
    (left,) = [o for o in s.orders if o.key.exit]
    assert 0 <= left.request.created_at - at_ns(RECOVERY_TEST, time(11, 30)) < NS_PER_S
    assert s.nets() == {}


def test_an_entry_waits_for_the_first_price_after_a_break(stage: Any) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    s.ask(lambda p: p.watch(s.call))
    s.advance("09:59:59")
    old = dict(s._market.quotes)
    s._market.quotes.clear()
    enter = lambda: s.strategy.enter(buy(s.call), name="group", price_wait_s=30)  # noqa: E731
    s.ask(lambda p: p.at(time(11, 31, 30), enter))
    s.advance("11:31:35")
    assert s.group("group").state is GroupState.DRAFT
    s._market.quotes.update(old)
    s.seconds(2)
    assert s.group("group").state is GroupState.HELD


@pytest.mark.parametrize(
    ("clock", "passes"),
    [("09:20:00", True), ("09:39:59", True), ("09:40:01", False), ("10:30:00", False),
     ("11:30:30", False), ("11:31:00", True), ("12:09:59", True), ("12:10:01", False)],
)  # fmt: skip
def test_entries_keep_their_distance_from_every_open_and_close(
    stage: Any, clock: str, *, passes: bool
) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    s.ask(lambda p: p.watch(s.call))
    s.advance(clock)
    s.enter(buy(s.call))
    s.seconds(1)
    assert (s.states[-1] == "group: HELD") is passes
