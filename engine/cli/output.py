"""How commands write: JSON for programs, plain lines and tables for people. Always to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from engine.model.instrument import Instrument
from engine.model.visible import visible

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")]


def write_json(data: Any) -> None:
    """Write ``data`` as indented JSON. Decimals become text, so that no digit is lost."""
    text = json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False)
    typer.echo(visible(text, keeps_lines=True))


def write_lines(lines: Iterable[str]) -> None:
    """Write ``lines``, one of them a line."""
    for line in lines:
        typer.echo(visible(line))


def write_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Write a table; the columns named in ``right`` are figures and align to the right.

    Nothing is cut off: a table wider than the terminal wraps there, and is whole in a pipe.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=False
        )
    for row in rows:
        table.add_row(*map(visible, row))
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, markup=False, highlight=False, emoji=False).print(
        table, soft_wrap=width is not None
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (Decimal, Path)):
        return str(value)
    if isinstance(value, Instrument):
        return value.key
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [_plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} has no JSON form here")
