"""Tables to a file that appears whole: Parquet, or CSV with times in words."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from engine.errors import FileError

ENDINGS: Final = (".parquet", ".csv")
_ISO: Final = "%Y-%m-%dT%H:%M:%S%z"


class Sink:
    """Takes tables of one schema; ``with`` it, and the file is there at the end or not at all."""

    def __init__(self, path: Path, schema: pa.Schema, *, force: bool) -> None:
        """Raise ``FileError`` for another ending, and for what exists and is not to be replaced."""
        if path.suffix not in ENDINGS:
            raise FileError(f"--out {path}: an export ends in {' or '.join(ENDINGS)}")
        if path.is_dir():
            raise FileError(f"{path}: is a folder; --out names the file to write")
        if path.exists() and not force:
            raise FileError(
                f"{path}: exists already; --force replaces it, --out takes another name"
            )
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._schema = schema
        self._is_csv = path.suffix == ".csv"
        self._writer: pa_csv.CSVWriter | pa_parquet.ParquetWriter | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_csv:
                self._writer = pa_csv.CSVWriter(str(self._part), _in_words(self._schema))
            else:
                self._writer = pa_parquet.ParquetWriter(
                    str(self._part), self._schema, compression="zstd"
                )
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                self._part.replace(self._path)
        except OSError as failure:
            raise self._failed(failure) from failure
        finally:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises ``FileError`` when the disk fails."""
        if self._writer is None or not table.num_rows:
            return
        try:
            self._writer.write_table(_words(table) if self._is_csv else table)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> FileError:
        return FileError(f"{self._path}: cannot be written: {error.strerror or error}")


def _in_words(schema: pa.Schema) -> pa.Schema:
    """Return the schema as CSV has it: times are text with their offset."""
    return pa.schema(
        [
            pa.field(f.name, pa.utf8())
            if pa.types.is_timestamp(f.type) or pa.types.is_dictionary(f.type)
            else f
            for f in schema
        ]
    )


def _words(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = pc.strftime(table.column(place), format=_ISO)
            column = pc.replace_substring_regex(text, r"([0-9]{2})$", r":\1")
        elif pa.types.is_dictionary(field.type):
            column = pc.cast(table.column(place), pa.utf8())
        else:
            continue
        table = table.set_column(place, field.name, column)
    return table
