"""How the commands that read a session show it: the same tables, figures and colours everywhere.

On a terminal with colour and wrapping (``NO_COLOR`` is respected); elsewhere plain lines, one a
row and never cut, for ``grep`` and files.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.model.instrument import plain
from engine.model.legs import GroupState
from engine.model.money import inr, paise
from engine.model.order import Lifecycle
from engine.model.record import recording_label
from engine.model.visible import visible
from engine.rules.charges import KINDS, Charges, kind_name
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel_schema import SessionRow

SessionOption = Annotated[
    str | None,
    typer.Option("--session", help="A session's folder or id; default: the latest."),
]


UNKNOWN: Final = "?"
"""What stands where a figure is not known."""

LEVEL_STYLES: Final = {
    "info": "",
    "good": "green",
    "warning": "yellow",
    "critical": "bold red",
}

_BAD: Final = frozenset(
    {
        Lifecycle.REJECTED, Lifecycle.IN_DOUBT, Lifecycle.QUARANTINED, GroupState.STUCK,
        GroupState.STRANDED, GroupState.PARTIAL_HELD, GroupState.KILLED,
    }
)  # fmt: skip
_ODD: Final = frozenset(
    {
        Lifecycle.DENIED, Lifecycle.NOT_PLACED, Lifecycle.EXPIRED, GroupState.REFUSED,
        GroupState.UNWINDING, GroupState.UNWOUND,
    }
)  # fmt: skip


class Cell(NamedTuple):
    """A cell with a style of its own; a bare ``str`` is a cell without one."""

    text: str
    style: str


def console() -> Console:
    """Return where to write: a console that adds nothing of its own to what it is given."""
    return Console(markup=False, highlight=False, emoji=False)


def is_terminal() -> bool:
    """True when a person is looking, rather than a file or another program."""
    return sys.stdout.isatty()


def say(text: str = "", style: str = "") -> None:
    """Write one line; on a terminal it wraps."""
    text = visible(text)
    if is_terminal():
        console().print(Text(text, style=style))
    else:
        typer.echo(text)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    right: Collection[str] = (),
    indent: int = 0,
    header: bool = True,
) -> None:
    """Write rows under their columns; those named in ``right`` are figures."""
    cells_of = ((c if isinstance(c, Cell) else Cell(c, "") for c in row) for row in rows)
    kept = [[Cell(visible(c.text), c.style) for c in row] for row in cells_of]
    if is_terminal():
        _rich_table(columns, kept, right, indent, header=header)
        return
    texts = [[cell.text for cell in row] for row in kept]
    if header:
        texts.insert(0, list(columns))
    widths = [max((len(row[i]) for row in texts), default=0) for i in range(len(columns))]
    for row in texts:
        cells = (
            text.rjust(width) if column in right else text.ljust(width)
            for column, text, width in zip(columns, row, widths, strict=True)
        )
        typer.echo((" " * indent + "  ".join(cells)).rstrip())


def state(value: Lifecycle | GroupState) -> Cell:
    """Return a state in the colour of how bad it is."""
    if value in _BAD:
        return Cell(value, LEVEL_STYLES["critical"])
    return Cell(value, LEVEL_STYLES["warning"] if value in _ODD else "")


def money(amount: Decimal | None) -> str:
    """Return rupees in Indian grouping, to the paisa."""
    return UNKNOWN if amount is None else inr(amount)


def profit(amount: Decimal | None) -> Cell:
    """Return rupees in the colour of profit or loss."""
    if not amount:
        return Cell(money(amount), "")
    return Cell(money(amount), "green" if amount > 0 else "red")


def price(value: Decimal | float | None, places: int = 4) -> str:
    """Return a price with two places at least and ``places`` at most; empty for none."""
    if value is None:
        return ""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    whole, _, fraction = plain(exact.quantize(Decimal(1).scaleb(-places))).partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def elapsed(duration_ns: int) -> str:
    """Return a time since the start of a story: ``+0.045``, ``+1:02.345``, ``+1:02:03.456``."""
    millis = duration_ns // 1_000_000
    seconds, fraction = divmod(millis, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"+{hours}:{minute:02}:{second:02}.{fraction:03}"
    return f"+{minute}:{second:02}.{fraction:03}" if minute else f"+{second}.{fraction:03}"


def charges_text(charges: Charges) -> str:
    """Return charges by kind, those that come to a paisa."""
    parts = [
        f"{kind_name(kind)} {inr(amount)}"
        for kind in KINDS
        if paise(amount := getattr(charges, kind))
    ]
    return ", ".join(parts)


def session_line(session: SessionRow, name: str) -> str:
    """Return a session's facts in one line, its folder's name first; what is synthetic says so."""
    label = recording_label(session.imported, is_synthetic=session.is_synthetic)
    return f"session {name}: {session.mode} on {label} {session.recording}, {session.trading_date}"


def ended_line(session: SessionRow) -> str:
    """Return how far a session came."""
    last = clock_text(session.last_at)
    if session.closed_at is None:
        return f"not closed: it still runs or was stopped; its last record is of {last}"
    return f"closed at {clock_text(session.closed_at)}: {session.closed_reason}"


def _rich_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    right: Collection[str],
    indent: int,
    *,
    header: bool,
) -> None:
    made = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
    for column in columns:
        made.add_column(
            column, justify="right" if column in right else "left", overflow="fold",
            no_wrap=column in right,
        )  # fmt: skip
    for row in rows:
        made.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    if not indent:
        console().print(made)
        return
    outer = Table.grid()
    outer.add_column(width=indent)
    outer.add_column()
    outer.add_row("", made)
    console().print(outer)
