"""A person's calendar file: what it may say, what is wrong in it and where, and what it changes."""

from __future__ import annotations

import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.model.instrument import Segment
from engine.rules.hours import HoursClass
from engine.rules.sessions import Sessions, Window
from engine.runtime import calendar_file, config
from engine.runtime.config import Sections

WHOLE = """
days:
  - day: "2026-11-08"
    segments: [nse_cm, nse_fo]
    trades: ["18:00-19:00"]
    why: Muhurat
    source: NSE/CMTR/1
  - {day: 2026-11-24, segments: [nse_fo], trades: usual, why: moved, source: NSE/FAOP/2}
  - {day: "2026-11-25", segments: [nse_fo, mcx_fo], trades: closed, why: mourning, source: NSE/3}
  - {day: "2026-11-26", segments: [mcx_fo], trades: morning, why: network, source: MCX/4}
  - day: "2026-11-27"
    segments: [nse_cm]
    contracts: closing_auction
    trades: ["09:15-11:00", "12:00 - 15:15"]
    why: halt
    source: NSE press release
closing_auction: [SBIN]
commodities: {NEWMETAL: non_agri}
until: "2027-01-31"
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(text: str, name: str = "own.yaml") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return written


def said(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        calendar_file.load(path)
    return [line.replace(f"{path.parent}/", "") for line in str(error.value).splitlines()]


def test_a_whole_file_changes_what_it_names(write: Any) -> None:
    sessions = Sessions(calendar_file.load(write(WHOLE)).changes)

    def windows(segment: Segment, day: str, hours_class: HoursClass | None = None) -> Any:
        session = sessions.session(segment, date.fromisoformat(day), hours_class)
        return None if session is None else session.windows

    def clock(hour: int, minute: int = 0) -> int:
        return (hour * 60 + minute) * 60

    usual = (Window(clock(9, 15), clock(15, 40)),)
    assert windows(Segment.NSE_FO, "2026-11-08") == (Window(clock(18), clock(19)),)
    assert windows(Segment.NSE_FO, "2026-11-24") == usual
    assert windows(Segment.BSE_FO, "2026-11-24") is None
    assert windows(Segment.NSE_FO, "2026-11-25") is None
    assert windows(Segment.MCX_FO, "2026-11-25") is None
    assert windows(Segment.MCX_FO, "2026-11-26") == (Window(clock(9), clock(17)),)
    assert windows(Segment.NSE_CM, "2026-11-27", HoursClass.CLOSING_AUCTION) == (
        Window(clock(9, 15), clock(11)),
        Window(clock(12), clock(15, 15)),
    )
    assert windows(Segment.NSE_CM, "2026-11-27") == (Window(clock(9, 15), clock(15, 30)),)
    assert windows(Segment.NSE_FO, "2027-01-29") == usual
    named = sessions.session(Segment.NSE_FO, date(2026, 11, 8))
    assert named is not None
    assert (named.name, named.source) == ("Muhurat", "NSE/CMTR/1")


def test_equal_content_has_an_equal_hash_whatever_its_form(write: Any) -> None:
    one = calendar_file.load(write("closing_auction: [SBIN, TCS]\n"))
    same = calendar_file.load(write("# mine\nclosing_auction:\n  - SBIN\n  - TCS\n", "b.yaml"))
    other = calendar_file.load(write("closing_auction: [SBIN]\n", "c.yaml"))
    assert one.sha256 == same.sha256 != other.sha256


DAY = 'day: "2026-11-25", why: a, source: b'

WRONG = {
    "a weekend that is closed anyway": (
        '{day: "2026-11-28", segments: [nse_fo], trades: closed, why: a, source: b}',
        "days[0]: 2026-11-28 is a Saturday, and closed already; is the date right?",
    ),
    "a day that is usual anyway": (
        f"{{{DAY}, segments: [nse_fo], trades: usual}}",
        "days[0]: nse_fo trades as usual on 2026-11-25 already; is the date right?",
    ),
    "half a day of shares": (
        f"{{{DAY}, segments: [nse_cm], trades: evening}}",
        "days[0]: nse_cm has no evening session; give the times it trades",
    ),
    "usual hours that nobody knows": (
        f"{{{DAY}, segments: [cde_fo], trades: usual}}",
        "days[0]: no usual hours of cde_fo are known; give the times it trades",
    ),
    "contracts that the segment does not have": (
        f"{{{DAY}, segments: [nse_fo], contracts: agri, trades: closed}}",
        "days[0]: nse_fo has no contracts agri; it has options, futures",
    ),
    "a segment that does not exist": (
        f"{{{DAY}, segments: [nfo], trades: closed}}",
        "days[0].segments[0]: must be 'nse_cm', 'nse_fo', 'bse_cm', 'bse_fo', 'mcx_fo', 'ncx_fo' or 'cde_fo'; got nfo",
    ),
    "no segments": (
        f"{{{DAY}, segments: [], trades: closed}}",
        "days[0].segments: must have at least 1 in it; got a list",
    ),
    "no source": (
        '{day: "2026-11-25", segments: [nse_fo], trades: closed, why: a}',
        "days[0].source: is missing",
    ),
    "a typo in a key": (
        f"{{{DAY}, segments: [nse_fo], trade: closed, trades: closed}}",
        "days[0].trade: unknown key; nearest: trades",
    ),
    "times that are none": (
        f'{{{DAY}, segments: [nse_fo], trades: ["9 to 5"]}}',
        "days[0].trades[0]: must be times like \"18:00-19:00\"; got '9 to 5'",
    ),
    "an hour that is none": (
        f'{{{DAY}, segments: [nse_fo], trades: ["18:00-24:00"]}}',
        "days[0].trades[0]: must be times like \"18:00-19:00\"; got '18:00-24:00'",
    ),
    "times backwards": (
        f'{{{DAY}, segments: [nse_fo], trades: ["19:00-18:00"]}}',
        "days[0].trades[0]: 19:00-18:00 ends before it begins; a day ends before midnight",
    ),
    "times that overlap": (
        f'{{{DAY}, segments: [nse_fo], trades: ["09:15-12:00", "11:00-15:00"]}}',
        "days[0].trades[1]: 11:00-15:00 must begin after 09:15-12:00 is over",
    ),
    "no times": (
        f"{{{DAY}, segments: [nse_fo], trades: []}}",
        "days[0].trades: has no times in it; write `trades: closed`",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_day_is_said_with_its_line(write: Any, name: str) -> None:
    entry, message = WRONG[name]
    assert said(write(f"days:\n  - {entry}\n")) == [f"own.yaml:2: {message}"]


def test_a_day_is_named_once_for_a_segment(write: Any) -> None:
    entry = f"{{{DAY}, segments: [nse_fo, nse_fo], trades: closed}}"
    assert said(write(f"days:\n  - {entry}\n")) == [
        "own.yaml:2: days[0].segments[1]: a second entry for nse_fo on 2026-11-25; keep one"
    ]


def test_until_reaches_past_the_tables_or_is_left_out(write: Any) -> None:
    assert said(write('until: "2026-12-31"\n')) == [
        "own.yaml:1: until: the tables reach 2026-12-31 already; leave it out or name a later day"
    ]


def test_everything_wrong_is_said_at_once(write: Any) -> None:
    text = """
    until: 2026-01-01
    commodities: {GOLD: heavy}
    holidays: []
    """
    lines = said(write(text))
    assert lines[0] == "2 problems in own.yaml:"
    assert lines[1].startswith("own.yaml:3: commodities.GOLD: must be")
    assert lines[2].startswith("own.yaml:4: holidays: unknown key")


# -- in a configuration ----------------------------------------------------------------------------

YAML = """\
feed: {replay: morning.arrow}
calendar: CALENDAR
strategies:
  a: {uses: ./calm.py:Calm}
