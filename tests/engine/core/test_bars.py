"""Bars: aligned to the session, across gaps, and the same however ticks were conflated."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.bars import BarBuilder
from engine.model.instrument import Instrument
from engine.model.market import Bar, Interval, Tick
from engine.rules.clock_time import NS_PER_S, at_ns, ist_datetime
from engine.runtime.bus import Bus
from engine.testing import nifty_chain

DAY = date(2026, 8, 19)
OPENS, CLOSES = at_ns(DAY, time(9, 15)), at_ns(DAY, time(15, 30))
FUTURE = nifty_chain().future("NIFTY")


def _tick(seconds: float, last: float, volume: int | None = None, **more: Any) -> Tick:
    at = OPENS + round(seconds * NS_PER_S)
    return Tick(FUTURE, "test", last, at, at, volume=volume, **more)


def _builder(interval: str = "1m") -> BarBuilder:
    return BarBuilder(FUTURE, Interval(interval), ((OPENS, CLOSES),))


def _build(ticks: list[Tick], interval: str = "1m") -> list[Bar]:
    """Feed ticks as the kernel does: a bar's timer comes before what arrives at its end."""
    builder = _builder(interval)
    end = None
    for tick in ticks:
        while end is not None and end <= tick.received_at:
            builder.close(end)
            end = builder.next_end(end)
        builder.update(tick)
        end = builder.next_end(tick.received_at) if end is None else end
    if end is not None:
        builder.close(end)
    return list(builder.closed)


def _clock(at: int) -> str:
    return f"{ist_datetime(at):%H:%M:%S}"


def test_a_bar_has_open_high_low_close_count_and_the_growth_of_volume() -> None:
    ticks = [_tick(1, 10, 100), _tick(2.5, 12, 160), _tick(30, 9, 200), _tick(59.9, 11, 260)]
    (bar,) = _build(ticks)
    assert (bar.open, bar.high, bar.low, bar.close, bar.count) == (10, 12, 9, 11, 4)
    assert bar.volume == 160
    assert (_clock(bar.start), _clock(bar.end)) == ("09:15:00", "09:16:00")


def test_a_tick_at_the_end_of_a_bar_is_of_the_next() -> None:
    bars = _build([_tick(59.999999999, 10), _tick(60, 11)])
    assert [(bar.close, bar.count) for bar in bars] == [(10, 1), (11, 1)]


def test_minutes_without_a_tick_have_no_bar_and_lose_no_volume() -> None:
    bars = _build([_tick(10, 10, 100), _tick(20, 10, 150), _tick(400, 12, 400)])
    assert [_clock(bar.start) for bar in bars] == ["09:15:00", "09:21:00"]
    assert [bar.volume for bar in bars] == [50, 250]


def test_bars_are_aligned_to_the_open_as_charts_are() -> None:
    bars = _build([_tick(3600, 1), _tick(7000, 1)], "1h")
    assert [_clock(bar.start) for bar in bars] == ["10:15:00"]


def test_the_last_bar_of_the_session_ends_with_it() -> None:
    builder = _builder("1h")
    assert _clock(builder.next_end(at_ns(DAY, time(15, 20)))) == "15:30:00"
    assert _clock(_builder("1d").next_end(OPENS)) == "15:30:00"
    builder.update(_tick(6 * 3600 + 60, 5))
    bar = builder.close(CLOSES)
    assert bar is not None
    assert (_clock(bar.start), _clock(bar.end)) == ("15:15:00", "15:30:00")


def test_a_print_after_the_close_does_not_reach_into_the_session() -> None:
    builder = _builder("1h")
    builder.update(_tick(6 * 3600 + 60, 5))
    builder.close(CLOSES)
    builder.update(_tick(6.25 * 3600 + 30, 6))
    assert _clock(builder.start) == "15:30:00"


def test_a_tick_that_comes_after_its_bar_was_closed_on_time_starts_no_second_one() -> None:
    builder = _builder()
    builder.update(_tick(10, 10, 100))
    builder.close(OPENS + 60 * NS_PER_S)
    builder.update(_tick(59.5, 11, 150))
    builder.update(_tick(61, 12, 180))
    bar = builder.close(OPENS + 120 * NS_PER_S)
    assert bar is not None
    assert [_clock(b.start) for b in builder.closed] == ["09:15:00", "09:16:00"]
    assert (bar.open, bar.count, bar.volume) == (11, 2, 80)


