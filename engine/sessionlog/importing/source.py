"""The files of a source in batches: CSV, CSV.gz and Parquet, a bounded number of rows at a time."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from engine.errors import FileError
from engine.sessionlog.importing.sieve import Findings, Place, Why

BATCH_ROWS: Final = 65_536
_BLOCK_BYTES: Final = 4_194_304
_HASH_BYTES: Final = 1_048_576
_ENDINGS: Final = (".csv", ".csv.gz", ".parquet")


class RawBatch(NamedTuple):
    """Columns by name, and the line of each row in its file; a header is line 1."""

    columns: dict[str, pa.Array]
    rows: pa.Array


def file_sha256(path: Path) -> str:
    """Return the hash of a file, hex. Raises ``FileError`` when it cannot be read."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_HASH_BYTES):
                digest.update(block)
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


class SourceFile:
    """One file of a source. ``columns`` is its header."""

    def __init__(self, path: Path, delimiter: str) -> None:
        """Open ``path`` to see its header.

        Raises ``FileError`` for a file that is missing, empty, damaged, of another kind, or that
        names a column twice.
        """
        self.path = path
        self.name = path.name
        self._delimiter = delimiter
        self._is_parquet = path.name.lower().endswith(".parquet")
        if not path.name.lower().endswith(_ENDINGS):
            raise FileError(f"{path}: files that end in {', '.join(_ENDINGS)} can be read")
        self.sha256 = file_sha256(path)
        if not path.stat().st_size:
            raise FileError(f"{path}: the file is empty")
        self.columns = self._header()
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise FileError(f"{path}: the column {twice[0]!r} stands twice in its header")

    def require(self, wanted: Sequence[str], field_of: dict[str, str]) -> None:
        """Raise ``FileError`` unless every column of ``wanted`` is there."""
        for name in wanted:
            if name in self.columns:
                continue
            folded = {known.casefold(): known for known in self.columns}
            close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
            hint = f"; nearest: {folded[close[0]]!r}" if close else ""
            raise FileError(
                f"{self.path}: no column {name!r}, which the map takes as {field_of[name]}{hint} "
                f"(columns: {', '.join(self.columns)}); change the map, or --map another"
            )

    def batches(self, wanted: Collection[str], findings: Findings) -> Iterator[RawBatch]:
        """Yield the columns in ``wanted``. CSV columns are text, Parquet columns what they are.

        Raises ``FileError`` for a file that is cut short or damaged.
        """
        names = [name for name in self.columns if name in wanted]
        try:
            read = self._parquet(names) if self._is_parquet else self._csv(names, findings)
            yield from read
        except (pa.ArrowException, OSError, EOFError) as error:
            raise FileError(
                f"{self.path}: cut short or damaged ({_line(error)}); copy it again"
            ) from error

    def _header(self) -> list[str]:
        try:
            if self._is_parquet:
                with pa_parquet.ParquetFile(self.path) as file:
                    return list(file.schema_arrow.names)
            with pa.input_stream(str(self.path), compression="detect") as stream:
                head = stream.read(_HASH_BYTES)
            line = head.split(b"\n", 1)[0] + b"\n"
            options = pa_csv.ParseOptions(delimiter=self._delimiter)
            table = pa_csv.read_csv(pa.BufferReader(line), parse_options=options)
            # Arrow decodes the names only here.
            return list(table.column_names)
        except UnicodeDecodeError as error:
            raise FileError(f"{self.path}: not UTF-8 text; save the file as UTF-8") from error
        except (pa.ArrowException, OSError, EOFError) as error:
            raise FileError(
                f"{self.path}: cannot be read as its name says ({_line(error)}); copy it again"
            ) from error

    def _parquet(self, names: list[str]) -> Iterator[RawBatch]:
        row = 2
        with pa_parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                columns = {name: _plain(batch.column(name)) for name in names}
                yield RawBatch(columns, count_from(row, batch.num_rows))
                row += batch.num_rows

    def _csv(self, names: list[str], findings: Findings) -> Iterator[RawBatch]:
        halves: list[int] = []

        def half(row: pa_csv.InvalidRow) -> str:
            number = row.number if row.number is not None else 0
            halves.append(number)
            findings.count(Why.HALF_ROW, 1, [str(Place(self.name, number))])
            return "skip"

        with pa.input_stream(str(self.path), compression="detect") as stream:
            reader = pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._delimiter, invalid_row_handler=half
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=names,
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                ),
            )
            taken = 0
            for batch in reader:
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    part = batch.slice(start, BATCH_ROWS)
                    rows = _lines(taken, part.num_rows, halves)
                    yield RawBatch({name: part.column(name) for name in names}, rows)
                    taken += part.num_rows


def _plain(column: pa.Array) -> pa.Array:
    is_coded = pa.types.is_dictionary(column.type)
    return column.dictionary_decode() if is_coded else column


def count_from(first: int, rows: int) -> pa.Array:
    """Return ``rows`` numbers from ``first`` on."""
    return pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), rows), start=first - 1)


def _lines(taken: int, rows: int, halves: list[int]) -> pa.Array:
    """Return the lines of whole rows number ``taken`` and on, stepping over half rows."""
    if not halves:
        return count_from(taken + 2, rows)
    # A half row at line h stands before every whole row whose line would be h or later.
    firsts = [line - place for place, line in enumerate(sorted(halves))]
    lines = range(taken + 2, taken + 2 + rows)
    return pa.array([line + bisect_right(firsts, line) for line in lines], pa.int64())


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
