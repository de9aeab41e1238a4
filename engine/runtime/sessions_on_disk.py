"""Sessions on disk: a folder each, with the journal, the session log and the read model.

Paper sessions live under ``./sessions/<id>/`` (DESIGN.md section 3).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final, NamedTuple

from engine.errors import FileError

SESSIONS: Final = Path("sessions")
"""Where paper sessions live, below the folder the engine was started in."""

JOURNAL_NAME: Final = "journal.log"
LOG_NAME: Final = "session.arrow"
READ_MODEL_NAME: Final = "readmodel.sqlite"
LINES_NAME: Final = "log.jsonl"
REPORT_NAME: Final = "report.html"
MACHINE_NAME: Final = "machine.json"


class SessionFolder(NamedTuple):
    """One session's folder and what stands in it."""

    path: Path

    @property
    def name(self) -> str:
        """The session's id."""
        return self.path.resolve().name

    @property
    def journal(self) -> Path:
        """What was decided (``engine.runtime.journal``)."""
        return self.path / JOURNAL_NAME

    @property
    def log(self) -> Path:
        """What was seen and dispatched (``engine.sessionlog``)."""
        return self.path / LOG_NAME

    @property
    def read_model(self) -> Path:
        """The journal as tables; may be deleted at any time (``engine.runtime.readmodel``)."""
        return self.path / READ_MODEL_NAME

    @property
    def report(self) -> Path:
        """The day's page; may be deleted at any time (``engine.report``)."""
        return self.path / REPORT_NAME

    @property
    def machine(self) -> Path:
        """How the machine kept up with the run, for the page (``engine.report.machine``)."""
        return self.path / MACHINE_NAME


def find_session(asked: str | None, base: Path = SESSIONS) -> SessionFolder:
    """Return the session meant by a folder, a file in it, an id, or the beginning of one.

    Without words it is the latest. Raises ``FileError`` when there is none, with the nearest ids.
    """
    if asked is None:
        return latest_session(base)
    path = Path(asked)
    if path.is_file():
        path = path.parent
    if path.is_dir():
        folder = SessionFolder(path)
        if folder.journal.is_file():
            return folder
        raise FileError(
            f"{path}: no session: it has no {JOURNAL_NAME}. Name a folder such as "
            f"{base / '<id>'}{_known(base)}"
        )
    ids = [folder.name for folder in sessions(base)]
    found = [name for name in ids if name.startswith(asked)]
    if asked in ids or len(found) == 1:
        return SessionFolder(base / (asked if asked in ids else found[0]))
    if found:
        raise FileError(f"session {asked!r} may be any of {', '.join(found)}; write one of them")
    close = difflib.get_close_matches(asked, ids, n=3, cutoff=0.4)
    hint = f"; nearest: {', '.join(close)}" if close else _known(base)
    raise FileError(f"no session {asked!r} under {base}{hint}")


def latest_session(base: Path = SESSIONS) -> SessionFolder:
    """Return the session whose journal was written to last. Raises ``FileError`` without one."""
    found = sessions(base)
    if not found:
        raise FileError(
            f"no session yet under {base.resolve()}; run `engine run strategies.yaml` first, or "
            "name a session's folder with --session"
        )
    return found[0]


def sessions(base: Path = SESSIONS) -> list[SessionFolder]:
    """Return every session below ``base``, the one written to last first."""
    found = [SessionFolder(path.parent) for path in base.glob(f"*/{JOURNAL_NAME}")]
    return sorted(found, key=lambda f: (f.journal.stat().st_mtime_ns, f.name), reverse=True)


def _known(base: Path) -> str:
    names = [folder.name for folder in sessions(base)[:3]]
    if not names:
        return "; none has been run yet: `engine run strategies.yaml` makes one"
    return f"; the latest are: {', '.join(names)}"
