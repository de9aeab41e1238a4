"""``engine check FILE``: everything a run would find out before its first tick. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from brokers.replay.recording import Recording
from engine import app
from engine.app import PaperLoaded, PaperStrategy
from engine.cli.output import JsonOption, write_json, write_lines
from engine.errors import FileError
from engine.model.instrument import Segment
from engine.rules.clock_time import clock_text, midnight_ns
from engine.rules.sessions import Sessions
from engine.runtime.plan import Plan, rehearse
from engine.sessionlog.info import RecordingInfo, describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found: all of it right."""

    loaded: PaperLoaded
    recording: RecordingInfo
    hours: Mapping[Segment, tuple[int, int]]
    plans: Sequence[tuple[PaperStrategy, Plan]]


def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration, e.g. strategies.yaml.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Validate a configuration: its strategies, instruments, limits and the day's plan."""
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
    sessions = Sessions()
    return Checked(
        loaded=loaded,
        recording=info,
        hours=_hours(recording, sessions),
        plans=_plans(loaded, recording, info, sessions),
    )


def _hours(recording: Recording, sessions: Sessions) -> dict[Segment, tuple[int, int]]:
    """Return when each recorded segment trades on that day, ns UTC."""
    segments = dict.fromkeys(instrument.segment for instrument in recording.catalogue)
    day = recording.header.trading_date
    return {segment: sessions.continuous(segment, day) for segment in segments}


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
        "hours": {
            segment: [clock_text(opens, 0), clock_text(closes, 0)]
            for segment, (opens, closes) in checked.hours.items()
        },
        "risk": configuration.risk,
        "paper": configuration.paper,
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
            }
            for strategy, plan in checked.plans
        ],
    }


def text(checked: Checked) -> list[str]:
    """Return what was found as lines to read."""
    configuration = checked.loaded.configuration
    info = checked.recording
    made_up = " (synthetic)" if info.is_synthetic else ""
    span = f"{clock_text(info.first_at or 0, 0)} to {clock_text(info.last_at or 0, 0)}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in info.instruments.items())
    speed = "max" if configuration.speed is None else f"{configuration.speed:g}"
    lines = [
        f"{configuration.document.file} is right. Nothing was started.",
        "",
        f"recording  {info.path}{made_up}",
        f"           {info.trading_date:%A %d %B %Y}, {span} IST, {info.frames:,} frames",
        f"           {kinds}; each prints every {info.cadence_s:g} s",
        *([f"           {info.warning}"] if info.warning else []),
        f"mode       {configuration.mode}, speed {speed}, seed {configuration.seed}",
        "hours      "
        + "; ".join(
            f"{segment} {clock_text(opens, 0)[:5]} to {clock_text(closes, 0)[:5]}"
            for segment, (opens, closes) in checked.hours.items()
        ),
        "",
        "limits of the account",
        *(f"  {name}: {value}" for name, value in flat(configuration.risk)),
    ]
    for strategy, plan in checked.plans:
        lines += ["", *_strategy(strategy, plan)]
    lines += ["", "the day's plan", *_day(checked)]
    return lines


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


def _day(checked: Checked) -> list[str]:
    """Return every known moment of the day, in order of time and then of the YAML."""
    info = checked.recording
    moments: list[tuple[str, str]] = [
        (clock_text(info.first_at or 0, 0), "the recording begins"),
        (clock_text(info.last_at or 0, 0), "the recording ends"),
    ]
    for segment, (opens, closes) in checked.hours.items():
        moments += [
            (clock_text(opens, 0), f"{segment} opens"),
            (clock_text(closes, 0), f"{segment} closes"),
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
