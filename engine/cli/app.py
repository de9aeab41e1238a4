"""The table of commands, and what becomes of an error: one message and the documented exit code.

| code | meaning |
|---|---|
| 0 | done |
| 2 | a file or an argument is wrong |
| 3 | halted by risk or by a kill |
| 4 | a broker refused us |
| 5 | verification failed |
| 70 | our own bug |
| 130 | interrupted from the keyboard |
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer

from engine import __version__
from engine.cli import recordings
from engine.cli.check import check
from engine.cli.explain import explain
from engine.cli.new import new
from engine.cli.orders import orders
from engine.cli.positions import positions
from engine.cli.replay import replay
from engine.cli.run import run
from engine.cli.status import status
from engine.errors import EXIT_BUG, EXIT_DONE, EXIT_FILE, LegworkError
from engine.model.money import trap_float_mixing
from engine.runtime.logs import Redactor

EXIT_INTERRUPTED: Final = 130
_DEBUG: Final = "--debug"

COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "run": run,
    "check": check,
    "new": new,
    "explain": explain,
    "status": status,
    "orders": orders,
    "positions": positions,
    "replay": replay,
}
GROUPS: Final[dict[str, typer.Typer]] = {"recordings": recordings.app}

# What the machine, not the engine, got wrong: no room, no right, no such place.
_MACHINE: Final = frozenset(
    {
        errno.EACCES, errno.EDQUOT, errno.EIO, errno.EISDIR, errno.EMFILE, errno.ENAMETOOLONG,
        errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
    }
)  # fmt: skip


def build() -> typer.Typer:
    """Return the command line with every command on it."""
    made = typer.Typer(
        name="engine",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    made.callback()(_engine)
    for name, command in COMMANDS.items():
        made.command(name)(command)
    for name, group in GROUPS.items():
        made.add_typer(group, name=name)
    return made


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Messages about errors go to stderr."""
    trap_float_mixing()
    debug = _DEBUG in arguments
    # Wherever it stands, so that a person may add it to the end of the line that failed.
    words = [word for word in arguments if word != _DEBUG]
    try:
        build()(args=words, prog_name="engine")
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else EXIT_DONE
        if code == EXIT_INTERRUPTED:
            _complain("interrupted")
        return code
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except LegworkError as error:
        if error.exit_code == EXIT_BUG:
            return _bug(error, debug=debug)
        if debug:
            _complain(_story(error))
        _complain(Redactor().text(str(error)))
        return error.exit_code
    except OSError as error:
        if error.errno not in _MACHINE:
            return _bug(error, debug=debug)
        if debug:
            _complain(_story(error))
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{error.strerror}")
        return EXIT_FILE
    except Exception as error:  # noqa: BLE001 - the last net: whatever it is becomes exit code 70
        return _bug(error, debug=debug)
    return EXIT_DONE


def _show_version(asked: bool) -> None:  # noqa: FBT001 - the form in which typer calls it
    if asked:
        typer.echo(f"legwork {__version__}")
        raise typer.Exit


def _engine(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and leave.", is_eager=True, callback=_show_version
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option(_DEBUG, help="Show the whole traceback of an error.")
    ] = False,
) -> None:
    """Trade option and future strategies on recorded feeds, with every decision explained."""


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _story(error: BaseException) -> str:
    """Return the traceback, without local variables and without what looks like a secret."""
    return Redactor().text("".join(traceback.format_exception(error))).rstrip()


def _bug(error: BaseException, *, debug: bool) -> int:
    story = _story(error)
    name = type(error).__name__
    head = f"this is a bug in the engine, please report it: {name}: {Redactor().text(str(error))}"
    if debug:
        _complain(f"{story}\n{head}")
        return EXIT_BUG
    try:
        handle, path = tempfile.mkstemp(prefix="legwork-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(story + "\n")
    except OSError:
        _complain(f"{story}\n{head}")
        return EXIT_BUG
    _complain(f"{head}\nthe traceback is in {path}; {_DEBUG} shows it here")
    return EXIT_BUG
