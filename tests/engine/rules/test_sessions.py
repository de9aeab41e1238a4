import csv
import gzip
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.rules import holidays
from engine.rules.changes import Change, Changes
from engine.rules.clock_time import at_ns
from engine.rules.hours import HOURS, HoursClass, PhaseKind
from engine.rules.sessions import Session, Sessions, shares_with_derivatives
from engine.rules.special_sessions import SPECIAL_SESSIONS, Occasion

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "market"
EQUITY = list(holidays.EQUITY_SEGMENTS)
DERIVATIVES = [Segment.NSE_FO, Segment.BSE_FO]
CASH = [Segment.NSE_CM, Segment.BSE_CM]
UNPUBLISHED = {
    (s.day, segment) for s in SPECIAL_SESSIONS if s.windows == () for segment in s.segments
}


def windows(
    segment: Segment, day: date, hours_class: HoursClass | None = None, **kwargs: Changes
) -> str:
    return words(Sessions(**kwargs).session(segment, day, hours_class))


def words(session: Session | None) -> str:
    if session is None:
        return "closed"
    clocks = [
        f"{w.open_s // 3600:02}:{w.open_s // 60 % 60:02}-{w.close_s // 3600:02}:{w.close_s // 60 % 60:02}"
        for w in session.windows
    ]
    return " ".join(clocks)


def changed(day: date, segment: Segment, trades: object, **more: object) -> Changes:
    hours_class = more.pop("hours_class", None)
    change = Change(day, segment, hours_class, trades, "why", "source")  # type: ignore[arg-type]
    return Changes(days=(change,), **more)  # type: ignore[arg-type]


def instrument(segment: Segment, kind: Kind, underlying: str) -> Instrument:
    derived = kind in (Kind.FUTURE, Kind.OPTION)
    return Catalogue().intern(
        InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=date(2026, 8, 25) if derived else None,
            strike=Decimal(100) if kind is Kind.OPTION else None,
            right=Right.CALL if kind is Kind.OPTION else None,
        )
    )


# -- usual hours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", DERIVATIVES)
@pytest.mark.parametrize("hours_class", [HoursClass.FUTURES, HoursClass.OPTIONS])
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2024, 1, 1), "09:15-15:30"),
        (date(2026, 7, 31), "09:15-15:30"),
        (date(2026, 8, 3), "09:15-15:40"),
        (date(2026, 12, 31), "09:15-15:40"),
    ],
)
def test_derivatives_close_ten_minutes_later_since_3_august_2026(
    segment: Segment, hours_class: HoursClass, day: date, hours: str
) -> None:
    assert windows(segment, day, hours_class) == windows(segment, day) == hours


@pytest.mark.parametrize("segment", CASH)
@pytest.mark.parametrize(
    ("day", "without", "with_derivatives"),
    [
        (date(2026, 7, 31), "09:15-15:30", "09:15-15:30"),
        (date(2026, 8, 3), "09:15-15:30", "09:15-15:15"),
        (date(2026, 11, 20), "09:15-15:30", "09:15-15:15"),
    ],
)
def test_only_shares_with_derivatives_leave_continuous_trading_for_the_closing_auction(
    segment: Segment, day: date, without: str, with_derivatives: str
) -> None:
    assert windows(segment, day) == without
    assert windows(segment, day, HoursClass.CLOSING_AUCTION) == with_derivatives


def phases(segment: Segment, day: date, hours_class: HoursClass) -> list[tuple[str, str, str]]:
    plan = Sessions().plan(segment, day, hours_class)
    assert plan is not None

    def clock(second: int) -> str:
        return f"{second // 3600:02}:{second // 60 % 60:02}"

    return [(clock(p.opens_s), clock(p.closes_s), p.kind.name) for p in plan.phases]


