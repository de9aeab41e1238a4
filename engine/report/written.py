"""Puts a report on the disk: the page, the data, or a folder of tables, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.errors import FileError
from engine.report.csv_tables import CURVES, TABLES
from engine.report.day import FORMAT
from engine.report.page import GENERATOR

_OURS: Final = (f'content="{GENERATOR}"'.encode(), f'{{"format":"{FORMAT}"'.encode())
_LOOKED_AT_BYTES: Final = 400
_CSV: Final = frozenset({CURVES, *(f"{name}.csv" for name in TABLES)})


def write_file(path: Path, data: bytes) -> None:
    """Write a page or the data, in place of a report that is there already.

    Raises ``FileError`` for any other file, which is left as it is, and for a place that cannot
    be written to.
    """
    try:
        if path.exists() and not _is_ours(path):
            raise FileError(f"{path}: is no report and is not overwritten; take another name")
        _replace(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write tables into ``folder``, in place of those of another report.

    Raises ``FileError`` where the folder holds anything else, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = sorted(each.name for each in folder.iterdir())
        others = [name for name in before if name not in _CSV]
        if others:
            raise FileError(
                f"{folder}: holds {', '.join(others[:3])}, which no report writes; "
                "name a new or an empty folder"
            )
        for name, data in files.items():
            _replace(folder / name, data)
        for name in before:
            if name not in files:
                (folder / name).unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    return not head or any(mark in head for mark in _OURS)


def _replace(path: Path, data: bytes) -> None:
    """Write beside the old file, then take its place."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _unwritable(path: Path, error: OSError) -> FileError:
    return FileError(
        f"{path}: the report cannot be written: {error.strerror}; name another place with --out"
    )
