"""``kill -9``, Ctrl-C, SIGTERM and our own bugs in the middle of a run: what was decided can still be read."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from engine.core.blotter import Blotter
from engine.model.record import SessionClosed
from engine.runtime.journal_reader import read_journal
from engine.sessionlog.reader import SessionLog

PACED = """
    class One(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.watch(self.future("NIFTY"), depth=True)
            self.every(3, self.turn)

        def turn(self):
            self.log.info("turn")
            if self.group("leg"):
                self.exit("leg")
            elif self.chain("NIFTY").spot is not None:
                self.enter(buy(self.chain("NIFTY").call(0), 1), name="leg")
"""
FLUSHED_S = 0.25


@pytest.fixture
def paced(project: Any, morning: Path) -> Any:
    """A project whose run takes a quarter of a minute."""
    project.write(PACED, tape=morning, speed="8")
    return project


def _started(project: Any, turns: int = 1) -> Any:
    """Start a run and read its lines until the strategy has had so many turns."""
    process = project.start("run", "strategies.yaml")
    for line in process.stdout:
        turns -= line.endswith("turn\n")
        if not turns:
            return process
    raise AssertionError(process.communicate(timeout=30))


def _last_event_at(project: Any) -> int:
    log = SessionLog.open(project.newest().log)
    return max((row.now for row in log.decisions() if hasattr(row, "now")), default=0)


@pytest.mark.parametrize("turns", [1, 3, 5])
def test_what_was_flushed_survives_a_kill_at_any_moment(paced: Any, turns: int) -> None:
    process = _started(paced, turns)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    log = SessionLog.open(paced.newest().log)
    assert not log.is_closed
    catalogue = log.header.catalogue()
    journal = read_journal(paced.newest().journal, catalogue)
    assert len(list(journal)) > 1
    # Nothing journaled is missing from the log but what came in its last moment: virtual time
    # runs eight times as fast as the wall's.
    newest = max(entry.at for entry in journal)
    assert newest - _last_event_at(paced) <= 8 * 2 * FLUSHED_S * 1e9
    verified = paced.cli("replay", "--verify")
    assert (verified.code, verified.err) == (0, "")
    assert "verified to its last whole row" in verified.out
    told = json.loads(paced.cli("replay", "--verify", "--json").out)
    assert told["events"] >= (turns > 1)
    assert "not closed" in paced.cli("status").out or "did not end" in paced.cli("status").out
    assert paced.cli("orders").code == 0
    assert paced.cli("positions").code == 0
    if turns > 1:
        assert paced.cli("explain", "one.leg.1").code == 0
    assert paced.leftovers() == []
    # The folder is free for the next run.
    paced.write(PACED)
    assert paced.cli("run", "strategies.yaml").code == 0


@pytest.mark.parametrize(
    ("asked", "why"),
    [(signal.SIGINT, "stopped from the keyboard"), (signal.SIGTERM, "stopped by SIGTERM")],
)
def test_ctrl_c_or_sigterm_once_ends_the_run_in_order(
    project: Any, morning: Path, asked: signal.Signals, why: str
) -> None:
    stopping = """
        def on_stop(self):
            self.log.info("on_stop was called")
    """
    project.write(PACED + stopping, tape=morning, speed="8")
    process = _started(project)
    os.kill(process.pid, asked)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "on_stop was called" in said
    assert f": {why}\n" in said
    assert "report: " in said
    log = SessionLog.open(project.newest().log)
    assert log.is_closed
    assert log.is_compacted
    assert log.summary is not None
    assert log.summary.reason == why
    journal = list(read_journal(project.newest().journal, log.header.catalogue()))
    closed = journal[-1].record
    assert isinstance(closed, SessionClosed)
    assert closed.reason == why
    assert why in project.cli("status").out
    assert project.cli("replay", "--verify").code == 0


def test_a_halted_run_that_sigterm_ends_says_so_by_its_code(project: Any, morning: Path) -> None:
    halted = """
        def on_tick(self, tick):
            raise ValueError("no")
    """
    project.write(PACED + halted, tape=morning, speed="8")
    process = project.start("run", "strategies.yaml")
    assert any("halted" in line for line in process.stdout)
    os.kill(process.pid, signal.SIGTERM)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (3, "")
    assert "stopped by SIGTERM" in said


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_a_run_is_heard_while_nothing_is_due(
    project: Any, new_tape: Any, asked: signal.Signals
) -> None:
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:05")
    tape.to("09:26:00")
    tape.print_all()
    project.write(PACED, tape=tape, speed="3")
    process = _started(project, 3)  # the last one before the ten minutes without a frame
    began = time.monotonic()
    os.kill(process.pid, asked)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
def test_asked_twice_it_ends_at_once(
    project: Any, morning: Path, first: signal.Signals, second: signal.Signals
) -> None:
    body = (
        PACED.replace(
            'self.log.info("turn")',
            'self.log.info("turn"); self.background(self.wait(), print)',
        )
        + """
        async def wait(self):
            import asyncio
            await asyncio.sleep(600)
    """
    )
    project.write(body, tape=morning)
    process = _started(project)
    os.kill(process.pid, first)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    # Two signals that find the process off its core count as one: a person would press again.
    for _ in range(5):
        os.kill(process.pid, second)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            break
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 130
    assert errors == "interrupted\n"
    assert project.cli("replay", "--verify").code == 0
    assert project.leftovers() == []


def test_a_bug_of_our_own_keeps_the_events_that_led_to_it(
    project: Any, morning: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(project.STRADDLE, tape=morning)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Blotter, "updated", broken)
    monkeypatch.setenv("TMPDIR", str(project.folder))
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 70
    assert "this is a bug in the engine, please report it: ZeroDivisionError: a bug" in ended.err
    log = SessionLog.open(project.newest().log)
    assert not log.is_closed
    (*_, last) = log.decisions()
    assert b'"OrderUpdated"' in last.payload
    # The same bug again, from the same events.
    again = project.cli("replay", "--verify")
    assert again.code == 70
    monkeypatch.undo()
    assert project.cli("status").code == 0
