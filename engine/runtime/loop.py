"""Which event loop a run gets: uvloop's where the extra ``fast`` is installed, else asyncio's."""

from __future__ import annotations

import importlib
import importlib.util
from asyncio import AbstractEventLoop
from collections.abc import Callable


def loop_factory() -> Callable[[], AbstractEventLoop] | None:
    """Return what makes the loop; None is asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory
