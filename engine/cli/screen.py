"""What a run looks like: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from brokers.replay.recording import Recording
from engine.app import Parts
from engine.core.kernel import Kernel
from engine.model.effect import Say
from engine.model.money import inr
from engine.model.record import recording_label
from engine.model.visible import visible
from engine.rules.clock_time import clock_text
from engine.runtime.clock import stopwatch_ns

REFRESH_NS = 250_000_000
PLAIN_EVERY_NS = 5_000_000_000
_LEVEL_STYLE = {"info": "", "warning": "yellow", "error": "red", "critical": "bold red"}


class PlainScreen:
    """Lines, one a thing said, and a line of progress every five seconds. For pipes and logs.

    A reader that goes away (``| head``), or a full disk behind the pipe, ends the lines and not the
    run: what is held must still be left in order.
    """

    def __init__(self) -> None:
        self._out = sys.stdout
        self._is_heard = True
        self._next_at = 0
        self._started_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._out.flush()

    def say(self, line: Say) -> None:
        """Write what was said, with its time in the recording."""
        self._write(say_text(line))

    def started(self, parts: Parts, recording: Recording) -> None:
        """Say what runs on what."""
        self._started_at = stopwatch_ns()
        self._next_at = self._started_at + PLAIN_EVERY_NS
        self._write(heading(parts, recording))

    def progress(self, parts: Parts) -> None:
        """Write a line of progress, if it is time."""
        now = stopwatch_ns()
        if now >= self._next_at:
            self._next_at = now + PLAIN_EVERY_NS
            self._write(progress_text(parts, now - self._started_at))

    def _write(self, text: str) -> None:
        if not self._is_heard:
            return
        try:
            self._out.write(f"{visible(text)}\n")
            self._out.flush()
        except OSError:
            self._is_heard = False


class LiveScreen:
    """A table that is drawn anew four times a second, with what was said scrolling above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._next_at = 0
        self._started_at = 0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def say(self, line: Say) -> None:
        """Write what was said above the table."""
        self._console.print(Text(visible(say_text(line)), style=_LEVEL_STYLE.get(line.level, "")))

    def started(self, parts: Parts, recording: Recording) -> None:
        """Say what runs on what."""
        self._started_at = stopwatch_ns()
        self._console.print(Text(heading(parts, recording)))

    def progress(self, parts: Parts) -> None:
        """Draw the table again, if it is time."""
        now = stopwatch_ns()
        if now >= self._next_at:
            self._next_at = now + REFRESH_NS
            self._live.update(self._picture(parts, now - self._started_at), refresh=True)

    def _picture(self, parts: Parts, elapsed_ns: int) -> Group:
        progress = parts.runner.progress
        bar = ProgressBar(total=max(progress.frames_total, 1), completed=progress.frames, width=30)
        foot = Table.grid(padding=(0, 2))
        foot.add_row(bar, Text(progress_text(parts, elapsed_ns)))
        return Group(
            Text(),
            strategies_table(parts.kernel),
            Text(),
            positions_table(parts.kernel),
            Text(),
            foot,
        )


def heading(parts: Parts, recording: Recording) -> str:
    """Return one line: what runs, on which recording, on paper."""
    header = recording.header
    label = recording_label(header.made_from, is_synthetic=header.is_synthetic)
    names = ", ".join(parts.kernel.seats)
    return f"paper: {names} on {label} {recording.log.path.name} of {header.trading_date}"


def say_text(line: Say) -> str:
    """Return a line as it is written: time in the recording, who, what."""
    fields = " ".join(f"{name}={value}" for name, value in line.fields.items())
    level = "" if line.level == "info" else f"{line.level.upper()} "
    return (
        f"{clock_text(line.at)} {line.subject}: {level}{line.text}{' ' if fields else ''}{fields}"
    )


def progress_text(parts: Parts, elapsed_ns: int) -> str:
    """Return recording time, percent, events per second and feed health."""
    progress = parts.runner.progress
    percent = 100 * progress.frames / max(progress.frames_total, 1)
    rate = progress.frames * 1e9 / max(elapsed_ns, 1)
    feeds = " ".join(f"{name} {state}" for name, state in parts.kernel.feed_health.states.items())
    bad = f", {progress.bad_frames} unreadable frames" if progress.bad_frames else ""
    return (
        f"{clock_text(progress.now, 0)}  {percent:3.0f} %  {rate:,.0f} frames/s  "
        f"feed {feeds or 'not seen yet'}{bad}"
    )


def strategies_table(kernel: Kernel) -> Table:
    """Return a row per strategy: its state, groups, orders and profit or loss."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("strategy", "state", "groups"):
        table.add_column(name)
    for name in ("orders", "P&L Rs"):
        table.add_column(name, justify="right")
    for strategy_id, seat in kernel.seats.items():
        pnl = kernel.view.day_pnl_inr(strategy_id)
        groups = kernel.placement.of_strategy(strategy_id)
        placed = sum(1 for o in kernel.blotter.orders.values() if o.strategy == strategy_id)
        state = "halted" if seat.is_halted else "running"
        table.add_row(
            strategy_id,
            Text(state, style="bold red" if seat.is_halted else "green"),
            ", ".join(f"{g.name} {g.state}" for g in groups) or "-",
            str(placed),
            Text(inr(round(pnl, 2)), style="red" if pnl < 0 else "green"),
        )
    return table


def positions_table(kernel: Kernel) -> Table:
    """Return a row per open position: quantity, average, last price, profit or loss."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("position")
    for name in ("quantity", "average", "last", "P&L Rs"):
        table.add_column(name, justify="right")
    ticks = kernel.desk.book.ticks
    for _, _, position in kernel.desk.ledger.positions():
        if position.is_flat:
            continue
        tick = ticks[position.instrument.index]
        last = None if tick is None else tick.last
        table.add_row(
            position.instrument.symbol,
            str(position.quantity),
            inr(position.average_price),
            "-" if last is None else inr(last),
            "-" if last is None else inr(round(position.unrealised_inr(last), 2)),
        )
    return table


def screen(*, is_quiet: bool = False) -> PlainScreen | LiveScreen:
    """Return the screen that fits: live on a terminal, lines elsewhere."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal and not is_quiet:
        return LiveScreen(console)
    return PlainScreen()
