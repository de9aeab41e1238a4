"""The table of commands, and what becomes of an error: one message and the documented exit code.

| code | meaning |
|---|---|
| 0 | done |
| 2 | a file or an argument is wrong |
| 3 | halted by risk or by a kill |
| 4 | a broker refused us |
| 5 | verification failed |
| 70 | our own bug |
| 130 | interrupted: by Ctrl-C, in a run by a second one or a second SIGTERM |
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer

from brokers.registry import BROKERS
from engine import __version__
from engine.errors import EXIT_BUG, EXIT_DONE, EXIT_FILE, LegworkError
from engine.model.money import trap_float_mixing
from engine.model.visible import visible
from engine.runtime.hot_path.twin import TWIN

EXIT_INTERRUPTED: Final = 130
_DEBUG: Final = "--debug"
_VERSION: Final = "--version"

COMMANDS: Final = (
    "run",
    "check",
    "charges",
    "calendar",
    "new",
    "explain",
    "status",
    "orders",
    "positions",
    "replay",
    "report",
    "resolve",
)
"""Each is the function of that name in the module of that name beside this one."""
GROUPS: Final = ("recordings",)
"""Each is ``app`` in the module of that name beside this one."""

# What the machine, not the engine, got wrong: no room, no right, no such place.
_MACHINE: Final = frozenset(
    {
        errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.EMFILE,
        errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
    }
)  # fmt: skip


def command(name: str) -> Callable[..., Any]:
    """Return the function of a command."""
    found: Callable[..., Any] = getattr(importlib.import_module(f"engine.cli.{name}"), name)
    return found


def group(name: str) -> typer.Typer:
    """Return the commands of a group."""
    found: typer.Typer = importlib.import_module(f"engine.cli.{name}").app
    return found


def build(words: Sequence[str] = ()) -> typer.Typer:
    """Return the command line that ``words`` need: one command, or all where they name none.

    Importing every command takes longer than most of them run.
    """
    made = typer.Typer(
        name="engine",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    made.callback()(_engine)
    first = next((word for word in words if not word.startswith("-")), "")
    is_named = first in COMMANDS or first in GROUPS
    asks_for_all = not is_named and tuple(words) != (_VERSION,)
    for name in COMMANDS:
        if asks_for_all or name == first:
            made.command(name)(command(name))
    for name in GROUPS:
        if asks_for_all or name == first:
            made.add_typer(group(name), name=name)
    return made


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Messages about errors go to stderr."""
    trap_float_mixing()
    debug = _DEBUG in arguments
    # Wherever it stands, so that a person may add it to the end of the line that failed.
    words = [word for word in arguments if word != _DEBUG]
    try:
        build(words)(args=words, prog_name="engine")
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
        _complain(_redacted(str(error)))
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
        twins = {"frame loop": TWIN}
        twins |= {f"{name} decoder": t for name in BROKERS if (t := BROKERS[name].decoder_twin)}
        made_of = "; ".join(f"{what}: {twin.in_use()}" for what, twin in twins.items())
        typer.echo(f"legwork {__version__} ({made_of})")
        raise typer.Exit


def _engine(
    *,
    version: Annotated[
        bool,
        typer.Option(
            _VERSION, help="Show the version and leave.", is_eager=True, callback=_show_version
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option(_DEBUG, help="Show the whole traceback of an error.")
    ] = False,
) -> None:
    """Trade option and future strategies on recorded feeds, with every decision explained."""


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{visible(text, keeps_lines=True)}\n")
        sys.stderr.flush()


def _redacted(text: str) -> str:
    # structlog and what it brings are needed by those commands alone that log, and by errors.
    from engine.runtime.logs import Redactor  # noqa: PLC0415

    return Redactor().text(text)


def _story(error: BaseException) -> str:
    """Return the traceback, without local variables and without what looks like a secret."""
    return _redacted("".join(traceback.format_exception(error))).rstrip()


def _bug(error: BaseException, *, debug: bool) -> int:
    story = _story(error)
    name = type(error).__name__
    head = f"this is a bug in the engine, please report it: {name}: {_redacted(str(error))}"
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
