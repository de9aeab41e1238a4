"""Markup by construction: whatever is not markup already is escaped, whoever wrote it.

A strategy's id, a broker's reason, an instrument's name: all may hold ``<script>``, and none can
become an element. ``Html`` is only made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, Final, Generic, NamedTuple, TypeVar

T_contra = TypeVar("T_contra", contravariant=True)
L = TypeVar("L")

ROWS_MAX: Final = 200
"""A table on the page has so many rows; of a longer one the first and the last are shown."""

_VOID: Final = frozenset({"meta", "br", "hr"})


class Html(str):
    """Text that is markup."""

    __slots__ = ()


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return parts one after the other; None is left out, plain text is escaped."""
    return Html(between.join(_markup(part) for part in parts if part is not None))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element. Attributes: ``class_`` is ``class``, ``_`` is ``-``; None is left out.

    A value of True is the bare attribute.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


class Column(NamedTuple, Generic[T_contra]):
    """A column: its title, how a line is shown in it, and whether it holds figures."""

    title: str
    show: Callable[[T_contra], object]
    is_figure: bool = False


def table(
    caption: str,
    columns: Sequence[Column[L]],
    lines: Sequence[L],
    *,
    foot: Sequence[L] = (),
    everything: str = "",
) -> Html:
    """Return a table that scrolls within itself; the first column names its rows.

    ``foot`` are the lines of totals. ``everything`` says where the lines left out are to be found.
    """
    head = tag("tr", *(tag("th", c.title, scope="col", class_=_class(c)) for c in columns))
    shown = [_row(columns, line) for line in lines]
    left_out = len(shown) - ROWS_MAX
    note: Html | None = None
    if left_out > 0:
        half = ROWS_MAX // 2
        text = f"{left_out:,} of {len(shown):,} rows are left out here"
        gap = tag("tr", tag("td", text, colspan=len(columns), class_="gap"))
        shown = [*shown[:half], gap, *shown[-half:]]
        note = tag("p", f"{text}; {everything}", class_="note")
    footer = tag("tfoot", *(_row(columns, line) for line in foot)) if foot else None
    made = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *shown), footer)
    box = tag("div", made, class_="scroll", role="region", aria_label=caption, tabindex="0")
    return join((box, note))


def pairs(facts: Iterable[tuple[str, object]]) -> Html:
    """Return a list of names and what they are."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts))


def _row(columns: Sequence[Column[L]], line: L) -> Html:
    first, *rest = columns
    cells = [tag("th", first.show(line), scope="row", class_=_class(first))]
    cells += [tag("td", column.show(line), class_=_class(column)) for column in rest]
    return tag("tr", *cells)


def _class(column: Column[Any]) -> str | None:
    return "figure" if column.is_figure else None


def _attribute(key: str, value: object) -> str:
    if value is None:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _markup(part: object) -> str:
    return part if isinstance(part, Html) else escape(str(part))