def test_the_phases_of_a_share_in_the_closing_auction() -> None:
    """market_rules.md section 1: NSE/CMTR/74466, and the pre-open since 7 September 2026."""
    assert phases(Segment.NSE_CM, date(2026, 9, 8), HoursClass.CLOSING_AUCTION) == [
        ("09:00", "09:05", "PRE_OPEN"),
        ("09:05", "09:10", "PRE_OPEN_LIMIT"),
        ("09:10", "09:12", "PRE_OPEN_MATCH"),
        ("09:12", "09:15", "BUFFER"),
        ("09:15", "15:15", "CONTINUOUS"),
        ("15:15", "15:20", "REFERENCE_PRICE"),
        ("15:20", "15:25", "AUCTION"),
        ("15:25", "15:30", "AUCTION_LIMIT"),
        ("15:30", "15:35", "AUCTION_MATCH"),
        ("15:50", "16:00", "POST_CLOSE"),
    ]


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2026, 9, 4), [("09:00", "09:08", "PRE_OPEN"), ("09:08", "09:12", "PRE_OPEN_MATCH")]),
        (date(2026, 9, 7), [("09:00", "09:05", "PRE_OPEN"), ("09:05", "09:10", "PRE_OPEN_LIMIT")]),
    ],
)
def test_the_cash_pre_open_changed_on_7_september_2026(
    day: date, first: list[tuple[str, str, str]]
) -> None:
    found = phases(Segment.BSE_CM, day, HoursClass.CASH)
    assert found[:2] == first
    assert found[-1] == ("15:40", "16:00", "POST_CLOSE")


@pytest.mark.parametrize(
    ("day", "hours_class", "count"),
    [
        (date(2025, 12, 5), HoursClass.FUTURES, 1),
        (date(2025, 12, 8), HoursClass.FUTURES, 4),
        (date(2026, 9, 8), HoursClass.FUTURES, 4),
        (date(2025, 12, 8), HoursClass.OPTIONS, 1),
        (date(2026, 9, 8), HoursClass.OPTIONS, 1),
    ],
)
def test_only_futures_have_a_pre_open_and_only_since_8_december_2025(
    day: date, hours_class: HoursClass, count: int
) -> None:
    found = phases(Segment.NSE_FO, day, hours_class)
    assert len(found) == count
    if count > 1:
        assert found[0] == ("09:00", "09:08", "PRE_OPEN")


def test_phases_are_in_order_and_apart_with_one_continuous_each() -> None:
    for classes in HOURS.values():
        for rows in classes.values():
            assert [r.first_day for r in rows] == sorted(r.first_day for r in rows)
            for row in rows:
                assert row.source
                spans = [(p.opens_s, p.closes_s) for p in row.value]
                assert all(opens < closes for opens, closes in spans)
                assert all(a[1] <= b[0] for a, b in pairwise(spans))
                assert sum(p.kind is PhaseKind.CONTINUOUS for p in row.value) == 1
                for phase in row.value:
                    start = phase.random_from_s
                    assert start is None or phase.opens_s < start < phase.closes_s


# -- commodities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "non_agri", "international", "agri"),
    [
        (date(2024, 1, 1), "09:00-17:00", "09:00-17:00", "09:00-17:00"),
        (date(2024, 3, 8), "17:00-23:55", "17:00-21:00", "closed"),
        (date(2024, 3, 11), "09:00-23:30", "09:00-21:00", "09:00-17:00"),
        (date(2024, 3, 29), "closed", "closed", "closed"),
        (date(2025, 2, 1), "09:00-17:00", "09:00-17:00", "09:00-17:00"),
        (date(2025, 10, 21), "13:45-14:45", "13:45-14:45", "13:45-14:45"),
        (date(2025, 10, 22), "17:00-23:30", "17:00-21:00", "closed"),
        (date(2026, 1, 1), "09:00-17:00", "09:00-17:00", "09:00-17:00"),
        (date(2026, 1, 2), "09:00-23:55", "09:00-21:00", "09:00-17:00"),
        (date(2026, 2, 1), "09:00-17:00", "09:00-17:00", "09:00-17:00"),
        (date(2026, 3, 6), "09:00-23:55", "09:00-21:00", "09:00-17:00"),
        (date(2026, 3, 9), "09:00-23:30", "09:00-21:00", "09:00-17:00"),
        (date(2026, 7, 27), "09:00-23:30", "09:00-21:00", "09:00-17:00"),
        (date(2026, 9, 14), "17:00-23:30", "17:00-21:00", "closed"),
        (date(2026, 10, 30), "09:00-23:30", "09:00-21:00", "09:00-17:00"),
        (date(2026, 11, 2), "09:00-23:55", "09:00-21:00", "09:00-17:00"),
        (date(2026, 11, 24), "17:00-23:55", "17:00-21:00", "closed"),
        (date(2026, 12, 25), "closed", "closed", "closed"),
    ],
)
def test_commodities_follow_new_york_summer_time_their_class_and_split_holidays(
    day: date, non_agri: str, international: str, agri: str
) -> None:
    assert windows(Segment.MCX_FO, day) == non_agri
    assert windows(Segment.MCX_FO, day, HoursClass.NON_AGRI) == non_agri
    assert windows(Segment.MCX_FO, day, HoursClass.AGRI_INTERNATIONAL) == international
    assert windows(Segment.MCX_FO, day, HoursClass.AGRI) == agri


