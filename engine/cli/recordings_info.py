"""``engine recordings info``: say what a recording holds, who made it, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.output import JsonOption, write_json, write_lines
from engine.errors import EXIT_FILE
from engine.rules.clock_time import clock_text, ist_date
from engine.sessionlog.format import Imported
from engine.sessionlog.info import RecordingInfo, describe


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording or a session's log.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what FILE holds, who made it, and whether it is whole."""
    found = describe(file)
    if as_json:
        write_json(found)
    else:
        write_lines(describe_lines(found))
    if found.is_intact is False:
        raise typer.Exit(EXIT_FILE)


def describe_lines(found: RecordingInfo) -> Iterator[str]:
    """Yield what a person wants to know of a recording, a fact a line."""
    what = "session" if found.is_session else "recording"
    yield f"{found.path}: {what} of {found.trading_date.isoformat()}, {found.format}"
    if found.synthetic is not None:
        yield (
            f"  SYNTHETIC: no exchange printed these prices; {found.synthetic.generator}, "
            f"seed {found.synthetic.seed}"
        )
    if found.imported is not None:
        yield f"  IMPORTED: {found.imported.text}; {found.imported.path}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.instruments.items())
    yield f"  instruments  {kinds} ({', '.join(found.underlyings)})"
    if found.first_at is not None and found.last_at is not None:
        first, last = clock_text(found.first_at), clock_text(found.last_at)
        yield f"  time         {ist_date(found.first_at).isoformat()} {first} to {last} IST"
    size = f"{found.file_bytes / 1e6:.2f} MB"
    each = f", {found.bytes_per_frame:.1f} bytes each" if found.bytes_per_frame else ""
    yield f"  frames       {found.frames:,} in {size}{each}"
    for source in found.sources:
        yield (
            f"  source       {source.name}: {source.frames:,} frames of {source.decoder}, "
            f"{source.tokens} tokens"
        )
    if found.events:
        yield f"  events       {found.events:,}, {found.rows['effects']:,} with effects"
    cadence = f"every {found.cadence_s:g} s" if found.cadence_s else "tick by tick"
    yield f"  cadence      {cadence}"
    if found.imported is not None:
        yield from _import_lines(found.imported)
    yield f"  made by      {found.created_by}, rules of {found.rules_version}"
    yield f"  content      sha256 {found.content_sha256} ({_state(found)})"
    if found.warning:
        yield f"  warning      {found.warning}"


def _state(found: RecordingInfo) -> str:
    if found.is_intact is None:
        return "never closed in order, so there is nothing to compare it with"
    return "as it was recorded" if found.is_intact else "NOT as it was recorded"


def _import_lines(imported: Imported) -> Iterator[str]:
    """Yield where imported frames come from, and what was not taken."""
    for file in imported.files:
        yield f"  from         {file.name}, sha256 {file.sha256}"
    yield f"  map          {imported.map}, sha256 {imported.map_sha256}"
    yield f"  contracts    {imported.instruments}; tokens {imported.tokens}"
    others = imported.rows_of_other_days
    elsewhere = f", {others:,} in recordings of other days" if others else ""
    yield f"  rows         {imported.rows_read:,} read, {imported.rows_used:,} used{elsewhere}"
    for reason, rows in imported.skipped.items():
        yield f"  left out     {rows:,} rows: {reason}"
    for reason, rows in imported.changed.items():
        yield f"  taken        {rows:,} rows in spite of: {reason}"
    for note in imported.notes:
        yield f"  note         {note}"
