from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Engine = Callable[..., Any]

STRATEGY = '''
from engine import Params, Strategy, buy, chain, time


class P(Params):
    underlying: str = "NIFTY"


class Busy(Strategy[P]):
    """Asks for everything that can be asked for at the start."""

    def on_start(self) -> None:
        self.watch(self.params.underlying)
        self.watch(chain("NIFTY", strikes=3), depth=True)
        self.bars(self.future("NIFTY"), "5m")
        self.at(time(15, 10), self.leave, missed="run")
        self.at(time(9, 20), self.enter_now)
        self.at(time(9, 0), self.too_early)
        self.every(30, self.look)

    def enter_now(self) -> None: ...
    def leave(self) -> None: ...
    def look(self) -> None: ...
    def too_early(self) -> None: ...


class Eager(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")
        self.enter(buy(self.future("NIFTY")), name="now")


class EagerAndLost(Strategy[Params]):
    def on_start(self) -> None:
        self.enter(buy(self.future("NIFTY")), name="now")
        self.watch("NIFTTY")


class Quits(Strategy[Params]):
    def on_start(self) -> None:
        raise SystemExit(0)


class Broken(Strategy[Params]):
    def on_start(self) -> None:
        self.limit = 1 / 0


class Lost(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTTY")
'''

YAML = """
feed: {replay: morning.arrow}
strategies:
  busy: {uses: ./busy.py:Busy, risk: {max_loss_inr: 6000}}
"""


@pytest.fixture
def write(recording: Path, tmp_path: Path) -> Callable[[str], Path]:
    assert recording.parent == tmp_path

    def write(text: str = YAML) -> Path:
        (tmp_path / "busy.py").write_text(STRATEGY)
        path = tmp_path / "strategies.yaml"
        path.write_text(textwrap.dedent(text).lstrip())
        return path

    return write


def test_it_tells_the_recording_the_limits_and_the_plan(
    engine: Engine, write: Callable[..., Path]
) -> None:
    answer = engine("check", write())
    assert answer.code == 0, answer.err
    for told in (
        "is right. Nothing was started.",
        "Wednesday 19 August 2026, 09:15:00 to 11:15:00 IST, 2 frames",
        "1 future, 1 index, 62 option; each prints every 1 s",
        "hours      nse_cm (shares without derivatives, indices) 09:15-15:30, normal: market_rules",
        "           nse_fo 09:15-15:40, normal: NSE/FAOP/74467",
        "max_loss_inr: 25000",
        "own limits  max_loss_inr 6000",
        "watches     NIFTY, NIFTY 2026-08-25 chain, 3 strikes each side with depth",
        "5m",
        "  09:20:00  busy: enter_now",
        "  every 30 s  busy: look",
        "note        too_early at 09:00:00: past when the recording begins; it does not run",
        "note        leave at 15:10:00: the recording ends before",
        "first group enters no group in this recording",
    ):
        assert told in answer.out
    plan = answer.out[answer.out.index("the day's plan") :]
    assert plan.index("opens") < plan.index("enter_now") < plan.index("ends") < plan.index("leave")


def test_json_says_the_same(engine: Engine, write: Callable[..., Path]) -> None:
    answer = engine("check", write(), "--json")
    assert answer.code == 0
    told = json.loads(answer.out)
    (busy,) = told["strategies"]
    assert told["recording"]["frames"] == 2
    derivatives = told["hours"][1]
    assert (derivatives["segment"], derivatives["windows"]) == ("nse_fo", [["09:15", "15:40"]])
    assert derivatives["contracts"] == ["futures", "options"]
    assert derivatives["day"] == "normal"
    assert "NSE/FAOP/74467" in derivatives["source"]
    assert told["calendar"] is None
    assert told["risk"]["max_loss_inr"] == "25000"
    assert busy["limits"]["max_loss_inr"] == "6000"
    assert busy["times"] == [
        {"at": "09:20:00", "hook": "enter_now"},
        {"at": "15:10:00", "hook": "leave"},
    ]
    assert busy["repeats"] == [{"every_s": 30, "hook": "look"}]
    assert busy["first_group"] is None
    assert busy["no_group_because"] == "enters no group in this recording"