def test_a_real_crude_oil_day_lies_inside_its_session() -> None:
    path = SHARED / "mcx_1m" / "crudeoil_1m_20260727.csv"
    if not path.exists():
        pytest.skip("the shared commodity bars are not here")
    session = Sessions().session(Segment.MCX_FO, date(2026, 7, 27))
    assert session is not None
    text = path.read_text()
    clocks = [
        line[11:19] for line in text.replace('"', "").splitlines() if line.startswith("2026-07-27")
    ]
    assert len(clocks) == 870
    at = [at_ns(date(2026, 7, 27), time.fromisoformat(clock)) for clock in clocks]
    assert all(session.is_open(moment) for moment in at)
    assert min(at) == session.open_ns
    assert max(at) == session.close_ns - 60 * 10**9


# -- special days ----------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", EQUITY)
@pytest.mark.parametrize(
    ("day", "hours", "name"),
    [
        (date(2024, 1, 20), "09:15-15:30", Occasion.FULL),
        (date(2024, 3, 2), "09:15-10:00 11:30-12:30", Occasion.RECOVERY_TEST),
        (date(2024, 5, 18), "09:15-10:00 11:30-12:30", Occasion.RECOVERY_TEST),
        (date(2024, 11, 1), "18:00-19:00", Occasion.MUHURAT),
        (date(2025, 2, 1), "09:15-15:30", Occasion.BUDGET),
        (date(2025, 10, 21), "13:45-14:45", Occasion.MUHURAT),
        (date(2026, 2, 1), "09:15-15:30", Occasion.BUDGET),
    ],
)
def test_special_sessions_have_their_hours_and_name(
    segment: Segment, day: date, hours: str, name: Occasion
) -> None:
    session = Sessions().session(segment, day)
    assert words(session) == hours
    assert session is not None
    assert (session.name, bool(session.source)) == (name, True)


def test_a_session_with_a_break_is_open_in_its_windows_only() -> None:
    day = date(2024, 3, 2)
    session = Sessions().session(Segment.NSE_FO, day)
    assert session is not None
    opens = {"09:14:59": False, "09:15:00": True, "09:59:59": True, "10:00:00": False,
             "11:29:59": False, "11:30:00": True, "12:29:59": True, "12:30:00": False}  # fmt: skip
    for clock, is_open in opens.items():
        assert session.is_open(at_ns(day, time.fromisoformat(clock))) is is_open, clock
    assert session.open_ns == at_ns(day, time(9, 15))
    assert session.close_ns == at_ns(day, time(12, 30))


@pytest.mark.parametrize(("day", "segment"), sorted(UNPUBLISHED))
def test_a_session_whose_hours_were_never_published_is_an_error_that_says_what_to_write(
    day: date, segment: Segment
) -> None:
    assert Sessions().is_trading_day(segment, day)
    with pytest.raises(FileError, match="give them in a calendar file") as error:
        Sessions().continuous(segment, day)
    assert day.isoformat() in str(error.value)
    told = changed(day, segment, ((64_800, 68_400),))
    assert windows(segment, day, changes=told) == "18:00-19:00"


@pytest.mark.parametrize("segment", [*EQUITY, Segment.MCX_FO])
def test_every_weekday_trades_unless_it_is_a_holiday_and_no_weekend_does_unless_it_is_special(
    segment: Segment,
) -> None:
    sessions = Sessions()
    special = {s.day for s in SPECIAL_SESSIONS if segment in s.segments}
    closed = holidays.EQUITY_HOLIDAYS if segment in EQUITY else holidays.COMMODITY_HOLIDAYS
    day = holidays.FIRST_DAY
    while day <= holidays.LAST_DAY:
        holiday = closed.get(day)
        expected = day.weekday() < 5 and (
            holiday is None or holiday.closed is not holidays.Part.DAY
        )
        assert sessions.is_trading_day(segment, day) is (expected or day in special), day
        day += timedelta(days=1)


