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
        self.watch("never reached")


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
        "hours      nse_cm 09:15 to 15:30; nse_fo 09:15 to 15:40",
        "max_loss_inr: 25000",
        "own limits  max_loss_inr 6000",
        "watches     NIFTY, NIFTY 2026-08-25 chain, 3 strikes each side with depth",
        "5m",
        "  09:20:00  busy: enter_now",
        "  every 30 s  busy: look",
        "note        too_early at 09:00:00: past when the recording begins; it does not run",
        "note        leave at 15:10:00: the recording ends before",
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
    assert told["hours"]["nse_fo"] == ["09:15:00", "15:40:00"]
    assert told["risk"]["max_loss_inr"] == "25000"
    assert busy["limits"]["max_loss_inr"] == "6000"
    assert busy["times"] == [
        {"at": "09:20:00", "hook": "enter_now"},
        {"at": "15:10:00", "hook": "leave"},
    ]
    assert busy["repeats"] == [{"every_s": 30, "hook": "look"}]


def test_a_strategy_that_trades_at_once_is_followed_that_far(
    engine: Engine, write: Callable[..., Path]
) -> None:
    answer = engine("check", write(YAML.replace("Busy", "Eager")))
    assert answer.code == 0, answer.err
    assert "note        enters now (1 legs) in on_start" in answer.out


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("Broken", "strategies.busy: on_start raised ZeroDivisionError: division by zero"),
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
