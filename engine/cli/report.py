"""``engine report``: a session's day as one page, as data, or as tables."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from engine.cli import show
from engine.day_report import report_of, write_page
from engine.errors import FileError
from engine.report.block import data_block
from engine.report.csv_tables import csv_files
from engine.report.written import write_file, write_files
from engine.runtime.sessions_on_disk import find_session

TABLES: Final = "report-csv"
"""What a session's folder calls its folder of tables."""


class Format(StrEnum):
    """How a report is written."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"


def report(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION", help="A session's folder or id; the latest one if left out."
        ),
    ] = None,
    *,
    kind: Annotated[
        Format, typer.Option("--format", help="A page, its data, or a folder of CSV tables.")
    ] = Format.HTML,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where to; default: the session's folder, and standard output for json.",
        ),
    ] = None,
    named: show.SessionOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Write the report of a session's day.

    One page that opens offline, on any screen.
    """
    if session is not None and named is not None:
        raise FileError(f"SESSION {session} and --session {named} are the same thing; name one")
    folder = find_session(named if session is None else session)
    made = report_of(folder)
    if as_json or kind is Format.JSON:
        data = data_block(made) + b"\n"
        if out is None:
            sys.stdout.write(data.decode())
            return
        write_file(out, data)
    elif kind is Format.CSV:
        out = folder.path / TABLES if out is None else out
        write_files(out, csv_files(made))
    else:
        out = folder.report if out is None else out
        write_page(folder, made, out)
    show.say(str(out))
    for note in made.notes:
        show.say(f"note: {note}", "yellow")
