"""An import from its files to its recordings: read, sort, check, and only then write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import FileError
from engine.ports import Disk, FrameMaker
from engine.rules.sessions import Sessions
from engine.sessionlog.format import Imported, ImportedFile
from engine.sessionlog.importing.batch import AT, ORDER, PLACE, ROW, Reader, row_schema
from engine.sessionlog.importing.contracts import Contracts
from engine.sessionlog.importing.days import Day, DayParter
from engine.sessionlog.importing.hours import Hours
from engine.sessionlog.importing.identity import Places
from engine.sessionlog.importing.mapping import FieldSource, ImportMap, RowsAre
from engine.sessionlog.importing.prints import CANDLE_PATH
from engine.sessionlog.importing.recording import RecordingWriter, assign_tokens, require_out
from engine.sessionlog.importing.sieve import Findings, Place, Why
from engine.sessionlog.importing.sorting import RUN_ROWS, Sorter
from engine.sessionlog.importing.source import SourceFile

_SNAPSHOT_PATH: Final = "a snapshot is one print, at its time"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """What to import and how.

    ``map_name`` and ``map_sha256`` go into the header, ``overridden`` are columns of the map that
    were replaced by a constant. ``decoder`` names the broker whose frames ``maker`` makes.
    ``tell`` hears what is being done and how many rows of it are done.
    """

    files: Sequence[Path]
    mapped: ImportMap
    map_name: str
    map_sha256: str
    overridden: Mapping[str, FieldSource]
    contracts: Contracts
    maker: FrameMaker
    decoder: str
    source: str
    sessions: Sessions
    rules_version: str
    created_by: str
    make_disk: Callable[[Path], Disk]
    out: Path
    force: bool = False
    tell: Callable[[str, int], None] = field(default=lambda _what, _rows: None)
    run_rows: int = RUN_ROWS


class Made(NamedTuple):
    """A recording: its trading day, its file, and what its header says about its making."""

    day: Day
    path: Path
    imported: Imported


class ImportResult(NamedTuple):
    """What came of an import. ``is_written`` is False for a dry run.

    ``refused_days`` are in words; ``skipped`` and ``changed`` count rows by reason, ``places`` say
    where the first of each reason stand.
    """

    made: tuple[Made, ...]
    is_written: bool
    rows_read: int
    contracts: int
    tokens: str
    refused_days: tuple[str, ...]
    skipped: dict[str, int]
    changed: dict[str, int]
    examples: dict[str, str]
    notes: tuple[str, ...]


def run_import(job: ImportJob, *, dry_run: bool = False) -> ImportResult:
    """Import ``job.files``: one recording per trading day, all of them or none.

    Raises ``FileError`` that lists every reason for which the source is refused, each with how
    many rows, where and what to do; nothing is left behind then.
    """
    files = [SourceFile(path, job.mapped.delimiter) for path in _each_once(job.files)]
    work = _work_folder(job.out)
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise FileError(f"{job.out.parent}: cannot write there: {error.strerror}") from error
    try:
        return _Import(job, files, work).run(dry_run=dry_run)
    except OSError as error:
        raise FileError(
            f"{job.out}: the import cannot be written: {error.strerror or error}; make room (it "
            "needs about 150 bytes a row beside the recordings) and try again"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


class _Import:
    def __init__(self, job: ImportJob, files: list[SourceFile], work: Path) -> None:
        self._job = job
        self._files = files
        self._work = work
        self._findings = Findings(job.mapped.policy)
        self._places = Places(job.contracts, job.maker, job.mapped.fields.given())
        self._hours = Hours(job.sessions, job.mapped.rows, self._findings)
        self._reader = Reader(job.mapped, self._places, self._findings, self._hours, job.overridden)

    def run(self, *, dry_run: bool) -> ImportResult:
        days = self._days()
        if self._findings.refused:
            raise self._refusal()
        if not days:
            raise self._nothing_left()
        require_out(self._job.out, len(days))
        used = set().union(*(day.places for day in days))
        tokens, from_where = assign_tokens(self._places, used)
        writer = RecordingWriter(
            created_by=self._job.created_by,
            rules_version=self._job.rules_version,
            source=self._job.source,
            decoder=self._job.decoder,
            maker=self._job.maker,
            make_disk=self._job.make_disk,
            mapped=self._job.mapped,
            places=self._places,
            hours=self._hours,
            tokens=tokens,
        )
        made = [
            Made(day, path, self._imported(day, from_where))
            for day, path in zip(days, self._paths(days), strict=True)
        ]
        if not dry_run:
            self._write(writer, made)
        return ImportResult(
            made=tuple(made),
            is_written=not dry_run,
            rows_read=self._rows_read,
            contracts=len(used),
            tokens=from_where,
            refused_days=tuple(self._hours.refused().values()),
            skipped=_named(self._findings.skipped),
            changed=_named(self._findings.changed),
            examples={why.text: self._findings.where(why) for why in self._findings.places},
            notes=tuple(self._findings.notes),
        )

    def _days(self) -> list[Day]:
        job, findings = self._job, self._findings
        columns = self._reader.columns
        schema = row_schema(job.mapped)
        sorter = Sorter(self._work, schema, (AT, PLACE, ORDER), run_rows=job.run_rows)
        for file in self._files:
            file.require(list(columns), columns)
        for number, file in enumerate(self._files):
            self._note_unused(file, columns)
            order = _FileOrder(file.name)
            for raw in file.batches(columns, findings):
                for rows in self._reader.rows(raw, number, file.name):
                    sorter.add(rows)
                    order.see(rows, number)
                job.tell(f"reading {file.name}", self._rows_read)
            order.say(findings)
        parter = DayParter(
            job.mapped,
            schema,
            self._work,
            [file.name for file in self._files],
            findings,
            self._places.absurd_strikes(),
            self._hours.refused(),
        )
        return parter.part(sorter.batches())

    @property
    def _rows_read(self) -> int:
        halves = self._findings.skipped[Why.HALF_ROW] + self._findings.refused[Why.HALF_ROW]
        return self._reader.read + halves

    def _imported(self, day: Day, tokens: str) -> Imported:
        findings = self._findings
        skipped = _named(findings.skipped)
        rows_read = self._rows_read
        is_candles = self._job.mapped.rows is RowsAre.CANDLES
        return Imported(
            made_from=self._job.mapped.rows,
            map=self._job.map_name,
            map_sha256=self._job.map_sha256,
            files=tuple(ImportedFile(file.name, file.sha256) for file in self._files),
            instruments=self._job.contracts.described,
            tokens=tokens,
            path=CANDLE_PATH if is_candles else _SNAPSHOT_PATH,
            has_books=self._job.mapped.has_books,
            rows_read=rows_read,
            rows_used=day.rows,
            rows_of_other_days=rows_read - day.rows - sum(skipped.values()),
            skipped=skipped,
            changed=_named(findings.changed),
            notes=(*findings.notes, *self._hours.refused().values()),
        )

    def _paths(self, days: list[Day]) -> list[Path]:
        out = self._job.out
        if out.suffix == ".arrow":
            return [out]
        underlyings = sorted(
            {self._places.facts[place].underlying for day in days for place in day.places}
        )
        stem = "-".join(underlyings).lower() if len(underlyings) <= 3 else "market"
        return [out / f"{stem}-{day.day.isoformat()}.arrow" for day in days]

    def _write(self, writer: RecordingWriter, made: list[Made]) -> None:
        there = [each.path for each in made if each.path.exists()]
        if there and not self._job.force:
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            raise FileError(
                f"{there[0]}: exists already{more}; --force replaces it, --out takes another name"
            )
        parts = []
        rows = 0
        for each in made:
            part = self._work / each.path.name
            self._job.tell(f"writing {each.path.name}", rows)
            writer.write(each.day, each.imported, part)
            each.day.path.unlink()
            rows += each.day.rows
            parts.append(part)
        for each, part in zip(made, parts, strict=True):
            each.path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(each.path)

    def _note_unused(self, file: SourceFile, columns: Mapping[str, str]) -> None:
        known = {*columns, *self._job.mapped.ignore}
        unused = [name for name in file.columns if name not in known]
        if unused:
            self._findings.note(
                f"{file.name}: not used, for the map does not name them: {', '.join(unused)}"
            )

    def _refusal(self) -> FileError:
        told = self._findings.refusals()
        names = ", ".join(file.name for file in self._files[:3])
        more = f" and {len(self._files) - 3} more" if len(self._files) > 3 else ""
        lines = [f"{names}{more}: not imported, nothing was written"]
        lines += [f"  {each}" for each in told]
        lines.append("  policies stand under `policy:` in the map, or follow --policy")
        return FileError("\n".join(lines))

    def _nothing_left(self) -> FileError:
        names = ", ".join(file.name for file in self._files[:3])
        lines = [f"{names}: nothing to import in {self._rows_read:,} rows"]
        lines += [f"  {reason}" for reason in self._hours.refused().values()]
        lines += [
            f"  {rows:,} rows: {why.text} ({self._findings.where(why)})"
            for why, rows in self._findings.skipped.items()
            if why is not Why.REFUSED_DAY
        ]
        return FileError("\n".join(lines))


class _FileOrder:
    """Whether the rows of a file stand in order of time, newest first, or neither."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: int | None = None
        self._later = self._earlier = 0
        self._places: list[str] = []

    def see(self, rows: pa.RecordBatch, number: int) -> None:
        at = rows.column(AT).filter(pc.equal(rows.column("file"), number))
        if not len(at):
            return
        lines = rows.column(ROW)
        if self._last is not None:
            self._note(at[0].as_py() - self._last, lines[0].as_py())
        steps = pc.subtract(at.slice(1), at.slice(0, len(at) - 1))
        self._later += pc.sum(pc.greater(steps, 0)).as_py() or 0
        back = pc.less(steps, 0)
        self._earlier += pc.sum(back).as_py() or 0
        for n in pc.indices_nonzero(back)[:3].to_pylist():
            self._example(lines[n + 1].as_py())
        self._last = at[len(at) - 1].as_py()

    def say(self, findings: Findings) -> None:
        if self._earlier and not self._later:
            findings.note(f"{self._name}: newest first; put in order")
        elif self._earlier:
            findings.count(Why.BACKWARD, self._earlier, self._places)

    def _note(self, step: int, line: int) -> None:
        self._later += step > 0
        self._earlier += step < 0
        if step < 0:
            self._example(line)

    def _example(self, line: int) -> None:
        if len(self._places) < 3:
            self._places.append(str(Place(self._name, line)))


def _named(counts: Mapping[Why, int]) -> dict[str, int]:
    return {why.text: rows for why, rows in counts.items() if rows}


def _each_once(paths: Sequence[Path]) -> list[Path]:
    seen: set[Path] = set()
    for path in paths:
        resolved = path.resolve()
        if resolved in seen:
            raise FileError(f"{path}: named twice; every file is read once")
        seen.add(resolved)
    return list(paths)


def _work_folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.{os.getpid()}.import")
