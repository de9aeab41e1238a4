"""The lines of a story on the screen: time, time since the asking, who, state, and the sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import typer
from rich.table import Table
from rich.text import Text

from engine.cli import show
from engine.model.visible import visible
from engine.rules.clock_time import clock_text
from engine.runtime.readmodel_schema import CheckRow
from engine.runtime.story import Story, StoryLine
from engine.runtime.story_words import Labels

_REPEATED_MIN: Final = 24
_AS_ABOVE: Final = "(as above)"


def write_lines_of(story: Story, *, every_check: bool) -> None:
    """Write every line.

    A check that was shown with the same figures is not shown again, unless ``every_check``; a
    reason that was given in the same moment is not given again.
    """
    labels = Labels((), story.legs, story.accounts)
    widths = _Widths.of(story.lines)
    seen: set[_Shown] = set()
    said = _Said()
    for line in story.lines:
        rows, new, total = _checks(line.checks, labels, set() if every_check else seen)
        text = said.once(line)
        if line.checks and line.what == "passed":
            text += _news(new, total)
        _write_line(line, text, widths)
        if rows:
            _write_checks(rows)


class _Widths(NamedTuple):
    elapsed: int
    who: int
    what: int

    @classmethod
    def of(cls, lines: Sequence[StoryLine]) -> _Widths:
        return cls(
            max(len(show.elapsed(line.elapsed_ns)) for line in lines),
            max(len(line.who) for line in lines),
            max(len(line.what) for line in lines),
        )


def _write_line(line: StoryLine, text: str, widths: _Widths) -> None:
    text = visible(text)
    at = clock_text(line.at)
    since = show.elapsed(line.elapsed_ns).rjust(widths.elapsed)
    style = show.LEVEL_STYLES[line.level]
    if not show.is_terminal():
        who, what = line.who.ljust(widths.who), line.what.ljust(widths.what)
        typer.echo(f"{at}  {since}  {who}  {what}  {text}")
        return
    row = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for width in (len(at), widths.elapsed, widths.who, widths.what):
        row.add_column(width=width, no_wrap=True)
    row.add_column(ratio=1, overflow="fold")
    row.add_row(
        Text(at),
        Text(since, style="dim"),
        Text(line.who, style="cyan"),
        Text(line.what, style=style),
        Text(text, style=style if line.level == "critical" else ""),
    )
    show.console().print(row)


# -- checks --------------------------------------------------------------------------------------


class _Shown(NamedTuple):
    """A check as a reader sees it, but for what it is about."""

    rule: str
    passed: bool
    figure: str
    limit: str
    scope: str
    note: str
    about: str


def _checks(
    checks: Sequence[CheckRow], labels: Labels, seen: set[_Shown]
) -> tuple[list[list[str | show.Cell]], int, int]:
    """Return the rows to show, how many checks they stand for, and how many there are.

    The same answer about several orders is one row.
    """
    merged: dict[_Shown, list[str]] = {}
    everything = list(dict.fromkeys(labels.subject(check.subject) for check in checks))
    new = 0
    for check in checks:
        about = labels.subject(check.subject)
        key = _Shown(
            check.rule, check.passed, check.figure, check.limit_text, check.scope, check.note, about
        )
        if key in seen and check.passed:
            continue
        seen.add(key)
        new += 1
        merged.setdefault(key._replace(about=""), []).append(about)
    rows: list[list[str | show.Cell]] = []
    for shown, subjects in merged.items():
        whom = list(dict.fromkeys(subjects))
        of = "" if whom == everything else ", ".join(whom)
        scope = "" if shown.scope == "order" else shown.scope
        tail = "; ".join(part for part in (scope, of, shown.note) if part)
        mark = show.Cell("ok", "green") if shown.passed else show.Cell("NO", "bold red")
        rows.append([mark, shown.rule, shown.figure, shown.limit, tail])
    return rows, new, len(checks)


def _news(new: int, total: int) -> str:
    if new == total:
        return ", all passed:"
    if not new:
        return ", all passed with the figures above"
    return f", all passed; {new} with new figures:"


def _write_checks(rows: list[list[str | show.Cell]]) -> None:
    show.table(["", "rule", "figure", "limit", "about"], rows, indent=4, header=False)


# -- saying things once --------------------------------------------------------------------------


class _Said:
    """What was said in the same moment: a reason that returns word for word is pointed at."""

    def __init__(self) -> None:
        self._at = -1
        self._tails: set[str] = set()

    def once(self, line: StoryLine) -> str:
        """Return a line's sentence without a reason that was just given.

        A group's own reasons stay, and so does what an order did.
        """
        if line.at != self._at:
            self._at = line.at
            self._tails.clear()
        text = line.text
        tails = _tails(text)
        told = next((tail for tail in tails[1:] if tail in self._tails), None)
        self._tails.update(tail for tail in tails if len(tail) >= _REPEATED_MIN)
        if told is None or line.who.startswith("group"):
            return text
        return text[: len(text) - len(told)] + _AS_ABOVE


def _tails(text: str) -> list[str]:
    """Return a sentence and what follows each colon in it, the longest first."""
    parts = text.split(": ")
    return [": ".join(parts[place:]) for place in range(len(parts))]
