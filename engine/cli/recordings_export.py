"""``engine recordings export``: ticks, books and bars of a recording, for pandas and polars."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from engine.app import open_recording
from engine.cli.output import JsonOption, write_json, write_lines
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.market import Interval
from engine.rules.changes import NO_CHANGES
from engine.rules.sessions import Sessions, shares_with_derivatives
from engine.runtime import calendar_file
from engine.sessionlog.exporting.export import ExportJob, ExportResult, What, run_export


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    *,
    what: Annotated[What, typer.Option("--what", help="A row of each.")],
    out: Annotated[Path, typer.Option("--out", metavar="X.parquet|X.csv", help="Where to.")],
    interval: Annotated[
        Interval, typer.Option("--interval", help="How long a bar is.")
    ] = Interval.M1,
    levels: Annotated[
        int, typer.Option("--levels", min=1, max=20, help="Levels a side of a book.")
    ] = 5,
    instruments: Annotated[
        list[str] | None,
        typer.Option(
            "--instruments",
            metavar="WORDS",
            help="Symbol, key, or key with * (nse_fo/NIFTY/2026-08-25/*); may be repeated.",
        ),
    ] = None,
    calendar: Annotated[
        Path | None,
        typer.Option("--calendar", metavar="FILE", help="A calendar file, for the hours of bars."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the ticks, books or bars of FILE as columns.

    Parquet or CSV; prices in rupees, times in IST.
    """
    recording = open_recording(file)
    changes = NO_CHANGES if calendar is None else calendar_file.load(calendar).changes
    result = run_export(
        ExportJob(
            log=recording.log,
            catalogue=recording.catalogue,
            decoder=recording.decoder,
            sessions=Sessions(changes, shares_with_derivatives(recording.catalogue)),
            what=what,
            interval=interval,
            levels=levels,
            wanted=_wanted(recording.catalogue, instruments),
            out=out,
            force=force,
        )
    )
    if as_json:
        write_json({"path": out, "what": what, **result._asdict()})
    else:
        write_lines(_lines(out, what, result))


def _wanted(catalogue: Catalogue, words: list[str] | None) -> frozenset[int]:
    found: set[int] = set()
    for word in words or ():
        if "*" in word:
            matching = [i.index for i in catalogue if fnmatchcase(i.key, word)]
            if not matching:
                raise FileError(
                    f"--instruments {word}: matches none of {len(catalogue)} keys, such as "
                    f"{catalogue[0].key}"
                )
            found.update(matching)
        else:
            found.add(catalogue.find(word).index)
    return frozenset(found)


def _lines(out: Path, what: What, result: ExportResult) -> Iterator[str]:
    size = out.stat().st_size / 1e6
    yield f"{out}: {result.rows:,} {what} of {result.frames:,} frames, {size:.2f} MB"
    if result.bad_frames:
        yield f"  left out     {result.bad_frames:,} frames that cannot be decoded"
    if result.deeper_books:
        yield f"  cut          {result.deeper_books:,} books were deeper; --levels 20 keeps all"
