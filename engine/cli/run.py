"""``engine run FILE``: the main job. Runs the strategies of a file, and says what came of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engine import app
from engine.cli import show
from engine.cli.output import JsonOption, write_json
from engine.cli.screen import LiveScreen, PlainScreen, screen
from engine.cli.summary import outcome_data, write_outcome
from engine.day_report import page_after_run
from engine.errors import EXIT_HALTED, LegworkError
from engine.paper_run import Outcome, run_paper
from engine.runtime.loop import loop_factory

SESSIONS = Path("sessions")


class _Silent(PlainScreen):
    """Writes nothing: for ``--json``, whose output is one document."""

    def say(self, line: object) -> None:
        """Write nothing."""

    def started(self, parts: object, recording: object) -> None:
        """Write nothing."""

    def progress(self, parts: object) -> None:
        """Write nothing."""


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration, e.g. strategies.yaml.")
    ],
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Trade real money (not in this version: refused).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the strategies of FILE: in paper mode on its recording."""
    run_and_tell(app.load(file, live=live), as_json=as_json)


def run_and_tell(loaded: app.PaperLoaded, *, as_json: bool) -> None:
    """Run a loaded configuration as a new session and write the closing summary.

    Raises ``typer.Exit`` with code 3 when anything was halted or killed by its end.
    """
    recording = app.open_recording(loaded.configuration.recording)
    watcher: PlainScreen | LiveScreen = _Silent() if as_json else screen()
    with (
        _stop_key() as should_stop,
        watcher,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        outcome = runner.run(
            run_paper(loaded, recording, SESSIONS, watcher, should_stop=should_stop)
        )
    _tell(outcome, as_json=as_json)
    if outcome.was_halted:
        raise typer.Exit(EXIT_HALTED)


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        page, why = _report(outcome)
        write_json(outcome_data(outcome) | {"report": page, "no_report": why})
        return
    write_outcome(outcome)
    page, why = _report(outcome)
    show.say(f"no report: {why}" if page is None else f"report: {page}", "yellow" if why else "")


def _report(outcome: Outcome) -> tuple[Path | None, str]:
    """Write the day's page; a run has gone well even where there is no room for one."""
    try:
        return page_after_run(outcome), ""
    except (LegworkError, OSError) as error:
        return None, str(error)


@contextmanager
def _stop_key() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into an orderly end; a second one interrupts at once."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
