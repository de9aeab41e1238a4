"""``engine run FILE``: the main job. Runs the strategies of a file, and says what came of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

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
_WHY_END: Final[Mapping[int, str]] = {
    signal.SIGINT: "stopped from the keyboard",
    # What kill, systemd and docker stop send.
    signal.SIGTERM: "stopped by SIGTERM",
}


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
    # The signals are heard until all is told: a first one must not cut off the summary either.
    with _asked_to_end() as why_end:
        with watcher, asyncio.Runner(loop_factory=loop_factory()) as runner:
            outcome = runner.run(run_paper(loaded, recording, SESSIONS, watcher, why_end=why_end))
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
def _asked_to_end() -> Iterator[Callable[[], str]]:
    """Turn the first Ctrl-C or SIGTERM into an orderly end; a second of either interrupts at once.

    Yields what says why the run is to end, in words for its last record; "" while it goes on.
    """
    asked: list[str] = []

    def note(number: int, _: object) -> None:
        asked.append(_WHY_END[number])
        for each in _WHY_END:
            signal.signal(each, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in _WHY_END}
    try:
        yield lambda: asked[0] if asked else ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
