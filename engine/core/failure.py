"""What a strategy raised, in words that are the same on every machine and in every replay.

A journal that holds them is compared byte by byte: folders, the depth of the stack at which a
recursion was stopped, and characters that cannot be written are left out.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import FrameSummary, StackSummary, extract_tb
from typing import Final, NamedTuple

RECURSION_FRAMES: Final = 12
"""Of a recursion the first frames tell all."""
CHAIN_MAX: Final = 8
"""So many errors, each raised while the one before it was handled, are told of."""


class Failure(NamedTuple):
    """``text`` is one line (``ValueError: ...``), ``trace`` the whole story."""

    text: str
    trace: str


def describe(error: BaseException) -> Failure:
    """Return what was raised, and from which lines; what led to it comes before it."""
    chain = [error]
    while len(chain) < CHAIN_MAX:
        newest = chain[-1]
        earlier = newest.__cause__ or (None if newest.__suppress_context__ else newest.__context__)
        if earlier is None or any(earlier is known for known in chain):
            break
        chain.append(earlier)
    stories = [f"{''.join(_frames(one).format())}{_line(one)}\n" for one in reversed(chain)]
    return Failure(_line(error), writable("which led to\n".join(stories)))


def writable(text: str) -> str:
    """Return ``text`` with what has no written form (a lone surrogate) escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _line(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, RecursionError):
        # Its own words tell where the stack happened to end.
        return f"{name}: it calls itself without end"
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - an author's own error may fail at this as well
        words = "(it cannot say what)"
    return writable(f"{name}: {words}" if words else name)


def _frames(error: BaseException) -> StackSummary:
    """Return the frames behind the engine's own first one, files without their folders."""
    frames = [
        FrameSummary(PurePath(frame.filename).name, frame.lineno, frame.name, line=frame.line)
        for frame in extract_tb(error.__traceback__)
        if PurePath(frame.filename).parts[-3:] != ("engine", "core", "seat.py")
    ]
    if isinstance(error, RecursionError):
        del frames[RECURSION_FRAMES:]
    return StackSummary.from_list(frames)
