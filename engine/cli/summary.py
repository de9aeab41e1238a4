"""The end of a run: the session's summary, what was noticed, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.cli import session_shown, show
from engine.cli.status import summary_data
from engine.paper_run import Outcome
from engine.runtime.readmodel import ReadModel
from engine.runtime.sessions_on_disk import SessionFolder
from engine.runtime.summary import summarise


def write_outcome(outcome: Outcome) -> None:
    """Write the closing summary for a person."""
    with ReadModel.open(SessionFolder(outcome.folder)) as model:
        summary = summarise(model)
    show.say()
    show.say(show.session_line(summary.session, outcome.folder.name), "bold")
    show.say(show.ended_line(summary.session))
    show.say()
    session_shown.write_summary(summary, None)
    show.say()
    for line in _noticed(outcome):
        show.say(line, "yellow")
    progress = outcome.progress
    rate = progress.frames / outcome.took_s if outcome.took_s else 0.0
    show.say(
        f"{progress.frames:,} frames, {progress.events:,} events in {outcome.took_s:.2f} s "
        f"({rate:,.0f} frames/s; longest callback {progress.longest_callback_ns / 1e6:.0f} ms)"
    )
    show.say(f"journal {outcome.canonical_sha256[:16]}, kept in {outcome.folder}")
    show.say("prove it: engine replay --verify")


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Return the closing summary for ``--json``."""
    with ReadModel.open(SessionFolder(outcome.folder)) as model:
        data = summary_data(summarise(model))
    return data | {
        "folder": outcome.folder,
        "journal_sha256": outcome.canonical_sha256,
        "took_s": outcome.took_s,
        "progress": outcome.progress,
        "noticed": list(_noticed(outcome)),
    }


def _noticed(outcome: Outcome) -> Iterator[str]:
    """Yield what a run should not end without having said."""
    if outcome.warning:
        yield f"recording: {outcome.warning}"
    if outcome.progress.bad_frames:
        frames = "frame" if outcome.progress.bad_frames == 1 else "frames"
        yield f"{outcome.progress.bad_frames} {frames} could not be read; the first of them:"
        yield from (f"  {line}" for line in outcome.bad_frames)
    for key, count in outcome.off_grid_frames.items():
        yield (
            f"{count} frames of {key} had prices off its tick grid or no readable book; "
            "nothing was matched on them"
        )
    if outcome.open_orders:
        orders = "order still works" if outcome.open_orders == 1 else "orders still work"
        yield f"{outcome.open_orders} {orders} at the paper exchange; none was squared off"
    yield from outcome.unfired_faults
