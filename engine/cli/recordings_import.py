"""``engine recordings import``: real candles and snapshots become recordings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from brokers.registry import BROKERS
from engine import __version__
from engine.cli.output import JsonOption, write_json, write_lines
from engine.cli.recordings_info import describe_lines
from engine.errors import FileError
from engine.ports import FrameMaker
from engine.rules import RULES_VERSION
from engine.rules.changes import NO_CHANGES
from engine.rules.clock_time import clock_text
from engine.rules.sessions import Sessions
from engine.runtime import calendar_file
from engine.runtime.disk import FileDisk
from engine.runtime.import_map import read_map, shipped_maps
from engine.runtime.instrument_lists import read_instrument_list
from engine.sessionlog.importing.contracts import Contracts, DerivedContracts, ListedContracts
from engine.sessionlog.importing.importer import ImportJob, ImportResult, run_import
from engine.sessionlog.info import describe

SOURCE: Final = "angel"
DECODER: Final = "angelone"
DERIVE: Final = "derive"
_DAYS_SHOWN: Final = 5


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="CSV, CSV.gz or Parquet, of one kind."),
    ] = None,
    *,
    map_name: Annotated[
        str | None,
        typer.Option("--map", metavar="MAP", help="A shipped map's name, or a YAML file."),
    ] = None,
    instruments: Annotated[
        str | None,
        typer.Option(
            "--instruments", metavar="FILE", help="An instrument list, or `derive` for the rules'."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="X.arrow", help="The recording, or a folder for one of each day."
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="The same in every row."),
    ] = None,
    policies: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="NAME=WHAT", help="What becomes of rows that are wrong."),
    ] = None,
    calendar: Annotated[
        Path | None,
        typer.Option("--calendar", metavar="FILE", help="A calendar file to lay over the tables."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")
    ] = False,
    list_maps: Annotated[
        bool, typer.Option("--list-maps", help="Name the maps that are shipped.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make recordings of real candles or snapshots.

    They become SmartStream frames in order of time.
    """
    if list_maps:
        _write_maps(as_json=as_json)
        return
    if not files or map_name is None or instruments is None or out is None:
        missing = (
            ("FILE", files), ("--map", map_name), ("--instruments", instruments), ("--out", out)
        )  # fmt: skip
        names = ", ".join(name for name, given in missing if not given)
        raise FileError(f"engine recordings import: {names} missing; --list-maps names the maps")
    maker = BROKERS.frame_maker(DECODER)
    contracts, notes = _contracts(instruments, maker)
    found = read_map(map_name, _pairs("--set", values), _pairs("--policy", policies))
    with _telling(is_silent=as_json) as tell:
        result = run_import(
            ImportJob(
                files=files,
                mapped=found.mapped,
                map_name=found.name,
                map_sha256=found.sha256,
                overridden=found.overridden,
                contracts=contracts,
                maker=maker,
                decoder=DECODER,
                source=SOURCE,
                sessions=_sessions(calendar),
                rules_version=RULES_VERSION,
                created_by=f"legwork {__version__}",
                make_disk=FileDisk.create,
                out=out,
                force=force,
                tell=tell,
            ),
            dry_run=dry_run,
        )
    result = result._replace(notes=(*notes, *result.notes))
    if as_json:
        write_json(_data(result))
    else:
        write_lines(_lines(result))


def _contracts(words: str, maker: FrameMaker) -> tuple[Contracts, tuple[str, ...]]:
    if words == DERIVE:
        return DerivedContracts(), ()
    listed = read_instrument_list(Path(words), maker.read_master)
    return ListedContracts(listed.listings, listed.described), listed.notes


def _sessions(calendar: Path | None) -> Sessions:
    return Sessions(NO_CHANGES if calendar is None else calendar_file.load(calendar).changes)


def _pairs(option: str, written: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for words in written or ():
        name, equals, value = words.partition("=")
        if not equals or not name or not value:
            raise FileError(f"{option} {words!r}: write NAME=VALUE")
        if name in pairs:
            raise FileError(f"{option} {name}: given twice")
        pairs[name] = value
    return pairs


def _lines(result: ImportResult) -> Iterator[str]:
    """Yield what was made, what was left out and why, and what a person should know."""
    if result.is_written and len(result.made) == 1:
        yield from describe_lines(describe(result.made[0].path))
        yield from _where_lines(result)
        return
    rows = sum(made.day.rows for made in result.made)
    would = "made" if result.is_written else "would be made; nothing was written"
    recordings = "recording" if len(result.made) == 1 else "recordings"
    contracts = "contract" if result.contracts == 1 else "contracts"
    yield (
        f"{len(result.made)} {recordings} {would}: {rows:,} of {result.rows_read:,} rows, "
        f"{result.contracts} {contracts}, tokens {result.tokens}"
    )
    shown = result.made[:_DAYS_SHOWN]
    for made in shown:
        first, last = clock_text(made.day.first_at, 0), clock_text(made.day.last_at, 0)
        yield f"  {made.path}  {first} to {last} IST, {made.day.rows:,} rows"
    if len(result.made) > len(shown):
        yield f"  ... and {len(result.made) - len(shown)} more, to {result.made[-1].path}"
    for reason in result.refused_days:
        yield f"  refused      {reason}"
    for reason, count in result.skipped.items():
        yield f"  left out     {count:,} rows: {reason}"
    for reason, count in result.changed.items():
        yield f"  taken        {count:,} rows in spite of: {reason}"
    for note in result.notes:
        yield f"  note         {note}"
    yield from _where_lines(result)


def _where_lines(result: ImportResult) -> Iterator[str]:
    for reason, where in result.examples.items():
        if where:
            yield f"  the first    {reason}: {where}"


def _data(result: ImportResult) -> dict[str, Any]:
    return {
        "is_written": result.is_written,
        "rows_read": result.rows_read,
        "contracts": result.contracts,
        "tokens": result.tokens,
        "refused_days": result.refused_days,
        "skipped": result.skipped,
        "changed": result.changed,
        "examples": result.examples,
        "notes": result.notes,
        "recordings": [
            {
                "path": made.path,
                "trading_date": made.day.day,
                "rows": made.day.rows,
                "prints_made": made.day.prints_made,
                "first_at": made.day.first_at,
                "last_at": made.day.last_at,
            }
            for made in result.made
        ],
    }


def _write_maps(*, as_json: bool) -> None:
    titles = {
        name: next(
            line.removeprefix("title:").strip()
            for line in text.splitlines()
            if line.startswith("title:")
        )
        for name, text in shipped_maps().items()
    }
    if as_json:
        write_json(titles)
    else:
        width = max(map(len, titles))
        write_lines(f"{name:{width}}  {title}" for name, title in titles.items())


@contextmanager
def _telling(*, is_silent: bool) -> Iterator[Callable[[str, int], None]]:
    """Show on a terminal what is being done; say nothing elsewhere."""
    if is_silent or not sys.stdout.isatty():
        yield lambda _what, _rows: None
        return
    with Console().status("reading") as status:
        yield lambda what, rows: status.update(f"{what}, {rows:,} rows")