def test_an_index_has_no_volume() -> None:
    (bar,) = _build([_tick(1, 10), _tick(2, 11)])
    assert bar.volume is None


def test_a_volume_that_falls_back_counts_as_none_traded() -> None:
    (bar,) = _build([_tick(1, 10, 500), _tick(30, 11, 400)])
    assert bar.volume == 0


def test_before_anything_was_seen_nothing_closes() -> None:
    assert _builder().close(CLOSES) is None


def test_history_stands_before_what_is_built_here() -> None:
    builder = _builder()
    builder.update(_tick(1, 10))
    builder.close(OPENS + 60 * NS_PER_S)
    yesterday = [_bar(FUTURE, -2), _bar(FUTURE, -1)]
    builder.seed(yesterday)
    assert [bar.start for bar in builder.closed] == [
        *(bar.start for bar in yesterday),
        OPENS,
    ]


def _bar(instrument: Instrument, day: int) -> Bar:
    start = OPENS + day * 86_400 * NS_PER_S
    return Bar(instrument, Interval.M1, start, start + 60 * NS_PER_S, 1, 1, 1, 1, None, None, 1)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda tenths: tenths / 10),
        st.integers(1, 400).map(lambda ticks: ticks / 20),
        st.integers(0, 5),
        st.booleans(),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=300)
@given(steps=STEPS, interval=st.sampled_from(["1s", "5s", "15s", "1m"]), counts=st.booleans())
def test_bars_of_conflated_ticks_are_those_of_all_ticks(
    steps: list[tuple[float, float, int, bool]], interval: str, *, counts: bool
) -> None:
    """Whatever the kernel was behind with: it may drain the bus after any tick, or not."""
    everything, delivered = [], []
    bus = Bus()
    at, volume = 0.0, 1_000
    for gap, last, traded, is_drained in steps:
        at, volume = at + gap, volume + traded
        tick = _tick(at, last, volume if counts else None)
        everything.append(tick)
        bus.publish_tick(tick)
        if is_drained:
            delivered += _drain(bus)
    delivered += _drain(bus)
    assert _build(delivered, interval) == _build(everything, interval)


def _drain(bus: Bus) -> list[Tick]:
    taken = []
    while (event := bus.next()) is not None:
        assert isinstance(event, Tick)
        taken.append(event)
    return taken


def test_a_strategy_gets_its_bars_on_time_whether_or_not_anything_prints(stage: Any) -> None:
    bars: list[tuple[str, Bar]] = []
    s = stage()
    s.strategy.on_bar = lambda bar: bars.append((f"{s.strategy.now:%H:%M:%S}", bar))
    s.ask(lambda p: p.bars(s.future(), "1m"))
    s.advance("09:21:30")
    s._market.quotes.pop(s.future())
    s.advance("09:25:00")
    assert [at for at, _ in bars] == ["09:21:00", "09:22:00"]
    assert s.strategy.history(s.future(), "1m") == tuple(bar for _, bar in bars)


def test_bars_asked_for_again_are_closed_by_no_second_timer(stage: Any) -> None:
    s = stage()
    told: list[str] = []
    s.strategy.on_bar = lambda bar: told.append(_clock(bar.start))
    s.ask(lambda p: p.bars("NIFTY", "1m"))
    waiting = len(s._kernel.desk.timers._heap)
    s.ask(lambda p: [p.bars("NIFTY", "1m") for _ in range(5)])
    assert len(s._kernel.desk.timers._heap) == waiting
    s.advance("09:22:00")
    assert told == ["09:20:00", "09:21:00"]


def test_two_intervals_of_one_instrument_are_built_side_by_side(stage: Any) -> None:
    s = stage()
    bars: list[Bar] = []
    s.strategy.on_bar = bars.append
    s.ask(lambda p: (p.bars(s.future(), "5s"), p.bars(s.future(), "15s"), p.bars("NIFTY", "15s")))
    s.advance("09:20:31")
    by_interval = {(b.instrument.kind, b.interval) for b in bars}
    assert len(by_interval) == 3
    fives = [b for b in bars if b.interval is Interval.S5]
    (fifteen, *_) = [b for b in bars if b.interval is Interval.S15 and b.instrument is s.future()]
    inside = [b for b in fives if fifteen.start <= b.start < fifteen.end]
    assert fifteen.count == sum(b.count for b in inside)