"""


def test_a_configuration_names_its_calendar_from_its_own_folder(
    write: Any, sections: Sections[Any, Any, Any], tmp_path: Path
) -> None:
    (tmp_path / "morning.arrow").touch()
    write("closing_auction: [SBIN]\n")
    plain = config.load(write(YAML.replace("calendar: CALENDAR\n", ""), "plain.yaml"), sections)
    found = config.load(write(YAML.replace("CALENDAR", "own.yaml"), "with.yaml"), sections)
    assert found.calendar is not None
    assert found.calendar.changes.closing_auction == ("SBIN",)
    assert plain.calendar is None
    assert plain.sha256 != found.sha256
    write("closing_auction: [TCS]\n")
    again = config.load(write(YAML.replace("CALENDAR", "own.yaml"), "with.yaml"), sections)
    assert again.sha256 != found.sha256


def test_a_calendar_that_is_missing_or_wrong_is_a_problem_of_the_configuration(
    write: Any, sections: Sections[Any, Any, Any], tmp_path: Path
) -> None:
    (tmp_path / "morning.arrow").touch()
    path = write(YAML.replace("CALENDAR", "own.yaml"), "with.yaml")
    with pytest.raises(ConfigError, match=r"with.yaml:2: calendar: .*own.yaml: no such file"):
        config.load(path, sections)
    write("until: 5\n")
    with pytest.raises(ConfigError, match=r"with.yaml:2: calendar: .*own.yaml:1: until: must be"):
        config.load(path, sections)
