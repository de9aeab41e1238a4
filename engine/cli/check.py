"""``engine check FILE``: everything a run would find out before its first tick. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from brokers.replay.recording import Recording
from engine import app
from engine.app import PaperLoaded, PaperStrategy
from engine.cli.hours_shown import Hours, hours_json, hours_lines, hours_of
from engine.cli.output import JsonOption, write_json, write_lines
from engine.cli.payoff_lines import first_group_json, first_group_lines
from engine.dry_run import DryRun, FirstGroup
from engine.errors import FileError
from engine.rules.charges.plans import charged_by
from engine.rules.clock_time import clock_text, midnight_ns
from engine.rules.sessions import Sessions
from engine.runtime.loop import loop_factory
from engine.runtime.plan import Plan, rehearse
from engine.sessionlog.info import RecordingInfo, describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found: all of it right."""

    loaded: PaperLoaded
    recording: RecordingInfo
    hours: Sequence[Hours]
    plans: Sequence[tuple[PaperStrategy, Plan]]
    first: Mapping[str, FirstGroup]
    skipped: Mapping[str, str]


def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration, e.g. strategies.yaml.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration and all it names; trade nothing.

    Its strategies, instruments and limits, and the day's plan.
    """
    checked = examine(file)
    if as_json:
        write_json(report(checked))
    else:
        write_lines(text(checked))


def examine(file: Path) -> Checked:
    """Check ``file`` and all it names. Raises ``FileError`` with what is wrong, and where."""
    loaded = app.load(file)
    recording = app.open_recording(loaded.configuration.recording)
    info = describe(recording.log.path)
    sessions = app.sessions_of(loaded, recording)
    hours = hours_of(recording.catalogue, recording.header.trading_date, sessions)
    if all(entry.session is None for entry in hours):
        raise FileError(
            f"{recording.log.path}: nothing in it trades on {info.trading_date:%A %d %B %Y}; if it "
            "did, name the day in a calendar file (`calendar:` in the YAML)"
        )
    plans = _plans(loaded, recording, info, sessions)
    dry_run = DryRun(loaded, recording)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(dry_run.run())
    return Checked(
        loaded=loaded,
        recording=info,
        hours=hours,
        plans=plans,
        first=dry_run.found,
        skipped=dry_run.skipped,
    )


def _plans(
    loaded: PaperLoaded, recording: Recording, info: RecordingInfo, sessions: Sessions
) -> list[tuple[PaperStrategy, Plan]]:
    document = loaded.configuration.document
    midnight = midnight_ns(recording.header.trading_date)
    plans = []
    for strategy in loaded.strategies:
        try:
            plan = rehearse(
                strategy,
                recording.catalogue,
                sessions,
                info.first_at or midnight,
                info.last_at or midnight,
                loaded.configuration.seed,
            )
        except FileError as error:
            document.complain(strategy.settings.path, str(error))
        else:
            plans.append((strategy, plan))
    document.problems.raise_any()
    return plans


def report(checked: Checked) -> dict[str, Any]:
    """Return what was found as plain data."""
    configuration = checked.loaded.configuration
    info = checked.recording
    return {
        "file": configuration.document.file,
        "mode": configuration.mode,
        "configuration_sha256": configuration.sha256,
        "seed": configuration.seed,
        "speed": "max" if configuration.speed is None else configuration.speed,
        "on_max_loss": configuration.on_max_loss,
        "recording": info,
        "hours": hours_json(checked.hours),
        "calendar": None
        if configuration.calendar is None
        else {"file": configuration.calendar.path, "sha256": configuration.calendar.sha256},
        "risk": configuration.risk,
        "paper": configuration.paper,
        "charges": configuration.charges,
        "strategies": [
            {
                "id": strategy.settings.strategy_id,
                "uses": strategy.settings.uses,
                "source_sha256": strategy.source_sha256,
                "product": strategy.settings.product,
                "accounts": strategy.settings.accounts,
                "on_error": strategy.settings.on_error,
                "on_max_loss": strategy.settings.on_max_loss,
                "params": strategy.params,
                "limits": strategy.settings.limits,
                "watches": plan.watches,
                "bars": plan.bars,
                "times": [{"at": when, "hook": hook} for when, hook in plan.times],
                "repeats": [{"every_s": every, "hook": hook} for every, hook in plan.repeats],
                "notes": plan.notes,
                "first_group": first_group_json(checked.first[strategy.settings.strategy_id])
                if strategy.settings.strategy_id in checked.first
                else None,
                "no_group_because": checked.skipped.get(strategy.settings.strategy_id, ""),
            }
            for strategy, plan in checked.plans
        ],
    }


def text(checked: Checked) -> list[str]:
    """Return what was found as lines to read."""
    configuration = checked.loaded.configuration
    info = checked.recording
    made_up = " (synthetic)" if info.is_synthetic else ""
    made_up = f" (imported: {info.imported.text})" if info.imported else made_up
    span = f"{clock_text(info.first_at or 0, 0)} to {clock_text(info.last_at or 0, 0)}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in info.instruments.items())
    speed = "max" if configuration.speed is None else f"{configuration.speed:g}"
    calendar = configuration.calendar
    lines = [
        f"{configuration.document.file} is right. Nothing was started.",
        "",
        f"recording  {info.path}{made_up}",
        f"           {info.trading_date:%A %d %B %Y}, {span} IST, {info.frames:,} frames",
        f"           {kinds}; each prints every {info.cadence_s:g} s",
        *([f"           {info.warning}"] if info.warning else []),
        f"mode       {configuration.mode}, speed {speed}, seed {configuration.seed}",
        f"charges    by the plan {charged_by(configuration.charges)}",
        *_indented("hours", hours_lines(checked.hours)),
        *([] if calendar is None else [f"calendar   {calendar.path}"]),
        "",
        "limits of the account",
        *(f"  {name}: {value}" for name, value in flat(configuration.risk)),
    ]
    for strategy, plan in checked.plans:
        lines += ["", *_strategy(strategy, plan), *_first_group(strategy, checked)]
    lines += ["", "the day's plan", *_day(checked)]
    return lines


def _indented(name: str, lines: Sequence[str]) -> list[str]:
    """Return ``lines`` with their name before the first."""
    return [f"{name if n == 0 else '':<11}{line}" for n, line in enumerate(lines)]


def _strategy(strategy: PaperStrategy, plan: Plan) -> list[str]:
    settings = strategy.settings
    accounts = ", ".join(f"{name} x{weight}" for name, weight in settings.accounts.items())
    own = [f"{name} {value}" for name, value in flat(settings.risk)]
    bars = [f"{symbol} {interval}" for symbol, interval in plan.bars]
    facts = {
        "uses": f"{settings.uses} (sha256 {strategy.source_sha256[:12]})",
        "places": f"{settings.product}, for {accounts}",
        "params": ", ".join(f"{name} {value}" for name, value in flat(strategy.params)),
        "own limits": ", ".join(own),
        "watches": ", ".join(plan.watches),
        "bars": ", ".join(bars),
        "if it fails": f"{settings.on_error}; at its loss limit: {settings.on_max_loss}",
    }
    lines = [f"{name:<12}{value}" for name, value in facts.items() if value]
    return [
        f"strategy {settings.strategy_id}",
        *(f"  {line}" for line in lines),
        *(f"  note        {note}" for note in plan.notes),
    ]


def _first_group(strategy: PaperStrategy, checked: Checked) -> list[str]:
    """Return what a dry run over the recording saw the strategy enter first."""
    identity = strategy.settings.strategy_id
    if identity in checked.skipped:
        return [f"  first group {checked.skipped[identity]}"]
    first, *rest = first_group_lines(checked.first[identity])
    return [f"  first group {first}", *(f"              {line.strip()}" for line in rest)]


def _day(checked: Checked) -> list[str]:
    """Return every known moment of the day, in order of time and then of the YAML."""
    info = checked.recording
    moments: list[tuple[str, str]] = [
        (clock_text(info.first_at or 0, 0), "the recording begins"),
        (clock_text(info.last_at or 0, 0), "the recording ends"),
    ]
    for hours in checked.hours:
        for opens, closes in () if hours.session is None else hours.session.windows_ns():
            moments += [
                (clock_text(opens, 0), f"{hours.whose} opens"),
                (clock_text(closes, 0), f"{hours.whose} closes"),
            ]
    for strategy, plan in checked.plans:
        name = strategy.settings.strategy_id
        moments += [(f"{when:%H:%M:%S}", f"{name}: {hook}") for when, hook in plan.times]
    moments.sort(key=lambda moment: moment[0])
    repeats = [
        f"  every {every:g} s  {strategy.settings.strategy_id}: {hook}"
        for strategy, plan in checked.plans
        for every, hook in plan.repeats
    ]
    return [f"  {when}  {what}" for when, what in moments] + repeats


def flat(model: BaseModel, prefix: str = "") -> list[tuple[str, str]]:
    """Return what is set in ``model`` as dotted names and values; what is left out is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in model:
        if value is None:
            continue
        if isinstance(value, BaseModel):
            pairs += flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", str(value)))
    return pairs
