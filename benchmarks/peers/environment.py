"""A virtual environment per peer, made once per list of requirements and Python."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
READY = "ready"
"""A file that is written last: an environment without it was not finished."""

Runner = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class CannotInstall(Exception):
    """A peer's environment could not be made; the text says why."""


def run_quietly(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def identity(peer: str, requirements: str, python: str) -> str:
    """Name an environment: other requirements or another Python make another one."""
    return f"{peer}-{hashlib.sha256(f'{python} {requirements}'.encode()).hexdigest()[:8]}"


def prepare(peer: str, cache: Path, say: Callable[[str], None], run: Runner = run_quietly) -> Path:
    """Return the Python of a peer's environment under ``cache``, which is made if it is not there.

    Raises ``CannotInstall`` and leaves nothing behind.
    """
    requirements = HERE / peer / "requirements.txt"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / identity(peer, requirements.read_text(encoding="utf-8"), python)
    inside = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (folder / READY).exists():
        return inside
    say(f"{peer}: installing into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    # The lists are whole, so nothing is looked for beside them: vn.py would bring its desktop.
    install = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*install, "--no-deps", "-r", str(requirements)],
    ):
        done = run(command)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise CannotInstall(f"{peer} cannot be installed: {last_line(done)}")
    (folder / READY).write_text(python, encoding="utf-8")
    return inside


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed command said last, else how it ended."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[-1] if lines else f"it ended with {done.returncode} and said nothing"