@pytest.mark.parametrize("day", [date(2023, 12, 29), date(2027, 1, 1)])
@pytest.mark.parametrize("segment", [*EQUITY, Segment.MCX_FO])
def test_a_day_outside_the_tables_is_an_error(segment: Segment, day: date) -> None:
    for ask in (Sessions().session, Sessions().is_trading_day, Sessions().continuous):
        with pytest.raises(FileError, match="2024-01-01 to 2026-12-31"):
            ask(segment, day)


@pytest.mark.parametrize("segment", [Segment.CDE_FO, Segment.NCX_FO])
def test_a_segment_without_a_calendar_is_an_error(segment: Segment) -> None:
    with pytest.raises(FileError, match=str(segment)):
        Sessions().session(segment, date(2026, 8, 19))


def test_a_class_that_a_segment_does_not_have_is_an_error() -> None:
    with pytest.raises(FileError, match="nse_fo has no contracts of the class agri"):
        Sessions().session(Segment.NSE_FO, date(2026, 8, 19), HoursClass.AGRI)


def test_trading_days_before_and_after_skip_holidays_weekends_and_find_special_days() -> None:
    sessions = Sessions()
    assert sessions.previous_trading_day(Segment.BSE_FO, date(2026, 1, 15)) == date(2026, 1, 14)
    assert sessions.previous_trading_day(Segment.NSE_FO, date(2026, 3, 3)) == date(2026, 3, 2)
    assert sessions.previous_trading_day(Segment.NSE_FO, date(2026, 2, 2)) == date(2026, 2, 1)
    assert sessions.next_trading_day(Segment.NSE_FO, date(2026, 11, 6)) == date(2026, 11, 8)
    assert sessions.next_trading_day(Segment.NSE_FO, date(2026, 11, 21)) == date(2026, 11, 23)
    assert sessions.next_trading_day(Segment.MCX_FO, date(2026, 11, 23)) == date(2026, 11, 24)
    with pytest.raises(FileError, match="2026-12-31"):
        sessions.next_trading_day(Segment.NSE_FO, date(2026, 12, 31))


# -- contracts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "kind", "underlying", "hours"),
    [
        (Segment.NSE_CM, Kind.EQUITY, "SBIN", "09:15-15:15"),
        (Segment.BSE_CM, Kind.EQUITY, "SBIN", "09:15-15:15"),
        (Segment.NSE_CM, Kind.EQUITY, "SMALLCO", "09:15-15:30"),
        (Segment.NSE_CM, Kind.INDEX, "NIFTY", "09:15-15:30"),
        (Segment.NSE_FO, Kind.FUTURE, "SBIN", "09:15-15:40"),
        (Segment.NSE_FO, Kind.OPTION, "NIFTY", "09:15-15:40"),
        (Segment.MCX_FO, Kind.FUTURE, "CRUDEOIL", "09:00-23:30"),
        (Segment.MCX_FO, Kind.OPTION, "GOLDM", "09:00-23:30"),
        (Segment.MCX_FO, Kind.FUTURE, "KAPAS", "09:00-21:00"),
        (Segment.MCX_FO, Kind.FUTURE, "MENTHAOIL", "09:00-17:00"),
    ],
)
def test_each_contract_has_its_own_hours(
    segment: Segment, kind: Kind, underlying: str, hours: str
) -> None:
    sessions = Sessions(closing_auction=frozenset({"SBIN"}))
    assert words(sessions.of(instrument(segment, kind, underlying), date(2026, 8, 19))) == hours


def test_an_mcx_underlying_nobody_classed_is_an_error_until_a_calendar_file_does() -> None:
    new = instrument(Segment.MCX_FO, Kind.FUTURE, "NEWMETAL")
    with pytest.raises(FileError, match="NEWMETAL"):
        Sessions().of(new, date(2026, 8, 19))
    told = Sessions(Changes(commodities={"NEWMETAL": HoursClass.NON_AGRI}))
    assert words(told.of(new, date(2026, 8, 19))) == "09:00-23:30"


