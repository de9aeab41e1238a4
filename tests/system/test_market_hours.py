"""Whole runs on days that are not like the others: a break, a halt, a calendar file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from engine.runtime.sessions_on_disk import LINES_NAME

RECOVERY_TEST = date(2024, 3, 2)

WATCHES = """
class One(Strategy[Params]):
    def on_start(self):
        self.watch("NIFTY")
        self.bars("NIFTY", "15m")
        self.at(time(9, 50), self.go)
        self.at(time(10, 30), self.leave)
        self.every(600, self.look)

    def go(self):
        call, put = self.chain("NIFTY").at_the_money()
        self.enter(sell(call, 1), sell(put, 1), name="pair")

    def leave(self):
        self.exit("pair")

    def look(self):
        self.log.info("looked")

    def on_bar(self, bar):
        self.log.info(f"bar {bar.start % 86_400_000_000_000 // 60_000_000_000 + 330}")
"""
"""Enters before the break of a recovery test, and asks to leave in it."""

ALL_DAY = """
days:
  - {day: "2024-03-02", segments: [nse_cm, nse_fo], trades: ["09:15-12:30"], why: one, source: b}
"""
"""As if there had been no break."""

LOOSE = "{max_uncovered_short_lots: 20, entries_before_close_s: 60}"


def recorded(project: Any, new_tape: Any) -> None:
    """Nine forty to ten, and half past eleven to a quarter to twelve; nothing between."""
    tape = new_tape(start="09:40:00", trading_date=RECOVERY_TEST)
    tape.walk("10:00:00")
    tape.to("11:30:00")
    tape.walk("11:45:10")
    project.write(WATCHES, tape=tape, risk=LOOSE)


def said(project: Any) -> list[str]:
    """What the newest session told a person: the engine's clock, and the words."""
    folders = (project.folder / "sessions").iterdir()
    newest = max(folders, key=lambda folder: folder.stat().st_mtime_ns)
    rows = (json.loads(line) for line in (newest / LINES_NAME).read_text().splitlines())
    return [f"{row['engine_time'][:8]} {row['event']}" for row in rows]


def test_a_recovery_test_is_a_day_with_a_break_and_nothing_stale(
    project: Any, new_tape: Any
) -> None:
    recorded(project, new_tape)
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 0, ended.err
    told = said(project)
    assert [line for line in told if "feed" in line] == ["09:40:00 feed FRESH: first frame"]
    assert any("10:30:00 not left before 11:30:00" in line for line in told)
    assert [line[:8] for line in told if line.endswith(" looked")] == [
        "09:50:00",
        "11:30:00",
        "11:40:00",
    ]
    # Minutes of the day: a bar ends with the first window, the next begins with the second.
    assert [line for line in told if " bar " in line] == [
        "09:45:00 bar 570",
        "10:00:00 bar 585",
        "11:45:00 bar 690",
    ]
    assert "11:30:0" in project.cli("explain", "one.pair.1").out
    assert project.cli("replay", "--verify").code == 0


def test_a_calendar_file_is_part_of_a_session_and_verifies_though_it_has_gone(
    project: Any, new_tape: Any
) -> None:
    recorded(project, new_tape)
    plain = project.cli("run", "strategies.yaml")
    assert plain.code == 0, plain.err
    own: Path = project.folder / "own.yaml"
    own.write_text(ALL_DAY)
    project.yaml.write_text("calendar: own.yaml\n" + project.yaml.read_text())
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 0, ended.err
    stale = (
        "10:00:09 feed STALE: no frame for 10 s; no stop fires without prices, and these are open"
    )
    assert f"{stale}: one.pair.1" in said(project)
    own.unlink()
    verified = project.cli("replay", "--verify")
    assert verified.code == 0, verified.err
    ids = {path.name.rsplit("-", 1)[0] for path in (project.folder / "sessions").iterdir()}
    assert len(ids) == 2


def test_verification_notes_a_kept_calendar_that_was_edited(project: Any, new_tape: Any) -> None:
    recorded(project, new_tape)
    (project.folder / "own.yaml").write_text(ALL_DAY)
    project.yaml.write_text("calendar: own.yaml\n" + project.yaml.read_text())
    assert project.cli("run", "strategies.yaml").code == 0
    (folder,) = (project.folder / "sessions").iterdir()
    kept = folder / "calendar.yaml"
    kept.write_text(kept.read_text().replace("09:15-12:30", "09:15-10:00"))
    ended = project.cli("replay", "--verify")
    assert ended.code == 5
    assert "calendar has changed since the session" in ended.out + ended.err
