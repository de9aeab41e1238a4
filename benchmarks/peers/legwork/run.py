"""The day through Legwork, with everything on, from the YAML to the compacted session.

Frames are read from the recording, hashed and decoded within the run; the journal and the session
log are written and synced; risk, the message governor and the paper exchange judge and match. The
fills are read back from the journal.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers.day import APART_NS, Day
from benchmarks.peers.result import Asked, Done, Finish, Run, deliver
from benchmarks.peers.trading import Fill
from engine import __version__, app
from engine.model.catalogue import Catalogue
from engine.model.money import trap_float_mixing
from engine.model.record import GroupPlanned, OrderChanged, OrderFilled
from engine.paper_run import Outcome, run_paper
from engine.runtime.hot_path.twin import TWIN
from engine.runtime.journal_reader import read_journal
from engine.runtime.sessions_on_disk import JOURNAL_NAME


class Nobody:
    """Watches a run and says nothing."""

    def say(self, line: Any) -> None:
        """Nothing."""

    def started(self, parts: Any, recording: Any) -> None:
        """Nothing."""

    def progress(self, parts: Any) -> None:
        """Nothing."""


def configuration(asked: Asked, symbols: list[str]) -> dict[str, Any]:
    """Limits wide enough for every order, and a latency that reaches the next tick.

    With books an order travels until just before that tick's successor would be nearer than it;
    without, it arrives at once and waits for the next print.
    """
    latency_ns = (2 * asked.day.instruments + 1) * APART_NS // 2 if asked.books else APART_NS // 4
    return {
        "mode": "paper",
        "feed": {"replay": str(asked.recording), "speed": "max"},
        "paper": {
            "latency_ms": latency_ns / 1e6,
            "reply_latency_ms": APART_NS / 4e6,
            "slippage_ticks": 0,
        },
        "risk": {
            "max_loss_inr": 100_000_000,
            "max_uncovered_short_lots": 1_000,
            "max_open_orders": 1_000,
            "entries_after_open_s": 0,
        },
        "strategies": {
            "ema": {
                "uses": "benchmarks.peers.legwork.strategy:ReachingCross",
                "params": {"symbols": symbols},
            }
        },
    }


def load(asked: Asked) -> Run:
    if asked.recording is None:
        raise ValueError("Legwork replays a recording: --recording FILE")
    holder = tempfile.TemporaryDirectory()
    folder = Path(holder.name)
    path = folder / "strategies.yaml"
    catalogue = app.open_recording(asked.recording).catalogue
    symbols = [instrument.symbol for instrument in catalogue]
    path.write_text(yaml.safe_dump(configuration(asked, symbols)), encoding="utf-8")
    outcomes: list[Outcome] = []

    def finish() -> Done:
        (outcome,) = outcomes
        orders, fills = read_back(outcome.folder, catalogue, asked.day)
        holder.cleanup()
        return Done(outcome.progress.frames, orders, fills)

    def run() -> Finish:
        loaded = app.load(path)
        recording = app.open_recording(loaded.configuration.recording)
        outcomes.append(asyncio.run(run_paper(loaded, recording, folder / "sessions", Nobody())))
        return finish

    return run


def read_back(session: Path, catalogue: Catalogue, day: Day) -> tuple[int, list[Fill]]:
    """Read the number of orders and the fills of a session from its journal.

    An entry was decided when its group was planned: its order is made when the group is judged,
    which may be a tick later.
    """
    planned: dict[str, int] = {}
    decided: dict[str, int] = {}
    fills = []
    for entry in read_journal(session / JOURNAL_NAME, catalogue):
        record = entry.record
        if isinstance(record, GroupPlanned):
            planned[record.plan.group_id] = record.plan.created_at
        elif isinstance(record, OrderChanged):
            request = record.order.request
            at = request.created_at if request.key.exit else planned[request.key.group_id]
            decided[request.client_id] = day.number_at(at)
        elif isinstance(record, OrderFilled):
            fill = record.fill
            side, number = fill.side.sign, decided[fill.client_id]
            fills.append(Fill(number, side, fill.quantity, int(fill.price * 100)))
    return len(decided), fills


if __name__ == "__main__":
    trap_float_mixing()
    deliver(f"legwork {__version__}, hot path: {TWIN.in_use().implementation}", load)
