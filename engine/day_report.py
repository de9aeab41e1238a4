"""Joins a session with its recording, its calendar and its secrets' net, and reports on its day."""

from __future__ import annotations

from pathlib import Path

from brokers.replay.recording import Recording
from engine.app import CALENDAR, CONFIGURATION, open_recording
from engine.errors import FileError, RecordingError
from engine.paper_run import Outcome
from engine.report.block import redacted, redacted_yaml
from engine.report.build import build
from engine.report.day import DayReport
from engine.report.machine import Machine, machine_of
from engine.report.page import Around, render
from engine.report.written import write_file
from engine.rules.changes import NO_CHANGES
from engine.rules.sessions import Sessions, shares_with_derivatives
from engine.runtime import calendar_file
from engine.runtime.logs import Redactor
from engine.runtime.sessions_on_disk import SessionFolder
from engine.sessionlog.format import Header
from engine.sessionlog.reader import SessionLog


def report_of(folder: SessionFolder) -> DayReport:
    """Return the report of a session, without secrets.

    Where its recording is not at hand, or is another one by now, the report says so and has no
    curves. Raises ``FileError`` for a journal or a session log that cannot be read.
    """
    header = SessionLog.open(folder.log).header
    sessions = _sessions(folder, header)
    recording, why = _recording(header)
    try:
        made = build(folder, recording, sessions, why)
    except RecordingError:
        if recording is None:
            raise
        made = build(folder, None, sessions, "the recording is damaged")
    return redacted(made, Redactor())


def write_page(folder: SessionFolder, report: DayReport, target: Path) -> None:
    """Write the page of a report. Raises ``FileError`` where that cannot be done."""
    around = Around(
        name=folder.name,
        configuration=_configuration(folder.path / CONFIGURATION),
        machine=machine_of(folder.machine),
    )
    write_file(target, render(report, around).encode())


def page_after_run(outcome: Outcome) -> Path:
    """Keep how the machine kept up with a run, write its page, and return where that is.

    Raises ``FileError`` or ``OSError`` where that cannot be done.
    """
    folder = SessionFolder(outcome.folder)
    progress = outcome.progress
    machine = Machine(
        took_s=outcome.took_s,
        frames=progress.frames,
        events=progress.events,
        longest_callback_ms=progress.longest_callback_ns / 1e6,
    )
    machine.write(folder.machine)
    write_page(folder, report_of(folder), folder.report)
    return folder.report


def _recording(header: Header) -> tuple[Recording | None, str]:
    """Return what a session ran on, else why there is none; no path stands in the reason."""
    path = header.boot.get("recording")
    if path is None:
        return None, "the session does not say which recording it ran on"
    try:
        found = open_recording(Path(path))
    except FileError:
        return None, "the recording cannot be read where it was when the session ran"
    if found.content_sha256 != header.hashes["recording"]:
        return None, "the recording is not the one that the session ran on"
    return found, ""


def _sessions(folder: SessionFolder, header: Header) -> Sessions:
    own = folder.path / CALENDAR
    changes = calendar_file.load(own).changes if own.is_file() else NO_CHANGES
    return Sessions(changes, shares_with_derivatives(header.catalogue()))


def _configuration(path: Path) -> str:
    """Return what the session ran with; empty where its copy was taken away."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    return redacted_yaml(text, Redactor())
