"""One paper run from start to end: its folder, its journal and log, and what came of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from brokers.replay.recording import Recording
from engine.app import (
    PaperLoaded,
    Parts,
    booted,
    join,
    keep_configuration,
    new_session_folder,
    session_header,
    session_id,
)
from engine.errors import FileError, LegworkError
from engine.model.arithmetic import exactly
from engine.model.effect import Say
from engine.runtime import logs
from engine.runtime.clock import Pacer, SystemClock, stopwatch_ns
from engine.runtime.disk import FileDisk
from engine.runtime.frames import FrameBatch
from engine.runtime.gathered_journal import GatheredJournal
from engine.runtime.heap import settled_heap
from engine.runtime.journal import Journal
from engine.runtime.progress import Progress
from engine.runtime.sessions_on_disk import JOURNAL_NAME, LINES_NAME, LOG_NAME
from engine.runtime.tasks import read_ahead
from engine.sessionlog.compact import compact
from engine.sessionlog.decisions import DecisionRows
from engine.sessionlog.writer import SessionLogWriter

FLUSH_EVERY_S: Final = 0.2
"""With the time a chunk of frames takes, a crash loses 250 ms of the log at most."""


class Observer(Protocol):
    """Who watches a run: the screen, or nobody."""

    def say(self, line: Say) -> None:
        """A line for a person."""

    def started(self, parts: Parts, recording: Recording) -> None:
        """The strategies have started."""

    def progress(self, parts: Parts) -> None:
        """Some more frames have been handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run that has ended: where it is kept and what was noticed on the way.

    ``took_s`` is wall time, from the first frame to the last.
    """

    folder: Path
    session_id: str
    canonical_sha256: str
    took_s: float
    progress: Progress
    bad_frames: tuple[str, ...]
    unfired_faults: tuple[str, ...]
    off_grid_frames: dict[str, int]
    warning: str
    open_orders: int
    was_halted: bool


async def run_paper(
    loaded: PaperLoaded,
    recording: Recording,
    root: Path,
    observer: Observer,
    *,
    why_end: Callable[[], str] = lambda: "",
) -> Outcome:
    """Run the strategies on the recording, on paper, and keep the session under ``root``.

    The run ends in order as soon as ``why_end`` says why; "" is no reason.

    Raises ``FileError`` for what a person must mend. A strategy that cannot start leaves nothing
    behind; of a run that a full disk ends, what was written until then stays readable.
    """
    folder = new_session_folder(root, session_id(loaded, recording))
    with ExitStack() as files:
        try:
            session = _Session.create(folder, loaded, recording, files)
            parts = join(
                loaded,
                recording,
                session.journal,
                session.rows,
                _to_both(session.note, observer.say),
            )
            batches = files.enter_context(closing(recording.frames(through=read_ahead)))
            first = next(batches)
            session.journal.append_all((booted(loaded, recording),), first.received_at[0])
            parts.runner.begin(first.received_at[0])
            await parts.runner.settle()
        except BaseException:
            # Nothing was traded: a folder with half a session in it would only be in the way.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        observer.started(parts, recording)
        started_at = stopwatch_ns()
        flushing = asyncio.create_task(_flush_now_and_then(session.log))
        try:
            with settled_heap():
                reason = await _drive(
                    parts, session, chain((first,), batches), loaded, recording, observer, why_end
                )
            took_s = (stopwatch_ns() - started_at) / 1e9
            session.write()
            session.journal.close()
            session.log.close(parts.kernel.desk.now, reason)
        except Exception:
            # The events that led here are what the error is found with.
            with suppress(LegworkError):
                parts.runner.abandon()
                session.write()
            with suppress(LegworkError):
                session.log.flush()
            raise
        finally:
            flushing.cancel()
    warning = recording.log.warning
    try:
        compact(folder / LOG_NAME)
    except (FileError, OSError) as error:
        # The stream holds the same rows; only its size and its random access are lost.
        warning = f"{warning} the session log was not compacted: {error}".strip()
    return Outcome(
        folder=folder,
        session_id=session_id(loaded, recording),
        canonical_sha256=session.journal.canonical_sha256,
        took_s=took_s,
        progress=parts.runner.progress,
        bad_frames=tuple(parts.runner.bad_frames),
        unfired_faults=parts.broker.unfired(),
        off_grid_frames=dict(parts.broker.off_grid_frames),
        warning=warning,
        open_orders=len(parts.broker.open_orders()),
        was_halted=bool(parts.kill_switch.standings()),
    )


class _Session(NamedTuple):
    """The files of a session that is being written; ``note`` keeps a line said to a person.

    ``rows`` are on their way into ``log``.
    """

    journal: GatheredJournal
    rows: DecisionRows
    log: SessionLogWriter
    note: Callable[[Say], None]

    @classmethod
    def create(
        cls, folder: Path, loaded: PaperLoaded, recording: Recording, files: ExitStack
    ) -> _Session:
        """Make them; ``files`` releases them, whatever happens."""
        keep_configuration(loaded, folder)
        path = folder / JOURNAL_NAME
        journal = GatheredJournal(
            Journal.create(FileDisk.create(path), SystemClock(), name=str(path))
        )
        files.callback(_release, journal)
        path = folder / LOG_NAME
        log = SessionLogWriter(
            FileDisk.create(path),
            session_header(loaded, recording),
            name=str(path),
            flush_interval_ns=None,
        )
        files.callback(log.abandon)
        lines = files.enter_context((folder / LINES_NAME).open("w", encoding="utf-8"))
        logs.configure(stream=lines, clock=SystemClock(), redactor=logs.Redactor(), json_lines=True)
        return cls(journal, DecisionRows(log), log, logs.note)

    def write(self) -> None:
        """Write what the frames handled so far have led to: a log is never ahead of its journal."""
        self.journal.write()
        self.rows.write()


def _to_both(first: Callable[[Say], None], second: Callable[[Say], None]) -> Callable[[Say], None]:
    def say(line: Say) -> None:
        first(line)
        second(line)

    return say


def _release(journal: GatheredJournal) -> None:
    with suppress(LegworkError):
        journal.close()


async def _flush_now_and_then(log: SessionLogWriter) -> None:
    """Hand the log to the operating system by the wall's time, at whatever speed the run goes."""
    # What cannot be written refuses the next row or record as well, and there the run hears of it.
    with suppress(FileError):
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            log.flush()


async def _drive(
    parts: Parts,
    session: _Session,
    batches: Iterable[FrameBatch],
    loaded: PaperLoaded,
    recording: Recording,
    observer: Observer,
    why_end: Callable[[], str],
) -> str:
    """Feed the whole recording, or what of it there is time for; return why it ended."""
    runner = parts.runner
    runner.progress.frames_total = recording.log.frame_count
    pacer = Pacer(loaded.configuration.speed)
    show = exactly(observer.progress)
    reason = "the recording ended"
    for batch in batches:
        async for _ in runner.feed_batch(batch, pacer):
            session.write()
            show(parts)
            if asked := why_end():
                runner.end(asked)
                return asked
            await asyncio.sleep(0)
    runner.end(reason)
    return reason