def test_shares_with_derivatives_are_found_among_the_instruments() -> None:
    listed = [
        instrument(Segment.NSE_CM, Kind.EQUITY, "SBIN"),
        instrument(Segment.NSE_FO, Kind.FUTURE, "SBIN"),
        instrument(Segment.NSE_CM, Kind.EQUITY, "SMALLCO"),
        instrument(Segment.NSE_CM, Kind.INDEX, "NIFTY"),
        instrument(Segment.NSE_FO, Kind.OPTION, "NIFTY"),
    ]
    assert shares_with_derivatives(iter(listed)) == {"SBIN"}


# -- a calendar file's changes ---------------------------------------------------------------------


def test_a_holiday_announced_late_closes_the_exchange() -> None:
    day = date(2026, 8, 20)
    assert Sessions().is_trading_day(Segment.NSE_FO, day)
    told = Sessions(changed(day, Segment.NSE_FO, "closed"))
    assert not told.is_trading_day(Segment.NSE_FO, day)
    assert told.is_trading_day(Segment.BSE_FO, day)
    assert told.why_closed(Segment.NSE_FO, day) == ("why", "source")
    with pytest.raises(FileError, match="does not trade on Thursday 2026-08-20"):
        told.continuous(Segment.NSE_FO, day)


@pytest.mark.parametrize(
    ("day", "segment", "trades", "hours"),
    [
        (date(2026, 11, 24), Segment.NSE_FO, "usual", "09:15-15:40"),
        (date(2026, 11, 24), Segment.MCX_FO, "usual", "09:00-23:55"),
        (date(2026, 8, 20), Segment.MCX_FO, "morning", "09:00-17:00"),
        (date(2026, 8, 20), Segment.MCX_FO, "evening", "17:00-23:30"),
        (date(2026, 8, 20), Segment.NSE_CM, ((33_300, 36_000), (39_600, 55_800)), "09:15-10:00 11:00-15:30"),
        (date(2024, 3, 2), Segment.NSE_FO, "closed", "closed"),
        (date(2020, 3, 13), Segment.NSE_FO, ((33_300, 33_600), (37_200, 55_800)), "09:15-09:20 10:20-15:30"),
        (date(2026, 8, 22), Segment.NSE_FO, "usual", "09:15-15:40"),
    ],
)  # fmt: skip
def test_a_change_wins_over_the_tables(
    day: date, segment: Segment, trades: object, hours: str
) -> None:
    session = Sessions(changed(day, segment, trades)).session(segment, day)
    assert words(session) == hours
    if session is not None:
        assert (session.name, session.source) == ("why", "source")


def test_a_change_for_one_class_leaves_the_others() -> None:
    day = date(2026, 8, 20)
    own = changed(day, Segment.NSE_CM, ((33_300, 50_400),), hours_class=HoursClass.CLOSING_AUCTION)
    assert windows(Segment.NSE_CM, day, HoursClass.CLOSING_AUCTION, changes=own) == "09:15-14:00"
    assert windows(Segment.NSE_CM, day, HoursClass.CASH, changes=own) == "09:15-15:30"


def test_a_file_that_knows_all_holidays_until_a_day_reaches_past_the_tables() -> None:
    told = Sessions(Changes(until=date(2027, 3, 31)))
    assert words(told.session(Segment.NSE_FO, date(2027, 1, 4))) == "09:15-15:40"
    assert words(told.session(Segment.MCX_FO, date(2027, 3, 15))) == "09:00-23:30"
    with pytest.raises(FileError, match="to 2027-03-31"):
        told.session(Segment.NSE_FO, date(2027, 4, 1))


# -- real data -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["NIFTY", "BANKNIFTY"])
def test_real_minute_bars_lie_inside_the_sessions(name: str) -> None:
    path = SHARED / "index_1m" / f"{name}_2024_1m.csv.gz"
    if not path.exists():
        pytest.skip("the shared minute bars are not here")
    sessions = Sessions()
    outside: dict[str, int] = {}
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            written = row["Date"]
            day = date.fromisoformat(f"{written[:4]}-{written[4:6]}-{written[6:]}")
            session = sessions.session(Segment.NSE_CM, day)
            assert session is not None, day
            if not session.is_open(at_ns(day, time.fromisoformat(row["Time"]))):
                outside[written] = outside.get(written, 0) + 1
    # The data's own README: a corrupt feed with bars to 18:16, 542 of them where a day has 375.
    assert outside == {"20240120": 542 - 375}
