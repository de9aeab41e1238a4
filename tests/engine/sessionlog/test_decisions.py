"""Decisions on their way into a log: nothing before they are written, and then as they came."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.errors import InvariantBroken
from engine.model.effect import Say
from engine.model.event import FrameDepth, TimerFired
from engine.model.record import AlertRaised
from engine.runtime.disk import FileDisk
from engine.sessionlog.decisions import DecisionRows
from engine.sessionlog.format import Header
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import DispatchedEvent, DispatchedFrames, Effects
from engine.sessionlog.writer import SessionLogWriter

ALERT = AlertRaised(2, 5, "info", "a", "x")
SAID = Say("info", "a", "x", 2)


def test_rows_are_in_the_log_once_they_are_written(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    log = SessionLogWriter(FileDisk.create(path), header, name="x")
    rows = DecisionRows(log)
    rows.dispatched_frames(1, 0, 4, 10)
    rows.dispatched_event(5, 11, TimerFired(11))
    rows.effects(5, 11, [ALERT, ALERT], [SAID])
    rows.dispatched_event(6, 12, FrameDepth(3))
    rows.effects(6, 12, [ALERT], [])
    rows.dispatched_event(7, 13, TimerFired(13))
    rows.effects(7, 13, [], [SAID])
    log.flush()
    assert list(SessionLog.open(path).decisions()) == []
    rows.write()
    rows.write()
    log.close(20, "done")
    frames, *others = SessionLog.open(path).decisions()
    assert frames == DispatchedFrames(1, 10, 0, 4, 1)
    events = [row for row in others if isinstance(row, DispatchedEvent)]
    assert [(row.kseq, row.now) for row in events] == [(5, 11), (6, 12), (7, 13)]
    said = {
        row.kseq: msgspec.json.decode(row.payload) for row in others if isinstance(row, Effects)
    }
    assert said[5] == [{"type": "Kept", "records": 2}, msgspec.to_builtins(SAID)]
    assert said[6] == [{"type": "Kept", "records": 1}]
    assert said[7] == [msgspec.to_builtins(SAID)]


def test_what_cannot_be_a_row_is_told_when_it_is_written(header: Header, tmp_path: Path) -> None:
    log = SessionLogWriter(FileDisk.create(tmp_path / "x.arrow"), header, name="x")
    rows = DecisionRows(log)
    rows.dispatched_event(5, 11, TimerFired(11))
    rows.dispatched_event(7, 12, TimerFired(12))
    with pytest.raises(InvariantBroken, match="the next event is 6"):
        rows.write()
