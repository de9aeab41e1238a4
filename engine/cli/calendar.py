"""``engine calendar``: what a day is in each segment, its phases, and where that is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from engine.cli.hours_shown import CLASS_WORDS, clock, phase_words, span
from engine.cli.output import JsonOption, write_json, write_lines
from engine.errors import EXIT_FILE, FileError
from engine.model.instrument import Segment
from engine.model.nearest import nearest
from engine.rules import RULES_VERSION
from engine.rules.changes import NO_CHANGES
from engine.rules.clock_time import ist_date
from engine.rules.holidays import KNOWN_SEGMENTS
from engine.rules.hours import HOURS, STOCK_FUTURES_RESET, HoursClass, Phase, PhaseKind
from engine.rules.sessions import DayPlan, Sessions
from engine.rules.square_off import LEAVE_EARLIER_S, leave_by
from engine.runtime import calendar_file
from engine.runtime.clock import SystemClock

_ITSELF: Final = "\0"
"""Stands for the segment's name while segments that say the same are joined."""
_DERIVATIVES: Final = (Segment.NSE_FO, Segment.BSE_FO)


class SegmentDay(NamedTuple):
    """One segment on one day: no ``plans`` where it is closed, or its hours are ``unknown``."""

    segment: Segment
    plans: dict[HoursClass, DayPlan]
    why: str
    source: str
    unknown: str
    next_day: date | None


def calendar(
    *,
    on: Annotated[
        str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="The day; today if left out.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="NAME", help="One segment, e.g. nse_fo.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--calendar", metavar="FILE", help="A calendar file to lay over the tables."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show when each segment trades on a day, and who says so.

    And whether it is special, and why.
    """
    day = _day(on)
    own = None if file is None else calendar_file.load(file)
    sessions = Sessions(NO_CHANGES if own is None else own.changes)
    found = [_look(sessions, name, day) for name in _segments(segment)]
    if as_json:
        write_json(report(day, found))
    else:
        write_lines(text(day, found))
    if any(entry.unknown for entry in found):
        raise typer.Exit(EXIT_FILE)


def _day(written: str | None) -> date:
    if written is None:
        return ist_date(SystemClock().now())
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FileError(f"--on {written}: must be a day like 2026-08-19") from None


def _segments(name: str | None) -> Sequence[Segment]:
    if name is None:
        return KNOWN_SEGMENTS
    if name not in KNOWN_SEGMENTS:
        raise FileError(f"--segment {name}: no calendar of it{nearest(name, KNOWN_SEGMENTS)}")
    return (Segment(name),)


def _look(sessions: Sessions, segment: Segment, day: date) -> SegmentDay:
    try:
        next_day: date | None = sessions.next_trading_day(segment, day)
    except FileError:
        next_day = None
    if sessions.is_trading_day(segment, day):
        try:
            plans = {c: sessions.plan(segment, day, c) for c in HOURS[segment]}
        except FileError as error:
            return SegmentDay(segment, {}, "", "", str(error), next_day)
        some = {c: plan for c, plan in plans.items() if plan is not None}
        plan = next(iter(some.values()))
        return SegmentDay(segment, some, plan.name, plan.source, "", next_day)
    why, source = sessions.why_closed(segment, day)
    return SegmentDay(segment, {}, why, source, "", next_day)


def report(day: date, found: Sequence[SegmentDay]) -> dict[str, Any]:
    """Return what was found as plain data."""
    return {
        "day": day,
        "weekday": f"{day:%A}",
        "rules_version": RULES_VERSION,
        "segments": [
            {
                "segment": entry.segment,
                "trades": None if entry.unknown else bool(entry.plans),
                "why": entry.why or None,
                "source": entry.source or None,
                "unknown": entry.unknown or None,
                "next_trading_day": entry.next_day,
                "leave_by": {c: _leave_by(entry, plan, day) for c, plan in entry.plans.items()},
                "phases": [
                    {
                        "contracts": contracts,
                        "source": plan.source,
                        "phase": phase.kind.name.lower(),
                        "begins": clock(phase.opens_s),
                        "ends": clock(phase.closes_s),
                        "random_end_from": None
                        if phase.random_from_s is None
                        else clock(phase.random_from_s),
                    }
                    for contracts, plan in entry.plans.items()
                    for phase in plan.phases
                ],
            }
            for entry in found
        ],
    }


def text(day: date, found: Sequence[SegmentDay]) -> list[str]:
    """Return what was found as lines to read."""
    lines = [f"{day:%A %d %B %Y} (tables of {RULES_VERSION}; times in India)"]
    alike: dict[str, list[str]] = {}
    for entry in found:
        body = "\n".join(_segment_lines(entry, day)).replace(entry.segment, _ITSELF)
        alike.setdefault(body, []).append(entry.segment)
    for body, names in alike.items():
        lines += ["", *body.replace(_ITSELF, ", ".join(names)).splitlines()]
    return lines


def _segment_lines(entry: SegmentDay, day: date) -> list[str]:
    after = "the tables end here" if entry.next_day is None else f"{entry.next_day:%a %d %b %Y}"
    after = f"  next trading day: {after}"
    if entry.unknown:
        return [f"{entry.segment}  hours unknown", f"  {entry.unknown}", after]
    if not entry.plans:
        source = f" ({entry.source})" if entry.source else ""
        return [f"{entry.segment}  closed: {entry.why}{source}", after]
    lines = [f"{entry.segment}  {entry.why}"]
    for contracts, plan in entry.plans.items():
        lines.append(f"  {CLASS_WORDS[contracts]}")
        lines += [
            f"    {span(phase.opens_s, phase.closes_s)}  {phase_words(phase)}"
            for phase in plan.phases
        ]
        flat_by = _leave_by(entry, plan, day)
        if flat_by is not None:
            lines.append(
                f"    {flat_by}        be flat, {LEAVE_EARLIER_S // 60} min before the first "
                "broker squares intraday positions off"
            )
        lines.append(f"    source: {plan.source}")
    if _is_reset(entry, day):
        lines.append(
            f"  about {clock(STOCK_FUTURES_RESET.value)} the price range of stock futures is set "
            f"anew; orders outside are cancelled ({STOCK_FUTURES_RESET.source})"
        )
    return [*lines, after]


def _is_reset(entry: SegmentDay, day: date) -> bool:
    """Return whether stock futures trade through the reset of their range on ``day``."""
    at = STOCK_FUTURES_RESET.value
    through = (
        phase.kind is PhaseKind.CONTINUOUS and phase.opens_s <= at < phase.closes_s
        for plan in entry.plans.values()
        for phase in plan.phases
    )
    return entry.segment in _DERIVATIVES and STOCK_FUTURES_RESET.first_day <= day and any(through)


def _leave_by(entry: SegmentDay, plan: DayPlan, day: date) -> str | None:
    trading: list[Phase] = [p for p in plan.phases if p.kind is PhaseKind.CONTINUOUS]
    flat_by = leave_by(entry.segment, day, trading[-1].closes_s)
    return None if flat_by is None else clock(flat_by)