# -- sessions --------------------------------------------------------------------------------------

RECOVERY_TEST = date(2024, 3, 2)
TWO_WINDOWS = tuple(
    (at_ns(RECOVERY_TEST, opens), at_ns(RECOVERY_TEST, closes))
    for opens, closes in ((time(9, 15), time(10)), (time(11, 30), time(12, 30)))
)


def _spans(interval: str, *clocks: str) -> list[str]:
    """Feed a tick at each clock time of the recovery test; return the bars' spans."""
    builder = BarBuilder(FUTURE, Interval(interval), TWO_WINDOWS)
    for clock in clocks:
        at = at_ns(RECOVERY_TEST, time.fromisoformat(clock))
        if builder.closed or builder.end:
            builder.close(at)
        builder.update(Tick(FUTURE, "test", 10.0, at, at))
    builder.close(at_ns(RECOVERY_TEST, time(23, 59)))
    return [f"{_clock(bar.start)}-{_clock(bar.end)} x{bar.count}" for bar in builder.closed]


def test_no_bar_spans_the_break_of_a_recovery_test() -> None:
    assert _spans("1h", "09:20:00", "09:59:59", "11:30:00", "12:29:59") == [
        "09:15:00-10:00:00 x2",
        "11:30:00-12:30:00 x2",
    ]
    assert _spans("1d", "09:59:59", "11:30:00") == ["09:15:00-10:00:00 x1", "11:30:00-12:30:00 x1"]


def test_bars_of_the_second_window_are_aligned_to_its_own_open() -> None:
    # 40 minutes do not divide 11:30 - 09:15: aligned to the first open it would begin at 11:25.
    assert _spans("15m", "09:44:00", "11:31:00", "11:46:00") == [
        "09:30:00-09:45:00 x1",
        "11:30:00-11:45:00 x1",
        "11:45:00-12:00:00 x1",
    ]


def test_a_print_in_the_break_stands_in_a_bar_of_its_own() -> None:
    assert _spans("1h", "09:59:00", "10:20:00", "11:10:00", "11:31:00") == [
        "09:15:00-10:00:00 x1",
        "10:00:00-11:00:00 x1",
        "11:00:00-11:30:00 x1",
        "11:30:00-12:30:00 x1",
    ]


def test_before_the_open_bars_are_counted_back_from_it() -> None:
    assert _spans("15m", "09:07:00", "09:16:00") == ["09:00:00-09:15:00 x1", "09:15:00-09:30:00 x1"]


@settings(max_examples=200)
@given(
    at=st.integers(0, 86_399_999),
    interval=st.sampled_from(["1s", "5s", "15s", "1m", "5m", "15m", "1h", "1d"]),
)
def test_the_interval_of_any_moment_lies_within_one_stretch_of_the_day(
    at: int, interval: str
) -> None:
    builder = BarBuilder(FUTURE, Interval(interval), TWO_WINDOWS)
    moment = at_ns(RECOVERY_TEST, time(0)) + at * 1_000_000
    edges = [edge for window in TWO_WINDOWS for edge in window]
    builder.update(Tick(FUTURE, "test", 10.0, moment, moment))
    assert builder.start <= moment < builder.end == builder.next_end(moment)
    assert builder.end - builder.start <= Interval(interval).seconds * NS_PER_S
    assert not any(builder.start < edge < builder.end for edge in edges)


def test_a_strategy_gets_the_last_bar_of_a_window_when_it_closes(stage: Any) -> None:
    s = stage(trading_date=RECOVERY_TEST)
    told: list[str] = []
    s.strategy.on_bar = lambda bar: told.append(
        f"{s.strategy.now:%H:%M:%S} {_clock(bar.start)}-{_clock(bar.end)}"
    )
    s.ask(lambda p: p.bars(s.future(), "1h"))
    s.advance("09:59:59")
    s._market.quotes.clear()
    s.advance("11:30:05")
    s.quote(s.future(), 24_300.0)
    s.advance("12:30:05")
    assert told == ["10:00:00 09:15:00-10:00:00", "12:30:00 11:30:00-12:30:00"]
