"""The files that pin the runs: read, compared, and written on purpose only."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.baselines.result import as_text
from tests.baselines.runs import RUNS

COMMAND: Final = "python -m tests.baselines --update"
FOLDER: Final = Path(__file__).resolve().parent


def path_of(name: str, folder: Path = FOLDER) -> Path:
    """Return the file that pins a run."""
    return folder / f"{name}.json"


def made_now(name: str) -> str:
    """Run it and return what the file should hold."""
    with TemporaryDirectory(prefix="legwork-baseline-") as folder:
        return as_text(RUNS[name](Path(folder)))


def difference(name: str, now: str, folder: Path = FOLDER) -> str:
    """Return what has changed, line by line; empty where nothing has."""
    path = path_of(name, folder)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = unified_diff(
        before.splitlines(), now.splitlines(), f"{path.name}, pinned", "now", n=1, lineterm=""
    )
    return "\n".join(lines)


def pin(name: str, now: str, folder: Path = FOLDER) -> None:
    """Write the file, whole or not at all."""
    path = path_of(name, folder)
    new = path.with_suffix(".new")
    new.write_text(now, encoding="utf-8")
    new.replace(path)
