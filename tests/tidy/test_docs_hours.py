"""The tables of docs/market-hours.md are those of the code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import time
from itertools import groupby
from pathlib import Path

import pytest

from engine.cli.hours_shown import CLASS_WORDS, clock, phase_words, span
from engine.rules.circuit_breaker import BREAKER
from engine.rules.dated import Row
from engine.rules.holidays import COMMODITY_HOLIDAYS, EQUITY_HOLIDAYS
from engine.rules.hours import HOURS, HoursClass, Phases
from engine.rules.special_sessions import SPECIAL_SESSIONS
from engine.rules.square_off import SQUARE_OFF, BeforeClose


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "market-hours.md").read_text(encoding="utf-8")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def hours() -> str:
    """Each class of contract, with the segments that have it, and its phases since each day."""
    owners: dict[HoursClass, list[str]] = {}
    rows_of: dict[HoursClass, tuple[Row[Phases], ...]] = {}
    for segment, classes in HOURS.items():
        for hours_class, rows in classes.items():
            owners.setdefault(hours_class, []).append(segment)
            rows_of[hours_class] = rows
    return table(
        ["segments", "contracts", "from", "phases", "source"],
        (
            [
                ", ".join(owners[hours_class]),
                CLASS_WORDS[hours_class],
                row.first_day.isoformat(),
                "<br>".join(f"{span(p.opens_s, p.closes_s)} {phase_words(p)}" for p in row.value),
                row.source,
            ]
            for hours_class, rows in rows_of.items()
            for row in rows
        ),
    )


def holidays() -> str:
    return table(
        ["day", "", "shares and their derivatives", "commodities"],
        (
            [
                f"{day:%Y-%m-%d %a}",
                holiday.name,
                "closed" if day in EQUITY_HOLIDAYS else "open",
                f"{holiday.closed} closed" if holiday.closed != "all day" else "closed",
            ]
            for day, holiday in COMMODITY_HOLIDAYS.items()
        ),
    )


def sources() -> str:
    rows = []
    for name, days in (("shares", EQUITY_HOLIDAYS), ("commodities", COMMODITY_HOLIDAYS)):
        for source, group in groupby(days.values(), key=lambda holiday: holiday.source):
            listed = [holiday.day.isoformat() for holiday in group]
            rows.append([name, f"{listed[0]} to {listed[-1]}", source])
    return table(["", "days", "source"], rows)


def special() -> str:
    def words(windows: tuple[tuple[time, time], ...] | None) -> str:
        if windows is None:
            return "usual hours"
        spans = ", ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in windows)
        return spans or "not published to us: an error until a calendar file names them"

    return table(
        ["day", "segments", "", "hours", "source"],
        (
            [
                f"{s.day:%Y-%m-%d %a}",
                ", ".join(s.segments),
                str(s.occasion),
                words(s.windows),
                s.source,
            ]
            for s in SPECIAL_SESSIONS
        ),
    )


def breaker() -> str:
    (row,) = BREAKER
    lines, after = [], 0
    for step in row.value.steps:
        after = 0 if lines and lines[-1][0] != f"{step.level_pct} %" else after
        until = "" if step.before_s == 86_400 else f"before {clock(step.before_s)}"
        since = f"from {clock(after)}" if after else ""
        if step.halt_s is None:
            halt = "the rest of the day"
        elif step.halt_s == 0:
            halt = "none"
        else:
            halt = f"{step.halt_s // 60} min, then {row.value.auction_s // 60} min of auction"
        lines.append([f"{step.level_pct} %", " ".join(filter(None, (since, until))), halt])
        after = step.before_s
    return table(["level", "reached", "halt"], lines)


def square_off() -> str:
    rows = [
        [
            segment,
            f"{row.first_day} to {row.last_day}" if row.last_day else f"since {row.first_day}",
            *(f"{seconds // 60} min" for seconds in row.value),
        ]
        for segment, dated in SQUARE_OFF.items()
        for row in dated
    ]
    brokers = [name.replace("_", " ").title() for name in BeforeClose._fields]
    return table(["segment", "", *brokers], rows)


TABLES = {
    "hours": hours,
    "holidays": holidays,
    "holiday-sources": sources,
    "special": special,
    "breaker": breaker,
    "square-off": square_off,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_market_hours_is_that_of_the_code(text: str, name: str) -> None:
    start, end = f"<!-- table: {name} -->\n", "\n<!-- end -->"
    assert text.count(start) == 1
    assert text.split(start)[1].split(end, maxsplit=1)[0] == TABLES[name]()
