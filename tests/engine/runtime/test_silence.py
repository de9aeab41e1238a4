"""Which silences of a feed are a fault: by session, break and market-wide halt."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.market import Tick
from engine.rules.changes import Change, Changes
from engine.rules.clock_time import at_ns, clock_text
from engine.rules.sessions import Sessions
from engine.runtime.silence import Silence

DAY = date(2026, 8, 19)
RECOVERY_TEST = date(2024, 3, 2)
MARCH_13 = date(2020, 3, 13)
LIMIT_S = 10.0
USUAL_2020 = Change(MARCH_13, Segment.NSE_CM, None, ((33_300, 55_800),), "why", "source")


def market(day: date = DAY, *, with_crude: bool = False, changes: Changes | None = None) -> Any:
    """A feed of the index, with crude oil if asked; its newest ticks and its judge."""
    catalogue = Catalogue()
    facts = [InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")]
    if with_crude:
        facts.append(
            InstrumentFacts(
                segment=Segment.MCX_FO,
                kind=Kind.FUTURE,
                underlying="CRUDEOIL",
                expiry=date(2026, 9, 18),
            )
        )
    for fact in facts:
        catalogue.intern(fact)
    ticks: list[Tick | None] = [None] * len(catalogue)
    sessions = Sessions() if changes is None else Sessions(changes)
    trading = TradingTime(catalogue, sessions, day)
    return catalogue, ticks, Silence(catalogue, trading, ticks, day, LIMIT_S)


def at(clock: str, day: date = DAY) -> int:
    return at_ns(day, time.fromisoformat(clock))


def words(moment: int) -> str:
    return "never" if moment >= NEVER else clock_text(moment, 0)


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("09:00:00", "09:15:10"),
        ("09:15:00", "09:15:10"),
        ("12:00:00", "12:00:10"),
        ("15:29:49", "15:29:59"),
        ("15:29:50", "never"),
        ("15:29:59", "never"),
        ("16:00:00", "never"),
    ],
)
def test_silence_counts_only_while_something_trades(last: str, fault: str) -> None:
    _, _, silence = market()
    assert words(silence.due(at(last))) == words(silence.earliest(at(last))) == fault


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("09:59:40", "09:59:50"),
        ("09:59:55", "11:30:10"),
        ("10:20:00", "11:30:10"),
        ("11:30:05", "11:30:15"),
        ("12:29:55", "never"),
    ],
)
def test_the_break_of_a_recovery_test_is_not_a_dead_feed(last: str, fault: str) -> None:
    _, _, silence = market(RECOVERY_TEST)
    assert words(silence.due(at(last, RECOVERY_TEST))) == fault


def test_nothing_is_said_before_the_first_frame() -> None:
    _, _, silence = market()
    assert silence.earliest(0) == 0


def test_commodities_go_on_in_the_evening() -> None:
    _, _, silence = market(with_crude=True)
    assert words(silence.due(at("17:00:00"))) == "17:00:10"
    assert words(silence.due(at("23:29:55"))) == "never"


def show(catalogue: Any, ticks: Any, clock: str, move_pct: float, day: date = DAY) -> int:
    """The index prints, so far from its previous close."""
    moment = at(clock, day)
    ticks[0] = Tick(
        catalogue[0], "test", 10_000 * (1 + move_pct / 100), moment, moment, previous_close=10_000.0
    )
    return moment


@pytest.mark.parametrize(
    ("clock", "move_pct", "fault", "until"),
    [
        ("09:20:00", -9.9, "09:20:10", None),
        ("09:20:00", -10.8, "10:20:10", "10:20:00"),
        ("09:20:00", 10.0, "10:20:10", "10:20:00"),
        ("13:10:00", -10.0, "13:40:10", "13:40:00"),
        ("14:31:00", -10.5, "14:31:10", None),
        ("11:00:00", -15.2, "13:00:10", "13:00:00"),
        ("14:10:00", -15.2, "never", "no more trading today"),
        ("10:00:00", -20.0, "never", "no more trading today"),
    ],
)
def test_a_silence_that_a_market_wide_halt_explains_counts_from_its_end(
    clock: str, move_pct: float, fault: str, until: str | None
) -> None:
    catalogue, ticks, silence = market()
    last = show(catalogue, ticks, clock, move_pct)
    assert words(silence.due(last)) == fault
    text, _ = silence.halt(last)
    assert (until is not None) is bool(text)
    if until is not None:
        assert text.startswith(f"market-wide halt, NIFTY {move_pct:+.1f} %")
        assert until in text


def test_the_13th_of_march_2020_looks_like_silence() -> None:
    """NIFTY 8,555.15 after 9,590.15: stopped at 09:20, traded again at 10:20."""
    catalogue, ticks, silence = market(MARCH_13, changes=Changes(days=(USUAL_2020,)))
    last = at("09:20:30", MARCH_13)
    ticks[0] = Tick(catalogue[0], "test", 8_555.15, last, last, previous_close=9_590.15)
    assert words(silence.due(last)) == "10:20:40"


def test_after_the_reopening_the_same_low_price_excuses_nothing_more() -> None:
    catalogue, ticks, silence = market()
    show(catalogue, ticks, "09:20:00", -10.8)
    later = at("10:30:00")
    assert silence.halt(later) == ("", 0)
    assert words(silence.due(later)) == "10:30:10"


def test_a_halt_of_shares_does_not_excuse_commodities() -> None:
    catalogue, ticks, silence = market(with_crude=True)
    last = show(catalogue, ticks, "09:20:00", -10.8)
    assert words(silence.due(last)) == "09:20:10"


def test_a_halt_that_a_calendar_file_names_is_a_break_like_any_other() -> None:
    halted = Change(
        DAY, Segment.NSE_CM, None, ((33_300, 42_000), (56_700, 61_200)), "halt", "NSE press release"
    )
    _, _, silence = market(changes=Changes(days=(halted,)))
    # 24 February 2021: 11:40 to 15:45, and then until 17:00.
    assert words(silence.due(at("11:39:55"))) == "15:45:10"


def test_a_previous_close_that_is_missing_explains_nothing() -> None:
    catalogue, ticks, silence = market()
    last = at("09:20:00")
    ticks[0] = Tick(catalogue[0], "test", 100.0, last, last)
    assert words(silence.due(last)) == "09:20:10"


def test_a_halt_is_told_once_however_often_its_silence_is_broken() -> None:
    catalogue, ticks, silence = market()
    last = show(catalogue, ticks, "09:20:00", -10.8)
    assert silence.halt_to_tell(at("09:20:05"), last) == ""
    told = silence.halt_to_tell(at("09:40:00"), last)
    assert told == "market-wide halt, NIFTY -10.8 %: trading again about 10:20:00"
    assert silence.halt_to_tell(at("10:00:00"), at("09:40:00")) == ""
    again = show(catalogue, ticks, "13:05:00", -15.1)
    assert "13:05" not in told
    assert "14:05:00" in silence.halt_to_tell(at("13:30:00"), again)
