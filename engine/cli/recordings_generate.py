"""``engine recordings generate``: make a synthetic session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from brokers.exchange.listings import MarketTerms
from engine.cli.output import JsonOption, write_json, write_lines
from engine.cli.recordings_info import describe_lines
from engine.cli.synthetic import make_recording
from engine.errors import FileError
from engine.rules.clock_time import at_ns, clock_text
from engine.sessionlog.info import describe

DEFAULT_DATE: Final = "2026-08-17"
"""A Monday before a weekly expiry: options that answer to the index, and time for them to."""

_PLAIN_STEPS: Final = 4
_SCREEN_STEPS: Final = 200
_DAY: Final = "YYYY-MM-DD"
_CLOCK: Final = "HH:MM or HH:MM:SS"


def generate(
    *,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Which session: the same N, the same one.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Default: recordings/nifty-DATE-seed-N.arrow."),
    ] = None,
    day: Annotated[
        str, typer.Option("--date", metavar="DATE", help="The trading day of the session.")
    ] = DEFAULT_DATE,
    begins: Annotated[
        str, typer.Option("--from", metavar="TIME", help="When the recording begins, IST.")
    ] = "09:15",
    ends: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends, IST.")] = "11:15",
    strikes: Annotated[
        int,
        typer.Option(metavar="N", help="Strikes above and below the money, nearest expiry."),
    ] = 10,
    next_strikes: Annotated[
        int,
        typer.Option(metavar="N", help="The same of the expiry after it."),
    ] = 2,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a synthetic NIFTY session of a seed.

    Index, future and options, as SmartStream frames.
    """
    terms = MarketTerms(
        seed=seed,
        trading_date=_date(day),
        begins=_time("--from", begins),
        ends=_time("--to", ends),
        strikes=strikes,
        next_strikes=next_strikes,
    )
    path = out or Path("recordings") / f"nifty-{terms.trading_date.isoformat()}-seed-{seed}.arrow"
    with _progress(terms, is_silent=as_json) as progress:
        make_recording(terms, path, force=force, tell=progress.reached)
    found = describe(path)
    if as_json:
        write_json(found)
    else:
        write_lines(describe_lines(found))


class _Teller(Protocol):
    def reached(self, at: int) -> None:
        """Hear how far the session has come (ns, UTC)."""


class _Silent:
    def reached(self, at: int) -> None:
        """Say nothing."""


class _Steps:
    """Passes on every so many-th part of the session, so that telling costs nothing."""

    def __init__(self, terms: MarketTerms, steps: int) -> None:
        self._begins = at_ns(terms.trading_date, terms.begins)
        self._step = max((at_ns(terms.trading_date, terms.ends) - self._begins) // steps, 1)
        self._next = self._begins + self._step
        self._steps = steps

    def reached(self, at: int) -> None:
        if at >= self._next:
            done = min((at - self._begins) // self._step, self._steps)
            self._next = self._begins + (done + 1) * self._step
            self.tell(at, done / self._steps)

    def tell(self, at: int, share: float) -> None:
        typer.echo(f"made until {clock_text(at, 0)}, {share:.0%}")


class _Bar(_Steps):
    def __init__(self, terms: MarketTerms, steps: int, bar: Progress) -> None:
        super().__init__(terms, steps)
        self._bar = bar
        self._task = bar.add_task(terms.begins.strftime("%H:%M:%S"), total=1.0)

    def tell(self, at: int, share: float) -> None:
        self._bar.update(self._task, completed=share, description=clock_text(at, 0))


@contextmanager
def _progress(terms: MarketTerms, *, is_silent: bool) -> Iterator[_Teller]:
    if is_silent:
        yield _Silent()
    elif sys.stdout.isatty():
        columns = (
            TextColumn("making {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(), transient=True) as bar:
            yield _Bar(terms, _SCREEN_STEPS, bar)
    else:
        yield _Steps(terms, _PLAIN_STEPS)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FileError(f"--date {text!r}: not a date; write {_DAY}") from None


def _time(option: str, text: str) -> time:
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        raise FileError(f"{option} {text!r}: not a time; write {_CLOCK}") from None
    if clock.tzinfo is not None:
        raise FileError(f"{option} {text!r}: times are of India; write {_CLOCK}")
    return clock
