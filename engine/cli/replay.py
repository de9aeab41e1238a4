"""``engine replay SESSION``: run a session again, or verify every decision of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine import app
from engine.cli.output import JsonOption, write_json, write_lines
from engine.cli.run import run_and_tell
from engine.runtime.sessions_on_disk import find_session
from engine.sessionlog.reader import SessionLog
from engine.verify import verify


def replay(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION", help="A session's folder or id; the latest one if left out."
        ),
    ] = None,
    *,
    verify_it: Annotated[
        bool, typer.Option("--verify", help="Compare every decision with the log; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a session again, or verify it (exit code 5 if not).

    Again is a new session of the same configuration.
    """
    found = find_session(session)
    if not verify_it:
        boot = SessionLog.open(found.log).header.boot
        loaded = app.load_kept(found.path, Path(boot["folder"]))
        run_and_tell(loaded, as_json=as_json)
        return
    verified = verify(found)
    if as_json:
        write_json(asdict(verified))
        return
    write_lines(
        [
            f"verified: {verified.session}",
            (
                f"  {verified.events:,} events led to the same {verified.effects:,} answers, "
                f"and to the same {verified.records:,} journal records"
            ),
            *(f"  note: {note}" for note in verified.notes),
        ]
    )