def test_a_strategy_that_trades_at_once_is_followed_that_far(
    engine: Engine, write: Callable[..., Path]
) -> None:
    answer = engine("check", write(YAML.replace("Busy", "Eager")))
    assert answer.code == 0, answer.err
    assert "note        enters now (1 legs) in on_start" in answer.out
    assert "first group busy.now.1 at 09:15:05: no price" in answer.out


def test_what_follows_after_that_is_found_by_the_dry_run(
    engine: Engine, write: Callable[..., Path]
) -> None:
    answer = engine("check", write(YAML.replace("Busy", "EagerAndLost")))
    assert (answer.code, answer.out) == (2, "")
    assert "strategy busy: no instrument 'NIFTTY'; nearest: NIFTY" in answer.err


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("Broken", "strategies.busy: on_start raised ZeroDivisionError: division by zero"),
        ("Quits", "strategies.busy: on_start raised SystemExit: 0"),
        ("Lost", "strategies.busy: no instrument 'NIFTTY'; nearest: NIFTY"),
        ("Gone", "strategies.busy.uses: ./busy.py has no Gone"),
    ],
)
def test_what_a_run_would_stumble_over_is_told_with_its_line(
    engine: Engine, write: Callable[..., Path], uses: str, told: str
) -> None:
    path = write(YAML.replace("Busy", uses))
    answer = engine("check", path)
    assert (answer.code, answer.out) == (2, "")
    assert f"{path}:3: {told}" in answer.err


def test_a_file_that_is_no_recording_is_told(engine: Engine, write: Callable[..., Path]) -> None:
    path = write()
    (path.parent / "morning.arrow").write_bytes(b"")
    answer = engine("check", path)
    assert (answer.code, answer.out) == (2, "")
    assert "morning.arrow" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_it_changes_nothing(engine: Engine, write: Callable[..., Path], tmp_path: Path) -> None:
    path = write()
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert engine("check", path).code == 0
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


CALENDAR = """
days:
  - day: "2026-08-19"
    segments: [nse_fo]
    trades: ["09:15-10:00", "11:30-12:30"]
    why: disaster recovery test
    source: NSE/FAOP/99999
"""


def test_a_calendar_file_changes_the_hours_and_says_where_they_come_from(
    engine: Engine, write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(CALENDAR)
    path = write("calendar: own.yaml\n" + YAML.lstrip())
    answer = engine("check", path)
    assert answer.code == 0, answer.err
    for told in (
        "nse_fo 09:15-10:00, 11:30-12:30, disaster recovery test: NSE/FAOP/99999",
        f"calendar   {tmp_path / 'own.yaml'}",
        "  10:00:00  nse_fo closes",
        "  11:30:00  nse_fo opens",
    ):
        assert told in answer.out
    # The index of nse_cm trades on, so 15:10 is a time like any other.
    assert "no order can go out" not in answer.out
    (tmp_path / "own.yaml").write_text(CALENDAR.replace("[nse_fo]", "[nse_fo, nse_cm]"))
    assert (
        "note        leave at 15:10:00: nothing of this run trades then"
        in engine("check", path).out
    )


def test_a_mistake_in_the_calendar_is_told_with_both_files_and_lines(
    engine: Engine, write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(CALENDAR.replace("nse_fo", "nfo"))
    answer = engine("check", write("calendar: own.yaml\n" + YAML.lstrip()))
    assert answer.code == 2
    assert "strategies.yaml:1: calendar:" in answer.err
    assert "own.yaml:4: days[0].segments[0]: must be" in answer.err


def test_a_recording_of_a_day_without_any_session_is_refused(
    engine: Engine, write: Callable[..., Path], tmp_path: Path
) -> None:
    closed = """
    days:
      - {day: "2026-08-19", segments: [nse_cm, nse_fo], trades: closed, why: a, source: b}
    """
    (tmp_path / "own.yaml").write_text(textwrap.dedent(closed))
    answer = engine("check", write("calendar: own.yaml\n" + YAML.lstrip()))
    assert answer.code == 2
    assert "nothing in it trades on Wednesday 19 August 2026" in answer.err
